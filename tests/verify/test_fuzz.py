"""Mutated and arbitrary tokens: none is accepted, nothing but TokenRefused is raised, and the peers agree."""

from __future__ import annotations

import json
import random
import warnings
from typing import Any

import joserfc.errors
import joserfc.jwk
import joserfc.jws
import joserfc.jwt
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st

from sekisho_verify import HmacKey, TokenRefused, Verifier
from sekisho_verify.encoding import b64url_encode
from tests.verify.tokens import (
    ALGS,
    AUDIENCE,
    EC,
    HMAC,
    ISSUER,
    NOW,
    claims,
    header,
    public,
    seal,
    signer,
    token,
    verifier,
)

TEXT = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
FOREIGN = "=+/. \n\0é{}\"'鍵"
ROUNDS = {
    "HS256": 20_000,
    "HS384": 2_000,
    "HS512": 2_000,
    "ES256": 500,
    "EdDSA": 500,
    "RS256": 1_000,
    "PS256": 1_000,
}


def mutated(text: str, other: str, source: random.Random) -> str:
    """A text that is one or a few steps away from a good token; `other` is a second good one."""
    at, end = sorted(source.randrange(len(text) + 1) for _ in range(2))
    steps = [
        lambda: text[:at] + source.choice(TEXT) + text[at + 1 :],
        lambda: text[:at] + source.choice(FOREIGN) + text[at + 1 :],
        lambda: text[:at] + source.choice(TEXT + FOREIGN) + text[at:],
        lambda: text[:at] + text[end:],
        lambda: text[:at] + text[at:end].swapcase() + text[end:],
        lambda: text[:at] + text[at:end][::-1] + text[end:],
        lambda: text[:end] + text[at:],
        lambda: text[:at] + other[at:],
        lambda: ".".join(source.choice(pair) for pair in zip(text.split("."), other.split("."), strict=True)),
        lambda: ".".join(source.sample(text.split("."), 3)),
        lambda: text + source.choice(("=", "==", ".", "\n", " ", "A", "AAAA")),
        lambda: text.replace(source.choice(text), source.choice(TEXT + FOREIGN)),
    ]
    return source.choice(steps)()


@pytest.mark.requirement("J18", "J4", "J7")
@pytest.mark.parametrize("alg", ALGS)
def test_no_mutated_token_is_accepted(alg: str) -> None:
    """Of thousands of texts near a good token only that very token passes; every other is a TokenRefused."""
    key, source = signer(alg), random.Random(f"sekisho {alg}")  # noqa: S311 -- must repeat
    good, other = token(key), token(key, sub="other", aud="other", jti="x")
    using = verifier(public(key), cache_size=4)
    using.verify(good)
    refused = 0
    for _ in range(ROUNDS[alg]):
        text = mutated(good, other, source)
        if source.random() < 0.3:
            text = mutated(text, other, source) if text.count(".") == 2 else text
        if text == good:
            continue
        with pytest.raises(TokenRefused):
            using.verify(text)
        refused += 1
    assert refused > ROUNDS[alg] * 0.9


@pytest.mark.requirement("J18")
@given(
    st.text()
    | st.binary()
    | st.text(alphabet=TEXT + ".", max_size=80)
    | st.lists(st.binary().map(b64url_encode), max_size=5).map(b".".join).map(bytes.decode)
    | st.from_regex(r"\A[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
    | st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4)
)
def test_anything_at_all_is_refused(anything: object) -> None:
    """Nothing comes out of `verify` for rubbish but a TokenRefused with a known code."""
    with pytest.raises(TokenRefused) as caught:
        verifier().verify(anything)  # type: ignore[arg-type]  # that is the point
    assert caught.value.code == "token_malformed" or caught.value.code.startswith("token_")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
