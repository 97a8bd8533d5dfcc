"""Trust policies: each rule of the specification."""

from __future__ import annotations

import pytest

from konsens.errors import InputError, Unavailable
from konsens.registry.cosignature import Cosigner
from konsens.registry.note import (
    NoteSigner,
    render_vkey,
)
from konsens.registry.policy import (
    MAX_BYTES,
    MAX_LINES,
    Group,
    Log,
    Policy,
    Witness,
    parse_policy,
    render_policy,
)

from .witnesses import L0, L1, LOGS, THREE, WITNESSES, W, cosigned


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        pytest.param("quorum none\n", Policy((), (), (), None), id="the quorum alone"),
        pytest.param("quorum none", Policy((), (), (), None), id="no newline at the end"),
        pytest.param(
            f"log {L0}\nlog {L1} https://log.example/\nquorum none\n",
            Policy((Log(LOGS[0].vkey), Log(LOGS[1].vkey, "https://log.example/")), (), (), None),
            id="two logs, one with an address",
        ),
        pytest.param(
            f"witness w {W[0]} https://w.example/\nquorum w\n",
            Policy((), (Witness("w", WITNESSES[0].vkey, "https://w.example/"),), (), "w"),
            id="a witness as quorum",
        ),
        pytest.param(
            f"# a comment\n\n \t \n\t # another\n \twitness\t w  {W[0]} \t\n  quorum\tw\t\n",
            Policy((), (Witness("w", WITNESSES[0].vkey),), (), "w"),
            id="comments, empty lines, tabs and spaces",
        ),
        pytest.param(
            f"witness # {W[0]}\nquorum #\n",
            Policy((), (Witness("#", WITNESSES[0].vkey),), (), "#"),
            id="a comment begins a line only",
        ),
        pytest.param(
            THREE + "group any-of any a\ngroup all-of all b c\ngroup two 2 any-of all-of\nquorum two\n",
            Policy(
                (),
                tuple(Witness("abc"[number], WITNESSES[number].vkey) for number in range(3)),
                (
                    Group("any-of", 1, ("a",)),
                    Group("all-of", 2, ("b", "c")),
                    Group("two", 2, ("any-of", "all-of")),
                ),
                "two",
            ),
            id="groups of groups",
        ),
        pytest.param(
            f"witness w {W[0]}\nquorum w\nlog {L0}\n",
            Policy((Log(LOGS[0].vkey),), (Witness("w", WITNESSES[0].vkey),), (), "w"),
            id="lines after the quorum",
        ),
    ],
)
def test_a_policy_is_read(text: str, policy: Policy) -> None:
    assert parse_policy(text) == parse_policy(text.encode()) == policy
    assert parse_policy(render_policy(policy)) == policy


