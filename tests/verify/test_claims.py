"""What a token must say, of which type, for whom and when: to the very second."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho_verify import ConfigurationError, TokenRefused
from sekisho_verify.claims import EARLY, MAX_LEEWAY, YEAR_10000, Expectations, read_claims
from tests.verify.tokens import ABSENT, AUDIENCE, ISSUER, NOW, claims, header, refusal, seal, token, verifier

REQUIRED = ("iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "rv")
OPTIONAL = ("auth_time", "amr", "scope", "roles", "groups", "entitlements")
TEXTS = ("iss", "sub", "jti", "client_id", "sid", "rv")
LISTS = ("amr", "roles", "groups", "entitlements")
TIMES = ("exp", "iat", "nbf", "auth_time")


def with_raw(member: str, literal: str) -> str:
    """A good token but for one claim, whose JSON is given literally."""
    return seal(header(), json.dumps(claims(**{member: "@@"})).replace('"@@"', literal).encode())


@pytest.mark.requirement("C2")
@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_claim_may_not_be_missing(name: str) -> None:
    """A token without one of the required claims is malformed; the operator reads which it was."""
    with pytest.raises(TokenRefused) as caught:
        verifier().verify(token(**{name: ABSENT}))
    assert caught.value.code == "token_malformed"
    assert f"`{name}`" in caught.value.detail


@pytest.mark.requirement("C2")
@pytest.mark.parametrize("name", OPTIONAL)
def test_an_optional_claim_may_be_missing(name: str) -> None:
    """Without a claim that grants something, nothing is granted."""
    accepted = verifier().verify(token(**{name: ABSENT}))
    found = {
        "auth_time": accepted.auth_time,
        "amr": accepted.amr,
        "scope": accepted.scope,
        "roles": accepted.roles,
        "groups": accepted.groups,
        "entitlements": accepted.permissions,
    }
    assert not found[name]
    assert all(value for other, value in found.items() if other != name)


@pytest.mark.requirement("C2")
@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("literal", ['""', "null", "1", "true", '["a"]', "{}", "1.5"])
def test_an_identifier_is_a_text_that_is_not_empty(name: str, literal: str) -> None:
    """Empty and other types are malformed; an empty issuer skips no check (CVE-2026-11718)."""
    assert refusal(with_raw(name, literal)) == "token_malformed"


@pytest.mark.requirement("C5")
@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    "literal",
    [
        *("null", "true", "false", '"1800000900"', '""', "[1800000900]", "{}"),
        *("-1", "-0.5", str(YEAR_10000), "1e12", "1e308", "9" * 400),
        *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "0x1", "1_0"),
    ],
)
def test_a_time_is_a_finite_number_in_range(name: str, literal: str) -> None:
    """Booleans, texts (CVE-2026-54238), infinities, NaN and times before 1970 or after 9999 are malformed."""
    assert refusal(with_raw(name, literal)) == "token_malformed"


@pytest.mark.parametrize("literal", ["1800000900.0", "1800000900.25", "18000009e2", "1.8000009e9"])
def test_a_time_may_be_any_spelling_of_a_number(literal: str) -> None:
    """RFC 7519 allows fractions, and JSON exponents."""
    assert verifier().verify(with_raw("exp", literal)).expires_at == float(literal)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "literal", ["null", '"admin"', "1", "true", "{}", "[1]", "[null]", '[["admin"]]', '[{"a":1}]']
)
def test_rights_are_lists_of_texts(name: str, literal: str) -> None:
    """Anything but an array of strings is malformed: a text is not taken for a list of its letters."""
    assert refusal(with_raw(name, literal)) == "token_malformed"


@pytest.mark.parametrize("literal", ["null", "1", '["read"]', "{}", "true"])
def test_a_scope_is_one_text(literal: str) -> None:
    """The scope is a string of names with spaces between, nothing else."""
    assert refusal(with_raw("scope", literal)) == "token_malformed"


@pytest.mark.parametrize("between", ["\t", "\n", "\x1f", "\x85", "\xa0", "\u2003", "\u3000"])
def test_a_scope_is_cut_at_spaces_and_nowhere_else(between: str) -> None:
    """What only looks like a space is part of a name: an issuer that cuts at spaces has granted one name."""
    accepted = verifier().verify(token(scope=f"read{between}admin  write "))
    assert accepted.scope == {f"read{between}admin", "write"}


@pytest.mark.requirement("C3")
@pytest.mark.parametrize(
    "issuer",
    [
        *(ISSUER + "/", ISSUER.upper(), ISSUER[:-1], ISSUER + "x", "x" + ISSUER, " " + ISSUER, ISSUER + " "),
        *(
            "http://id.example.com",
            "https://id.example.com:443",
            "https://evil.example",
            ISSUER[:8],
            "id.example.com",
        ),
    ],
)
def test_the_issuer_is_exactly_ours(issuer: str) -> None:
    """A part of the issuer, more than it, or another spelling is another issuer (CVE-2024-53861)."""
    assert refusal(token(iss=issuer)) == "token_issuer_mismatch"


@pytest.mark.requirement("C4")
@pytest.mark.parametrize(
    "audience",
    ["ap", "apis", "API", "api/", " api", "x", "api other", ["ap"], ["apis", "ap"], ["API"], ["a", "p", "i"]],
)
def test_the_audience_is_exactly_us(audience: object) -> None:
    """A prefix, a longer name, another case or our letters one by one are another audience."""
    assert refusal(token(aud=audience)) == "token_audience_mismatch"


@pytest.mark.requirement("C4")
@pytest.mark.parametrize(
    "literal", ["null", "1", "true", '{"api":1}', "[]", '""', '[""]', '["api",1]', '[["api"]]']
)
def test_the_audience_is_a_text_or_a_list_of_texts(literal: str) -> None:
    """Every other shape is malformed, also where our name is in it."""
    assert refusal(with_raw("aud", literal)) == "token_malformed"


@pytest.mark.requirement("C4")
@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]])
def test_we_may_be_one_of_several_audiences(audience: object) -> None:
    """Our exact name alone, or among others, is enough."""
    assert verifier().verify(token(aud=audience)).claims["aud"] == audience


@pytest.mark.requirement("C5")
def test_the_second_of_exp_is_too_late() -> None:
    """A token is good until, and not at, the second of its `exp`; leeway moves that second and no more."""
    text = token(exp=NOW + 900)
    assert verifier(now=NOW + 899.999).verify(text).expires_at == NOW + 900
    assert refusal(text, verifier(now=NOW + 900)) == "token_expired"
    assert verifier(now=NOW + 929.999, leeway=30).verify(text).sub
    assert refusal(text, verifier(now=NOW + 930, leeway=30)) == "token_expired"


@pytest.mark.requirement("C5")
def test_the_second_of_nbf_is_early_enough() -> None:
    """A token is good from the second of its `nbf` on; leeway moves that second and no more."""
    text = token(nbf=NOW + 100)
    assert refusal(text, verifier(now=NOW + 99.999)) == "token_not_yet_valid"
    assert verifier(now=NOW + 100).verify(text).sub
    assert refusal(text, verifier(now=NOW + 69.999, leeway=30)) == "token_not_yet_valid"
    assert verifier(now=NOW + 70, leeway=30).verify(text).sub


@pytest.mark.requirement("C5")
@pytest.mark.parametrize(("leeway", "allowed"), [(0, EARLY), (1, EARLY), (30, 30), (60, 60)])
def test_a_token_from_the_future_is_refused(leeway: float, allowed: float) -> None:
    """`iat` may lie ahead by what two kept clocks may differ, or by the leeway, and not a moment more."""
    text = token(iat=NOW + 200, exp=NOW + 900)
    assert verifier(now=NOW + 200 - allowed, leeway=leeway).verify(text).issued_at == NOW + 200
    assert refusal(text, verifier(now=NOW + 199.999 - allowed, leeway=leeway)) == "token_not_yet_valid"


@pytest.mark.requirement("C5")
def test_a_token_that_lives_too_long_is_refused() -> None:
    """What lies between `iat` and `exp` is bounded, however soon `exp` comes."""
    assert verifier(max_lifetime=900).verify(token(iat=NOW, exp=NOW + 900)).sub
    assert refusal(token(iat=NOW, exp=NOW + 901), verifier(max_lifetime=900)) == "token_malformed"
    assert refusal(token(iat=NOW - 86400, exp=NOW + 1)) == "token_malformed"
    assert refusal(token(iat=0, exp=NOW + 1)) == "token_malformed"


@pytest.mark.requirement("C7")
def test_the_default_lifetime_is_a_day() -> None:
    """A token that would live for longer than a day is refused unless the verifier was told otherwise."""
    text = token(iat=NOW, exp=NOW + 86401)
    assert refusal(text) == "token_malformed"
    assert verifier(max_lifetime=86401).verify(text).sub


@pytest.mark.requirement("C5")
@pytest.mark.parametrize(
    ("now", "code"),
    [
        (math.nan, "token_expired"),
        (math.inf, "token_expired"),
        (-math.inf, "token_not_yet_valid"),
        (-1, "token_not_yet_valid"),
    ],
)
def test_a_clock_that_is_wrong_refuses(now: float, code: str) -> None:
    """NaN is not after anything and nothing is after it: still no token passes, by each comparison."""
    assert refusal(token(), verifier(now=now)) == code


@pytest.mark.requirement("J5")
@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"[]", b"null", b'"sub"', b"1"),
        b"\xef\xbb\xbf%s",
        b"%s x",
        b"%s%s",
    ],
)
def test_a_payload_is_one_json_object(raw: bytes) -> None:
    """Anything else behind a true seal is malformed."""
    payload = raw.replace(b"%s", json.dumps(claims()).encode())
    assert refusal(seal(header(), payload) if payload else token().replace(".", "..")) == "token_malformed"


@pytest.mark.requirement("J5")
@pytest.mark.parametrize(
    "literal",
    [
        *(
            b"NaN",
            b"1e999",
            b"-Infinity",
            b'"\xff"',
            b'"\\ud800"',
            b'{"\xff":1}',
            b'"\x01"',
            b"01",
            b"[1e999]",
        ),
        b"[" * 33 + b"]" * 33,
        b"[" * 3000 + b"]" * 3000,
        b"[" * 5000,
    ],
    ids=lambda literal: repr(literal[:12]),
)
def test_a_claim_of_somebodys_own_is_strict_json(literal: bytes) -> None:
    """A member that we do not know is not skipped over unread."""
    payload = json.dumps(claims()).encode()[:-1] + b',"own":' + literal + b"}"
    assert refusal(seal(header(), payload)) == "token_malformed"


@pytest.mark.requirement("J5")
def test_of_two_claims_of_one_name_the_last_counts() -> None:
    """As RFC 7519 section 4 allows, on the short and on the long way alike, and in the claims as shown."""
    twice = json.dumps(claims(sub="first", roles=["admin"])).encode()[:-1] + b',"sub":"last","roles":[]'
    for payload in (twice + b"}", twice + b',"own":1}', twice + b',"exp":"x","exp":1800000900}'):
        accepted = verifier().verify(seal(header(), payload))
        assert (accepted.sub, accepted.roles, accepted.claims["sub"]) == ("last", frozenset(), "last")


def test_claims_of_ones_own_are_kept() -> None:
    """Members that we do not know do not disturb, and are in `claims`."""
    accepted = verifier().verify(token(tenant={"id": [1, "鍵"]}))
    assert accepted.claims["tenant"] == {"id": [1, "鍵"]}
    assert accepted.roles == {"clerk"}


ANY_VALUE = (
    st.none()
    | st.booleans()
    | st.text(max_size=3)
    | st.floats()
    | st.integers()
    | st.lists(st.text(max_size=2), max_size=2)
)


@given(st.dictionaries(st.sampled_from([*REQUIRED, *OPTIONAL, "nbf", "own"]), ANY_VALUE, max_size=4))
def test_both_ways_of_reading_agree(changes: dict[str, object]) -> None:
    """A claim of somebody's own changes nothing in how the others are read or refused."""

    def read(payload: bytes) -> object:
        try:
            return read_claims(payload)
        except TokenRefused as refused:
            return refused.code

    payload = json.dumps(claims(**changes)).encode()
    with_own = payload[:-1] + b',"another":1}'
    assert read(payload) == read(with_own)


