"""The catalogue of vulnerabilities: for whom, by whom, until when, and what kind of token at all."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

import sekisho_verify
from sekisho_verify import ConfigurationError, TokenRefused, Verifier
from tests.verify.tokens import (
    ABSENT,
    ALGS,
    AUDIENCE,
    EC,
    HMAC,
    ISSUER,
    NOW,
    OTHER_HMAC,
    claims,
    header,
    public,
    refusal,
    seal,
    signer,
    token,
    verifier,
)


def literally(name: str, literal: str, *, beside: str = "") -> str:
    """A good token but for one claim, whose JSON is given to the letter, with more JSON at the end."""
    said = json.dumps(claims(**{name: "@@"})).replace('"@@"', literal)
    return seal(header(), (said[:-1] + beside + "}").encode())


# --- V20: issuer and audience ---


@pytest.mark.requirement("V20", "C3")
@pytest.mark.parametrize(
    "issuer",
    [
        *(ISSUER[:-1], ISSUER[1:], ISSUER[:8], "id.example.com", ISSUER + "/", ISSUER + "x", f"x{ISSUER}"),
        *("https://ID.example.com", "https://id.example.com:443", "https://id.example.com.evil.example", "h"),
        *(
            f"{ISSUER} https://evil.example",
            f" {ISSUER}",
            f"{ISSUER}\0",
            "https://evil.example/?id.example.com",
        ),
    ],
)
def test_v20_an_issuer_is_compared_whole(issuer: str) -> None:
    """CVE-2024-53861: a part of the issuer's name, or more than it, is another issuer."""
    assert refusal(token(iss=issuer)) == "token_issuer_mismatch"
    assert refusal(token(), verifier(issuer=issuer)) == "token_issuer_mismatch"


@pytest.mark.requirement("V20", "C2", "C3")
@pytest.mark.parametrize("literal", ['""', "null", "[]", "{}", "0", "false", f'["{ISSUER}"]'])
def test_v20_an_empty_issuer_skips_no_check(literal: str) -> None:
    """CVE-2026-11718: a token with an issuer that is empty, missing or no text is malformed, not excused."""
    assert refusal(literally("iss", literal)) == "token_malformed"
    assert refusal(token(iss=ABSENT)) == "token_malformed"


@pytest.mark.requirement("V20", "C3", "C4")
@pytest.mark.parametrize("name", ["issuer", "audience"])
@pytest.mark.parametrize("value", ["", None, [], [ISSUER], 0, b"api", ABSENT])
def test_v20_nobody_verifies_without_expecting_somebody(name: str, value: object) -> None:
    """CVE-2026-75156: a verifier has one issuer and one audience, or is not made; there is no "any"."""
    settings: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "keys": [HMAC], "feed": None}
    settings[name] = value
    settings = {name: value for name, value in settings.items() if value is not ABSENT}
    with pytest.raises((ConfigurationError, TypeError), match=name):
        Verifier(**settings)


@pytest.mark.requirement("V20", "C3")
def test_v20_a_tenants_key_signs_for_its_own_issuer_only() -> None:
    """CVE-2026-75156: one tenant's key opens nothing of another's, by its own id or the other's."""
    one, other = (
        verifier(HMAC, issuer="https://one.example"),
        verifier(OTHER_HMAC, issuer="https://other.example"),
    )
    assert one.verify(token(HMAC, iss="https://one.example")).sub
    assert other.verify(token(OTHER_HMAC, iss="https://other.example")).sub
    assert refusal(token(OTHER_HMAC, iss="https://one.example"), one) == "token_key_unknown"
    borrowed = seal(header(OTHER_HMAC, kid=HMAC.kid), claims(iss="https://one.example"), OTHER_HMAC)
    assert refusal(borrowed, one) == "token_signature_mismatch"
    assert refusal(token(HMAC, iss="https://other.example"), one) == "token_issuer_mismatch"


@pytest.mark.requirement("V20", "C4")
@pytest.mark.parametrize(
    "audience", ["ap", "apis", "API", "api/", "x-api", ["ap", "i"], ["apis"], "api,other"]
)
def test_v20_an_audience_is_compared_whole(audience: object) -> None:
    """The same of the audience: no part, no superstring, no list of letters."""
    assert refusal(token(aud=audience)) == "token_audience_mismatch"


# --- V21: times ---

NO_TIMES = [
    *('"1800000900"', '"1800000900.0"', '""', '"9999999999"', '"tomorrow"', "null", "true", "false"),
    *("[1800000900]", "{}", '{"$date":1800000900}'),
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "-1", "-0.5", "-1800000900"),
    *("253402300800", "1e12", "1e300", "9" * 30, "9" * 400, "1" + "0" * 5000, "18446744073709551616"),
    *("0x6b49d200", "1800000900L", "01800000900", "+1800000900", "1_800_000_900"),
]


@pytest.mark.requirement("V21", "C5")
@pytest.mark.parametrize("beside", ["", ',"own":[1]'], ids=["ours only", "with a claim of their own"])
@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "auth_time"])
@pytest.mark.parametrize("literal", NO_TIMES, ids=lambda literal: literal[:24])
def test_v21_a_time_is_a_number_of_seconds(name: str, literal: str, beside: str) -> None:
    """CVE-2026-54238: texts, booleans, NaN, infinities, negative and huge numbers are no times."""
    assert refusal(literally(name, literal, beside=beside)) == "token_malformed"


