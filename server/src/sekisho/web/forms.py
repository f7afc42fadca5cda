"""HTML forms: `application/x-www-form-urlencoded` read strictly, and then as the JSON of an endpoint is read.

What a browser sends is a narrow language (URL Standard section 5.2); whatever else is sent is somebody's
attempt to be read in two ways, and is refused. There are no files, and so no multipart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from sekisho.rules.refusals import Refusal
from sekisho.web.asgi import Receive
from sekisho.web.wire import encode, read_body, reader, refuse_declared_length

#: What a form carried, by field.
Form: TypeAlias = Mapping[str, str]

#: The field that carries the CSRF token, where a script would send the header.
CSRF_FIELD: Final = "csrf_token"
#: Fields of one form; the largest of ours has five.
MAX_FIELDS: Final = 32

_FORM_TYPE: Final = re.compile(
    rb'application/x-www-form-urlencoded[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?\Z', re.IGNORECASE
)
#: Visible ASCII, and every percent sign with its two digits, which `unquote_to_bytes` does not ask for.
_ENCODED: Final = re.compile(rb"(?:[!-$&-~]|%[0-9A-Fa-f]{2})*\Z")

T = TypeVar("T", bound=msgspec.Struct)


async def read_form(headers: Mapping[bytes, bytes], receive: Receive) -> dict[str, str]:
    """The fields of a form.

    Raises:
        Refusal: `payload_too_large`, `unsupported_media_type`; `invalid_request` for what no browser sends: a
            field twice, more than 32 of them, bad percent-encoding, bytes that are not UTF-8.
        ClientGone: the body never came to its end.
    """
    refuse_declared_length(headers)
    if not _FORM_TYPE.match(headers.get(b"content-type", b"").strip()):
        raise Refusal("unsupported_media_type", "not a form")
    return parse_form(await read_body(receive))


def parse_form(body: bytes) -> dict[str, str]:
    """The fields of an encoded form, or of a query string.

    Raises:
        Refusal: `invalid_request`.
    """
    if not body:
        return {}
    pairs = body.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise Refusal("invalid_request", f"more than {MAX_FIELDS} fields")
    fields: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition(b"=")
        if not name or not equals:
            raise Refusal("invalid_request", "a field without a name or an equals sign")
        key = _decoded(name)
        if key in fields:
            raise Refusal("invalid_request", "a field twice")
        fields[key] = _decoded(value)
    return fields


def _decoded(text: bytes) -> str:
    if not _ENCODED.match(text):
        raise Refusal("invalid_request", "not percent-encoded as a form is")
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise Refusal("invalid_request", "not UTF-8") from None


_reader: Final = cache(reader)


def form_as(kind: type[T], form: Mapping[str, Any]) -> T:
    """A form as the input of an endpoint, held to the same types and limits as its JSON.

    Raises:
        Refusal: `validation_failed` with every fault at once, by the pointers of the JSON.
    """
    read: Any = _reader(kind)
    found: T = read(encode(form))
    return found
