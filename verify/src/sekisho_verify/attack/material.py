"""What the attack on one's own API is made of: the good token, and the keys that can be had."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast, get_args

from sekisho_verify.attack.probe import Prober, Unreachable
from sekisho_verify.errors import (
    ConfigurationError,
    EncodingError,
    KeyRefused,
    KeySetUnavailable,
    TokenRefused,
)
from sekisho_verify.forgeries.forging import Parts, parts
from sekisho_verify.jwks import fetch_key_set
from sekisho_verify.key_generation import Alg
from sekisho_verify.keypairs import EcKey, OkpKey, RsaKey, SigningKey
from sekisho_verify.keys import HmacKey
from sekisho_verify.keysets import key_from_jwk, key_set_from_jwks
from sekisho_verify.pem import key_from_pem
from sekisho_verify.urls import safe_place

if TYPE_CHECKING:
    from sekisho_verify.keypairs import PairAlg
    from sekisho_verify.keys import HmacAlg, VerificationKey

PublicKey = EcKey | OkpKey | RsaKey

_RSA: Final = ("RS256", "PS256")


class Unusable(Exception):
    """What was given cannot be used; the message says why, and repeats nothing of it."""


class Good(NamedTuple):
    """The good token, and what it says of itself."""

    text: str
    read: Parts
    alg: Alg
    kid: str | None


def good_token(text: str) -> Good:
    """The good token of a text.

    Raises:
        Unusable: if it is no compact JWS of an algorithm that is known here.
    """
    try:
        read = parts(text)
    except ValueError:
        raise Unusable from None
    alg, kid = read.header.get("alg"), read.header.get("kid")
    if alg not in get_args(Alg):
        raise Unusable
    return Good(text, read, cast("Alg", alg), kid if isinstance(kid, str) else None)


def issuer_key(content: bytes, good: Good) -> HmacKey | SigningKey:
    """The issuer's own signing key: PEM, a private JWK, or a shared secret, without the newline at its end.

    Raises:
        Unusable: if it is not the key that sealed the good token.
    """
    try:
        key = _signing_key(content, good)
        _refuse_other(key.public if isinstance(key, SigningKey) else key, good)
    except KeyRefused as error:
        raise Unusable(str(error)) from None
    except (TokenRefused, EncodingError):
        raise Unusable("this key has not sealed the good token") from None
    return key


def _signing_key(content: bytes, good: Good) -> HmacKey | SigningKey:
    key: HmacKey | SigningKey | PublicKey
    if b"-----BEGIN" in content:
        key = key_from_pem(content, alg=cast("PairAlg", good.alg) if good.alg in _RSA else None, kid=good.kid)
    elif content.lstrip().startswith(b"{"):
        key = key_from_jwk(content.strip())
    else:
        secret = content.removesuffix(b"\n").removesuffix(b"\r")
        key = HmacKey(secret, alg=cast("HmacAlg", good.alg), kid=good.kid)
    if not isinstance(key, HmacKey | SigningKey):
        raise KeyRefused("this is a public key: give the private one, or the shared secret")
    return key


def _refuse_other(key: VerificationKey, good: Good) -> None:
    if key.alg != good.alg:
        raise KeyRefused(f"this key is for {key.alg}, the good token for {good.alg}")
    signing_input, _, seal = good.text.encode().rpartition(b".")
    key.check(signing_input, seal)


def published_key(good: Good, *, jwks: str | None, timeout: float) -> PublicKey:
    """The public key that the good token names: from a file or URL, or asked of its issuer.

    Raises:
        Unusable: if it cannot be had.
        OSError: if the file cannot be read.
    """
    try:
        held = key_set_from_jwks(_key_set(jwks, timeout)).keys if jwks else _ask_issuer(good, timeout)
    except (ConfigurationError, KeySetUnavailable, Unreachable, ValueError) as error:
        raise Unusable(str(error)) from None
    public = [key for key in held if isinstance(key, PublicKey) and key.alg == good.alg]
    named = [key for key in public if key.kid == good.kid]
    if not named and len(public) != 1:
        raise Unusable("no key of the set is the one that the token names")
    return (named or public)[0]


def _ask_issuer(good: Good, timeout: float) -> tuple[VerificationKey, ...]:
    issuer = good.read.payload.get("iss")
    if not isinstance(issuer, str):
        raise Unusable("the good token names no issuer")
    return fetch_key_set(issuer, timeout=timeout).keys


def _key_set(source: str, timeout: float) -> bytes:
    if not source.startswith(("http://", "https://")):
        return Path(source).read_bytes()
    reply = Prober(safe_place(source), method="GET", headers=(), timeout=timeout).ask()
    if reply.status != 200:
        raise Unusable(f"the key set was answered {reply.status or reply.failure}")
    return reply.body