HEADER_MEMBERS = st.sampled_from(
    ["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "zip", "cty", "x5t", "x"]
)
CLAIM_MEMBERS = st.sampled_from([*claims(), "nbf", "x"])
# Values near to what is right, so that not nearly all examples are refused for the same reason.
TIMES = (NOW, NOW + 900, NOW - 1, NOW + 0.5, float(NOW), 0, -1)
NAMES = ("", "at+jwt", "AT+JWT", "JWT", AUDIENCE, ISSUER, "HS256", "ES256", "none", HMAC.kid, EC.kid)
LIKELY: st.SearchStrategy[object] = st.sampled_from(
    [*TIMES, *NAMES, [AUDIENCE], [ISSUER], ["admin"], [], {}, None, True]
)


@pytest.mark.requirement("J18")
@given(st.dictionaries(HEADER_MEMBERS, JSON | LIKELY, max_size=3), JSON | st.binary(max_size=40))
def test_any_sealed_header_and_payload_are_judged(head: dict[str, object], payload: object) -> None:
    """Behind a seal that holds, too, everything is a token or a TokenRefused."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode("utf-8", "surrogatepass")
    with pytest.raises(TokenRefused):
        verifier().verify(seal(json.dumps(header() | head).encode(), raw))


class Peers:
    """PyJWT and joserfc, set up to expect what our verifier expects."""

    def __init__(self, alg: str) -> None:
        key: Any = signer(alg)
        self.alg = alg
        if isinstance(key, HmacKey):
            self.for_pyjwt = key._secret
            self.for_joserfc: Any = joserfc.jwk.OctKey.import_key(key._secret)
        else:
            published = key._private.public_key()
            pem = published.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            kind: Any = {"ES256": joserfc.jwk.ECKey, "EdDSA": joserfc.jwk.OKPKey}.get(alg, joserfc.jwk.RSAKey)
            self.for_pyjwt, self.for_joserfc = published, kind.import_key(pem)

    def pyjwt(self, text: str) -> dict[str, Any] | None:
        """The claims by PyJWT, or None. It has no clock to set, so time is left to the other peer."""
        try:
            return jwt.decode(
                text,
                self.for_pyjwt,
                algorithms=[self.alg],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": ["iss", "exp", "aud", "sub", "iat", "jti", "client_id"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return None

    def joserfc(self, text: str) -> dict[str, Any] | None:
        """The claims by joserfc, or None."""
        # By default it also refuses header members that nobody registered, which RFC 7515 section 4 would
        # have ignored, as we do: an issuer may say something new to verifiers that are older than it.
        headers = joserfc.jws.JWSRegistry(algorithms=[self.alg], strict_check_header=False)
        registry = joserfc.jwt.JWTClaimsRegistry(
            now=NOW,
            leeway=5,  # what we allow for iat
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of "EdDSA" being an old name
                decoded = joserfc.jwt.decode(text, self.for_joserfc, registry=headers)
            registry.validate(decoded.claims)
        except (joserfc.errors.JoseError, ValueError, TypeError):
            return None
        else:
            return dict(decoded.claims)


def ours(text: str, using: Verifier) -> dict[str, Any] | None:
    """The claims by us, or None."""
    try:
        return dict(using.verify(text).claims)
    except TokenRefused:
        return None


PEERS = {alg: Peers(alg) for alg in ALGS}


@pytest.mark.requirement("J18", "J7")
@given(
    st.sampled_from(ALGS),
    st.dictionaries(HEADER_MEMBERS, LIKELY | JSON, max_size=1),
    st.dictionaries(CLAIM_MEMBERS, LIKELY | JSON, max_size=2),
    st.integers(0, 2**32),
)
@example("HS256", {}, {}, 0)
@example("HS256", {"cty": 1}, {}, 0)
@example("HS256", {"x5t": []}, {}, 0)
@example("ES256", {"typ": "AT+JWT"}, {"aud": ["x", AUDIENCE]}, 0)
@example("HS256", {}, {"nbf": NOW, "exp": NOW + 0.5}, 0)
def test_what_we_accept_the_peers_accept(
    alg: str, head: dict[str, object], changes: dict[str, object], seed: int
) -> None:
    """Whatever we take for a token, PyJWT and joserfc take for the same; what either refuses, we refuse."""
    key, source = signer(alg), random.Random(seed)  # noqa: S311 -- must repeat
    text = seal(json.dumps(header(key) | head).encode(), json.dumps(claims(**changes)).encode(), key)
    if seed % 3 == 2:
        text = mutated(text, text, source)
    accepted = ours(text, verifier(public(key)))
    if accepted is not None:
        assert PEERS[alg].pyjwt(text) == accepted
        assert PEERS[alg].joserfc(text) == accepted


@pytest.mark.parametrize("alg", ALGS)
def test_what_we_sign_the_peers_accept(alg: str) -> None:
    """Our tokens are everybody's tokens."""
    text = token(signer(alg))
    assert PEERS[alg].pyjwt(text) == PEERS[alg].joserfc(text) == claims()


@pytest.mark.parametrize("alg", ALGS)
def test_what_the_peers_sign_we_accept(alg: str) -> None:
    """A token made by PyJWT with our header is one of ours."""
    key: Any = signer(alg)
    secret = key._secret if isinstance(key, HmacKey) else key._private
    text = jwt.encode(claims(), secret, alg, headers={"kid": key.kid, "typ": "at+jwt"})
    assert ours(text, verifier(public(key))) == claims()
