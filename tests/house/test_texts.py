"""Every failure that the code can name has its sentence and its hint, in German and in English."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from string import Formatter
from typing import NamedTuple

import pytest

import konsens.errors
from konsens.errors import KonsensError, Language
from tests.house.tree import ROOT, source_files

CLASSES = {
    name
    for name in konsens.errors.__all__
    if isinstance(thing := getattr(konsens.errors, name), type) and issubclass(thing, KonsensError)
}
CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
FORMS = ("en", "de", "hint_en", "hint_de")

TEXTS: dict[str, dict[str, dict[str, str]]] = {
    path.stem: tomllib.loads(path.read_text("utf-8"))
    for path in sorted((ROOT / "src" / "texts").glob("*.toml"))
}
ENTRIES = {code: entry for topic in TEXTS.values() for code, entry in topic.items()}


class Raised(NamedTuple):
    """One place where an error is made."""

    code: str
    kind: str
    facts: frozenset[str] | None  # None: passed on as a mapping, not to be read here
    where: str


def literals(node: ast.expr) -> Iterator[str]:
    """Return the strings that an argument can be: itself, or both arms of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def read_source() -> tuple[list[Raised], set[str]]:
    raised: list[Raised] = []
    words: set[str] = set()
    for path in source_files():
        for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                words.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(start := node.values[0], ast.Constant):
                # f"consent.{state}" stands for every code of its topic.
                words |= {
                    code for code in ENTRIES if "." in str(start.value) and code.startswith(str(start.value))
                }
            if not (isinstance(node, ast.Call) and node.args):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in CLASSES:
                continue
            facts = frozenset(word.arg for word in node.keywords if word.arg)
            mapped = any(word.arg is None for word in node.keywords)
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            raised += [
                Raised(code, called, None if mapped else facts, where) for code in literals(node.args[0])
            ]
    return raised, words


RAISED, WORDS = read_source()


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_code_that_is_raised_has_its_texts() -> None:
    lacking = sorted({f"{one.code} ({one.where})" for one in RAISED if one.code not in ENTRIES})
    assert not lacking, "\n".join(lacking)


def test_every_code_is_a_dotted_name() -> None:
    assert [one for one in RAISED if not CODE.fullmatch(one.code)] == []


def test_every_code_goes_with_one_class_and_so_with_one_exit_code() -> None:
    kinds: dict[str, set[str]] = defaultdict(set)
    for one in RAISED:
        kinds[one.code].add(one.kind)
    assert {code: sorted(names) for code, names in kinds.items() if len(names) > 1} == {}


def test_every_sentence_gets_the_facts_that_it_mentions() -> None:
    missing = [
        f"{one.where} {one.code} lacks {sorted(lacking)}"
        for one in RAISED
        if one.facts is not None and one.code in ENTRIES
        if (lacking := set().union(*map(placeholders, ENTRIES[one.code].values())) - one.facts)
    ]
    assert not missing, "\n".join(missing)


def test_no_text_is_without_a_use() -> None:
    unused = sorted(ENTRIES.keys() - WORDS)
    assert not unused, "\n".join(unused)


@pytest.mark.parametrize("topic", TEXTS)
def test_a_topic_holds_its_own_codes_each_in_all_four_forms(topic: str) -> None:
    for code, entry in TEXTS[topic].items():
        assert CODE.fullmatch(code), code
        assert code.partition(".")[0] == topic, code
        assert tuple(entry) == FORMS, f"{code}: the forms are {', '.join(FORMS)}, in this order"
        assert all(text and text == text.strip() for text in entry.values()), code
        assert all(entry[language].endswith((".", "?", "!", "}")) for language in ("de", "en")), code


@pytest.mark.parametrize("topic", TEXTS)
def test_both_languages_mention_the_same_facts(topic: str) -> None:
    for code, entry in TEXTS[topic].items():
        assert placeholders(entry["en"]) == placeholders(entry["de"]), code
        assert placeholders(entry["hint_en"]) == placeholders(entry["hint_de"]), code


def test_a_code_is_defined_once() -> None:
    assert len(ENTRIES) == sum(map(len, TEXTS.values()))


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_fact_from_outside_cannot_steer_the_terminal_or_the_sentence(language: Language) -> None:
    error = konsens.errors.InputError("input.json_duplicate", member="\x1b[31m{limit}\u202eevil\n")
    assert "[31m{limit}evil" in error.message(language)
    assert error.message(language).isprintable()


def test_a_code_without_a_text_still_shows_itself() -> None:
    error = konsens.errors.InputError("nothing.like_this", code="a fact may be called code")
    assert (error.message("de"), error.hint("de")) == ("nothing.like_this", "")


def test_an_error_survives_the_way_between_processes() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(konsens.errors.Conflict("file.exists", path="a.json")))
    assert (type(error), error.code, error.facts) == (
        konsens.errors.Conflict,
        "file.exists",
        {"path": "a.json"},
    )
