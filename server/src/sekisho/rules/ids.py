"""Row ids: UUID version 7 (RFC 9562 section 5.7), from time and entropy that are given.

An id is not a secret: it names a row and sorts by age. Whatever must not be guessed is 256 random bits
and lives in `rules/opaque.py`.
"""

from __future__ import annotations

import uuid

ENTROPY_BYTES = 10
UUID_BYTES = 16


def uuid7(now: float, entropy: bytes) -> str:
    """The canonical text of a UUIDv7 for the instant `now` (POSIX seconds) and ten random bytes.

    Raises:
        ValueError: `entropy` is not exactly ten bytes, or `now` does not fit 48 bits of milliseconds.
    """
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError("uuid7 needs exactly ten bytes of entropy")
    milliseconds = int(now * 1000)
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError("the instant does not fit the 48 bits of a UUIDv7")
    value = milliseconds << 80 | int.from_bytes(entropy)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return uuid_text(value.to_bytes(UUID_BYTES))


def uuid_text(raw: bytes) -> str:
    """The canonical text of sixteen bytes; by way of an object of `uuid` it would cost four times as much."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def uuid_bytes(text: str) -> bytes:
    """The sixteen bytes of a canonical text that is known to be one."""
    return bytes.fromhex(text.replace("-", ""))


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in the one spelling we accept: 36 characters, lower case, hyphenated."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
