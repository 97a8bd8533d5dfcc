"""The canonical bytes of a typed record.

>>> from konsens.records import Matter
>>> canonical(Matter(controller="did:web:muster.example"))
b'{"controller":"did:web:muster.example"}'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..encoding import jcs

__all__ = ["canonical"]


def canonical(record: msgspec.Struct | Mapping[str, Any]) -> bytes:
    """Return the canonical JSON form (RFC 8785) of `record`, the same for a record and its parsed JSON."""
    return jcs(msgspec.to_builtins(record))
