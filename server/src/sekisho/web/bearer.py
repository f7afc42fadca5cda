"""The access token of a request, where one may be missing: RFC 6750 itself is known to the verifier."""

from __future__ import annotations

from collections.abc import Iterable

from sekisho_verify.asgi import authorization
from sekisho_verify.bearer import credential
from sekisho_verify.errors import TokenRefused


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The token presented, or none where there is no credential of this scheme.

    Raises:
        TokenRefused: `invalid_request` for two `Authorization` headers.
    """
    try:
        return required_bearer_token(headers)
    except TokenRefused as refused:
        if refused.code == "token_missing":
            return None
        raise


def required_bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The same where a credential is needed.

    Raises:
        TokenRefused: `token_missing` too.
    """
    return credential(authorization(headers))
