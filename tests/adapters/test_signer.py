"""The signer: which key signs, what is published, and which refresh token is believed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from sekisho.adapters.given_keys import SigningKeys, keyring
from sekisho.adapters.key_making import make_key
from sekisho.adapters.root_secret import derive_keys
from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.signer import JwsSigner
from sekisho.adapters.system import entropy
from sekisho.rules.keyring import Keyring, KeyringRefused
from sekisho.rules.refusals import Refusal
from sekisho.settings import Alg
from sekisho_verify import EcKey, HmacKey, TokenRefused, Verifier, jws
from sekisho_verify.encoding import b64url_decode

ISSUER = "https://id.example.com"
NOW = 1_800_000_000
ALGS: tuple[Alg, ...] = ("HS256", "HS384", "HS512", "ES256", "EdDSA", "RS256", "PS256")
ROOT = Secret(b"R0otSecretOfTheTests-4fZ8qLw1nXc")
OTHER = Secret(b"An0therSecretOfTests-7hY2vKd9pMs")
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

ACCESS: Mapping[str, Any] = {
    "iss": ISSUER,
    "sub": "0190b2f0-0000-7000-8000-000000000001",
    "aud": "api",
    "exp": NOW + 900,
    "iat": NOW,
    "jti": "token-id",
    "client_id": "first-party",
    "sid": "0190b2f0-0000-7000-8000-000000000002",
    "auth_time": NOW,
    "amr": ["pwd"],
    "scope": "",
    "roles": ["admin"],
    "groups": [],
    "entitlements": ["customers:read"],
    "rv": "1.0",
}
REFRESH: Mapping[str, Any] = {
    "iss": ISSUER,
    "aud": ISSUER,
    "sub": "0190b2f0-0000-7000-8000-000000000001",
    "sid": "0190b2f0-0000-7000-8000-000000000002",
    "iat": NOW,
    "exp": NOW + 604_800,
    "auth_time": NOW,
    "amr": ["pwd"],
    "rv": "1.0",
}


@pytest.fixture(scope="module")
def made() -> dict[Alg, SigningKeys]:
    """A ring for every algorithm, made as the server makes them (RSA is slow: once)."""
    return {alg: keyring([make_key(alg, entropy=entropy).key]) for alg in ALGS}


def signer(keys: SigningKeys, root: Secret = ROOT, *previous: Secret) -> JwsSigner:
    """A signer of these keys under that root secret."""
    return JwsSigner(keys, refresh_keys=derive_keys(root, previous).stateless_refresh, issuer=ISSUER)


def segment(token: str, number: int) -> dict[str, Any]:
    """One segment of a token, decoded."""
    decoded: dict[str, Any] = msgspec.json.decode(b64url_decode(token.split(".")[number].encode()))
    return decoded


@pytest.mark.requirement("C1")
@pytest.mark.parametrize("alg", ALGS)
def test_access_tokens_verify(made: dict[Alg, SigningKeys], alg: Alg) -> None:
    """With every algorithm the published verifier, given the signer's own keys, accepts what it signs."""
    issuer = signer(made[alg])
    text = issuer.sign(ACCESS)
    assert segment(text, 0) == {"alg": alg, "kid": issuer.kid, "typ": "at+jwt"}
    assert segment(text, 1) == ACCESS
    verifier = Verifier(
        issuer=ISSUER, audience="api", keys=issuer.verification_keys(), feed=None, clock=lambda: float(NOW)
    )
    assert verifier.verify(text).sub == ACCESS["sub"]


@pytest.mark.requirement("A12")
@pytest.mark.parametrize("alg", ALGS)
def test_published_keys_are_public(made: dict[Alg, SigningKeys], alg: Alg) -> None:
    """The published set holds each public key and no private member; with a shared secret it is empty."""
    keys = signer(made[alg]).jwks()["keys"]
    assert len(keys) == (0 if alg.startswith("HS") else 1)
    for key in keys:
        assert key.keys().isdisjoint(PRIVATE_MEMBERS)
        assert (key["alg"], key["kid"], key["use"]) == (alg, signer(made[alg]).kid, "sig")


def test_former_keys_are_published_and_believed(made: dict[Alg, SigningKeys]) -> None:
    """Of several keys the first signs, and tokens of the others verify still."""
    former, current = made["ES256"], made["EdDSA"]
    both = keyring([current.signing, former.signing])
    issuer = signer(both)
    assert segment(issuer.sign(ACCESS), 0)["alg"] == "EdDSA"
    assert [key["alg"] for key in issuer.jwks()["keys"]] == ["EdDSA", "ES256"]
    verifier = Verifier(
        issuer=ISSUER, audience="api", keys=issuer.verification_keys(), feed=None, clock=lambda: float(NOW)
    )
    assert verifier.verify(signer(former).sign(ACCESS)).jti == "token-id"