@pytest.mark.requirement("C3", "C4", "C5")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"issuer": ""}, "issuer"),
        ({"issuer": None}, "issuer"),
        ({"issuer": ["https://id.example.com"]}, "issuer"),
        ({"audience": ""}, "audience"),
        ({"audience": None}, "audience"),
        ({"audience": ["api"]}, "audience"),
        ({"leeway": -1}, "leeway is 0 to 60"),
        ({"leeway": MAX_LEEWAY + 0.001}, "leeway is 0 to 60"),
        ({"leeway": math.nan}, "leeway is 0 to 60"),
        ({"leeway": True}, "leeway is 0 to 60"),
        ({"leeway": "5"}, "leeway is 0 to 60"),
        ({"leeway": None}, "leeway is 0 to 60"),
        ({"max_lifetime": 0}, "max_lifetime"),
        ({"max_lifetime": math.nan}, "max_lifetime"),
        ({"max_lifetime": math.inf}, "max_lifetime"),
        ({"max_lifetime": "900"}, "max_lifetime"),
    ],
)
def test_expectations_cannot_be_lax(changes: dict[str, object], reason: str) -> None:
    """An empty or missing expectation is refused when it is stated; there is no value that skips a check."""
    with pytest.raises(ConfigurationError, match=reason):
        Expectations(**({"issuer": ISSUER, "audience": AUDIENCE} | changes))  # type: ignore[arg-type]  # on purpose
