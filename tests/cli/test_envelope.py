"""The one way out: JSON for programs, text for people, and an exit code that never changes."""

from __future__ import annotations

import subprocess
import sys
from typing import Literal

import jsonschema
import pytest

import konsens.errors as errors
from konsens.cli.answers import IdOne, Ids
from konsens.cli.answers.customer import Identity
from konsens.cli.frame import Frame, Outcome
from konsens.errors import Conflict, KonsensError, NoConsent, NotFound
from tests.cli.conftest import Konsens, Sample, in_its_own_process

ENVELOPE = {
    "type": "object",
    "required": ["ok", "code", "message", "hint", "data"],
    "additionalProperties": False,
    "properties": {
        "ok": {"type": "boolean"},
        "code": {"type": "string", "pattern": r"^(ok|[a-z][a-z0-9_]*(\.[a-z0-9_]+)+)$"},
        "message": {"type": "string", "minLength": 1},
        "hint": {"type": ["string", "null"], "minLength": 1},
        "data": {"type": ["object", "null"]},
    },
}
EXIT_CODES = {
    "InputError": 2,
    "Declined": 3,
    "Locked": 4,
    "NotFound": 5,
    "VerificationError": 6,
    "NoConsent": 7,
    "Unavailable": 8,
    "Damaged": 9,
    "NotTrusted": 10,
    "RefusedByPolicy": 11,
    "Conflict": 12,
}

DID = "did:key:z6MktqtEyMYKcjNyZtkU6EabSrwjPkaq1oBMx6qhViCyaXKU"


def failing(error: BaseException) -> object:
    def act(frame: Frame) -> Outcome:
        """Fail."""
        raise error

    return act


def test_success_is_one_object_with_the_data(konsens: Konsens, sample: Sample) -> None:
    sample(lambda frame: Outcome(IdOne(did=DID, company=None), done=frame.pick(de="Fertig.", en="Made.")))
    ran = konsens("sample", "--json")
    assert ran.exit == 0
    assert ran.err == ""
    assert ran.json == {
        "ok": True,
        "code": "ok",
        "message": "Made.",
        "hint": None,
        "data": {"did": DID, "company": None},
    }
    assert ran.out.count("\n") == 1


def test_an_answer_that_is_a_no_has_its_data_and_its_code(konsens: Konsens, sample: Sample) -> None:
    answer = IdOne(did=DID, company=None)
    sample(lambda frame: Outcome(answer, error=NotFound("home.missing", path="x")))
    ran = konsens("sample", "--json")
    assert (ran.exit, ran.json["ok"], ran.json["code"]) == (5, False, "home.missing")
    assert ran.json["data"]["did"] == DID
    people = konsens("sample")
    assert people.exit == 5
    assert DID in people.out
    assert people.err.startswith("error[home.missing]: There is no home in x.\nhint: ")


@pytest.mark.parametrize("kind", EXIT_CODES)
def test_every_cause_has_its_own_exit_code(kind: str, konsens: Konsens, sample: Sample) -> None:
    error: KonsensError = getattr(errors, kind)("file.missing", path="x")
    sample(failing(error))
    ran = konsens("sample", "--json")
    assert ran.exit == EXIT_CODES[kind]
    assert not ran.json["ok"]


