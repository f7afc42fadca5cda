"""Refuse a shared secret that is really a key file, and know one that can be guessed.

Typed keys already keep a public key from being used as a secret by mistake of the library. This keeps it from
being given as one by mistake of a person: a public key in HS256 clothes lets everybody mint (CVE-2022-29217
and, for the spellings that simple checks missed, CVE-2026-102268, CVE-2026-102271 to 102273, CVE-2026-85394).
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Final

from sekisho_verify.errors import KeyRefused

_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_SSH: Final = (b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-", b"rsa-sha2-", b"openssh-key-v1\0")
_SEQUENCE: Final = 0x30
_FIRST_TAGS: Final = b"\x02\x30"
_PRIMITIVE_TAGS: Final = b"\x01\x02\x03\x04\x05\x06\x0c\x13\x17\x18"
# 32 random bytes have about 30 different ones, in hexadecimal 64 characters have about 15 of 16.
_FEWEST_DIFFERENT_BYTES: Final = 10
# Published as examples or left over from templates; none occurs by chance in anything random.
_PLACEHOLDERS: Final = (
    b"a-string-secret-at-least",
    b"change-me",
    b"change_me",
    b"changeme",
    b"insecure",
    b"replace-me",
    b"replace_me",
    b"replaceme",
    b"your-256-bit-secret",
)
_SMALLEST_DER_KEY: Final = 44
"""Bytes of an Ed25519 SubjectPublicKeyInfo, the shortest there is; less is not examined as DER."""


def refuse_key_material(secret: bytes) -> None:
    """Return if `secret` does not look like a key, certificate or JWK, in text, binary or base64 of either.

    A random secret passes: for DER a whole tree of lengths must fit to the byte.

    Raises:
        KeyRefused: if it does.
    """
    form = _form(secret) or _form(_unbase64(secret))
    if form is not None:
        raise KeyRefused(
            f"this shared secret is {form}: others may know it. Give 32 or more random bytes, or load the "
            "key as what it is, with key_from_pem or key_from_jwk"
        )


def is_guessable(secret: bytes) -> bool:
    """Whether a secret of whatever length is of few different bytes, repeats itself, or came with a template.

    So is text that was saved as UTF-16: half of its length says nothing.

    What is random passes: of 32 random bytes, fewer than one in 10^20 does not.
    """
    lowered = secret.lower()
    # A text that consists of repetitions occurs in its own double elsewhere than at the two obvious places.
    return (
        (secret + secret).find(secret, 1) != len(secret)
        or len(set(secret)) < _FEWEST_DIFFERENT_BYTES
        or secret.count(0) * 5 > len(secret) * 2
        or any(placeholder in lowered for placeholder in _PLACEHOLDERS)
    )


def _form(data: bytes) -> str | None:
    # Without zero bytes, a file saved as UTF-16 reads like any other.
    text = _bare(data.replace(b"\0", b""))
    if b"-----BEGIN" in text or b"---- BEGIN" in text:
        return "a PEM or SSH key file"
    if text[:1] in {b"{", b"["} and _is_json(text):
        return "a JSON document such as a JWK"
    for candidate in (data, _begun(data)):
        # In the binary form the name has its length before it, four bytes.
        if candidate.startswith(_SSH) or candidate[4:].startswith(_SSH):
            return "an SSH key"
        if _is_der_key(candidate):
            return "a DER key or certificate"
    return None


def _begun(data: bytes) -> bytes:
    for mark in _BYTE_ORDER_MARKS:
        data = data.removeprefix(mark)
    return data.lstrip()


def _bare(data: bytes) -> bytes:
    return _begun(data).rstrip()


def _unbase64(data: bytes) -> bytes:
    packed = b"".join(_bare(data).split()).rstrip(b"=")
    try:
        return b64decode(
            packed.replace(b"-", b"+").replace(b"_", b"/") + b"=" * (-len(packed) % 4), validate=True
        )
    except Base64Error:
        return b""


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text.decode(errors="replace"))
    except (ValueError, RecursionError):
        return False
    return True


def _is_der_key(data: bytes) -> bool:
    """Whether `data` is one DER SEQUENCE that begins with another or a number, as all keys do.

    White space may follow. Where the key ends is for its own length to say: its last byte may be a space.
    """
    if len(data) < _SMALLEST_DER_KEY or data[0] != _SEQUENCE:
        return False
    start, size = _der_length(data, 1)
    end = start + size
    whole = start < end <= len(data) and not data[end:].strip()
    return whole and data[start] in _FIRST_TAGS and _is_der(data[start:end])


def _is_der(data: bytes, depth: int = 0) -> bool:
    """Whether `data` is exactly a run of well-formed DER values of the types that keys are made of."""
    at = 0
    while at < len(data):
        tag = data[at]
        start, size = _der_length(data, at + 1)
        if size < 0 or start + size > len(data):
            return False
        constructed = tag in b"\x30\x31" or 0xA0 <= tag <= 0xA3
        if constructed:
            if depth < 16 and not _is_der(data[start : start + size], depth + 1):
                return False
        elif tag not in _PRIMITIVE_TAGS and not 0x80 <= tag <= 0x9F:
            return False
        at = start + size
    return True


def _der_length(data: bytes, at: int) -> tuple[int, int]:
    """Where the value begins and how long it is, or a length of -1."""
    first = data[at] if at < len(data) else 0x80
    if first < 0x80:
        return at + 1, first
    count = first & 0x7F
    if not 1 <= count <= 4 or at + 1 + count > len(data):
        return at, -1
    return at + 1 + count, int.from_bytes(data[at + 1 : at + 1 + count])
