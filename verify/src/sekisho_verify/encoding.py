"""Strict base64url and strict JSON: one spelling a value, everything else refused.

`base64.urlsafe_b64decode` drops characters it does not know and ignores trailing bits, so that many texts
decode to one value; a denylist on the text is then walked around (CVE-2026-102269). `json.loads` keeps the
last of two equal members, takes NaN and turns 1e999 into infinity. Neither is used as it comes. Both decoders
are those of msgspec: its base64 takes half the time of `binascii.a2b_base64` on the payload of a token.
"""

from __future__ import annotations

import json
import re
from binascii import b2a_base64
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from sekisho_verify.errors import EncodingError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DEPTH: Final = 32
"""Levels of arrays and objects accepted in any JSON: far above what a token needs, far below any stack."""

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_STANDARD: Final = {byte: byte for byte in _ALPHABET} | {ord("-"): ord("+"), ord("_"): ord("/")}
# What base64url does not have becomes "!", which no base64 has: padding, whitespace, and whatever could end
# the JSON string that the segment is read as, or escape in it. One translate does the whole check.
_FROM_URL: Final = bytes(_STANDARD.get(byte, ord("!")) for byte in range(256))
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
# By the number of characters in the last group: the padding that standard base64 wants, and the end quote.
_TAIL: Final = (b'"', None, b'=="', b'="')
# With 2 or 3 characters in the last group, 4 or 2 bits are left over and must be zero (RFC 4648 section 3.5).
_LAST: Final = (None, None, b"AQgw", b"AEIMQUYcgkosw048")

# One that does not end goes to the end of the text: else each quotation mark within would be tried as the
# beginning of another, up to the end again, and 4 KiB of a stranger's header took 30 ms.
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
# Characters that are decoded at once, a multiple of four: of a large text there are three copies otherwise.
_AT_ONCE: Final = 1024 * 1024
# Bytes that are encoded at once, a multiple of three.
_ENCODED_AT_ONCE: Final = 768 * 1024
_decode: Final = msgspec.json.Decoder().decode
_decode_base64: Final = msgspec.json.Decoder(bytes).decode


def b64url_encode(data: bytes) -> bytes:
    """Base64url without padding (RFC 7515 section 2), as ASCII bytes."""
    if len(data) > _ENCODED_AT_ONCE:
        # A snapshot of the feed, in a thread beside an event loop: each part holds that up for a millisecond.
        parts = range(0, len(data), _ENCODED_AT_ONCE)
        return b"".join([b64url_encode(data[at : at + _ENCODED_AT_ONCE]) for at in parts])
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def b64url_decode(segment: bytes) -> bytes:
    """The bytes behind canonical base64url without padding: `b64url_encode(b64url_decode(s)) == s`.

    Raises:
        EncodingError: for padding, other characters, an impossible length, or trailing bits that are not
            zero.
    """
    if len(segment) > _AT_ONCE:
        return _decode_long(segment)
    rest = len(segment) & 3
    tail = _TAIL[rest]
    if tail is None:
        raise EncodingError("base64url of an impossible length")
    try:
        data = _decode_base64(b'"' + segment.translate(_FROM_URL) + tail)
    except msgspec.DecodeError:
        raise EncodingError("not base64url without padding") from None
    last = _LAST[rest]
    if last is not None and segment[-1] not in last:
        raise EncodingError("base64url with trailing bits that are not zero")
    return data


def _decode_long(segment: bytes) -> bytes:
    # None but the last part has a group that is not whole, so what holds for each holds for all of it.
    data = bytearray()
    for at in range(0, len(segment), _AT_ONCE):
        data += b64url_decode(segment[at : at + _AT_ONCE])
    return bytes(data)


def json_object(raw: bytes, *, unique_members: bool) -> dict[str, Any]:
    """The JSON object in `raw`, read strictly (RFC 8259, RFC 7493).

    UTF-8 without a byte order mark, an object at the top, no lone surrogates, no NaN or infinity (1e999
    included), at most `MAX_DEPTH` levels.

    Args:
        raw: the text.
        unique_members: refuse two members of one name, at any depth. Costs a second parse by the standard
            library, so it is for what is read seldom: headers, keys and metadata. Where it is False the last
            one wins, as RFC 7519 section 4 allows.

    Raises:
        EncodingError: for anything else.
    """
    _refuse_deep(raw)
    try:
        value = _decode(raw)
        if unique_members:
            json.loads(raw.decode(), object_pairs_hook=_refuse_twice)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        # ValueError is UnicodeDecodeError too, which msgspec lets through, and Python's limit on digits.
        raise EncodingError(f"not strict JSON: {str(error)!a}") from None
    if type(value) is not dict:
        raise EncodingError("the JSON is not an object")
    return cast("dict[str, Any]", value)


def _refuse_deep(raw: bytes) -> None:
    # Fewer brackets than levels allowed is nearly always the case, and needs no scan. It runs before any
    # parser, so that no recursion limit, which differs by Python version, is ever met.
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for byte in _STRING.sub(b"", raw):
        if byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise EncodingError(f"JSON nested deeper than {MAX_DEPTH} levels")
        elif byte in b"]}":
            depth -= 1


def _refuse_twice(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise EncodingError("a JSON object names a member twice")
    return members