@pytest.mark.requirement("V21", "C5")
@pytest.mark.parametrize("beside", ["", ',"own":[1]'])
def test_v21_every_spelling_of_a_number_is_one(beside: str) -> None:
    """RFC 7519 section 2: a fraction or an exponent changes nothing about when a token ends."""
    for literal, end in (
        ("1800000900.5", NOW + 900.5),
        ("1.8000009e9", NOW + 900),
        ("18000009e+2", NOW + 900),
    ):
        text = literally("exp", literal, beside=beside)
        assert verifier(now=math.nextafter(end, 0)).verify(text).expires_at == end
        assert refusal(text, verifier(now=end)) == "token_expired"


@pytest.mark.requirement("V21", "C5")
@pytest.mark.parametrize(
    ("clock", "code"),
    [
        (math.nan, "token_expired"),
        (math.inf, "token_expired"),
        (1e308, "token_expired"),
        (-math.inf, "token_not_yet_valid"),
        (-1.0, "token_not_yet_valid"),
    ],
)
def test_v21_a_clock_that_is_no_time_accepts_nothing(clock: float, code: str) -> None:
    """The NaN trap, from the other side: with a clock out of order the first comparison refuses."""
    assert refusal(token(), verifier(now=clock)) == code


@pytest.mark.requirement("V21", "C5")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": NOW}, "token_expired"),
        ({"exp": 0}, "token_expired"),
        ({"exp": ABSENT}, "token_malformed"),
        ({"iat": ABSENT}, "token_malformed"),
        ({"iat": NOW + 6}, "token_not_yet_valid"),
        ({"nbf": NOW + 0.001}, "token_not_yet_valid"),
        ({"exp": NOW + 86401}, "token_malformed"),
        ({"iat": 0, "exp": NOW + 1}, "token_malformed"),
        ({"iat": NOW + 5, "exp": NOW + 4}, None),
    ],
)
def test_v21_when_a_token_is_good(changes: dict[str, object], code: str | None) -> None:
    """From its iat, give or take two clocks, and its nbf, to the second before exp, for a day at the most."""
    if code is None:
        assert verifier().verify(token(**changes)).expires_at == NOW + 4
    else:
        assert refusal(token(**changes)) == code


# --- V23 ---


@pytest.mark.requirement("V23")
@pytest.mark.parametrize("at_hash", ["", "77QmUPtjPfzWtF2AnpK9RQ", "x", None, 0, {}, ABSENT])
@pytest.mark.parametrize("name", ["at_hash", "c_hash", "s_hash"])
def test_v23_no_hash_of_another_token_is_half_checked(name: str, at_hash: object) -> None:
    """CVE-2026-28498: an ID token is refused whatever at_hash it has: no unknown hash can fail open."""
    for typ in ("JWT", ABSENT, "id+jwt"):
        assert refusal(seal(header(typ=typ), claims(**{name: at_hash}))) == "token_type_mismatch"
    # In an access token it is a claim of somebody's own: passed on, and it proves nothing.
    accepted = verifier().verify(token(**{name: at_hash}))
    assert accepted.claims.get(name, ABSENT) == at_hash
    assert not [known for known in (*sekisho_verify.__all__, *dir(accepted)) if known.endswith("_hash")]


# --- the kind matrix: C6 ---

KINDS = {
    "ID token": "JWT",
    "ID token, untyped": ABSENT,
    "logout token": "logout+jwt",
    "DPoP proof": "dpop+jwt",
    "DBSC proof": "dbsc+jwt",
    "security event": "secevent+jwt",
    "status list": "statuslist+jwt",
    "client assertion": "client-authentication+jwt",
    "request object": "oauth-authz-req+jwt",
    "JARM response": "oauth-authz-res+jwt",
    "introspection": "token-introspection+jwt",
    "key binding": "kb+jwt",
    "credential": "vc+sd-jwt",
    "our refresh token": "sekisho-refresh+jwt",
    "JOSE": "JOSE",
    "JSON": "JOSE+JSON",
    "a longer name": "at+jwt+x",
    "a shorter name": "at",
    "twice": "at+jwt,at+jwt",
    "with a parameter": "at+jwt;charset=utf-8",
    "with a space": "at+jwt ",
    "of another tree": "text/at+jwt",
    "prefixed twice": "application/application/at+jwt",
    "a list": ["at+jwt"],
    "empty": "",
    "null": None,
    "true": True,
}


@pytest.mark.requirement("C6", "C1", "V17")
@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_other_kind_of_token_is_an_access_token(kind: str, alg: str) -> None:
    """CVE-2022-3102: with the right key, issuer, audience and claims, every other typ is a mismatch."""
    key = signer(alg)
    text = seal(header(key, typ=KINDS[kind]), claims(), key)
    using = verifier(public(key))
    using.verify(token(key))
    with pytest.raises(TokenRefused) as caught:
        using.verify(text)
    assert caught.value.code == "token_type_mismatch"
    assert caught.value.detail.startswith("typ is ")


@pytest.mark.requirement("C6", "C1")
@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "Application/AT+JWT"])
def test_an_access_token_is_one_in_any_case(typ: str) -> None:
    """RFC 7515 section 4.1.9: the diagonal of the matrix, and its spellings of one media type, pass."""
    assert verifier(EC.public).verify(seal(header(EC, typ=typ), claims(), EC)).sub == claims()["sub"]


@pytest.mark.requirement("C6")
def test_an_access_token_is_no_other_kind() -> None:
    """The other way round: who verifies another kind by the same key refuses access tokens."""
    from sekisho_verify.jws import CompactVerifier  # noqa: PLC0415 -- for this test only

    for typ in (typ for typ in KINDS.values() if isinstance(typ, str) and typ.islower() and "/" not in typ):
        if typ != "at":
            with pytest.raises(TokenRefused) as caught:
                CompactVerifier([HMAC], typ=typ).open(token())
            assert caught.value.code == "token_type_mismatch"
