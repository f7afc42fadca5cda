"""Signs tokens with the issuer's keys. What is verified here goes through the published verifier."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from sekisho.adapters import watching
from sekisho.adapters.given_keys import SignerKey, SigningKeys, VerifyingKey
from sekisho.adapters.own_keys import OwnKeys
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
    """`ports.Signer` on one immutable set of keys after another; `use` puts the next in place at once.

    Stateless refresh tokens have keys of their own, derived from the root secret (C6): an API server that
    shares the HS256 secret can make access tokens, and still no refresh token; nor can a leaked signing key.

    Args:
        keys: the signing keys of the issuer.
        refresh_keys: the MAC keys of stateless refresh tokens.
        issuer: who signs, and for whom alone refresh tokens are.
    """

    __slots__ = ("_issuer", "_jwks", "_keys", "_refresh_key", "_refresh_tokens", "_sign", "source")

    def __init__(self, keys: SigningKeys | None, *, refresh_keys: MacKeys, issuer: str) -> None:
        #: For the server's own `Verifier`: it follows `use` in the same step.
        self.source = OwnKeys()
        self.use(keys)
        self._issuer = issuer
        self._refresh_key = _hmac_key(refresh_keys.current)
        believed = [self._refresh_key, *(_hmac_key(key) for key in refresh_keys.previous)]
        self._refresh_tokens = jws.CompactVerifier(believed, typ=REFRESH_TYPE)

    def use(self, keys: SigningKeys | None) -> None:
        """Sign, verify and publish by these from now on; by none at all where none may be used.

        Whoever is in the middle of a token ends it by the key that it began with, which the next set still
        believes: a request never waits for a rotation, and none sees half of one.
        """
        self._keys = keys
        verifying = () if keys is None else keys.verifying
        published = () if keys is None else keys.published
        # First believed, then used.
        self.source.put(verifying)
        self._jwks = {"keys": [key.to_jwk() for key in published if not isinstance(key, HmacKey)]}
        self._sign = None if keys is None else keys.signing

    @property
    def signing(self) -> SignerKey:
        """The key of new access tokens.

        Raises:
            Refusal: `unavailable`: every key that there was has been retired.
        """
        if self._sign is None:
            raise Refusal("unavailable", "no key to sign with: those that there were have been retired")
        return self._sign

    @property
    def alg(self) -> str:
        """The algorithm of new access tokens. Raises `Refusal` as `signing` does."""
        return self.signing.alg

    @property
    def kid(self) -> str:
        """The key of new access tokens. Raises `Refusal` as `signing` does."""
        return self.signing.kid

    def sign(self, claims: Mapping[str, Any], *, typ: str = "at+jwt") -> str:
        """A compact JWS by the key that signs now. Raises `Refusal` as `signing` does."""
        key = self._refresh_key if typ == REFRESH_TYPE else self._sign or self.signing
        sign = partial(jws.sign, msgspec.json.encode(claims), {"typ": typ}, key)
        return watching.timed("token.sign", sign, alg=key.alg, kid=key.kid, typ=typ)()

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
        """The keys by which access tokens are checked at this moment."""
        return () if self._keys is None else self._keys.verifying

    def jwks(self) -> Mapping[str, Any]:
        """The public keys (RFC 7517); never an HMAC secret."""
        return self._jwks


def _hmac_key(key: MacKey) -> HmacKey:
    return HmacKey(key.secret, alg="HS256", kid=key.id.hex())
