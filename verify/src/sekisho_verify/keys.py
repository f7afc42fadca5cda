"""Typed keys, each bound to exactly one algorithm for life (RFC 8725 section 3.1); here the shared secret.

The key decides the algorithm; a token's `alg` is only ever compared with it. Key pairs are in `keypairs`,
which needs `cryptography`; a service that holds only a shared secret never loads it.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NoReturn, Protocol, TypeGuard, cast

import msgspec

from sekisho_verify.encoding import b64url_encode
from sekisho_verify.errors import KeyRefused
from sekisho_verify.key_sniffing import is_guessable, refuse_key_material
from sekisho_verify.mac import Hmac

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import UnionType

HmacAlg = Literal["HS256", "HS384", "HS512"]

MAX_KID: Final = 128
"""Characters of the longest `kid` accepted, in keys and in tokens."""

_KID: Final = re.compile(r"[A-Za-z0-9._~:@=+-]{1,128}", re.ASCII)
_HASHES: Final = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def is_kid(value: object) -> TypeGuard[str]:
    """Whether `value` is a key id of the safe alphabet and length: harmless in a log line and a query."""
    return type(value) is str and _KID.fullmatch(value) is not None


def checked_kid(kid: str | None, default: str) -> str:
    """`kid`, or `default` for None.

    Raises:
        KeyRefused: if it is not a key id that a token could carry.
    """
    if kid is None:
        return default
    if not is_kid(kid):
        raise KeyRefused(f"a kid is 1 to {MAX_KID} characters of A-Z a-z 0-9 . _ ~ : @ = + -; got {kid!a}")
    return kid


def expect_kind(value: object, kind: type | UnionType, message: str) -> None:
    """Return if `value` is of `kind`, which the annotations promise and callers without a checker may break.

    Raises:
        KeyRefused: with `message`.
    """
    if not isinstance(value, kind):
        raise KeyRefused(f"{message}; got {type(value).__name__}")


def jwk_thumbprint(required: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint of a JWK, given its required members only (RFC 7638 section 3), as base64url."""
    canonical = msgspec.json.encode(dict(sorted(required.items())))
    return b64url_encode(hashlib.sha256(canonical).digest()).decode()


class Signer(Protocol):
    """What `jws.sign` needs: `HmacKey` and `SigningKey` are signers."""

    @property
    def alg(self) -> str:
        """The one JWS algorithm of the key (RFC 7518 section 3.1)."""
        ...

    @property
    def kid(self) -> str:
        """The key id that goes into the header."""
        ...

    def sign(self, signing_input: bytes) -> bytes:
        """The signature over the first two segments and the dot between them."""
        ...


class Key(ABC):
    """Immutable, never printed beyond its name, never pickled: what every key has in common."""

    __slots__ = ("_alg", "_kid", "_thumbprint")
    _alg: str
    _kid: str
    _thumbprint: str

    @property
    def alg(self) -> str:
        """The one JWS algorithm of the key (RFC 7518 section 3.1)."""
        return self._alg

    @property
    def kid(self) -> str:
        """The key id by which tokens name the key."""
        return self._kid

    @property
    def thumbprint(self) -> str:
        """The SHA-256 thumbprint (RFC 7638), 43 characters."""
        return self._thumbprint

    def _fill(self, **slots: object) -> None:
        for name, value in slots.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is not copied or pickled: a key stays where it was loaded")

    def __getstate__(self) -> NoReturn:
        # What object offers since Python 3.11 would give out every slot.
        raise TypeError(f"{type(self).__name__} is not copied or pickled: a key stays where it was loaded")

    def __repr__(self) -> str:
        if not hasattr(self, "_alg"):
            # One that its constructor refused: who prints the locals of that traceback comes here.
            return f"{type(self).__name__}(refused)"
        return f"{type(self).__name__}(alg={self._alg!r}, kid={self._kid!r}, key=[redacted])"


