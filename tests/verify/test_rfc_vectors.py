"""The examples of the RFCs: those of our algorithms verify, the others are refused, and each is typed right.

What is refused is first verified by another library: a mistyped vector is refused by anybody.
"""

from __future__ import annotations

import hmac
import json
import warnings
from typing import Any

import joserfc.jwk
import joserfc.jws
import pytest

from sekisho_verify import HmacKey, KeyRefused, SigningKey, TokenRefused, key_from_jwk
from sekisho_verify.encoding import b64url_decode, b64url_encode
from sekisho_verify.jws import CompactVerifier
from sekisho_verify.keys import VerificationKey
from tests.verify.tokens import EC, HMAC, OKP, SECRET, public, refusal, signer, vector, verifier

RFC7515, RFC7520, RFC7797, RFC8037 = (vector(f"rfc{number}") for number in (7515, 7520, 7797, 8037))


def held(jwk: dict[str, Any], alg: str | None = None) -> VerificationKey:
    """What a verifier holds of a JWK, private or public."""
    key = key_from_jwk(jwk, alg=alg)
    return key.public if isinstance(key, SigningKey) else key


def by_another_library(token: str | dict[str, Any], jwk: dict[str, Any], alg: str) -> bytes:
    """The payload of a compact or flattened JWS that joserfc verifies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of "EdDSA" being an old name, and of RSA keys for signatures
        key: Any = joserfc.jwk.import_key(jwk)
        if isinstance(token, str):
            return joserfc.jws.deserialize_compact(token, key, algorithms=[alg]).payload
        flattened: Any = token
        payload: bytes = joserfc.jws.deserialize_json(flattened, key, algorithms=[alg]).payload
        return payload


def code(text: str, *keys: VerificationKey) -> str:
    """The code with which a JWS of any type and claims is refused by the holder of these keys."""
    with pytest.raises(TokenRefused) as caught:
        CompactVerifier(keys, typ="at+jwt").open(text)
    return caught.value.code


HOLDERS = (
    (HMAC, HmacKey(SECRET, alg="HS512")),
    (EC.public, OKP.public, public(signer("RS256"))),
    (public(signer("PS256")),),
)


def everybody(text: str) -> set[str]:
    """The codes with which holders of keys of every kind refuse a text."""
    return {code(text, *keys) for keys in HOLDERS}


# --- RFC 7515 ---


@pytest.mark.requirement("J7")
@pytest.mark.parametrize("case", RFC7515["vectors"], ids=lambda case: case["name"])
def test_rfc_7515_appendix_a_1_to_3(case: dict[str, Any]) -> None:
    """HS256, RS256 and ES256 verify by us as by another library; as access tokens they are of no type."""
    alg = json.loads(b64url_decode(case["token"].partition(".")[0].encode()))["alg"]
    by_another_library(case["token"], case["jwk"], alg)
    signing_input, _, seal = case["token"].encode().rpartition(b".")
    key = held(case["jwk"])
    assert key.alg == alg
    key.check(signing_input, seal)
    with pytest.raises(TokenRefused):
        key.check(signing_input[:-1] + b"A", seal)
    assert code(case["token"], key) == "token_type_mismatch"


def test_the_key_of_appendix_a_2_signs_its_signature() -> None:
    """The private key is typed right too: PKCS #1 v1.5 makes the same signature again."""
    case = RFC7515["vectors"][1]
    key = key_from_jwk(case["jwk"])
    assert isinstance(key, SigningKey)
    signing_input, _, seal = case["token"].encode().rpartition(b".")
    assert b64url_encode(key.sign(signing_input)) == seal


@pytest.mark.requirement("J6")
def test_rfc_7515_appendix_a_4_is_of_no_algorithm_of_ours() -> None:
    """ES512 verifies elsewhere; here there is neither such a key nor such an algorithm."""
    case = RFC7515["refused"][0]
    assert by_another_library(case["token"], case["jwk"], "ES512") == b"Payload"
    with pytest.raises(KeyRefused, match="P-256"):
        key_from_jwk(case["jwk"])
    assert everybody(case["token"]) == {"token_alg_not_allowed"}


@pytest.mark.requirement("J6", "V01")
def test_rfc_7515_appendix_a_5_is_sealed_by_nobody() -> None:
    """The unsecured JWS is refused for its algorithm, with any key, also with a signature hung on."""
    token = RFC7515["refused"][1]["token"]
    assert json.loads(b64url_decode(token.split(".")[0].encode())) == {"alg": "none"}
    assert everybody(token) == {"token_alg_not_allowed"}
    assert everybody(token + "AAAA") == {"token_alg_not_allowed"}


@pytest.mark.requirement("J15", "V17")
@pytest.mark.parametrize("case", RFC7515["json"], ids=lambda case: case["name"])
@pytest.mark.parametrize("spaces", [None, 1])
def test_rfc_7515_appendix_a_6_and_7_are_not_compact(case: dict[str, Any], spaces: int | None) -> None:
    """The JSON serializations hold the signatures of A.2 and A.3, and are malformed here."""
    signatures = case["json"].get("signatures", [case["json"]])
    by_alg = {vector["jwk"]["kty"]: vector for vector in RFC7515["vectors"]}
    for signature in signatures:
        kty = {"RS256": "RSA", "ES256": "EC"}[
            json.loads(b64url_decode(signature["protected"].encode()))["alg"]
        ]
        compact = f"{signature['protected']}.{case['json']['payload']}.{signature['signature']}"
        assert compact == by_alg[kty]["token"]
    text = json.dumps(case["json"], indent=spaces)
    assert everybody(text) == {"token_malformed"}
    assert everybody(f"{text}.{text}.{text}") == {"token_malformed"}


# --- RFC 7520 ---


