"""The door for the parts of a token: base64url, then JSON, with the errors of a token.

The same strict doors as everywhere; only the cause differs. A malformed file is the caller's mistake (exit
code 2), a malformed part inside a signed token means that the token is not valid (6).
"""

from __future__ import annotations

from typing import Any, Final

from .. import strict_json
from ..encoding import b64u_decode
from ..errors import InputError, VerificationError

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_DISCLOSURES", "parse_part"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_DISCLOSURES = 1000


def parse_part(text: str, part: str) -> Any:
    """Return the JSON value behind one base64url part; `part` names it in the error.

    Raises one of the codes below, which go with those of the doors.
    """
    try:
        return strict_json.parse(b64u_decode(text), max_bytes=MAX_BYTES, max_depth=MAX_DEPTH)
    except InputError as error:
        raise VerificationError(_CODES[error.code], **{**error.facts, "part": part}) from error


_CODES: Final = {
    "input.base64url": "sdjwt.base64url",
    "input.json": "sdjwt.json",
    "input.json_depth": "sdjwt.json_depth",
    "input.json_duplicate": "sdjwt.json_duplicate",
    "input.json_number": "sdjwt.json_number",
    "input.json_surrogate": "sdjwt.json_surrogate",
    "input.too_large": "sdjwt.too_large",
}