class VerificationKey(Key):
    """A key that a verifier may hold."""

    __slots__ = ()
    symmetric: ClassVar[bool]
    """Whether whoever can check a seal can also make one."""

    @abstractmethod
    def check(self, signing_input: bytes, seal: bytes) -> None:
        """Return if `seal`, the third segment as it stands in the token, is this key's over `signing_input`.

        Raises:
            TokenRefused: `token_signature_mismatch`.
            EncodingError: the segment is not canonical base64url.
        """


def refuse_bad_set(keys: Collection[VerificationKey]) -> None:
    """Return if a verifier may hold these keys together.

    Raises:
        KeyRefused: for no keys, something that is not a typed key, two keys of one id, or shared secrets
            beside public keys (CVE-2016-10555).
    """
    if not keys:
        raise KeyRefused("no keys: give at least one")
    for key in keys:
        expect_kind(
            key,
            VerificationKey,
            "keys are HmacKey, EcKey, OkpKey or RsaKey: load them with key_from_pem or key_from_jwk, and of "
            "a SigningKey give its public part",
        )
    if len({key.symmetric for key in keys}) != 1:
        raise KeyRefused("shared secrets and public keys in one set: make one verifier for each kind")
    if len({key.kid for key in keys}) != len(keys):
        raise KeyRefused("two keys have the same kid: give each its own")


class HmacKey(VerificationKey):
    """A shared secret for HS256, HS384 or HS512 (RFC 7518 section 3.2): whoever can verify can also mint.

    Args:
        secret: random bytes, at least as long as the hash: 32, 48 or 64.
        alg: the one algorithm of the key.
        kid: its id; by default the first 8 characters of the thumbprint.

    Raises:
        KeyRefused: if the secret is too short or can be guessed, or is a public key, certificate or JWK in
            any usual spelling, which an attacker may know (CVE-2016-10555 and its twenty successors).
    """

    __slots__ = ("_hmac", "_secret")
    symmetric = True
    _secret: bytes
    _hmac: Hmac

    def __init__(self, secret: bytes, *, alg: HmacAlg = "HS256", kid: str | None = None) -> None:
        if alg not in _HASHES:
            raise KeyRefused(f"the algorithms of a shared secret are HS256, HS384 and HS512, not {alg!a}")
        expect_kind(
            secret, bytes, "a shared secret is bytes: encode text, or decode base64, before giving it"
        )
        new_hash = _HASHES[alg]
        size = new_hash().digest_size
        if len(secret) < size:
            raise KeyRefused(f"a secret for {alg} has at least {size} bytes; this one has {len(secret)}")
        refuse_key_material(secret)
        if is_guessable(secret):
            raise KeyRefused(
                "this shared secret can be guessed: give random bytes, for example of `openssl rand 32`"
            )
        thumbprint = jwk_thumbprint({"kty": "oct", "k": b64url_encode(secret).decode()})
        self._fill(
            _alg=alg,
            _kid=checked_kid(kid, thumbprint[:8]),
            _thumbprint=thumbprint,
            _secret=secret,
            _hmac=Hmac(secret, new_hash),
        )

    def sign(self, signing_input: bytes) -> bytes:
        """The MAC over `signing_input`."""
        return self._hmac.digest(signing_input)

    def check(self, signing_input: bytes, seal: bytes) -> None:
        """See `VerificationKey.check`."""
        self._hmac.check(signing_input, seal)

    def derived(self, purpose: str) -> HmacKey:
        """A key of the same algorithm and `kid` for another purpose, which tells nothing of this one.

        It is the MAC of a label that no JWS can begin with, as HKDF expands a key (RFC 5869 section 2.3).
        """
        secret = self._hmac.digest(b"sekisho 1 " + purpose.encode() + b"\x01")
        return HmacKey(secret, alg=cast("HmacAlg", self._alg), kid=self._kid)

    def to_private_jwk(self) -> dict[str, str]:
        """The secret itself as a JWK (RFC 7518 section 6.4). There is no public form: never publish this."""
        return {
            "kty": "oct",
            "k": b64url_encode(self._secret).decode(),
            "alg": self._alg,
            "kid": self._kid,
            "use": "sig",
        }
