"""Words that nobody was shown."""

from __future__ import annotations

from konsens.consent import sign_notice

from ...consent.world import NEWSLETTER
from ..forge import Files
from ..town import Town

__all__ = ["LIES"]


def change_the_words(files: Files, town: Town) -> None:
    name = f"notices/{town.notice.hash}.json"
    files[name] = files[name].replace(b"Newsletter", b"Newslettern")


def publish_other_words(files: Files, town: Town) -> None:
    toml = NEWSLETTER.replace("Sie können jederzeit widerrufen.", "Sie können nie widerrufen.")
    other = sign_notice(toml, did=town.world.did, signer=town.world.keys.signer, at=town.world.now)
    for end in ("json", "jws"):
        files.pop(f"notices/{town.notice.hash}.{end}")
    files[f"notices/{other.hash}.json"] = other.body
    files[f"notices/{other.hash}.jws"] = other.jws.encode()


LIES = [
    (change_the_words, "bundle.notice"),
    (publish_other_words, "bundle.notice_missing"),
]
