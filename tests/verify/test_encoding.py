"""Base64url and JSON have one accepted spelling."""

from __future__ import annotations

import base64
import json
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho_verify.encoding import MAX_DEPTH, b64url_decode, b64url_encode, json_object
from sekisho_verify.errors import EncodingError

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(max_size=200))
def test_what_is_encoded_decodes_to_itself(data: bytes) -> None:
    """Encoding and decoding are inverse, and agree with the standard library."""
    text = b64url_encode(data)
    assert text == base64.urlsafe_b64encode(data).rstrip(b"=")
    assert b64url_decode(text) == data


@pytest.mark.requirement("J4")
@given(st.text(alphabet=ALPHABET + "+/=! \n.", max_size=12).map(str.encode) | st.binary(max_size=12))
def test_what_decodes_encodes_back_to_itself(segment: bytes) -> None:
    """No two texts decode to one value: what is accepted is canonical."""
    try:
        data = b64url_decode(segment)
    except EncodingError:
        return
    assert b64url_encode(data) == segment


@pytest.mark.requirement("J4")
@pytest.mark.parametrize(
    "segment",
    [
        *(b"QUI=", b"QQ==", b"QUI=QUI=", b"=", b"===="),  # padding
        *(
            b"QU+D",
            b"QU/D",
            b"QU!!JD",
            b"QU D",
            b"QUJD\n",
            b"\nQUJD",
            b"QU\0D",
            b"QU\xc3D",
            b"QU.D",
        ),  # alphabet
        *(b"A", b"QUJDQ"),  # a length that no bytes have
        *(b"QR", b"QUJ"),  # trailing bits
    ],
)
def test_a_second_spelling_is_refused(segment: bytes) -> None:
    """Padding, foreign characters, impossible lengths and trailing bits are refused."""
    with pytest.raises(EncodingError):
        b64url_decode(segment)


@pytest.mark.requirement("J4")
@pytest.mark.parametrize("good", [b"QQ", b"QUI", b"QUJD", b"QUJDQQ", b"QUJDQUI", b"QUJDQUJD"])
def test_every_byte_is_judged_in_every_place(good: bytes) -> None:
    """Of 256 bytes in each place only the alphabet passes: no quote, backslash or padding is read as more."""
    for place in range(len(good)):
        for byte in range(256):
            segment = good[:place] + bytes([byte]) + good[place + 1 :]
            try:
                data = b64url_decode(segment)
            except EncodingError:
                assert chr(byte) not in ALPHABET or place == len(good) - 1
            else:
                assert chr(byte) in ALPHABET
                assert data == base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))


@pytest.mark.requirement("J4")
@pytest.mark.parametrize(
    "escaped", [rb"\u0051" * 4, rb"\/" * 4, rb"QUJD\/\/\/\/", rb"\n\n\n\n", rb'QUJD","QUJD', b'QUJD"   ']
)
def test_a_segment_is_no_json(escaped: bytes) -> None:
    """What a JSON string would make of an escape or a quote, a segment does not: it is refused."""
    with pytest.raises(EncodingError):
        b64url_decode(escaped)


@pytest.mark.requirement("J4")
def test_of_all_last_characters_only_those_without_trailing_bits_pass() -> None:
    """After one byte 4 of 64 characters may end the text, after two bytes 16."""

    def passes(segment: str) -> bool:
        try:
            b64url_decode(segment.encode())
        except EncodingError:
            return False
        return True

    assert "".join(last for last in ALPHABET if passes(f"Q{last}")) == "AQgw"
    assert "".join(last for last in ALPHABET if passes(f"QU{last}")) == "AEIMQUYcgkosw048"


