"""Refusals as `application/problem+json` (RFC 9457) in the caller's language."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from sekisho.rules.refusals import FieldError, Refusal
from sekisho.web.wire import STATUS, Headers, Reply, encode
from sekisho.words.catalogue import SHARED, Language, Say, words
from sekisho_verify import bearer
from sekisho_verify.errors import PROBLEM_TYPE, TokenRefused

#: Seconds, where the one who refused did not say.
_RETRY_AFTER: Final = 5
_WAIT: Final = {"rate_limited", "unavailable"}

_CONTENT_TYPE: Final = (b"content-type", b"application/problem+json")
_COMMON: Final[Headers] = [
    _CONTENT_TYPE,
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept-Language"),
]


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One field that is not right: where (JSON pointer, RFC 6901), the stable code, and words."""

    pointer: str
    code: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal. Compare `code` or `type`; `title` and `detail` are for people and follow Accept-Language."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    help: str
    errors: tuple[FieldProblem, ...] = ()


def problem(refusal: Refusal | TokenRefused, *, language: Language, request_id: str, base_path: str) -> Reply:
    """The response to a refusal; what it holds for the operator's log stays behind.

    `base_path` is the path of the issuer: `help` must be reachable from outside.
    """
    code = refusal.code
    status = STATUS[code]
    say = words(SHARED, language)
    errors = refusal.errors if isinstance(refusal, Refusal) else ()
    body = Problem(
        type=PROBLEM_TYPE + code,
        title=say(f"problem.{code}.title"),
        status=status,
        detail=say(f"problem.{code}.detail", count=seconds_to_wait(refusal)),
        code=code,
        request_id=request_id,
        help=f"{base_path}/problems/{code}",
        errors=tuple(_field(error, say) for error in errors),
    )
    headers = [*_COMMON, (b"content-language", language.encode()), *refusal_headers(refusal)]
    return Reply(status, headers, encode(body))


def refusal_headers(refusal: Refusal | TokenRefused) -> Headers:
    """What a refusal says beside its body, whatever that is written in."""
    code = refusal.code
    headers: Headers = []
    if code in _WAIT:
        headers.append((b"retry-after", b"%d" % seconds_to_wait(refusal)))
    if code == "payload_too_large":
        # Nobody reads the rest of that body, so the connection cannot carry another request.
        headers.append((b"connection", b"close"))
    if STATUS[code] in {401, 403} or isinstance(refusal, TokenRefused):
        headers += challenge(refusal)
    return headers


def challenge(refusal: Refusal | TokenRefused) -> Headers:
    """`WWW-Authenticate` (RFC 6750 section 3), where it belongs.

    A request without a credential is told the scheme and no error. RFC 9110 section 15.5.2 wants a challenge
    with every 401, so a refused login has the bare one too.
    """
    code = refusal.code
    if isinstance(refusal, TokenRefused):
        text = bearer.challenge(refusal)
    elif code.startswith("session_"):
        text = f'Bearer error="invalid_token", error_description="{_english_title(code)}"'
    elif STATUS[code] == 401:
        text = "Bearer"
    else:
        return []
    return [(b"www-authenticate", text.encode("ascii"))]


def _english_title(code: str) -> str:
    return words(SHARED, "en")(f"problem.{code}.title")


def seconds_to_wait(refusal: Refusal | TokenRefused) -> int:
    """Whole seconds until it is worth trying again."""
    retry_after = refusal.retry_after if isinstance(refusal, Refusal) else None
    return _RETRY_AFTER if retry_after is None else max(1, math.ceil(retry_after))


def _field(error: FieldError, say: Say) -> FieldProblem:
    sentence = say(f"field.{error.code}", limit=error.limit)
    return FieldProblem(pointer=error.pointer, code=error.code, detail=sentence)
