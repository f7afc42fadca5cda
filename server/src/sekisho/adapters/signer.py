"""Signs tokens with the issuer's keys. What is verified here goes through the published verifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sekisho.adapters.given_keys import SigningKeys, VerifyingKey
from sekisho.rules.opaque import MacKey, MacKeys
from sekisho.rules.refusals import Refusal
from sekisho_verify import HmacKey, TokenRefused, jws

REFRESH_TYPE = "rt+jwt"


class RefreshClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The claims of a stateless refresh token: all of them, each of its one type."""

    iss: str
    aud: str
    sub: str
    sid: str
    iat: int
    exp: int
    auth_time: int
    amr: tuple[str, ...]
    rv: str


_decode = msgspec.json.Decoder(RefreshClaims).decode


class JwsSigner:
    """`ports.Signer` on keys given once.

    Stateless refresh tokens have keys of their own, derived from the root secret (C6): an API server that
    shares the HS256 secret can make access tokens, and still no refresh token; nor can a leaked signing key.

    Args:
        keys: the signing keys of the issuer.
        refresh_keys: the MAC keys of stateless refresh tokens.
        issuer: who signs, and for whom alone refresh tokens are.
    """

    __slots__ = ("_issuer", "_keys", "_refresh_key", "_refresh_tokens")

    def __init__(self, keys: SigningKeys, *, refresh_keys: MacKeys, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._refresh_key = _hmac_key(refresh_keys.current)
        believed = [self._refresh_key, *(_hmac_key(key) for key in refresh_keys.previous)]
        self._refresh_tokens = jws.CompactVerifier(believed, typ=REFRESH_TYPE)

    @property
    def alg(self) -> str:
        """The algorithm of new access tokens."""
        return self._keys.signing.alg

    @property
    def kid(self) -> str:
        """The key of new access tokens."""
        return self._keys.signing.kid

    def sign(self, claims: Mapping[str, Any], *, typ: str = "at+jwt") -> str:
        """A compact JWS by the key that signs now."""
        key = self._refresh_key if typ == REFRESH_TYPE else self._keys.signing
        return jws.sign(msgspec.json.encode(claims), {"typ": typ}, key)

    def verify_refresh(self, text: str, *, now: float) -> Mapping[str, Any]:
        """The claims of a stateless refresh token of ours (`typ` `rt+jwt`), its seal and expiry checked.

        Raises:
            Refusal: `refresh_unknown` or `refresh_expired`.
        """
        try:
            claims = _decode(self._refresh_tokens.open(text))
        except TokenRefused as fault:
            raise Refusal("refresh_unknown", fault.code) from fault
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise Refusal("refresh_unknown", "claims that we do not write") from fault
        if not claims.iss == claims.aud == self._issuer:
            raise Refusal("refresh_unknown", "for another issuer")
        if not now < claims.exp:
            raise Refusal("refresh_expired")
        return msgspec.structs.asdict(claims)

    def verification_keys(self) -> tuple[VerifyingKey, ...]:
        """The keys by which the server's own `Verifier` checks access tokens."""
        return self._keys.verifying

    def jwks(self) -> Mapping[str, Any]:
        """The public keys (RFC 7517); never an HMAC secret."""
        return {"keys": [key.to_jwk() for key in self._keys.published if not isinstance(key, HmacKey)]}


def _hmac_key(key: MacKey) -> HmacKey:
    return HmacKey(key.secret, alg="HS256", kid=key.id.hex())
