// Judge a log's static files with the code that checks Go's own checksum database:
// golang.org/x/mod/sumdb/note and golang.org/x/mod/sumdb/tlog.
//
//	judge FOLDER VKEY EVERY < claims
//
// It opens the checkpoint, reads every bundle and every tile, and compares every entry's hash with the tree.
// Of every EVERY-th entry it makes and checks a proof of its own. Each line of the claims is a proof that
// konsens has made, to be checked here:
//
//	record INDEX LEAFHASH HASH,HASH,...
//	tree OLDSIZE OLDROOT HASH,HASH,...
//	note VKEY BASE64-OF-A-NOTE
//	cosigned VKEY BASE64-OF-A-NOTE
//
// And one asks for a cosignature line, which is printed: cosign NAME BASE64-OF-A-SEED SECONDS BASE64-OF-A-TEXT
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height, width = 8, 256

func main() {
	every, err := strconv.ParseInt(os.Args[3], 10, 64)
	if err == nil {
		err = judge(os.Args[1], os.Args[2], every)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge(folder, vkey string, every int64) error {
	data, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(data, vkey)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	hashes := tlog.TileHashReader(tree, &tiles{folder: folder, read: map[string][]byte{}})
	entries, proofs, err := checkEntries(folder, tree, hashes, every)
	if err != nil {
		return err
	}
	claims, err := checkClaims(tree)
	if err != nil {
		return err
	}
	fmt.Printf("size %d, entries %d, proofs %d, claims %d\n", tree.N, entries, proofs, claims)
	return nil
}

func openNote(data []byte, vkey string) (*note.Note, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return note.Open(data, note.VerifierList(verifier))
}

func openCheckpoint(data []byte, vkey string) (tree tlog.Tree, err error) {
	opened, err := openNote(data, vkey)
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != opened.Sigs[0].Name {
		return tree, errors.New("not three lines, or another origin")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// checkEntries compares the hash of every entry in the bundles with the tiles, which the reader has checked.
func checkEntries(folder string, tree tlog.Tree, hashes tlog.HashReader, every int64) (n, proofs int64, err error) {
	for n < tree.N {
		count := min(tree.N-n, width)
		tile := tlog.Tile{H: height, L: -1, N: n / width, W: int(count)}
		data, err := os.ReadFile(filepath.Join(folder, path(tile)))
		if err != nil {
			return n, proofs, err
		}
		var indexes []int64
		for i := range count {
			indexes = append(indexes, tlog.StoredHashIndex(0, n+i))
		}
		expected, err := hashes.ReadHashes(indexes)
		if err != nil {
			return n, proofs, err
		}
		for _, want := range expected {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return n, proofs, fmt.Errorf("%s: cut", path(tile))
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			hash := tlog.RecordHash(data[2:end])
			if hash != want {
				return n, proofs, fmt.Errorf("entry %d is not the one in the tree", n)
			}
			if n%every == 0 {
				proof, err := tlog.ProveRecord(tree.N, n, hashes)
				if err != nil {
					return n, proofs, err
				}
				if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, hash); err != nil {
					return n, proofs, err
				}
				proofs++
			}
			data = data[end:]
			n++
		}
		if len(data) != 0 {
			return n, proofs, fmt.Errorf("%s: too long", path(tile))
		}
	}
	return n, proofs, nil
}

// checkClaims checks the proofs and notes on the standard input.
func checkClaims(tree tlog.Tree) (count int, err error) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Split(lines.Text(), " ")
		if err := checkClaim(tree, words); err != nil {
			return count, fmt.Errorf("claim %d, %s: %w", count, words[0], err)
		}
		count++
	}
	return count, lines.Err()
}

func checkClaim(tree tlog.Tree, words []string) error {
	if words[0] == "note" {
		data, err := base64.StdEncoding.DecodeString(words[2])
		if err == nil {
			_, err = openNote(data, words[1])
		}
		return err
	}
	if words[0] == "cosigned" {
		data, err := base64.StdEncoding.DecodeString(words[2])
		if err == nil {
			err = cosigned(words[1], data)
		}
		return err
	}
	if words[0] == "cosign" {
		return printCosignature(words[1:])
	}
	number, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return err
	}
	hash, err := tlog.ParseHash(words[2])
	if err != nil {
		return err
	}
	var proof []tlog.Hash
	for _, word := range strings.FieldsFunc(words[3], func(r rune) bool { return r == ',' }) {
		hash, err := tlog.ParseHash(word)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	if words[0] == "tree" {
		return tlog.CheckTree(proof, tree.N, tree.Hash, number, hash)
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, number, hash)
}

func printCosignature(words []string) error {
	seed, err := base64.StdEncoding.DecodeString(words[1])
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseUint(words[2], 10, 64)
	if err != nil {
		return err
	}
	text, err := base64.StdEncoding.DecodeString(words[3])
	if err != nil {
		return err
	}
	line, err := cosign(words[0], seed, seconds, string(text))
	if err == nil {
		fmt.Println(line)
	}
	return err
}

// path returns where C2SP tlog-tiles puts a tile that x/mod would look for under tile/8.
func path(tile tlog.Tile) string {
	rest := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	return "tile/" + strings.Replace(rest, "data/", "entries/", 1)
}

// tiles is a tlog.TileReader over a folder. What it has read is kept: a tree of a million entries takes 32 MB.
type tiles struct {
	folder string
	read   map[string][]byte
}

func (t *tiles) Height() int { return height }

func (t *tiles) ReadTiles(wanted []tlog.Tile) (data [][]byte, err error) {
	for _, tile := range wanted {
		name := path(tile)
		if t.read[name] == nil {
			if t.read[name], err = os.ReadFile(filepath.Join(t.folder, name)); err != nil {
				return nil, err
			}
		}
		if len(t.read[name]) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", name, len(t.read[name]))
		}
		data = append(data, t.read[name])
	}
	return data, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}
