"""The language for people: named on the line, else in the environment; known before the line is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from konsens.errors import Language

__all__ = ["language_of", "system_language"]


def language_of(argv: Sequence[str]) -> Language:
    """Return the language that the line asks for, even if the rest of it cannot be read."""
    for number, word in enumerate(argv):
        value = word.partition("=")[2] if word.startswith("--lang=") else ""
        if word == "--lang" and number + 1 < len(argv):
            value = argv[number + 1]
        if value == "de":
            return "de"
        if value == "en":
            return "en"
    return system_language()


def system_language() -> Language:
    """Return `KONSENS_LANG`, else the language of the locale, else English."""
    for name in ("KONSENS_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "de" if value.lower().startswith("de") else "en"
    return "en"
