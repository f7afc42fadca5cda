"""Check a sekisho access token in any Python service: strict, fast, no database, no network.

    from sekisho_verify import TokenRefused, Verifier

    verifier = Verifier(issuer="https://id.example.com", audience="api")
    token = verifier.verify(text)  # an AccessToken, or TokenRefused with .code

What needs `cryptography`, a thread or the network is loaded at its first use, so that a service with a shared
secret never pays for it. In which order to read the files is in verify/README.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from sekisho_verify.access_token import AccessToken
from sekisho_verify.errors import (
    ConfigurationError,
    KeyRefused,
    KeySetUnavailable,
    RevocationsUnavailable,
    RightMissing,
    SekishoVerifyError,
    SessionsUnavailable,
    TokenRefused,
    VerificationUnavailable,
)
from sekisho_verify.feed_sources import FeedSource, FeedStatus
from sekisho_verify.key_sources import KeySource, KeyStatus
from sekisho_verify.keys import HmacKey
from sekisho_verify.revocations.live import Revocations
from sekisho_verify.rights import require
from sekisho_verify.verifier import Verifier

if TYPE_CHECKING:
    from sekisho_verify.feed import IssuerFeed
    from sekisho_verify.jwks import IssuerKeys, fetch_key_set
    from sekisho_verify.keypairs import EcKey, OkpKey, RsaKey, SigningKey
    from sekisho_verify.keysets import KeySet, key_from_jwk, key_set_from_jwks
    from sekisho_verify.pem import key_from_pem
    from sekisho_verify.refreshed_keys import HmacKeySource
    from sekisho_verify.revocations.local import LocalRevocations
    from sekisho_verify.session_cookies import SessionCookies

__all__ = [
    "AccessToken",
    "ConfigurationError",
    "EcKey",
    "FeedSource",
    "FeedStatus",
    "HmacKey",
    "HmacKeySource",
    "IssuerFeed",
    "IssuerKeys",
    "KeyRefused",
    "KeySet",
    "KeySetUnavailable",
    "KeySource",
    "KeyStatus",
    "LocalRevocations",
    "OkpKey",
    "Revocations",
    "RevocationsUnavailable",
    "RightMissing",
    "RsaKey",
    "SekishoVerifyError",
    "SessionCookies",
    "SessionsUnavailable",
    "SigningKey",
    "TokenRefused",
    "VerificationUnavailable",
    "Verifier",
    "fetch_key_set",
    "key_from_jwk",
    "key_from_pem",
    "key_set_from_jwks",
    "require",
]

_AT_FIRST_USE: Final = {
    "EcKey": "sekisho_verify.keypairs",
    "OkpKey": "sekisho_verify.keypairs",
    "RsaKey": "sekisho_verify.keypairs",
    "SigningKey": "sekisho_verify.keypairs",
    "KeySet": "sekisho_verify.keysets",
    "key_from_jwk": "sekisho_verify.keysets",
    "key_from_pem": "sekisho_verify.pem",
    "key_set_from_jwks": "sekisho_verify.keysets",
    "fetch_key_set": "sekisho_verify.jwks",
    "IssuerKeys": "sekisho_verify.jwks",
    "IssuerFeed": "sekisho_verify.feed",
    "HmacKeySource": "sekisho_verify.refreshed_keys",
    "LocalRevocations": "sekisho_verify.revocations.local",
    "SessionCookies": "sekisho_verify.session_cookies",
}


if not TYPE_CHECKING:  # for a checker it would give every name there is not a type, Any, and hide the mistake

    def __getattr__(name: str) -> object:  # PEP 562
        if name not in _AT_FIRST_USE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_AT_FIRST_USE[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
