"""Tokens for the tests of the verifier: good ones, and any bytes at all behind a seal that holds.

Apart from `sekisho_verify.testing`, which is a product and under test itself: these keys are fixed, and what
they seal may be anything.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sekisho_verify import HmacKey, SigningKey, TokenRefused, Verifier, key_from_jwk
from sekisho_verify.encoding import b64url_encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sekisho_verify.keys import Signer, VerificationKey

NOW: Final = 1_800_000_000
ISSUER: Final = "https://id.example.com"
AUDIENCE: Final = "api"
ABSENT: Final = object()
VECTORS: Final = Path(__file__).parent / "vectors"

# Fixed keys, so that a failing example can be repeated. They protect nothing.
SECRET: Final = bytes(range(100, 164))
HMAC: Final = HmacKey(SECRET[:32])
OTHER_HMAC: Final = HmacKey(SECRET[32:])
EC: Final = SigningKey(ec.derive_private_key(int.from_bytes(SECRET[:32]), ec.SECP256R1()))
OKP: Final = SigningKey(ed25519.Ed25519PrivateKey.from_private_bytes(SECRET[:32]))


@cache
def rsa_private() -> rsa.RSAPrivateKey:
    """The RSA key of RFC 7515 appendix A.2, as well known as the others."""
    key = key_from_jwk(vector("rfc7515")["vectors"][1]["jwk"])
    assert isinstance(key, SigningKey)
    assert isinstance(key._private, rsa.RSAPrivateKey)
    return key._private


def signer(alg: str) -> HmacKey | SigningKey:
    """The signing key of an algorithm."""
    if alg == "HS256":
        return HMAC
    if alg == "HS384":
        return HmacKey(SECRET, alg="HS384")
    if alg == "HS512":
        return HmacKey(SECRET, alg="HS512")
    if alg == "RS256":
        return SigningKey(rsa_private())
    if alg == "PS256":
        return SigningKey(rsa_private(), alg="PS256")
    return {"ES256": EC, "EdDSA": OKP}[alg]


ALGS: Final = ("HS256", "HS384", "HS512", "ES256", "EdDSA", "RS256", "PS256")


def public(key: HmacKey | SigningKey) -> VerificationKey:
    """What a verifier of this key's tokens holds."""
    return key.public if isinstance(key, SigningKey) else key


def claims(**changes: object) -> dict[str, object]:
    """The claims of a good access token, with some changed or, by `ABSENT`, left out."""
    good: dict[str, object] = {
        "iss": ISSUER,
        "sub": "01890a5d-ac96-774b-bcce-b302099a8057",
        "aud": AUDIENCE,
        "exp": NOW + 900,
        "iat": NOW,
        "jti": "01890a5d-ac96-774b-bcce-b302099a8058",
        "client_id": "first-party",
        "sid": "01890a5d-ac96-774b-bcce-b302099a8059",
        "auth_time": NOW - 60,
        "amr": ["pwd"],
        "scope": "read write",
        "roles": ["clerk"],
        "groups": ["tokyo"],
        "entitlements": ["customers:read"],
        "rv": "1.42",
    }
    return {name: value for name, value in (good | changes).items() if value is not ABSENT}


def header(key: Signer = HMAC, /, **changes: object) -> dict[str, object]:
    """The header of a good access token, with some members changed or, by `ABSENT`, left out."""
    good: dict[str, object] = {"alg": key.alg, "kid": key.kid, "typ": "at+jwt"}
    return {name: value for name, value in (good | changes).items() if value is not ABSENT}


def seal(
    head: Mapping[str, object] | bytes, payload: Mapping[str, object] | bytes, key: Signer = HMAC
) -> str:
    """A token of any header and payload, whose signature is right."""
    segments = [
        b64url_encode(part if isinstance(part, bytes) else json.dumps(part).encode())
        for part in (head, payload)
    ]
    signing_input = b".".join(segments)
    return (signing_input + b"." + b64url_encode(key.sign(signing_input))).decode()


def token(key: Signer = HMAC, /, **changes: object) -> str:
    """A good access token, but for the changes in its claims."""
    return seal(header(key), claims(**changes), key)


def verifier(*keys: VerificationKey, now: float = NOW, **options: Any) -> Verifier:  # noqa: ANN401 -- passed on
    """A verifier whose clock stands still."""
    settings = {"issuer": ISSUER, "audience": AUDIENCE, "feed": None, "clock": lambda: now} | options
    return Verifier(keys=keys or [HMAC], **settings)


def refusal(text: object, using: Verifier | None = None) -> str:
    """The code with which a text is refused."""
    with pytest.raises(TokenRefused) as caught:
        (using or verifier()).verify(text)  # type: ignore[arg-type]  # anything may come
    return caught.value.code


def vector(name: str) -> Any:  # noqa: ANN401 -- JSON
    """A file of published vectors."""
    return json.loads((VECTORS / f"{name}.json").read_text())
