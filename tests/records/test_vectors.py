"""Our own test values: the files are what this version writes, and what the formats promise."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from konsens.did import OfflineResolver
from konsens.encoding import b64u_decode, sha256
from konsens.records import (
    Seed,
    check_anchored,
    check_event_signature,
    check_row,
    parse_anchored,
    seal_label,
)
from konsens.registry import leaf_hash

FOLDER = Path(__file__).parents[1] / "vectors" / "konsens"


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("utf-8"))


def test_writing_the_test_values_anew_changes_nothing() -> None:
    script = runpy.run_path(str(FOLDER / "regenerate.py"))
    for name, content in script["vectors"]().items():
        assert (FOLDER / name).read_text("utf-8") == script["render"](content), name


def test_the_values_are_those_of_the_specification() -> None:
    """The values that docs/formats.md prints under "Keys from one seed"."""
    seed, opened = load("seed.json"), load("opened.json")
    assert seed["dids"]["did/0"] == "did:key:z6MktqtEyMYKcjNyZtkU6EabSrwjPkaq1oBMx6qhViCyaXKU"
    seal = "1a5ba474fdd87d2c89acf152b09c29ec4a716b70a6152a054df5eca86d43ecb0"
    assert seed["seals"]["seal/0/0/0"] == seal
    assert opened["bytes"] == 867 == len(opened["message"]["event"])
    assert opened["event"] == "99b6bec6fe82f7f55ed2d08e78f3385602a1b1024c16b05cb3b0a2b83c1e7301"
    assert opened["salt"] == "PR4Fa5jCD_gmYabuyq_yKJIb8ckwLbeMEUqdt80TTrI"
    assert opened["leaf_hash"] == "fd6705ab6488a4498535b8b5361ade76655220c43389bd59a41a0dac60896256"


def test_the_seed_of_the_words_is_that_of_the_official_vector() -> None:
    """The mnemonic for 32 zero bytes in the vectors of python-mnemonic, here with an empty passphrase."""
    seed = Seed.from_words(load("seed.json")["words"])
    assert seed.raw.hex() == (
        "408b285c123836004f4b8842c89324c1f01382450c0d439af345ba7fc49acf70"
        "5489c6fc77dbd4e3dc1dd8cc6bc9f043db8ada1e243c4a0eafb290d399480840"
    )


def test_the_opened_event_verifies_from_its_file() -> None:
    opened = load("opened.json")
    anchored = parse_anchored(opened["message"])
    check_event_signature(anchored.event, OfflineResolver())
    check_anchored(anchored)
    assert leaf_hash(anchored.leaf).hex() == opened["leaf_hash"]


def test_a_seal_is_the_hash_of_the_key_in_its_leaf() -> None:
    leaf = b64u_decode(load("break.json")["leaf"])
    assert sha256(leaf[1:33]).hex() == load("seed.json")["seals"][seal_label(0, 0, 1)]


@pytest.mark.parametrize("index", range(5))
def test_every_row_of_the_batch_verifies_from_its_file(index: int) -> None:
    batch = load("batch.json")
    row = batch["rows"][index]
    check_row(
        row["row"],
        salt=b64u_decode(row["salt"], size=32),
        index=row["index"],
        path=[bytes.fromhex(node) for node in row["path"]],
        count=batch["count"],
        root=bytes.fromhex(batch["root"]),
    )
