"""The access token of a request: in `Authorization: Bearer`, exactly once, and nowhere else (RFC 6750)."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho_verify.errors import TokenRefused


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The token presented, or none where there is no credential of this scheme.

    Query parameters and form bodies never count: both end up in logs and histories.

    Raises:
        TokenRefused: `invalid_request` for two `Authorization` headers: proxies disagree on which one counts.
    """
    presented = [value for name, value in headers if name == b"authorization"]
    if not presented:
        return None
    if len(presented) > 1:
        raise TokenRefused("invalid_request", "more than one Authorization header")
    scheme, _, token = presented[0].partition(b" ")
    return token.strip(b" ").decode("latin-1") if scheme.lower() == b"bearer" else None


def required_bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The same where a credential is needed.

    Raises:
        TokenRefused: `token_missing` too.
    """
    token = bearer_token(headers)
    if token is None:
        raise TokenRefused("token_missing")
    return token