@pytest.mark.requirement("J6", "J7")
@pytest.mark.parametrize("case", RFC7520["compact"], ids=lambda case: case["section"])
def test_rfc_7520_sections_4_1_to_4(case: dict[str, Any]) -> None:
    """RS256 and HS256 verify; PS384 and ES512 are refused by the very key, for their algorithm."""
    jwk = RFC7520["keys"][case["key"]]
    payload = by_another_library(case["token"], jwk, case["alg"])
    assert payload.startswith("It’s a dangerous business, Frodo".encode())
    signing_input, _, seal = case["token"].encode().rpartition(b".")
    if case["alg"] in {"RS256", "HS256"}:
        key = held(jwk)
        key.check(signing_input, seal)
        assert key.kid == jwk["kid"]
        assert code(case["token"], key) == "token_type_mismatch"
    elif case["key"] == "P-521":
        with pytest.raises(KeyRefused, match="P-256"):
            key_from_jwk(jwk)
        assert everybody(case["token"]) == {"token_alg_not_allowed"}
    else:
        for alg in ("RS256", "PS256"):
            key = held(jwk, alg)
            assert code(case["token"], key) == "token_alg_not_allowed"
            with pytest.raises(TokenRefused):
                key.check(signing_input, seal)
        with pytest.raises(KeyRefused, match="not 'PS384'"):
            held(jwk, "PS384")


@pytest.mark.requirement("J2")
def test_rfc_7520_section_4_5_has_no_payload() -> None:
    """Detached content is refused; the same signature holds with the payload in its place."""
    case, key = RFC7520["detached"], held(RFC7520["keys"]["oct"])
    assert code(case["token"], key) == "token_type_mismatch"
    header, _, seal = case["token"].split(".")
    key.check(f"{header}.{case['payload']}".encode(), seal.encode())
    with_type = b64url_encode(json.dumps({"alg": "HS256", "kid": key.kid, "typ": "at+jwt"}).encode()).decode()
    assert code(f"{with_type}..{seal}", key) == "token_malformed"


@pytest.mark.requirement("J15", "V17", "V18")
@pytest.mark.parametrize("case", RFC7520["json"], ids=lambda case: case["section"])
def test_rfc_7520_sections_4_6_to_8_are_not_compact(case: dict[str, Any]) -> None:
    """Headers without protection, in part or whole, and several signatures: all malformed."""
    for form in ("flattened", "general"):
        if form in case:
            text = json.dumps(case[form])
            assert everybody(text) == {"token_malformed"}
            assert code(text, held(RFC7520["keys"]["oct"])) == "token_malformed"
    if "flattened" in case:
        # The signature is right: it is the form that is refused, and the header that nobody protects.
        flat, key = case["flattened"], RFC7520["keys"]["oct"]
        signing_input = f"{flat.get('protected', '')}.{flat['payload']}"
        mac = hmac.digest(b64url_decode(key["k"].encode()), signing_input.encode(), "sha256")
        assert b64url_encode(mac).decode() == flat["signature"]
        assert code(f"{signing_input}.{flat['signature']}", held(key)) in {
            "token_malformed",
            "token_type_mismatch",
        }
    else:
        for signature, name in zip(case["general"]["signatures"], case["keys"], strict=True):
            alg = {"RSA": "RS256", "P-521": "ES512", "oct": "HS256"}[name]
            flat = {"payload": case["general"]["payload"], **signature}
            by_another_library(flat, RFC7520["keys"][name], alg)


# --- RFC 7797 ---


@pytest.mark.requirement("J12", "V11")
def test_rfc_7797_section_4() -> None:
    """A payload that is not encoded is refused by its header, detached or in place; the control verifies."""
    key = held(RFC7797["jwk"])
    secret = b64url_decode(RFC7797["jwk"]["k"].encode())
    header, _, seal = RFC7797["unencoded"].split(".")
    payload = RFC7797["payload"]
    assert b64url_encode(hmac.digest(secret, f"{header}.{payload}".encode(), "sha256")).decode() == seal
    assert json.loads(b64url_decode(header.encode())) == {"alg": "HS256", "b64": False, "crit": ["b64"]}
    for text in (RFC7797["unencoded"], f"{header}.{payload}.{seal}", f"{header}.JC4wMg.{seal}"):
        assert code(text, key) == "token_malformed"
    signing_input, _, seal = RFC7797["encoded"].rpartition(".")
    key.check(signing_input.encode(), seal.encode())


# --- RFC 8037 ---


@pytest.mark.requirement("J7", "J20")
def test_rfc_8037_appendix_a_1_to_5() -> None:
    """The private key has the RFC's public key and thumbprint, and makes its signature, which verifies."""
    key = key_from_jwk(RFC8037["jwk"])
    assert isinstance(key, SigningKey)
    published = {"kty": "OKP", "crv": "Ed25519", "x": RFC8037["jwk"]["x"]}
    assert held(published).thumbprint == key.thumbprint == RFC8037["thumbprint"]
    assert by_another_library(RFC8037["token"], RFC8037["jwk"], "EdDSA") == b"Example of Ed25519 signing"
    signing_input, _, seal = RFC8037["token"].encode().rpartition(b".")
    assert b64url_encode(key.sign(signing_input)) == seal
    held(published).check(signing_input, seal)
    assert code(RFC8037["token"], key.public) == "token_type_mismatch"


def test_no_example_is_an_access_token() -> None:
    """None of the published tokens opens anything, whoever's verifier it meets."""
    texts = [
        case["token"] for case in (*RFC7515["vectors"], *RFC7515["refused"], *RFC7520["compact"], RFC8037)
    ]
    for text in texts:
        assert refusal(text, verifier()) in {
            "token_alg_not_allowed",
            "token_type_mismatch",
            "token_key_unknown",
        }