def test_names_are_octets() -> None:
    kelvin, k, raw = "\N{KELVIN SIGN}".encode(), b"K", b"\xff\xfe"
    lines = [b"witness %s %s\n" % (name, W[number].encode()) for number, name in enumerate((kelvin, k, raw))]
    policy = parse_policy(b"".join(lines) + b"quorum \xff\xfe\n")
    assert len({witness.name for witness in policy.witnesses}) == 3
    assert policy.quorum == policy.witnesses[2].name
    assert parse_policy(render_policy(policy)) == policy
    assert parse_policy("# caf\u00e9\nquorum none\n").quorum is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", "policy.quorum", id="nothing"),
        pytest.param(f"log {L0}\n", "policy.quorum", id="no quorum"),
        pytest.param("quorum none\nquorum none\n", "policy.quorum", id="two quorums"),
        pytest.param("quorum\n", "policy.syntax", id="quorum without a name"),
        pytest.param(THREE + "quorum a b\n", "policy.syntax", id="quorum of two names"),
        pytest.param("quorum a\n" + THREE, "policy.unknown_name", id="quorum before its definition"),
        pytest.param("quorum group\n", "policy.unknown_name", id="quorum of nobody"),
        pytest.param("Quorum none\n", "policy.syntax", id="upper case"),
        pytest.param("witnesses a\nquorum none\n", "policy.syntax", id="unknown keyword"),
        pytest.param("log\nquorum none\n", "policy.syntax", id="log without a key"),
        pytest.param(f"log {L0} url more\nquorum none\n", "policy.syntax", id="log with too many words"),
        pytest.param(f"log {L0}x\nquorum none\n", "policy.key", id="log with a broken key"),
        pytest.param(f"log {W[0]}\nquorum none\n", "policy.key", id="log with a witness key"),
        pytest.param(f"witness a {L0}\nquorum none\n", "policy.key", id="witness with a log key"),
        pytest.param(f"witness {W[0]}\nquorum none\n", "policy.syntax", id="witness without a name"),
        pytest.param(
            f"witness a {W[0]} url more\nquorum none\n", "policy.syntax", id="witness with too much"
        ),
        pytest.param(f"log {L0}\nlog {L0}\nquorum none\n", "policy.duplicate_key", id="a log twice"),
        pytest.param(
            f"log {L0}\nlog {render_vkey(NoteSigner('other.example', LOGS[0].seed).vkey)}\nquorum none\n",
            "policy.duplicate_key",
            id="a log's key under two names",
        ),
        pytest.param(
            f"witness a {W[0]}\nwitness b {W[0]}\nquorum none\n", "policy.duplicate_key", id="a witness twice"
        ),
        pytest.param(
            f"witness a {W[0]}\nwitness b {render_vkey(Cosigner('o', WITNESSES[0].seed).vkey)}\nquorum a\n",
            "policy.duplicate_key",
            id="a witness key under two names",
        ),
        pytest.param(
            f"witness a {W[0]}\nwitness a {W[1]}\nquorum a\n", "policy.duplicate_name", id="a name twice"
        ),
        pytest.param(
            THREE + "group a any b\nquorum a\n", "policy.duplicate_name", id="a group named as a witness"
        ),
        pytest.param(f"witness none {W[0]}\nquorum none\n", "policy.duplicate_name", id="witness none"),
        pytest.param(THREE + "group none any a\nquorum none\n", "policy.duplicate_name", id="group none"),
        pytest.param(THREE + "group g any\nquorum g\n", "policy.syntax", id="a group of nobody"),
        pytest.param(THREE + "group g any none\nquorum g\n", "policy.unknown_name", id="none as a member"),
        pytest.param(THREE + "group g any g\nquorum g\n", "policy.unknown_name", id="a group in itself"),
        pytest.param(
            THREE + "group g any h\ngroup h any a\nquorum g\n", "policy.unknown_name", id="a later group"
        ),
        pytest.param(THREE + "group g any a a\nquorum g\n", "policy.member_twice", id="a member twice"),
        pytest.param(
            THREE + "group g any a\ngroup h any a\nquorum h\n", "policy.member_twice", id="in two groups"
        ),
        pytest.param(THREE + "group g 0 a\nquorum g\n", "policy.threshold", id="0 of 1"),
        pytest.param(THREE + "group g 3 a b\nquorum g\n", "policy.threshold", id="3 of 2"),
        pytest.param(THREE + "group g -1 a b\nquorum g\n", "policy.threshold", id="negative"),
        pytest.param(THREE + "group g 01 a b\nquorum g\n", "policy.threshold", id="leading zero"),
        pytest.param(THREE + "group g 0x1 a b\nquorum g\n", "policy.threshold", id="hexadecimal"),
        pytest.param(THREE + "group g ALL a b\nquorum g\n", "policy.threshold", id="ALL"),
        pytest.param(THREE + "group g ² a b\nquorum g\n", "policy.threshold", id="superscript"),
        pytest.param(f"log {L0}\r\nquorum none\r\n", "policy.octets", id="Windows line ends"),
        pytest.param("quorum none\n\x00", "policy.octets", id="NUL"),
        pytest.param("quorum none\n\x7f", "policy.octets", id="DEL"),
        pytest.param("quorum none\n\ud800", "policy.octets", id="lone surrogate"),
        pytest.param("#" * MAX_BYTES + "\nquorum none\n", "policy.too_large", id="too many bytes"),
        pytest.param("\n" * MAX_LINES + "quorum none\n", "policy.too_large", id="too many lines"),
    ],
)
def test_a_policy_that_breaks_a_rule_is_refused(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_policy(text)
    assert caught.value.code == code


def test_an_error_names_its_line() -> None:
    with pytest.raises(InputError) as caught:
        parse_policy("# trust\n\nquorum nobody\n")
    assert caught.value.facts == {"name": "nobody", "line": 3}


def test_32_logs_witnesses_and_groups_are_supported() -> None:
    text = "".join(f"log {render_vkey(log.vkey)}\n" for log in LOGS[:32])
    text += "".join(f"witness w{number} {W[number]}\n" for number in range(32))
    text += "group g0 any w0\n" + "".join(
        f"group g{number} 2 g{number - 1} w{number}\n" for number in range(1, 32)
    )
    policy = parse_policy(text + "quorum g31\n")
    assert (len(policy.logs), len(policy.witnesses), len(policy.groups)) == (32, 32, 32)
    assert len(policy.check(cosigned(*range(32))).witnesses) == 32
    with pytest.raises(Unavailable):
        policy.check(cosigned(*range(31)))
