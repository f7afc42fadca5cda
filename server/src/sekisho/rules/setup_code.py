"""The one-time code by which whoever started the server makes the first administrator.

140 random bits in Crockford's base32, so that it can be typed from a screen: seven groups of four, no letter
that looks like a digit. Nobody guesses it, so a plain SHA-256 is what a database keeps of it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from sekisho.rules.opaque import digest

#: Random bytes that a code is made of; four bits of them are left over.
CODE_BYTES: Final = 18
#: SHA-256 of a code.
DIGEST_BYTES: Final = 32
#: Seconds for which a code counts.
LIFETIME: Final = 1800.0

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SYMBOLS: Final = 28
_GROUP: Final = 4
_CODE: Final = re.compile(f"[{_ALPHABET}]{{{_SYMBOLS}}}")
#: What people read these as.
_MISREAD: Final = str.maketrans("OIL", "011", "- ")
#: Characters: a link with the code behind it is shorter.
_MAX: Final = 2048


def setup_code(secret: bytes) -> tuple[str, bytes]:
    """The code of `CODE_BYTES` random bytes, as it is printed: `J4KQ-7MZT-...`; and its digest."""
    number = int.from_bytes(secret)
    symbols = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_SYMBOLS))
    groups = "-".join(symbols[start : start + _GROUP] for start in range(0, _SYMBOLS, _GROUP))
    return groups, digest(symbols.encode())


def code_digest(typed: str) -> bytes | None:
    """SHA-256 of a code as somebody typed or pasted it, the whole link included; none for what is no code."""
    if len(typed) > _MAX:
        return None
    text = unicodedata.normalize("NFKC", typed).rpartition("#")[2].strip().upper().translate(_MISREAD)
    return digest(text.encode()) if _CODE.fullmatch(text) else None
