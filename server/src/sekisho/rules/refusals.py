"""What a caller may be told when the answer is no: stable codes, no HTTP, no secrets.

A code is one snake_case word and never changes its meaning: it is the same in the API, the command line, the
security events, the metrics and the documentation. The words for people live in the catalogue, the status
in `web/wire.py`; the codes of a refused access token belong to `sekisho_verify.errors`.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from sekisho.frozen import Frozen

Code = Literal[
    "conflict",
    "csrf_failed",
    "email_taken",
    "feed_token_refused",
    "forbidden",
    "internal",
    "invalid_credentials",
    "invalid_request",
    "last_administrator",
    "malformed_json",
    "method_not_allowed",
    "not_found",
    "not_stored",
    "origin_not_allowed",
    "payload_too_large",
    "rate_limited",
    "refresh_expired",
    "refresh_reused",
    "refresh_unknown",
    "session_expired",
    "session_revoked",
    "session_unknown",
    "setup_closed",
    "setup_code_invalid",
    "signup_closed",
    "unavailable",
    "unsupported_media_type",
    "validation_failed",
]
FieldCode = Literal[
    "field_missing",
    "field_unknown",
    "invalid_email",
    "invalid_locale",
    "invalid_name",
    "invalid_type",
    "invalid_value",
    "password_common",
    "password_too_long",
    "password_too_short",
]

CODES: Final[frozenset[str]] = frozenset(get_args(Code))
FIELD_CODES: Final[frozenset[str]] = frozenset(get_args(FieldCode))


class FieldError(Frozen):
    """One fault of the input: a JSON pointer (RFC 6901) to the member, and its code."""

    pointer: str
    code: FieldCode
    #: What the value was measured against, for the sentence a person reads; never the value itself.
    limit: int | None = None


class Refusal(Exception):
    """The answer is no. Raised by rules, flows and adapters; turned into a response in one place.

    Args:
        code: what the caller is told.
        detail: for the operator's log only; never sent.
        retry_after: seconds until the same request may be answered differently, where that is known.
        errors: every fault of the input at once, for `validation_failed`.
    """

    def __init__(
        self,
        code: Code,
        detail: str = "",
        *,
        retry_after: float | None = None,
        errors: tuple[FieldError, ...] = (),
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code: Code = code
        self.detail = detail
        self.retry_after = retry_after
        self.errors = errors


def invalid(pointer: str, code: FieldCode, limit: int | None = None) -> Refusal:
    """A `validation_failed` with a single fault."""
    return Refusal("validation_failed", f"{pointer}: {code}", errors=(FieldError(pointer, code, limit),))
