"""One access token of 450 bytes, and everybody who checks it: our verifier, peers, and the bare parts.

All have loaded their keys before, and check the seal, issuer, audience, expiry and "not before"; ours checks
what else an access token must have as well. The parts check nothing: they are what no library can do without.
"""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwk
from joserfc import jwt as jose

from benchmarks import api
from sekisho_verify import HmacKey, SigningKey, Verifier, jws
from sekisho_verify.keys import HmacAlg

Check = Callable[[str], object]

ALGS = ("HS256", "ES256", "EdDSA", "RS256", "PS256")
ANEW = "ours, each time anew"
KEEPING = "ours, each time another one, remembered"
SEEN = "ours, seen before"
PARTS = "the parts"
LEAN_PARTS = "the parts, binascii for base64"

_KID = "k3Yx0-9Q"
_SHA256 = SHA256()
PADDINGS: dict[str, padding.AsymmetricPadding] = {
    "RS256": padding.PKCS1v15(),
    "PS256": padding.PSS(padding.MGF1(_SHA256), padding.PSS.DIGEST_LENGTH),
}
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Subject:
    """A token, the same with a seal that does not hold, its key as Node takes it, and who checks it."""

    token: str
    forged: str
    key: str
    checks: dict[str, Check]


def access_token(signer: HmacKey | SigningKey, number: int = 0) -> str:
    """An access token with what it must have and `nbf`: by HS256 it has exactly 450 bytes."""
    return jws.sign(msgspec.json.encode(claims_of(number)), {"typ": "at+jwt"}, signer)


def claims_of(number: int = 0) -> dict[str, Any]:
    """What it says."""
    now = int(time.time())
    return {
        "iss": api.ISSUER,
        "sub": "019a2b3c-0000-7000-8000-000000000001",
        "aud": api.AUDIENCE,
        "exp": now + 3600,
        "nbf": now,
        "iat": now,
        "jti": f"{number:022}",
        "client_id": "first-party",
        "sid": "019a2b3c-0000-7000-8000-000000000002",
        "rv": "1.42042",
    }


def subject(alg: str) -> Subject:
    """Everybody who checks a token of this algorithm, shown to accept it and to refuse a forged one."""
    signer = signer_of(alg)
    token = access_token(signer)
    forged = f"{token.rpartition('.')[0]}.{token.rpartition('.')[2][::-1]}"
    checks = {"PyJWT": _pyjwt(signer), "joserfc": _joserfc(signer), ANEW: ours(signer, cache_size=0)}
    for name, check in checks.items():
        check(token)
        if not _refuses(check, forged):
            raise RuntimeError(f"{name} accepts a forged {alg} token")
    checks[SEEN] = ours(signer, cache_size=1024)
    checks |= parts_of(signer, token)
    key = public_pem(signer) if isinstance(signer, SigningKey) else urlsafe_b64encode(api.SECRET).decode()
    return Subject(token, forged, key, checks)


def keeping() -> tuple[Check, list[str]]:
    """Our check with its memory, and more tokens than it holds: each is verified, stored, and pushed out."""
    signer = HmacKey(api.SECRET, kid=_KID)
    return ours(signer, cache_size=1024), [access_token(signer, number) for number in range(4096)]


def signer_of(alg: str) -> HmacKey | SigningKey:
    """A key for that algorithm, made anew but for the shared secret."""
    if alg.startswith("HS"):
        return HmacKey(api.SECRET, alg=cast("HmacAlg", alg), kid=_KID)
    if alg == "ES256":
        return SigningKey(ec.generate_private_key(ec.SECP256R1()), kid=_KID)
    if alg == "EdDSA":
        return SigningKey(ed25519.Ed25519PrivateKey.generate(), kid=_KID)
    private = rsa.generate_private_key(65537, 2048)
    return SigningKey(private, alg="RS256" if alg == "RS256" else "PS256", kid=_KID)


def _refuses(check: Check, text: str) -> bool:
    try:
        check(text)
    except Exception:  # noqa: BLE001 -- each library has exceptions of its own
        return True
    return False


def _public(signer: SigningKey) -> Any:  # noqa: ANN401 -- three kinds of key, each called by its own arguments
    return jwt.PyJWK(signer.public.to_jwk()).key


def public_pem(signer: SigningKey) -> str:
    """The public key as Node takes it."""
    pem: bytes = _public(signer).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def ours(signer: HmacKey | SigningKey, *, cache_size: int) -> Check:
    """Our check, which remembers that many tokens."""
    key = signer.public if isinstance(signer, SigningKey) else signer
    return Verifier(
        issuer=api.ISSUER, audience=api.AUDIENCE, keys=[key], feed=None, cache_size=cache_size
    ).verify


def _pyjwt(signer: HmacKey | SigningKey) -> Check:
    key = _public(signer) if isinstance(signer, SigningKey) else api.SECRET
    algorithms = [signer.alg]

    def check(text: str) -> object:
        return jwt.decode(
            text,
            key,
            algorithms=algorithms,
            issuer=api.ISSUER,
            audience=api.AUDIENCE,
            options={"require": ["exp", "nbf"]},
        )

    return check


def _joserfc(signer: HmacKey | SigningKey) -> Check:
    if isinstance(signer, SigningKey):
        key: Any = jwk.import_key({**signer.public.to_jwk()})
    else:
        key = jwk.OctKey.import_key(api.SECRET)
    algorithms = [signer.alg]
    registry = jose.JWTClaimsRegistry(
        iss={"essential": True, "value": api.ISSUER},
        aud={"essential": True, "value": api.AUDIENCE},
        exp={"essential": True},
        nbf={"essential": True},
    )

    def check(text: str) -> object:
        decoded = jose.decode(text, key, algorithms=algorithms)
        registry.validate(decoded.claims)
        return decoded

    return check


def parts_of(signer: HmacKey | SigningKey, token: str) -> dict[str, Check]:
    """The MAC or signature, base64 and JSON, of bytes that were cut and padded before."""
    head, payload, seal = token.encode().split(b".")
    signed = head + b"." + payload
    padded = payload + b"=" * (-len(payload) % 4)

    if isinstance(signer, HmacKey):
        sha = f"sha{signer.alg[2:]}"

        def parts(_: str) -> object:
            hmac.digest(api.SECRET, signed, sha)
            return _decode(urlsafe_b64decode(padded))

        def lean_parts(_: str) -> object:
            hmac.digest(api.SECRET, signed, sha)
            return _decode(a2b_base64(padded))

        return {PARTS: parts, LEAN_PARTS: lean_parts}

    verify = _public(signer).verify
    signature = urlsafe_b64decode(seal + b"=" * (-len(seal) % 4))
    arguments: tuple[object, ...] = ()
    if signer.alg == "ES256":
        signature = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        arguments = (ec.ECDSA(_SHA256),)
    elif signer.alg in PADDINGS:
        arguments = (PADDINGS[signer.alg], _SHA256)

    def verified_parts(_: str) -> object:
        verify(signature, signed, *arguments)
        return _decode(urlsafe_b64decode(padded))

    return {PARTS: verified_parts}