def test_no_cause_is_without_an_exit_code() -> None:
    kinds = {kind.__name__ for kind in KonsensError.__subclasses__() if kind.__module__ == "konsens.errors"}
    assert kinds == set(EXIT_CODES)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["versoin"], "usage.did_you_mean", id="a word mistyped"),
        pytest.param(["qqqqqq"], "usage.unknown_command", id="no such word"),
        pytest.param(["company", "notice", "pblish"], "usage.did_you_mean", id="the third word mistyped"),
        pytest.param(["company"], "usage.no_command", id="nothing after a group"),
        pytest.param([], "usage.no_command", id="nothing at all"),
        pytest.param(["--home", "x", "version"], "usage.options_first", id="an option before the command"),
        pytest.param(["version", "--hom", "x"], "usage.option_did_you_mean", id="an option cut short"),
        pytest.param(["version", "--qqqqq"], "usage.unknown_option", id="no such option"),
        pytest.param(["version", "x"], "usage.too_many", id="a word too many"),
        pytest.param(["version", "--home"], "usage.no_value", id="an option without its value"),
        pytest.param(["version", "--plain=1"], "usage.flag_value", id="a flag with a value"),
        pytest.param(["version", "--lang", "fr"], "usage.bad_choice", id="a language that we do not speak"),
        pytest.param(["schema"], "usage.missing", id="an argument missing"),
    ],
)
def test_a_line_that_cannot_be_read_ends_with_2_also_as_json(
    words: list[str], code: str, konsens: Konsens
) -> None:
    ran = konsens(*words)
    assert ran.exit == 2
    assert f"error[{code}]: " in ran.err
    assert "\nhint: " in ran.err
    assert ran.out == ""
    if words and not words[0].startswith("-") and words != ["company"]:
        as_json = (
            konsens(*words, "--json") if words[-1] != "--home" else konsens("version", "--json", "--home")
        )
        assert (as_json.exit, as_json.json["code"]) == (2, code)
        jsonschema.validate(as_json.json, ENVELOPE)


@pytest.mark.parametrize(
    "words", [["--json"], ["company", "--json"], ["vrsion", "--json"], ["version", "--json", "--x"]]
)
def test_json_is_answered_wherever_it_stands(words: list[str], konsens: Konsens) -> None:
    ran = konsens(*words)
    assert (ran.exit, ran.json["code"].partition(".")[0], ran.err) == (2, "usage", "")
    jsonschema.validate(ran.json, ENVELOPE)


def test_did_you_mean_names_the_whole_command(konsens: Konsens) -> None:
    assert "`konsens company notice publish`" in konsens("company", "notice", "pblish").err


def test_ctrl_c_is_the_person_who_says_no(konsens: Konsens, sample: Sample) -> None:
    sample(failing(KeyboardInterrupt()))
    assert konsens("sample", "--json").json["code"] == "input.cancelled"
    assert konsens("sample").exit == 3