@pytest.mark.requirement("C6")
@pytest.mark.parametrize("alg", ["HS256", "ES256"])
def test_refresh_tokens(made: dict[Alg, SigningKeys], alg: Alg) -> None:
    """A stateless refresh token comes back as its claims until the second it expires."""
    issuer = signer(made[alg])
    text = issuer.sign(REFRESH, typ="rt+jwt")
    assert segment(text, 0)["typ"] == "rt+jwt"
    claims = issuer.verify_refresh(text, now=NOW + 604_799.9)
    assert {**claims, "amr": list(claims["amr"])} == REFRESH
    with pytest.raises(Refusal) as refused:
        issuer.verify_refresh(text, now=NOW + 604_800)
    assert refused.value.code == "refresh_expired"


@pytest.mark.requirement("C6")
@pytest.mark.parametrize("alg", ["HS256", "ES256"])
def test_kinds_are_not_exchanged(made: dict[Alg, SigningKeys], alg: Alg) -> None:
    """A refresh token is no access token, and an access token no refresh token, whatever its claims say."""
    issuer = signer(made[alg])
    verifier = Verifier(
        issuer=ISSUER, audience=ISSUER, keys=issuer.verification_keys(), feed=None, clock=lambda: float(NOW)
    )
    with pytest.raises(TokenRefused) as token_refused:
        verifier.verify(issuer.sign({**ACCESS, **REFRESH}, typ="rt+jwt"))
    assert token_refused.value.code in {"token_type_mismatch", "token_alg_not_allowed"}
    for text in (issuer.sign(REFRESH), issuer.sign(ACCESS)):
        with pytest.raises(Refusal) as refused:
            issuer.verify_refresh(text, now=NOW)
        assert refused.value.code == "refresh_unknown"


@pytest.mark.requirement("C6")
def test_an_api_server_cannot_make_refresh_tokens(made: dict[Alg, SigningKeys]) -> None:
    """Whoever holds the shared secret of the access tokens has not the key of the refresh tokens."""
    issuer = signer(made["HS256"])
    shared = made["HS256"].signing
    refresh_kid = segment(issuer.sign(REFRESH, typ="rt+jwt"), 0)["kid"]
    assert isinstance(shared, HmacKey)
    secret = b64url_decode(shared.to_private_jwk()["k"].encode())
    for kid in (shared.kid, refresh_kid):
        forged = jws.sign(msgspec.json.encode(REFRESH), {"typ": "rt+jwt"}, HmacKey(secret, kid=kid))
        with pytest.raises(Refusal) as refused:
            issuer.verify_refresh(forged, now=NOW)
        assert refused.value.code == "refresh_unknown"


def test_refresh_tokens_of_a_former_root(made: dict[Alg, SigningKeys]) -> None:
    """Tokens of a former root secret hold while it is kept as previous, and no longer."""
    text = signer(made["ES256"]).sign(REFRESH, typ="rt+jwt")
    assert signer(made["ES256"], OTHER, ROOT).verify_refresh(text, now=NOW)["sid"] == REFRESH["sid"]
    with pytest.raises(Refusal) as refused:
        signer(made["ES256"], OTHER).verify_refresh(text, now=NOW)
    assert refused.value.code == "refresh_unknown"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"aud": "api"},
        {"aud": [ISSUER]},
        {"exp": "1800000100"},
        {"exp": True},
        {"exp": None},
        {"sub": 1},
        {"amr": "pwd"},
        {"extra": 1},
    ],
)
def test_strange_refresh_claims(made: dict[Alg, SigningKeys], change: dict[str, Any]) -> None:
    """Claims that we do not write are unknown, even under our own seal; nothing else is ever raised."""
    text = signer(made["ES256"]).sign({**REFRESH, **change}, typ="rt+jwt")
    with pytest.raises(Refusal) as refused:
        signer(made["ES256"]).verify_refresh(text, now=NOW)
    assert refused.value.code == "refresh_unknown"


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "skr1_abc", "é.é.é", "\ud800", "." * 9, "A" * 20_000])
def test_no_refresh_token(made: dict[Alg, SigningKeys], text: str) -> None:
    """Text that is no token at all is unknown."""
    with pytest.raises(Refusal) as refused:
        signer(made["ES256"]).verify_refresh(text, now=NOW)
    assert refused.value.code == "refresh_unknown"


@pytest.mark.requirement("J9")
def test_rings_that_must_not_be(made: dict[Alg, SigningKeys]) -> None:
    """No keys, public keys alone, one id twice, or secrets beside pairs make no ring."""
    pair, shared = made["ES256"].signing, made["HS256"].signing
    public = made["ES256"].verifying[0]
    assert isinstance(public, EcKey)
    for keys, words in (
        ([], "private key is needed"),
        ([public], "private key is needed"),
        ([pair, pair], "same kid"),
        ([pair, shared], "do not stand in one ring"),
    ):
        with pytest.raises(KeyringRefused, match=words):
            keyring(keys)
    with pytest.raises(KeyringRefused, match="among those that verify"):
        Keyring(made["EdDSA"].signing, (public,))


def test_signing_does_not_hold_up_the_loop(made: dict[Alg, SigningKeys]) -> None:
    """An ES256 signature costs less than a millisecond, so it is made where the request is handled."""
    issuer = signer(made["ES256"])
    best = min(_seconds(issuer) for _ in range(50))
    assert best < 0.001


def _seconds(issuer: JwsSigner) -> float:
    begin = time.perf_counter()
    issuer.sign(ACCESS)
    return time.perf_counter() - begin
