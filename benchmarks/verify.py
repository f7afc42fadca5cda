"""One access token checked: by sekisho-verify, by PyJWT and by joserfc, all of them asked to be as strict.

Each checks the seal, issuer, audience, expiry and type, with keys that were loaded before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwk
from joserfc import jwt as jose

from benchmarks import api
from benchmarks.guard import access_token
from benchmarks.paired import MICROSECONDS, Pairs, Result, measure, result
from sekisho_verify import HmacKey, SigningKey, Verifier

Check = Callable[[], Any]


def checks(alg: str) -> dict[str, Check]:
    """A check of the same token by each library; ours with and without its memory."""
    private = ec.generate_private_key(ec.SECP256R1())
    signing = HmacKey(api.SECRET) if alg == "HS256" else SigningKey(private)
    token = access_token(signing)
    key = signing if isinstance(signing, HmacKey) else signing.public
    plain_key: Any = api.SECRET if alg == "HS256" else private.public_key()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    jose_key = jwk.OctKey.import_key(api.SECRET) if alg == "HS256" else jwk.ECKey.import_key(pem)
    registry = jose.JWTClaimsRegistry(
        iss={"essential": True, "value": api.ISSUER},
        aud={"essential": True, "value": api.AUDIENCE},
        exp={"essential": True},
    )

    def pyjwt() -> object:
        return jwt.decode(
            token,
            plain_key,
            algorithms=[alg],
            issuer=api.ISSUER,
            audience=api.AUDIENCE,
            options={"require": ["exp", "iat", "sub"]},
        )

    def joserfc() -> object:
        decoded = jose.decode(token, jose_key, algorithms=[alg])
        registry.validate(decoded.claims)
        return decoded

    def ours(*, cache_size: int) -> Check:
        verifier = Verifier(
            issuer=api.ISSUER, audience=api.AUDIENCE, keys=[key], feed=None, cache_size=cache_size
        )
        return lambda: verifier.verify(token)

    return {
        "PyJWT": pyjwt,
        "joserfc": joserfc,
        "each time anew": ours(cache_size=0),
        "seen before": ours(cache_size=1024),
    }


def cost(check: Check, times: int) -> float:
    """Microseconds of CPU a check."""
    began = time.process_time()
    for _ in range(times):
        check()
    return (time.process_time() - began) * MICROSECONDS / times


def run(*, rounds: int = 15, times: int = 1500) -> Result:
    """Every library beside ours, with a shared secret and with a key pair."""
    rows: list[Pairs] = []
    for alg in ("HS256", "ES256"):
        found = checks(alg)
        rows += [
            _pair(f"{alg}, {peer}; ours {how}", found[peer], found[how], rounds, times)
            for peer in ("PyJWT", "joserfc")
            for how in ("each time anew", "seen before")
        ]
    return result(rows)


def _pair(name: str, other: Check, ours: Check, rounds: int, times: int) -> Pairs:
    return measure(
        name,
        unit="us CPU",
        other=lambda: cost(other, times),
        ours=lambda: cost(ours, times),
        rounds=rounds,
    )
