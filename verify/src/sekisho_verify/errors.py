"""Every way a token, a key or a configuration is refused, under one root.

A refusal has three readers: `code` is for machines and never changes, the sentence in `SENTENCES` may be
shown to the caller, and `detail` is for the operator's log only. Codes and sentences are plain ASCII without
quotation marks, so that they fit into a `WWW-Authenticate` header (RFC 6750 section 3).
"""

from __future__ import annotations

from typing import Final, Literal

RefusalCode = Literal[
    "token_missing",
    "invalid_request",
    "token_malformed",
    "token_alg_not_allowed",
    "token_key_unknown",
    "token_signature_mismatch",
    "token_type_mismatch",
    "token_issuer_mismatch",
    "token_audience_mismatch",
    "token_expired",
    "token_not_yet_valid",
    "token_revoked",
    "token_stale",
    "insufficient_scope",
    "session_unknown",
    "session_expired",
    "session_revoked",
    "csrf_failed",
    "origin_not_allowed",
]

SENTENCES: Final[dict[RefusalCode, str]] = {
    "token_missing": "This needs an access token",
    "invalid_request": "The request carries more than one credential",
    "token_malformed": "The access token is not well formed",
    "token_alg_not_allowed": "The access token uses an algorithm that is not accepted here",
    "token_key_unknown": "The access token names a key that is not known here",
    "token_signature_mismatch": "The signature of the access token does not match",
    "token_type_mismatch": "This is not an access token",
    "token_issuer_mismatch": "The access token comes from another issuer",
    "token_audience_mismatch": "The access token is meant for another audience",
    "token_expired": "The access token has expired",
    "token_not_yet_valid": "The access token is not valid yet",
    "token_revoked": "The access token has been revoked",
    "token_stale": "The rights behind the access token have changed; refresh it",
    "insufficient_scope": "The access token lacks a right that this needs",
}
"""What a caller may be told about each code of a token; nothing here depends on the token."""

SESSION_SENTENCES: Final[dict[RefusalCode, str]] = {
    "session_unknown": "There is no such session",
    "session_expired": "The session has expired",
    "session_revoked": "The session has ended",
    "csrf_failed": "The request could not be tied to your session",
    "origin_not_allowed": "This web site may not do that",
}
"""The same about a session cookie, where a guard accepts one, and about the page that sent it."""


UnavailableCode = Literal["keys_unavailable", "revocations_unavailable", "sessions_unavailable"]

UNAVAILABLE: Final[dict[UnavailableCode, str]] = {
    "keys_unavailable": "Access tokens cannot be verified at the moment",
    "revocations_unavailable": "Whether access tokens were revoked cannot be known at the moment",
    "sessions_unavailable": "Sessions cannot be checked at the moment",
}
"""The same for what is not the token's fault: no verdict can be given, and the answer is 503."""

PROBLEM_TYPE: Final = "urn:sekisho:problem:"
"""What `type` of a problem (RFC 9457 section 3.1.1) begins with; the code follows.

One constant URI a code, the same on every instance, so that clients can compare it; we own no domain, so it
is a URN.
"""


class SekishoVerifyError(Exception):
    """The root of everything this package raises on purpose."""


class TokenRefused(SekishoVerifyError):
    """The token is not accepted, or the cookie of a session in its place.

    Attributes:
        code: the stable reason.
        detail: more for the operator's log, possibly with values taken from the token (escaped); never for
            the caller.
    """

    def __init__(self, code: RefusalCode, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code: RefusalCode = code
        self.detail = detail

    @property
    def sentence(self) -> str:
        """What the caller may be told."""
        return SENTENCES.get(self.code) or SESSION_SENTENCES[self.code]

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


class RightMissing(TokenRefused):
    """The token is good, and does not carry the right that was asked for (RFC 6750 section 3.1).

    Attributes:
        kind: `scope`, `role`, `group` or `permission`.
        name: the right that is missing, as the application had written it.
    """

    def __init__(self, kind: str, name: str) -> None:
        super().__init__("insufficient_scope", f"needs {kind} {name!a}")
        self.kind = kind
        self.name = name

    def __reduce__(self) -> tuple[type[RightMissing], tuple[str, str]]:
        return type(self), (self.kind, self.name)


class EncodingError(SekishoVerifyError, ValueError):
    """Bytes that are not the one accepted spelling of base64url or JSON."""


class ConfigurationError(SekishoVerifyError, ValueError):
    """The verifier was set up in a way that could never be safe; the message says what to write instead."""


class KeyRefused(ConfigurationError):
    """A key is too weak, of the wrong kind, or inconsistent; the message says what to give instead."""


class VerificationUnavailable(SekishoVerifyError):
    """No verdict can be given now, and it is not the token's fault: HTTP 503, never 401.

    Attributes:
        code: the stable reason.
        detail: what happened, for the operator's log.
    """

    code: UnavailableCode

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class KeySetUnavailable(VerificationUnavailable):
    """The issuer's keys could not be fetched, or are not keys that can be used."""

    code = "keys_unavailable"


class RevocationsUnavailable(VerificationUnavailable):
    """What was revoked is not known, or not as of lately enough, or what the feed said cannot be so."""

    code = "revocations_unavailable"


class SessionsUnavailable(VerificationUnavailable):
    """The issuer could not be asked about the cookie of a session, or its answer is none."""

    code = "sessions_unavailable"
