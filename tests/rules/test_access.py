"""What a person may do, and what a token says about it."""

import pytest

from sekisho.rules.access import Rights, access_claims, effective, name
from sekisho.rules.refusals import Refusal


@pytest.mark.parametrize(
    ("allowed", "denied", "held"),
    [
        (["a", "b"], [], ("a", "b")),
        (["b", "a", "a"], ["b"], ("a",)),
        (["a"], ["a"], ()),
        ([], ["a"], ()),
        ([], [], ()),
    ],
)
def test_deny_wins(allowed: list[str], denied: list[str], held: tuple[str, ...]) -> None:
    """Held is what somebody allowed and nobody denied."""
    assert effective(allowed, denied) == held


@pytest.mark.parametrize("text", ["a", "secret:read", "org.team-1_x", "a" * 64])
def test_names(text: str) -> None:
    """Roles, groups and permissions share one plain alphabet."""
    assert name(text, "/role") == text


@pytest.mark.parametrize("text", ["", "A", "a b", "a\n", ":a", "a:", "あ", "a" * 65, "a,b", "*"])
def test_other_names_are_refused(text: str) -> None:
    """No spaces, capitals, controls, separators at the ends, and no wildcards."""
    with pytest.raises(Refusal) as refused:
        name(text, "/role")
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/role", "invalid_name")]


@pytest.mark.requirement("C2", "C7", "C8")
def test_the_claims_of_an_access_token() -> None:
    """Every claim of RFC 9068 and our own, whole seconds, and nothing about the person but the id."""
    claims = access_claims(
        issuer="https://id.example.com",
        audience="api",
        user_id="user",
        session_id="session",
        token_id="jti",
        rights=Rights(("admin",), ("staff",), ("secret:read",), "1.7"),
        auth_time=999.9,
        amr=("pwd",),
        now=1000.9,
        ttl=900.0,
    )
    assert claims == {
        "iss": "https://id.example.com",
        "sub": "user",
        "aud": "api",
        "exp": 1900,
        "iat": 1000,
        "jti": "jti",
        "client_id": "first-party",
        "sid": "session",
        "auth_time": 999,
        "amr": ["pwd"],
        "scope": "",
        "roles": ["admin"],
        "groups": ["staff"],
        "entitlements": ["secret:read"],
        "rv": "1.7",
    }