@pytest.mark.requirement("J5")
@pytest.mark.parametrize("unique_members", [True, False])
@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" ", b"[]", b"1", b'"a"', b"null", b"true"),  # no object
        *(b"{", b"{}{}", b"{}x", b"{,}", b'{"a":1,}', b"{'a':1}", b'{"a":01}', b'{"a":1.}', b'{"a":+1}'),
        *(b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-16-le")),
        *(b'{"a":"\xff"}', b'{"\xff":1}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\x80"}', b'{"a":"\x01"}'),
        *(b'{"a":"\\ud800"}', b'{"a":"\\udc00bcdefghijkl"}', b'{"a":"\\ud800\\u0041"}', b'{"\\ud800":1}'),
        *(b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":[-1e999]}'),
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_lax_json_is_refused(raw: bytes, unique_members: bool) -> None:  # noqa: FBT001 -- a parameter
    """Neither reader takes what RFC 8259 forbids, nor what other parsers would read differently."""
    with pytest.raises(EncodingError):
        json_object(raw, unique_members=unique_members)


@pytest.mark.requirement("J5")
@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'{"a":[{"b":1,"\\u0062":2}]}'])
def test_a_member_named_twice_is_refused_where_it_is_asked(raw: bytes) -> None:
    """Two members of one name, at any depth and in any spelling, are refused in headers and keys."""
    with pytest.raises(EncodingError, match="twice"):
        json_object(raw, unique_members=True)
    assert json_object(raw, unique_members=False).keys() == {"a"}


@pytest.mark.requirement("J5")
def test_nesting_is_counted_to_the_level() -> None:
    """Thirty-two levels pass, thirty-three do not; brackets in strings and beside each other do not count."""

    def nested(levels: int) -> bytes:
        return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

    assert json_object(nested(MAX_DEPTH), unique_members=True)
    with pytest.raises(EncodingError, match="deeper"):
        json_object(nested(MAX_DEPTH + 1), unique_members=True)
    assert json_object(nested(MAX_DEPTH)[:-1] + b',"b":[[],[]]}', unique_members=True)
    with pytest.raises(EncodingError, match="deeper"):
        json_object(b'{"b":[[],[]],' + nested(MAX_DEPTH + 1)[1:], unique_members=True)
    assert json_object(b'{"a":"' + b'\\"[{' * 50 + b'"}', unique_members=True)
    assert json_object(b'{"a":[' + b"[]," * 50 + b"{}]}", unique_members=True)


@pytest.mark.requirement("J1")
@pytest.mark.parametrize("ending", [b"", b"\\", b'\\"', b"\\\\"])
def test_a_string_without_an_end_is_looked_at_once(ending: bytes) -> None:
    """What a stranger writes costs as much as it is long: not its square, a minute here."""
    raw = b"[" * MAX_DEPTH + b"[]" + b'"' + b'\\"' * 60_000 + ending
    began = time.thread_time()
    with pytest.raises(EncodingError, match="deeper"):
        json_object(raw, unique_members=True)
    with pytest.raises(EncodingError, match="not strict JSON"):
        json_object(raw.replace(b"[", b"", 1), unique_members=True)
    assert time.thread_time() - began < 1.0


@pytest.mark.requirement("J5")
def test_depth_is_refused_whatever_the_recursion_limit() -> None:
    """A reader deep in somebody's stack refuses like any other, without a RecursionError."""

    def at_depth(levels: int) -> str:
        if levels:
            return at_depth(levels - 1)
        with pytest.raises(EncodingError) as caught:
            json_object(b'{"a":' + b"[" * 5000, unique_members=True)
        return str(caught.value)

    assert "deeper" in at_depth(sys.getrecursionlimit() // 3)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)  # fmt: skip
def test_ordinary_json_is_read_as_the_standard_library_reads_it(value: object) -> None:
    """What json.dumps writes, both readers read back alike."""
    raw = json.dumps({"a": value}).encode()
    assert json_object(raw, unique_members=True) == json_object(raw, unique_members=False) == json.loads(raw)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nothing but EncodingError comes out of the readers."""
    for unique_members in (True, False):
        try:
            assert type(json_object(raw, unique_members=unique_members)) is dict
        except EncodingError:
            continue
