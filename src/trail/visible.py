"""Letters that a reader cannot see, made visible: they turn a line around, hide a word, talk to a terminal.

>>> visible("Anna \\u202egnp.exe")
'Anna [U+202E]gnp.exe'
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["visible"]

# Joiners make letters and emoji what they are; line ends and tabs are seen.
_KEPT = "\n\r\t\u200c\u200d"
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_SUSPECT = re.compile("[^\n\r\t -~\xa1-\xac\xae-\u02ff]")


def visible(text: str) -> str:
    """Return a text in which every control and format character shows as its code point."""
    return _SUSPECT.sub(_show, text)


def _show(found: re.Match[str]) -> str:
    letter = found[0]
    hidden = letter not in _KEPT and unicodedata.category(letter) in _HIDDEN
    return f"[U+{ord(letter):04X}]" if hidden else letter
