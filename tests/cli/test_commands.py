"""Every command of the contract is there, with its help and its schema, and starts without the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from inspect import cleandoc
from pathlib import Path

import jsonschema
import msgspec
import pexpect
import pytest

from konsens import __version__
from konsens.cli import page
from konsens.cli.answers import ANSWERS, Answer
from konsens.cli.commands import COMMANDS, GROUPS, PREFIXES, children
from konsens.cli.group import ABOUT, TAKES
from konsens.cli.line import ALSO, label
from konsens.cli.load import load, runnable
from konsens.cli.page import COMMON
from konsens.cli.reference import reference
from tests.cli.conftest import Konsens


def test_every_command_has_its_answer_and_every_answer_its_command() -> None:
    bare = {"schema", "completion"}  # these print a file as it is, with no envelope around it
    assert sorted(COMMANDS.keys() - bare) == sorted(ANSWERS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_there_with_its_help_and_the_common_options(name: str, konsens: Konsens) -> None:
    command = load(name)
    assert (command.run.__doc__ or "").strip()
    line = runnable(name)
    assert {*map(label, line.params), "--help"} >= set(COMMON)
    for one in line.params:
        assert label(one) in COMMON or getattr(one, "help", None), f"{label(one)} has no help"
    ran = konsens(*name.split(), "--help")
    assert (ran.exit, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: konsens {name}")
    if command.lists:
        assert command.lists in ANSWERS[name].__struct_fields__


@pytest.mark.parametrize("name", ANSWERS)
def test_a_schema_is_printed_bare_and_is_a_schema(name: str, konsens: Konsens) -> None:
    ran = konsens("schema", *name.split())
    assert ran.exit == 0
    jsonschema.Draft202012Validator.check_schema(ran.json)
    assert konsens("schema", *name.split(), "--json").json == ran.json
    assert "additionalProperties" not in ran.json["$defs"][ANSWERS[name].__name__], "fields may be added"


def test_a_command_that_is_not_there_has_no_schema(konsens: Konsens) -> None:
    ran = konsens("schema", "nothing", "--lang", "en")
    assert (ran.exit, "error[usage.no_schema]" in ran.err) == (5, True)


def test_version_says_what_this_is(konsens: Konsens) -> None:
    ran = konsens("version", "--json")
    jsonschema.validate(ran.json["data"], msgspec.json.schema(ANSWERS["version"]))
    assert ran.json["data"]["version"] == __version__
    assert set(ran.json["data"]["formats"].values()) == {1}
    assert __version__ in konsens("version").out
    assert konsens("--version").out == konsens("version").out


@pytest.mark.parametrize("path", ["", *PREFIXES])
def test_help_names_every_word_that_may_follow(path: str, konsens: Konsens) -> None:
    for words in ([*path.split(), "--help"], ["help", *path.split()]):
        ran = konsens(*words)
        assert (ran.exit, ran.err) == (0, "")
        assert all(f"  {word} " in ran.out for word in children(path))
        assert max(map(len, ran.out.splitlines())) <= 80


def sentences_of_help() -> set[str]:
    """Return every sentence that a page of help may show, as it is written beside the commands."""
    said = {"Usage", "Commands", "Arguments", "Options", "More", "required", "default", ABOUT, ALSO, TAKES}
    said |= {*GROUPS, *PREFIXES.values(), *COMMON.values(), *(entry.help for entry in COMMANDS.values())}
    for name in COMMANDS:
        paragraphs = cleandoc(load(name).run.__doc__ or "").split("\n\n")
        said |= {" ".join(paragraph.split()) for paragraph in paragraphs}
        said |= {str(getattr(one, "help", "")) for one in runnable(name).params if label(one) not in COMMON}
    return said


def test_every_sentence_of_help_is_there_in_german_and_no_other() -> None:
    german = json.loads(Path(page.__file__).with_name("help.de.json").read_text("utf-8"))
    assert sentences_of_help() - german.keys() == set()
    assert german.keys() - sentences_of_help() == set()


@pytest.mark.parametrize("path", ["", *PREFIXES, *COMMANDS])
def test_help_is_german_where_the_person_is(
    path: str, konsens: Konsens, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = konsens(*path.split(), "--help").out
    named = konsens(*path.split(), "--help", "--lang", "de")
    monkeypatch.setenv("KONSENS_LANG", "de")
    ran = konsens(*path.split(), "--help")
    assert (ran.exit, ran.err, named.out) == (0, "", ran.out)
    assert ran.out.startswith(f"Aufruf: konsens {path}".rstrip())
    assert max(map(len, ran.out.splitlines())) <= 80
    shown = {" ".join(line.split()) for line in ran.out.splitlines() if len(line.split()) > 3}
    told = {" ".join(line.split()) for line in english.splitlines()}
    assert {line for line in shown & told if not line.startswith("fish: ")} == set()


@pytest.mark.parametrize(("environ", "bold"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_headings_are_bold_at_a_terminal_only(environ: dict[str, str], bold: bool, konsens: Konsens) -> None:
    program = "from konsens.cli.app import main; main()"
    told = {**os.environ, "TERM": "xterm", **environ}
    child = pexpect.spawn(sys.executable, ["-c", program, "--help"], env=told, encoding="utf-8", timeout=20)
    child.expect(pexpect.EOF)
    shown = child.before or ""
    assert ("\x1b[1mCustomer" in shown) == bold
    assert "\x1b" not in konsens("--help").out


def test_help_of_one_command_by_its_name(konsens: Konsens) -> None:
    assert konsens("help", "version").out == konsens("version", "--help").out


def test_the_table_is_in_order() -> None:
    assert {name for group in GROUPS.values() for name in group} == set(COMMANDS)
    for name in PREFIXES:
        assert any(command.startswith(f"{name} ") for command in COMMANDS)
    assert all(entry.help.endswith((".", "?")) and len(entry.help) < 80 for entry in COMMANDS.values())


def test_help_imports_nothing_but_itself() -> None:
    code = (
        "import sys; from konsens.cli.app import run; run(['--help']);"
        "heavy = {'msgspec', 'rich', 'cryptography', 'sqlite3', 'pydantic'};"
        "print(sorted(m for m in sys.modules if m in heavy or m.startswith('konsens.')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = ["app", "commands", "group", "language", "page"]
    assert done.stderr.strip() == str(["konsens.cli", *(f"konsens.cli.{module}" for module in ours)])


def test_answers_can_grow_but_name_every_field() -> None:
    for kind in ANSWERS.values():
        assert issubclass(kind, Answer)
        assert {field.name for field in msgspec.structs.fields(kind) if not field.required} == {"dry_run"}


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("co", "completion consents company"),
        ("company no", "notice"),
        ("company notice p", "publish"),
        ("version --js", "--json"),
        ("completion ", "bash zsh fish"),
        ("schema --lang ", "de en"),
        ("nothing versi", "version"),
    ],
)
def test_bash_completes_words_options_and_values(words: str, offered: str, konsens: Konsens) -> None:
    script = konsens("completion", "bash").out
    line = f"COMP_WORDS=(konsens {words}); COMP_CWORD={len(words.split(' '))}"
    ask = "_konsens_completion konsens; echo ${COMPREPLY[@]}"
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", "\n".join([script, line, ask])],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    )
    assert done.stdout.strip() == offered


def test_zsh_and_fish_get_a_script_of_their_own(konsens: Konsens) -> None:
    assert konsens("completion", "zsh").out.startswith("#compdef konsens")
    assert "complete --no-files --command konsens" in konsens("completion", "fish").out
    assert konsens("completion", "tcsh").exit == 2


def test_the_documentation_shows_every_command_as_it_is() -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "commands.md"
    assert page.read_text("utf-8") == reference(), "run: make reference"
