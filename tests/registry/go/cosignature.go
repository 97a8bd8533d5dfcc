// ML-DSA-44 cosignatures as tlog-cosignature specifies them, by Go's own crypto/mldsa: written from the
// specification, and from nothing of konsens.
package main

import (
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const signatureType = 0x06

// cosigned checks that the key of a vkey has cosigned a checkpoint.
func cosigned(vkey string, data []byte) error {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return errors.New("no vkey")
	}
	material, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	if material[0] != signatureType {
		return errors.New("another signature type")
	}
	public, err := mldsa.NewPublicKey(mldsa.MLDSA44(), material[1:])
	if err != nil {
		return err
	}
	if id := fmt.Sprintf("%08x", keyID(parts[0], public)); id != parts[1] {
		return fmt.Errorf("key ID %s, not %s", id, parts[1])
	}
	_, err = note.Open(data, note.VerifierList(&verifier{parts[0], public}))
	return err
}

// cosign returns a signature line for a checkpoint, made by the key of a seed.
func cosign(name string, seed []byte, seconds uint64, text string) (string, error) {
	private, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed)
	if err != nil {
		return "", err
	}
	message, err := cosignedMessage(name, seconds, text)
	if err != nil {
		return "", err
	}
	signature, err := private.SignDeterministic(message, &mldsa.Options{})
	if err != nil {
		return "", err
	}
	data := binary.BigEndian.AppendUint32(nil, keyID(name, private.PublicKey()))
	data = append(binary.BigEndian.AppendUint64(data, seconds), signature...)
	return fmt.Sprintf("— %s %s", name, base64.StdEncoding.EncodeToString(data)), nil
}

func keyID(name string, public *mldsa.PublicKey) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n\x06"), public.Bytes()...))
	return binary.BigEndian.Uint32(sum[:])
}

func cosignedMessage(name string, seconds uint64, text string) ([]byte, error) {
	lines := strings.Split(text, "\n")
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return nil, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		return nil, err
	}
	message := []byte("subtree/v1\n\x00")
	message = append(append(message, byte(len(name))), name...)
	message = binary.BigEndian.AppendUint64(message, seconds)
	message = append(append(message, byte(len(lines[0]))), lines[0]...)
	message = binary.BigEndian.AppendUint64(message, 0)
	message = binary.BigEndian.AppendUint64(message, size)
	return append(message, root...), nil
}

// verifier is a note.Verifier.
type verifier struct {
	name   string
	public *mldsa.PublicKey
}

func (v *verifier) Name() string    { return v.name }
func (v *verifier) KeyHash() uint32 { return keyID(v.name, v.public) }

func (v *verifier) Verify(text, signature []byte) bool {
	if len(signature) < 8 {
		return false
	}
	message, err := cosignedMessage(v.name, binary.BigEndian.Uint64(signature), string(text))
	return err == nil && mldsa.Verify(v.public, message, signature[8:], &mldsa.Options{}) == nil
}
