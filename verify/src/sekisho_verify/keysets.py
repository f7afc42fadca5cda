"""Keys from JWK and JWK sets, each checked before it is believed (RFC 7517, RFC 7518 section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from msgspec import Struct

from sekisho_verify.encoding import b64url_decode, json_object
from sekisho_verify.errors import EncodingError, KeyRefused
from sekisho_verify.keypairs import (
    EcKey,
    OkpKey,
    PairAlg,
    RsaKey,
    SigningKey,
    public_verification_key,
)
from sekisho_verify.keys import HmacAlg, HmacKey, refuse_bad_set

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AnyKey = HmacKey | EcKey | OkpKey | RsaKey | SigningKey

_RSA_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi")
_ALGS: Final = {
    "oct": {"HS256", "HS384", "HS512"},
    "EC": {"ES256"},
    "OKP": {"EdDSA"},
    "RSA": {"RS256", "PS256"},
}


class KeySet(Struct, frozen=True):
    """What a JWK set held.

    Attributes:
        keys: the keys that can be used, at least one; all public, or all shared secrets.
        skipped: for each entry that was left out, one sentence for the operator.
    """

    keys: tuple[EcKey | OkpKey | RsaKey | HmacKey, ...]
    skipped: tuple[str, ...]


def key_from_jwk(jwk: Mapping[str, object] | bytes, *, alg: str | None = None) -> AnyKey:
    """The key of one JWK: an `HmacKey` for `oct`, a `SigningKey` for private members, else a public key.

    Args:
        jwk: the JSON object, or its text.
        alg: the algorithm, where the JWK does not say it. It must agree where it does.

    Raises:
        KeyRefused: if the key is malformed, weak, inconsistent, or not meant for signatures.
    """
    members = _object(jwk) if isinstance(jwk, bytes) else jwk
    kty = members.get("kty")
    if not isinstance(kty, str) or kty not in _ALGS:
        raise KeyRefused(f"kty is EC, OKP, RSA or oct; got {kty!a}")
    _refuse_other_use(members)
    stated = members.get("alg", alg)
    if alg is not None and stated != alg:
        raise KeyRefused(f"the JWK is for {stated!a}, not {alg!a}")
    if stated is not None and not (isinstance(stated, str) and stated in _ALGS[kty]):
        raise KeyRefused(f"a key of kty {kty} is for {' or '.join(sorted(_ALGS[kty]))}, not {stated!a}")
    kid = members.get("kid")
    if not (kid is None or isinstance(kid, str)):
        raise KeyRefused("kid is a string")
    try:
        if kty == "oct":
            return HmacKey(_bytes(members, "k"), alg=cast("HmacAlg", stated or "HS256"), kid=kid)
        key = _LOADERS[kty](members)
    except (ValueError, UnsupportedAlgorithm) as error:
        if isinstance(error, KeyRefused):
            raise
        raise KeyRefused(f"the numbers of this {kty} key do not make a key: {str(error)!a}") from None
    chosen = cast("PairAlg | None", stated)
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        return SigningKey(key, alg=chosen, kid=kid)
    return public_verification_key(key, alg=chosen, kid=kid)


def key_set_from_jwks(document: Mapping[str, object] | bytes) -> KeySet:
    """The keys of a JWK set (RFC 7517 section 5). One bad entry is skipped and reported (CVE-2026-102274).

    Raises:
        KeyRefused: if it is no JWK set, holds no key that can be used, two keys of one id, or shared secrets
            beside public keys.
    """
    members = _object(document) if isinstance(document, bytes) else document
    entries = members.get("keys")
    if not isinstance(entries, list):
        raise KeyRefused("a JWK set is an object with an array named keys")
    keys: list[EcKey | OkpKey | RsaKey | HmacKey] = []
    skipped: list[str] = []
    for at, entry in enumerate(cast("list[object]", entries)):
        try:
            if not isinstance(entry, dict):
                raise KeyRefused("not an object")  # noqa: TRY301 -- one way out for every bad entry
            key = key_from_jwk(cast("dict[str, object]", entry))
            if isinstance(key, SigningKey):
                raise KeyRefused("a private key in a published set: replace it, it is known")  # noqa: TRY301 -- same
            keys.append(key)
        except KeyRefused as error:
            skipped.append(f"entry {at}: {error}")
    if not keys:
        raise KeyRefused("no usable key in the set" + "".join(f"; {reason}" for reason in skipped))
    refuse_bad_set(keys)
    return KeySet(tuple(keys), tuple(skipped))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return json_object(raw, unique_members=True)
    except EncodingError as error:
        raise KeyRefused(str(error)) from None


def _refuse_other_use(members: Mapping[str, object]) -> None:
    if members.get("use", "sig") != "sig":
        raise KeyRefused(f"the key is for use {members['use']!a}, not sig")
    operations = members.get("key_ops")
    if operations is None:
        return
    wanted = "sign" if "d" in members else "verify"
    if not isinstance(operations, list) or wanted not in operations:
        raise KeyRefused(f"key_ops of the key does not allow {wanted}")


def _bytes(members: Mapping[str, object], name: str, size: int | None = None) -> bytes:
    value = members.get(name)
    if not isinstance(value, str):
        raise KeyRefused(f"the member {name} is missing or not a string")
    try:
        data = b64url_decode(value.encode())
    except ValueError:
        raise KeyRefused(f"the member {name} is not base64url") from None
    if size is not None and len(data) != size:
        raise KeyRefused(f"the member {name} has {len(data)} bytes instead of {size}")
    return data


def _number(members: Mapping[str, object], name: str, size: int | None = None) -> int:
    return int.from_bytes(_bytes(members, name, size))


def _load_ec(members: Mapping[str, object]) -> ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey:
    if members.get("crv") != "P-256":
        raise KeyRefused(f"the curve of an EC key is P-256; got {members.get('crv')!a}")
    at = ec.EllipticCurvePublicNumbers(_number(members, "x", 32), _number(members, "y", 32), ec.SECP256R1())
    public = at.public_key()  # refuses a point that is not on the curve
    if "d" not in members:
        return public
    private = ec.derive_private_key(_number(members, "d", 32), ec.SECP256R1())
    _refuse_mismatch(private.public_key().public_numbers() == at)
    return private


def _load_okp(members: Mapping[str, object]) -> ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey:
    if members.get("crv") != "Ed25519":
        raise KeyRefused(f"the curve of an OKP key is Ed25519; got {members.get('crv')!a}")
    x = _bytes(members, "x", 32)
    if "d" not in members:
        return ed25519.Ed25519PublicKey.from_public_bytes(x)
    private = ed25519.Ed25519PrivateKey.from_private_bytes(_bytes(members, "d", 32))
    _refuse_mismatch(private.public_key().public_bytes_raw() == x)
    return private


def _load_rsa(members: Mapping[str, object]) -> rsa.RSAPublicKey | rsa.RSAPrivateKey:
    public = rsa.RSAPublicNumbers(_number(members, "e"), _number(members, "n"))
    if not any(name in members for name in (*_RSA_PRIVATE, "oth")):
        return public.public_key()
    if "oth" in members:
        raise KeyRefused("an RSA key has two primes: oth is not supported")
    d, p, q, dmp1, dmq1, iqmp = (_number(members, name) for name in _RSA_PRIVATE)
    # Verifies that the six numbers and the public ones belong together.
    return rsa.RSAPrivateNumbers(p, q, d, dmp1, dmq1, iqmp, public).private_key()


def _refuse_mismatch(same: bool) -> None:  # noqa: FBT001 -- the name says what True means
    if not same:
        raise KeyRefused("the public and the private part of the key do not belong together")


_LOADERS: Final[dict[str, Callable[[Mapping[str, object]], Any]]] = {
    "EC": _load_ec,
    "OKP": _load_okp,
    "RSA": _load_rsa,
}
