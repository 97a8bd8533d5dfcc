"""A hostile log chooses what it answers, not what we say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from konsens import errors
from konsens.errors import Conflict, KonsensError, Locked, NotTrusted, RefusedByPolicy, Unavailable
from konsens.registry.serve import told
from konsens.registry.serve.wire import problem_of, raise_problem, status_of


def answered(status: int, code: str, facts: dict[str, object]) -> KonsensError:
    body = json.dumps({"title": "t", "status": status, "code": code, "facts": facts}).encode()
    with pytest.raises(KonsensError) as caught:
        raise_problem(status, body)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        RefusedByPolicy("append.limit", seconds=12),
        Unavailable("append.stopped", problem="registry.rolled_back"),
        Unavailable("append.stopped", problem="closed"),
        NotTrusted("append.not_a_member", did="did:key:z6MkehRgf7yJbgaGfYsdoAsKdBPE3dj2CYhowQdcjqSJgvVd"),
        Conflict("seal.already_broken", seal="ab" * 32),
        Locked("registry.busy"),
    ],
)
def test_what_a_log_of_ours_tells_arrives_as_it_was(error: KonsensError) -> None:
    with pytest.raises(type(error)) as caught:
        raise_problem(status_of(error), problem_of(error))
    assert (caught.value.code, caught.value.facts) == (error.code, error.facts)


@pytest.mark.parametrize(
    ("status", "code", "facts"),
    [
        (409, "nope.nope", {}),
        (409, "../../../etc/passwd.x", {}),
        (403, "registry.signer_head_lost", {}),
        (422, "registry.convicted", {"origin": "log.muster.example", "found": "fork"}),
        (429, "append.limit", {}),
        (429, "append.limit", {"seconds": "\x1b[2J\x1b]0;x\x07 pay here"}),
        (429, "append.limit", {"seconds": -1}),
        (429, "append.limit", {"seconds": True}),
        (403, "append.limit", {"seconds": 1}),
        (503, "append.stopped", {"problem": "call 0900 12345"}),
        (403, "append.not_a_member", {"did": "did:key:z6Mk pay"}),
        (409, "seal.already_broken", {"seal": "<b>"}),
        (500, "registry.damaged", {}),
    ],
)
def test_anything_else_is_no_answer_of_a_log(status: int, code: str, facts: dict[str, object]) -> None:
    error = answered(status, code, facts)
    assert (type(error), error.code, error.facts) == (Unavailable, "remote.answer", {"status": status})


def test_free_text_of_a_log_is_not_repeated() -> None:
    error = answered(503, "registry.cannot_write", {"problem": "pay here\x1b[2J"})
    assert (error.code, error.facts) == ("registry.cannot_write", {"problem": "HTTP 503"})


@pytest.mark.parametrize("code", sorted(told._CODES))
def test_each_code_has_all_the_facts_of_its_sentence(code: str) -> None:
    text = (Path(errors.__file__).parent / "texts" / f"{code.partition('.')[0]}.toml").read_text()
    sentence = text.partition(f'["{code}"]')[2].partition("\n\n")[0]
    assert sentence
    assert set(re.findall(r"\{(\w+)\}", sentence)) <= set(told._CODES[code][1])