def test_a_bug_shows_its_place_but_neither_a_traceback_nor_what_it_was_about(
    konsens: Konsens, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample(failing(ValueError("erika@example.org")))
    ran = konsens("sample")
    assert ran.exit == 1
    assert "error[bug.unexpected]: " in ran.err
    assert "ValueError" in ran.err
    assert "erika" not in ran.out + ran.err
    assert "Traceback" not in ran.err
    as_json = konsens("sample", "--json")
    assert (as_json.exit, as_json.json["code"]) == (1, "bug.unexpected")
    jsonschema.validate(as_json.json, ENVELOPE)
    monkeypatch.setenv("KONSENS_DEBUG", "1")
    assert "Traceback" in konsens("sample").err


def test_what_the_system_refuses_is_told_as_such(konsens: Konsens, sample: Sample) -> None:
    sample(failing(OSError(28, "No space left on device", "/x/y")))
    ran = konsens("sample")
    assert (ran.exit, "No space left on device" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("environ", "words", "language"),
    [
        ({"KONSENS_LANG": "de"}, [], "de"),
        ({"KONSENS_LANG": "en", "LANG": "de_DE.UTF-8"}, [], "en"),
        ({"KONSENS_LANG": "", "LC_ALL": "", "LC_MESSAGES": "de_AT.UTF-8", "LANG": "en_GB"}, [], "de"),
        ({"KONSENS_LANG": "", "LC_ALL": "", "LC_MESSAGES": "", "LANG": "de_DE"}, [], "de"),
        ({"KONSENS_LANG": "", "LC_ALL": "", "LC_MESSAGES": "", "LANG": "C"}, [], "en"),
        ({"KONSENS_LANG": "", "LC_ALL": "", "LC_MESSAGES": "", "LANG": "fr_FR"}, [], "en"),
        ({"KONSENS_LANG": "en"}, ["--lang", "de"], "de"),
        ({"KONSENS_LANG": "de"}, ["--lang=en"], "en"),
    ],
)
def test_the_language_comes_from_the_line_else_from_the_environment(
    environ: dict[str, str],
    words: list[str],
    language: Literal["de", "en"],
    konsens: Konsens,
    sample: Sample,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    error = Conflict("file.exists", path="x")
    sample(failing(error))
    assert error.message(language) in konsens("sample", *words).err
    # A line that cannot be read is answered in the language that it asks for, too.
    assert ("gibt es hier nicht" in konsens("version", *words, "--qqqq").err) == (language == "de")


def test_codes_are_never_translated(konsens: Konsens, sample: Sample) -> None:
    sample(failing(NoConsent("file.missing", path="x")))
    german, english = (konsens("sample", "--json", "--lang", lang).json for lang in ("de", "en"))
    assert german["code"] == english["code"]
    assert german["message"] != english["message"]
    assert german["hint"] != english["hint"]


def test_jsonl_prints_one_item_of_the_list_a_line(konsens: Konsens, sample: Sample) -> None:
    ids = [Identity(did=f"{DID}{n}", company=None, created_at=None) for n in range(3)]
    sample(lambda frame: Outcome(Ids(ids=ids), done="Three."), lists="ids")
    ran = konsens("sample", "--jsonl")
    assert [
        f'{{"did":"{DID}{n}","company":null,"created_at":null}}' for n in range(3)
    ] == ran.out.splitlines()
    assert ran.err == ""


def test_jsonl_is_for_lists_only(konsens: Konsens) -> None:
    assert konsens("version", "--jsonl").exit == 2


def test_a_dry_run_says_so_in_its_data(konsens: Konsens, sample: Sample) -> None:
    sample(lambda frame: Outcome(IdOne(did=DID, company=str(frame.dry_run))), signs=True)
    assert konsens("sample", "--json", "--dry-run").json["data"] == {
        "did": DID,
        "company": "True",
        "dry_run": True,
    }
    assert "dry_run" not in konsens("sample", "--json").json["data"]


def test_warnings_go_to_stderr_and_change_nothing_else(konsens: Konsens, sample: Sample) -> None:
    sample(lambda frame: Outcome(IdOne(did=DID, company=None), warnings=(("file.missing", {"path": "x"}),)))
    ran = konsens("sample")
    assert ran.exit == 0
    assert ran.err == "warning[file.missing]: There is no file x.\n"


def test_what_comes_from_outside_cannot_steer_the_terminal(konsens: Konsens, sample: Sample) -> None:
    evil = "\x1b[2JMuster\u202e-Shop\x07\r\n"
    sample(lambda frame: Outcome(IdOne(did=DID, company=evil), error=Conflict("file.exists", path=evil)))
    ran = konsens("sample")
    assert not {"\x1b", "\u202e", "\x07", "\r"} & set(ran.out + ran.err)
    # JSON is for programs: they get what was there, escaped by the rules of JSON.
    assert konsens("sample", "--json").json["data"]["company"] == evil


def test_with_data_on_stdout_the_answer_goes_to_stderr(konsens: Konsens, sample: Sample) -> None:
    def act(frame: Frame, out: str) -> Outcome:
        """Write a file."""
        frame.check_out(out)
        frame.write(out, b"DATA")
        return Outcome(IdOne(did=DID, company=None))

    sample(act, writes=True)
    ran = konsens("sample", "-")
    assert (ran.exit, ran.out) == (0, "DATA")
    assert DID in ran.err
    assert konsens("sample", "-", "--json").json["code"] == "input.stdout_taken"


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    program = f"{sys.executable} -c 'from konsens.cli.app import main; main()'"
    line = f"{program} schema company check | head -c 1; echo"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_stdout_without_utf_8_still_gets_its_text() -> None:
    ran = in_its_own_process("schema", PYTHONIOENCODING="ascii", KONSENS_LANG="de")
    assert ran.exit == 2
    assert "error[usage.missing]: COMMAND fehlt." in ran.err
