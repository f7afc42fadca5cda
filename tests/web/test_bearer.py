"""The access token counts in one place only, exactly once (RFC 6750)."""

from __future__ import annotations

import pytest

from tests.web.served import Served, Server, bearer

ACCOUNT = [("GET", "/v1/me"), ("GET", "/v1/sessions"), ("DELETE", "/v1/sessions/x"), ("POST", "/v1/password")]


@pytest.mark.requirement("C9")
@pytest.mark.parametrize(("method", "path"), ACCOUNT)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic YTpi"}, {"Authorization": ""}])
async def test_without_a_credential_the_scheme_is_told_and_no_error(
    served: Served, method: str, path: str, headers: dict[str, str]
) -> None:
    """401 with the bare challenge, before the body is looked at."""
    answer = await served.client.request(method, path, headers=headers, content=b"{" * 9)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.requirement("C9", "X04")
async def test_two_headers_are_a_contradiction(served: Served) -> None:
    """Proxies disagree on which of them counts, so neither does, even where they are equal."""
    await served.register()
    value = bearer(await served.login())["Authorization"]
    headers = [("Authorization", value), ("Authorization", value)]
    answer = await served.client.get("/v1/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_request"')


@pytest.mark.requirement("C9", "X04")
async def test_two_headers_are_a_contradiction_where_none_is_needed_too(served: Served) -> None:
    """Logout, which needs no access token, does not take two for none."""
    await served.register()
    tokens = await served.login()
    headers = [("Authorization", bearer(tokens)["Authorization"]), ("Authorization", "Basic YTpi")]
    body = {"refresh_token": tokens["refresh_token"]}
    answer = await served.client.post("/v1/logout", headers=headers, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert (await served.client.get("/v1/me", headers=bearer(tokens))).status_code == 200


@pytest.mark.requirement("C9")
async def test_the_token_is_looked_for_nowhere_else(served: Served) -> None:
    """Not in the query, where it would be logged, and not in a form."""
    await served.register()
    token = (await served.login())["access_token"]
    answer = await served.client.get(f"/v1/me?access_token={token}")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
    answer = await served.client.post("/v1/password", data={"access_token": token})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "token_malformed"),
        ("a.b.c", "token_malformed"),
        ("a" * 20_000, "token_malformed"),
        ("skr1_AAAA", "token_malformed"),
        ("caf\u00e9", "token_malformed"),
    ],
)
async def test_a_bad_token_is_an_invalid_token(served: Served, token: str, code: str) -> None:
    """401 with the reason, in the header as RFC 6750 spells it, in the body as the stable code."""
    answer = await served.client.get(
        "/v1/me", headers={b"Authorization": f"Bearer {token}".encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token", error_description="')


async def test_an_expired_token_says_so(served: Served) -> None:
    """At the second of its expiry (leeway of the verifier included) it is expired."""
    await served.register()
    tokens = await served.login()
    served.clock.now += tokens["expires_in"] + 60
    answer = await served.client.get("/v1/me", headers=bearer(tokens))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.requirement("C6", "X06")
@pytest.mark.parametrize("refresh_store", ["database", "none"])
async def test_other_kinds_of_token_are_no_access_token(server: Server, refresh_store: str) -> None:
    """Refresh token and device secret do not open an account; an access token does not refresh or log out."""
    async with server(refresh_store=refresh_store) as served:
        await served.register()
        tokens = await served.login()
        for other in (tokens["refresh_token"], tokens["device_token"]):
            answer = await served.client.get("/v1/me", headers={"Authorization": f"Bearer {other}"})
            assert answer.status_code == 401, other[:8]
            assert answer.json()["code"].startswith("token_")
        for other in (tokens["access_token"], tokens["device_token"]):
            for path in ("/v1/refresh", "/v1/logout"):
                answer = await served.client.post(path, json={"refresh_token": other})
                assert (answer.status_code, answer.json()["code"]) == (401, "refresh_unknown")


async def test_the_scheme_has_any_case(served: Served) -> None:
    """RFC 9110 section 11.1."""
    await served.register()
    token = (await served.login())["access_token"]
    for scheme in ("bearer", "BEARER"):
        headers = {"Authorization": f"{scheme} {token}"}
        assert (await served.client.get("/v1/me", headers=headers)).status_code == 200
