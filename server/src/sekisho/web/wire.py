"""Bytes to typed input, typed output to bytes, and the one table from a refusal to its HTTP status."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar, cast

import msgspec

from sekisho.frozen import Frozen, Hidden
from sekisho.rules.refusals import FieldCode, FieldError, Refusal
from sekisho.web.asgi import Receive, Send

Headers = list[tuple[bytes, bytes]]

#: Bytes of a request body; the largest honest one is a password of the maximal length, far below.
MAX_BODY: Final = 65_536

#: The HTTP status of every code that a caller may be told (RFC 9110 section 15; RFC 6750 section 3.1).
STATUS: Final[Mapping[str, int]] = {
    "conflict": 409,
    "csrf_failed": 403,
    "email_taken": 409,
    "feed_token_refused": 401,
    "forbidden": 403,
    "insufficient_scope": 403,
    "internal": 500,
    "invalid_credentials": 401,
    "invalid_request": 400,
    "keys_unavailable": 503,
    "last_administrator": 409,
    "malformed_json": 400,
    "method_not_allowed": 405,
    "not_found": 404,
    "not_stored": 409,
    "origin_not_allowed": 403,
    "payload_too_large": 413,
    "rate_limited": 429,
    "refresh_expired": 401,
    "refresh_reused": 401,
    "refresh_unknown": 401,
    "revocations_unavailable": 503,
    "session_expired": 401,
    "session_revoked": 401,
    "session_unknown": 401,
    "sessions_unavailable": 503,
    "setup_closed": 403,
    "setup_code_invalid": 403,
    "signup_closed": 403,
    "token_alg_not_allowed": 401,
    "token_audience_mismatch": 401,
    "token_expired": 401,
    "token_issuer_mismatch": 401,
    "token_key_unknown": 401,
    "token_malformed": 401,
    "token_missing": 401,
    "token_not_yet_valid": 401,
    "token_revoked": 401,
    "token_signature_mismatch": 401,
    "token_stale": 401,
    "token_type_mismatch": 401,
    "unavailable": 503,
    "unsupported_media_type": 415,
    "validation_failed": 422,
}

_JSON_TYPE: Final = re.compile(rb'application/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?\Z', re.IGNORECASE)
_FIELD_OF_FAULT: Final = re.compile(r" - at `\$\.([A-Za-z0-9_]+)")
_MAX_FAULTS: Final = 20
_MAX_NAME: Final = 64

_read_anything: Final = msgspec.json.Decoder().decode
encode: Final = msgspec.json.Encoder().encode

T = TypeVar("T", bound=msgspec.Struct)


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class Reply(Frozen):
    """A whole response."""

    status: int
    headers: Hidden[Headers]
    body: Hidden[bytes] = b""

    async def send(self, send: Send, *, head: bool = False) -> None:
        """Send it; for a HEAD request the headers alone, `Content-Length` as a GET would have it."""
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body))]
        if self.status in {204, 304}:
            headers.pop()  # RFC 9110 section 8.6: never with 204; with 304 it would be that of the 200
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else self.body})


async def read_json(headers: Mapping[bytes, bytes], receive: Receive, *, optional: bool) -> bytes | None:
    """The body of a request that must be JSON; none where it may be empty and is.

    Raises:
        Refusal: `payload_too_large`, as early as the length is known; `unsupported_media_type`.
        ClientGone: the body never came to its end.
    """
    refuse_declared_length(headers)
    if b"content-type" in headers:
        _require_json(headers[b"content-type"])
    body = await read_body(receive)
    if not body and optional:
        return None
    _require_json(headers.get(b"content-type", b""))
    return body


def refuse_declared_length(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a body that says itself that it is too large.

    Raises:
        Refusal: `payload_too_large`.
    """
    declared = headers.get(b"content-length", b"")
    # Nothing but digits counts. A length that lies is caught while the body is read.
    if declared.isdigit() and (len(declared) > 9 or int(declared) > MAX_BODY):
        raise Refusal("payload_too_large")


def _require_json(media_type: bytes) -> None:
    # Only this type: forms and text/plain are what a foreign page can send without asking first (F6).
    if not _JSON_TYPE.match(media_type.strip()):
        raise Refusal("unsupported_media_type")


async def read_body(receive: Receive) -> bytes:
    """All bytes of a body.

    Raises:
        Refusal: `payload_too_large`.
        ClientGone: it never came to its end.
    """
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise Refusal("payload_too_large")
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def reader(kind: type[T]) -> Callable[[bytes], T]:
    """A function from the bytes of a body to the typed input.

    Where members repeat, the last one wins: nobody in front of us decides by another one, and refusing would
    cost every request a second parse.

    The function raises:
        Refusal: `malformed_json`; `validation_failed` with every fault at once.
    """
    decode = msgspec.json.Decoder(kind).decode
    fields = msgspec.structs.fields(kind)

    def read(body: bytes) -> T:
        try:
            value = decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            # msgspec lets UnicodeDecodeError (a ValueError) and RecursionError through.
            raise _explain(body, fields, error) from None
        # U+0000 can only arrive escaped, and PostgreSQL cannot store it.
        if b"\\u0000" in body:
            faults = [
                FieldError(f"/{field.encode_name}", "invalid_value")
                for field in fields
                if isinstance(text := getattr(value, field.name), str) and "\0" in text
            ]
            if faults:
                raise Refusal("validation_failed", errors=tuple(faults))
        return value

    return read


def _explain(body: bytes, fields: tuple[msgspec.structs.FieldInfo, ...], error: Exception) -> Refusal:
    """Every fault of a body that could not be read as a flat object of these fields."""
    try:
        value = _read_anything(body)
    except msgspec.ValidationError:
        # JSON by its grammar, but with a number that no field here could hold.
        named = _FIELD_OF_FAULT.search(str(error))
        pointer = f"/{named[1]}" if named else ""
        return Refusal("validation_failed", errors=(FieldError(pointer, "invalid_type"),))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return Refusal("malformed_json")
    if not isinstance(value, dict):
        return Refusal("validation_failed", errors=(FieldError("", "invalid_type"),))
    members = cast("dict[str, Any]", value)
    return Refusal("validation_failed", errors=tuple(_faults(members, fields)))


def _faults(value: dict[str, Any], fields: tuple[msgspec.structs.FieldInfo, ...]) -> Iterator[FieldError]:
    for field in fields:
        pointer = f"/{field.encode_name}"
        if field.encode_name not in value:
            if field.required:
                yield FieldError(pointer, "field_missing")
            continue
        given = value[field.encode_name]
        try:
            msgspec.convert(given, field.type)
        except msgspec.ValidationError as error:
            # "Expected `str`, got `int`" is about the type; every other sentence is about the value.
            code: FieldCode = "invalid_type" if ", got `" in str(error) else "invalid_value"
            yield FieldError(pointer, code)
        else:
            if isinstance(given, str) and "\0" in given:
                yield FieldError(pointer, "invalid_value")
    known = {field.encode_name for field in fields}
    unknown = [name for name in value if name not in known]
    for name in unknown[:_MAX_FAULTS]:
        # RFC 6901 section 3. The name is the caller's own, and is shown to nobody else.
        yield FieldError("/" + name[:_MAX_NAME].replace("~", "~0").replace("/", "~1"), "field_unknown")
