"""Key pairs: ES256, EdDSA, RS256 and PS256. Public keys verify, `SigningKey` signs.

The only file on the way of a token that loads `cryptography`: nothing imports it before there is a key pair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from sekisho_verify.ed25519_point import refuse_bad_point
from sekisho_verify.encoding import b64url_decode, b64url_encode
from sekisho_verify.errors import KeyRefused, TokenRefused
from sekisho_verify.keys import Key, VerificationKey, checked_kid, expect_kind, jwk_thumbprint

if TYPE_CHECKING:
    from collections.abc import Callable

PairAlg = Literal["ES256", "EdDSA", "RS256", "PS256"]
RsaAlg = Literal["RS256", "PS256"]
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_SHA256: Final = SHA256()
_ECDSA: Final = ec.ECDSA(_SHA256)
_PKCS1: Final = padding.PKCS1v15()
_PSS: Final = padding.PSS(padding.MGF1(_SHA256), padding.PSS.DIGEST_LENGTH)
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_RSA_BITS: Final = range(2048, 8192 + 1)
_RSA_EXPONENTS: Final = range(65537, 1 << 32, 2)


def number(value: int, size: int | None = None) -> str:
    """A whole number as base64url, in `size` bytes or as few as it takes (RFC 7518 sections 6.2 and 2)."""
    return b64url_encode(value.to_bytes(size or (value.bit_length() + 7) // 8)).decode()


class PublicVerificationKey(VerificationKey):
    """What the three kinds of public key share: they are published, and print as JWK."""

    __slots__ = ("_required",)
    symmetric = False
    _required: dict[str, str]

    def _publish(self, alg: PairAlg, required: dict[str, str], kid: str | None) -> None:
        thumbprint = jwk_thumbprint(required)
        self._fill(_alg=alg, _required=required, _thumbprint=thumbprint, _kid=checked_kid(kid, thumbprint))

    def to_jwk(self) -> dict[str, str]:
        """The public key as a JWK (RFC 7517), ready for a published set."""
        return {**self._required, "alg": self._alg, "kid": self._kid, "use": "sig"}


class EcKey(PublicVerificationKey):
    """A public key on P-256, for ES256 (RFC 7518 section 3.4).

    Raises:
        KeyRefused: for another curve or kind of key.
    """

    __slots__ = ("_verify",)
    _verify: Callable[[bytes, bytes, ec.ECDSA], None]

    def __init__(self, public_key: ec.EllipticCurvePublicKey, *, kid: str | None = None) -> None:
        expect_kind(public_key, ec.EllipticCurvePublicKey, "ES256 needs a public key on the curve P-256")
        if public_key.curve.name != "secp256r1":
            raise KeyRefused(f"ES256 needs a public key on the curve P-256; got {public_key.curve.name}")
        at = public_key.public_numbers()
        required = {"kty": "EC", "crv": "P-256", "x": number(at.x, 32), "y": number(at.y, 32)}
        self._publish("ES256", required, kid)
        self._fill(_verify=public_key.verify)

    def check(self, signing_input: bytes, seal: bytes) -> None:
        """See `VerificationKey.check`. The seal is R and S of 32 bytes each; DER is refused, and zero."""
        signature = b64url_decode(seal)
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        # r = s = 0 once verified everything in another platform (CVE-2022-21449); no engine is trusted with
        # it here.
        if len(signature) != 64 or not 0 < r < _P256_ORDER or not 0 < s < _P256_ORDER:
            raise TokenRefused("token_signature_mismatch", "not two numbers of P-256")
        try:
            self._verify(encode_dss_signature(r, s), signing_input, _ECDSA)
        except InvalidSignature:
            raise TokenRefused("token_signature_mismatch") from None


class OkpKey(PublicVerificationKey):
    """A public key on Ed25519, for EdDSA (RFC 8037).

    Raises:
        KeyRefused: for another kind of key, or 32 bytes that are no point which only one person can sign by.
    """

    __slots__ = ("_verify",)
    _verify: Callable[[bytes, bytes], None]

    def __init__(self, public_key: ed25519.Ed25519PublicKey, *, kid: str | None = None) -> None:
        expect_kind(public_key, ed25519.Ed25519PublicKey, "EdDSA needs a public key on Ed25519")
        encoded = public_key.public_bytes_raw()
        refuse_bad_point(encoded)
        x = b64url_encode(encoded).decode()
        self._publish("EdDSA", {"kty": "OKP", "crv": "Ed25519", "x": x}, kid)
        self._fill(_verify=public_key.verify)

    def check(self, signing_input: bytes, seal: bytes) -> None:
        """See `VerificationKey.check`."""
        signature = b64url_decode(seal)
        if len(signature) != 64:
            raise TokenRefused("token_signature_mismatch", "not of 64 bytes")
        try:
            self._verify(signature, signing_input)
        except InvalidSignature:
            raise TokenRefused("token_signature_mismatch") from None


class RsaKey(PublicVerificationKey):
    """A public RSA key of 2048 to 8192 bits, for RS256 or PS256, never both (RFC 7518 sections 3.3 and 3.5).

    Raises:
        KeyRefused: for another size, an exponent below 65537 or even, or another kind of key.
    """

    __slots__ = ("_padding", "_size", "_verify")
    _verify: Callable[[bytes, bytes, padding.AsymmetricPadding, SHA256], None]
    _padding: padding.AsymmetricPadding
    _size: int

    def __init__(
        self, public_key: rsa.RSAPublicKey, *, alg: RsaAlg = "RS256", kid: str | None = None
    ) -> None:
        expect_kind(public_key, rsa.RSAPublicKey, "RS256 and PS256 need an RSA public key")
        if alg not in {"RS256", "PS256"}:
            raise KeyRefused(f"an RSA key is for RS256 or PS256, not {alg!a}")
        if public_key.key_size not in _RSA_BITS:
            raise KeyRefused(f"an RSA key has 2048 to 8192 bits; this one has {public_key.key_size}")
        numbers = public_key.public_numbers()
        if numbers.e not in _RSA_EXPONENTS:
            raise KeyRefused("the public exponent of an RSA key is odd, at least 65537 and below 2**32")
        self._publish(alg, {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}, kid)
        self._fill(_verify=public_key.verify, _padding=_PKCS1 if alg == "RS256" else _PSS)
        self._fill(_size=(public_key.key_size + 7) // 8)

    def check(self, signing_input: bytes, seal: bytes) -> None:
        """See `VerificationKey.check`. The salt of PS256 is as long as the hash."""
        signature = b64url_decode(seal)
        # RFC 8017 sections 8.1.2 and 8.2.2, step 1. For PSS the engine skips it: it takes a signature that
        # begins with zero without that byte too, a second text of one token.
        if len(signature) != self._size:
            raise TokenRefused("token_signature_mismatch", "not of the length of the modulus")
        try:
            self._verify(signature, signing_input, self._padding, _SHA256)
        except InvalidSignature:
            raise TokenRefused("token_signature_mismatch") from None


class SigningKey(Key):
    """A private key. It signs, and cannot be given to a verifier; `public` can.

    Args:
        private_key: of `cryptography`: P-256, Ed25519 or RSA.
        alg: the one algorithm; only RSA leaves a choice, and RS256 is its default.
        kid: the key id; by default the thumbprint of the public key.

    Raises:
        KeyRefused: if the key is of another kind, or too weak.
    """

    __slots__ = ("_private", "_public")
    _private: PrivateKey
    _public: EcKey | OkpKey | RsaKey

    def __init__(
        self, private_key: PrivateKey, *, alg: PairAlg | None = None, kid: str | None = None
    ) -> None:
        expect_kind(private_key, PrivateKey, "a signing key is a private key on P-256 or Ed25519, or of RSA")
        public = public_verification_key(private_key.public_key(), alg=alg, kid=kid)
        self._fill(
            _private=private_key,
            _public=public,
            _alg=public.alg,
            _kid=public.kid,
            _thumbprint=public.thumbprint,
        )

    @property
    def public(self) -> EcKey | OkpKey | RsaKey:
        """The key that verifies what this one signs; the same `alg` and `kid`."""
        return self._public

    def sign(self, signing_input: bytes) -> bytes:
        """The signature over `signing_input`, in the form of RFC 7518 section 3 (never DER)."""
        private = self._private
        if isinstance(private, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(private.sign(signing_input, _ECDSA))
            return r.to_bytes(32) + s.to_bytes(32)
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return private.sign(signing_input)
        return private.sign(signing_input, _PKCS1 if self._alg == "RS256" else _PSS, _SHA256)

    def to_private_jwk(self) -> dict[str, str]:
        """The private key itself as a JWK, for sealed storage only. Publish `public.to_jwk()` instead."""
        private = self._private
        jwk = self._public.to_jwk()
        if isinstance(private, ec.EllipticCurvePrivateKey):
            return {**jwk, "d": number(private.private_numbers().private_value, 32)}
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return {**jwk, "d": b64url_encode(private.private_bytes_raw()).decode()}
        secret = private.private_numbers()
        crt = {"dp": secret.dmp1, "dq": secret.dmq1, "qi": secret.iqmp}
        private_members = {"d": secret.d, "p": secret.p, "q": secret.q, **crt}
        return {**jwk, **{name: number(value) for name, value in private_members.items()}}


def public_verification_key(
    key: PublicKey, *, alg: PairAlg | None = None, kid: str | None = None
) -> EcKey | OkpKey | RsaKey:
    """The typed key for a public key of `cryptography`.

    Raises:
        KeyRefused: if the key cannot be used with `alg`, is of another kind, or too weak.
    """
    if isinstance(key, rsa.RSAPublicKey):
        return RsaKey(key, alg=cast("RsaAlg", alg or "RS256"), kid=kid)
    found: EcKey | OkpKey = (
        OkpKey(key, kid=kid) if isinstance(key, ed25519.Ed25519PublicKey) else EcKey(key, kid=kid)
    )
    if alg not in {None, found.alg}:
        raise KeyRefused(f"this key is for {found.alg}, not {alg!a}")
    return found
