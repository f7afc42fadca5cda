"""Bytes to typed input: every fault is named, at once, and none is an exception of the parser's."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.rules.refusals import CODES, Refusal
from sekisho.web.bodies import Login, Logout, NewAccount, PasswordChange, Refresh
from sekisho.web.wire import MAX_BODY, STATUS, ClientGone, read_json, reader
from sekisho_verify.errors import SENTENCES, UNAVAILABLE

JSON = {b"content-type": b"application/json"}
read_login = reader(Login)


def faults(body: bytes) -> tuple[str, list[tuple[str, str]]]:
    """The code and the faults with which a login is refused."""
    with pytest.raises(Refusal) as refused:
        read_login(body)
    return refused.value.code, [(each.pointer, each.code) for each in refused.value.errors]


class Chunks:
    """The receiving end of a request whose body comes in pieces."""

    def __init__(self, *chunks: bytes, gone: bool = False) -> None:
        self.messages: list[MutableMapping[str, Any]] = [
            {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
        ]
        self.messages.append({"type": "http.disconnect"} if gone else {"type": "http.request"})
        self.taken = 0

    async def __call__(self) -> MutableMapping[str, Any]:
        """Hand over the next piece."""
        self.taken += 1
        return self.messages[self.taken - 1]


def test_every_code_has_a_status() -> None:
    """What a flow or the verifier can refuse with has its one row in the table."""
    assert STATUS.keys() == CODES | SENTENCES.keys() | UNAVAILABLE.keys()


def test_all_faults_come_at_once() -> None:
    """Wrong type, missing, wrong value and unknown, each with its pointer."""
    body = {"email": 5, "mode": "telepathy", "device_token": "a\0", "pass/w~rd": 1, "x": None}
    assert faults(json.dumps(body).encode()) == (
        "validation_failed",
        [
            ("/email", "invalid_type"),
            ("/password", "field_missing"),
            ("/mode", "invalid_value"),
            ("/device_token", "invalid_value"),
            ("/pass~1w~0rd", "field_unknown"),
            ("/x", "field_unknown"),
        ],
    )


def test_lists_of_unknown_members_are_bounded() -> None:
    """A body of a thousand inventions is not echoed at length."""
    body = json.dumps({"n" * 100 + str(number): 0 for number in range(500)}).encode()
    _, found = faults(body)
    unknown = [pointer for pointer, code in found if code == "field_unknown"]
    assert len(unknown) == 20
    assert {len(pointer) for pointer in unknown} == {65}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ("malformed_json", [])),
        (b" ", ("malformed_json", [])),
        (b"{", ("malformed_json", [])),
        (b"{} {}", ("malformed_json", [])),
        (b"\xef\xbb\xbf{}", ("malformed_json", [])),
        (b"NaN", ("malformed_json", [])),
        (b'{"email":"\xff"}', ("malformed_json", [])),
        (b'{"email":"\\ud800"}', ("malformed_json", [])),
        (b'{"email":"\\udc00x"}', ("malformed_json", [])),
        (b'{"email":"\x00"}', ("malformed_json", [])),
        (b"[" * 60_000, ("malformed_json", [])),
        (b'{"email":' * 6_000, ("malformed_json", [])),
        (b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", ("malformed_json", [])),
        (b"null", ("validation_failed", [("", "invalid_type")])),
        (b"[]", ("validation_failed", [("", "invalid_type")])),
        (b'"{}"', ("validation_failed", [("", "invalid_type")])),
        (b'{"email":' + b"9" * 5_000 + b"}", ("validation_failed", [("/email", "invalid_type")])),
        (b'{"email":1e999}', ("validation_failed", [("/email", "invalid_type")])),
    ],
    ids=range(18),
)
def test_odd_bodies_have_a_stable_code(body: bytes, expected: tuple[str, list[tuple[str, str]]]) -> None:
    """What the parser raises, RecursionError and UnicodeDecodeError included, is one of two answers."""
    assert faults(body) == expected


def test_u0000_is_refused_wherever_it_can_stand() -> None:
    """PostgreSQL cannot store it: every string of every body is looked at, however it is escaped."""
    for kind in (NewAccount, Login, Refresh, Logout, PasswordChange):
        read = reader(kind)
        names = list(kind.__struct_fields__)
        for name in names:
            good = {"email": "a@b.c", "password": "x", "mode": "token", "refresh_token": "x"}
            body = {each: good.get(each, "x") for each in names}
            body |= {"scope": "this"} if "scope" in names else {}
            read(json.dumps(body).encode())
            if name in {"mode", "scope"}:
                continue
            with pytest.raises(Refusal) as refused:
                read(json.dumps(body | {name: "a\0b"}).encode())
            assert [(each.pointer, each.code) for each in refused.value.errors] == [
                (f"/{name}", "invalid_value")
            ]


def test_an_escaped_backslash_is_no_u0000() -> None:
    """The six characters of the escape are a fine password."""
    body = rb'{"email":"a@b.c","password":"\\u0000","mode":"token"}'
    assert read_login(body).password == r"\u0000"


def test_of_repeated_members_the_last_wins() -> None:
    """Decided, not left to chance: RFC 8259 section 4 leaves it open."""
    assert reader(Refresh)(b'{"refresh_token":"a","refresh_token":"b"}').refresh_token == "b"


def test_bodies_never_print_what_they_hold() -> None:
    """A body in a log line or a traceback is its type alone."""
    body = read_login(b'{"email":"a@b.c","password":"hunter2","mode":"token"}')
    assert f"{body!r} {body}" == "<Login> <Login>"


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["email", "password", "mode"]) | st.text(), inner)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_nothing_but_a_refusal_comes_out(body: bytes) -> None:
    """Any bytes and any JSON either are a login or are refused with a known code."""
    try:
        assert isinstance(read_login(body), Login)
    except Refusal as refusal:
        seen = refusal.code, bool(refusal.errors)
        assert seen in {("malformed_json", False), ("validation_failed", True)}


@pytest.mark.requirement("F6")
@pytest.mark.parametrize(
    "media_type",
    [
        b"",
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/jsonp",
        b"application/json-patch+json",
        b"application/json; charset=shift_jis",
        b"application/json, text/plain",
        b"text/plain; application/json",
    ],
)
async def test_only_json_is_read(media_type: bytes) -> None:
    """Every other type is refused, the ones that a foreign page can send without asking first above all."""
    with pytest.raises(Refusal) as refused:
        await read_json({b"content-type": media_type}, Chunks(b"{}"), optional=True)
    assert refused.value.code == "unsupported_media_type"


@pytest.mark.parametrize(
    "media_type",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json;charset=UTF-8",
        b'application/json; charset="utf-8"',
    ],
)
async def test_json_may_say_that_it_is_utf8(media_type: bytes) -> None:
    """The parameter that many clients add says nothing new."""
    assert await read_json({b"content-type": media_type}, Chunks(b"{", b"}"), optional=False) == b"{}"


async def test_an_empty_body_needs_no_type_where_none_is_needed() -> None:
    """Nothing sent is nothing declared; a body that is needed must be declared all the same."""
    assert await read_json({}, Chunks(), optional=True) is None
    with pytest.raises(Refusal) as refused:
        await read_json({}, Chunks(), optional=False)
    assert refused.value.code == "unsupported_media_type"


async def test_a_declared_size_is_refused_unread() -> None:
    """Above 64 KiB by its own words: not a byte of it is read."""
    for length in (b"65537", b"9" * 5_000):
        chunks = Chunks(b"x")
        with pytest.raises(Refusal) as refused:
            await read_json({**JSON, b"content-length": length}, chunks, optional=False)
        assert (refused.value.code, chunks.taken) == ("payload_too_large", 0)


@pytest.mark.parametrize(
    "headers", [JSON, {**JSON, b"content-length": b"7"}, {**JSON, b"content-length": b"-1"}]
)
async def test_a_size_that_was_not_declared_is_met_while_reading(headers: dict[bytes, bytes]) -> None:
    """Reading stops at the first piece that is too much; exactly 64 KiB is not."""
    assert await read_json(headers, Chunks(b"x" * MAX_BODY), optional=False) == b"x" * MAX_BODY
    chunks = Chunks(*[b"x" * 30_000] * 5)
    with pytest.raises(Refusal) as refused:
        await read_json(headers, chunks, optional=False)
    assert (refused.value.code, chunks.taken) == ("payload_too_large", 3)


async def test_half_a_request_is_never_acted_on() -> None:
    """A client that goes away in the middle leaves nothing to decide."""
    with pytest.raises(ClientGone):
        await read_json(JSON, Chunks(b'{"refresh_token":"x"}', gone=True), optional=True)
