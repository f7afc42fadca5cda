"""Forms are read as a browser writes them, and in no other way."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.rules.refusals import Refusal
from sekisho.web.bodies import Login
from sekisho.web.forms import MAX_FIELDS, form_as, parse_form, read_form
from sekisho.web.wire import MAX_BODY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
FORM = {b"content-type": b"application/x-www-form-urlencoded"}


@given(st.dictionaries(TEXT.filter(bool), TEXT, max_size=8))
def test_what_a_browser_writes_is_read_back(fields: dict[str, str]) -> None:
    """Any text in any field, spaces as plus signs, everything else percent-encoded."""
    assert parse_form(urlencode(fields).encode()) == fields


@given(st.binary(max_size=60))
def test_whatever_is_sent_is_read_or_refused(body: bytes) -> None:
    """Never another exception; what is read, written again, is read the same."""
    fields, code = {}, ""
    try:
        fields = parse_form(body)
    except Refusal as refusal:
        code = refusal.code
    assert code in {"", "invalid_request"}
    assert parse_form(urlencode(fields).encode()) == fields


@pytest.mark.requirement("A3", "X04")
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"a=1&a=2", "a field twice"),
        (b"a=1&%61=2", "a field twice"),
        (b"a=1&&b=2", "without a name"),
        (b"a=1&", "without a name"),
        (b"&", "without a name"),
        (b"=1", "without a name"),
        (b"a", "without a name"),
        (b"a=%", "percent-encoded"),
        (b"a=%4", "percent-encoded"),
        (b"a=%zz", "percent-encoded"),
        (b"a=%u0041", "percent-encoded"),
        (b"a=\xe3\x81\x82", "percent-encoded"),
        (b"a=b c", "percent-encoded"),
        (b"a=b\r\nc", "percent-encoded"),
        (b"a=b\0", "percent-encoded"),
        (b"a=%ff", "not UTF-8"),
        (b"a=%c0%80", "not UTF-8"),
        (b"a=%ed%a0%80", "not UTF-8"),
        (b"%e3%81=1", "not UTF-8"),
        (b"&".join(b"f%d=" % number for number in range(MAX_FIELDS + 1)), "more than 32"),
        (b"&" * MAX_BODY, "more than 32"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(body: bytes, why: str) -> None:
    """A field twice is the oldest of them: which one counts is what two parsers disagree about."""
    with pytest.raises(Refusal, match=why) as refused:
        parse_form(body)
    assert refused.value.code == "invalid_request"


def test_as_many_fields_as_are_allowed_are_read() -> None:
    """The last of them too; nothing at all is a form without fields."""
    fields = {f"f{number}": str(number) for number in range(MAX_FIELDS)}
    assert parse_form(urlencode(fields).encode()) == fields
    assert parse_form(b"") == {}


async def read(headers: Mapping[bytes, bytes], *chunks: bytes) -> dict[str, str]:
    """Read a form that comes in these pieces."""
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]
    coming = iter(messages)

    async def receive() -> Message:
        return next(coming)

    return await read_form(headers, receive)


@pytest.mark.parametrize(
    "kind",
    [
        b"application/x-www-form-urlencoded",
        b"application/x-www-form-urlencoded;charset=UTF-8",
        b'Application/X-WWW-Form-Urlencoded; charset="utf-8"',
    ],
)
async def test_a_form_is_read_by_its_type(kind: bytes) -> None:
    """As browsers and clients name it, in as many pieces as it comes."""
    assert await read({b"content-type": kind}, b"a=%E9", b"%96%A2&b=") == {"a": "関", "b": ""}


@pytest.mark.requirement("F6")
@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"application/json",
        b"text/plain",
        b"multipart/form-data; boundary=x",
        b"application/x-www-form-urlencoded; charset=shift_jis",
        b"application/x-www-form-urlencoded, text/plain",
        b"application/x-www-form-urlencodedx",
    ],
)
async def test_nothing_else_is_a_form(kind: bytes) -> None:
    """415 before a byte of the body is read."""
    with pytest.raises(Refusal) as refused:
        await read({b"content-type": kind} if kind else {})
    assert refused.value.code == "unsupported_media_type"


async def test_a_form_that_is_too_large_is_refused_early() -> None:
    """By what it says of itself, and by what it is."""
    with pytest.raises(Refusal) as refused:
        await read({**FORM, b"content-length": str(MAX_BODY + 1).encode()})
    assert refused.value.code == "payload_too_large"
    with pytest.raises(Refusal) as refused:
        await read(FORM, b"a=" + b"x" * (MAX_BODY - 2), b"x")
    assert refused.value.code == "payload_too_large"
    assert len((await read(FORM, b"a=" + b"x" * (MAX_BODY - 2)))["a"]) == MAX_BODY - 2


def test_a_form_is_held_to_the_types_of_the_endpoint() -> None:
    """The same limits, the same pointers, all faults at once; no field that the endpoint does not have."""
    good = form_as(Login, {"email": "a@example.com", "password": "関", "mode": "session"})
    assert (good.email, good.password, good.mode) == ("a@example.com", "関", "session")
    with pytest.raises(Refusal) as refused:
        form_as(Login, {"email": "a" * 321, "mode": "x\0", "admin": "true"})
    assert {(fault.pointer, fault.code) for fault in refused.value.errors} == {
        ("/email", "invalid_value"),
        ("/password", "field_missing"),
        ("/mode", "invalid_value"),
        ("/admin", "field_unknown"),
    }
    with pytest.raises(Refusal) as refused:
        form_as(Login, {"email": "a\0", "password": "x", "mode": "session"})
    assert [fault.pointer for fault in refused.value.errors] == ["/email"]
