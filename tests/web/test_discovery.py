"""What others read about the server."""

from __future__ import annotations

import re

import httpx2
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from sekisho.web.app import CORE
from sekisho.web.wire import STATUS
from sekisho_verify import Verifier
from sekisho_verify.keysets import key_set_from_jwks
from tests.web.served import Served, Server, bearer

SHARED_SECRET = "shared by the tests and by nobody else, 32 bytes and more"


async def test_the_keys_verify_the_tokens(served: Served) -> None:
    """What an API fetches here is what it needs; the answer may be cached for a while."""
    await served.register()
    tokens = await served.login()
    answer = await served.client.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=60"
    again = await served.client.get(
        "/.well-known/jwks.json", headers={"If-None-Match": f'"other", W/{answer.headers["etag"]}'}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert (again.headers["etag"], again.headers["cache-control"]) == (
        answer.headers["etag"],
        answer.headers["cache-control"],
    )
    keys = key_set_from_jwks(answer.json()).keys
    verifier = Verifier(
        issuer=served.house.settings.issuer, audience="api", keys=keys, feed=None, clock=served.clock
    )
    assert verifier.verify(tokens["access_token"]).sub == tokens["user"]["id"]


async def test_a_shared_secret_is_never_published(server: Server) -> None:
    """With HS256 the set is empty."""
    secrets = {"SIGNING_KEY": SHARED_SECRET}
    async with server(signing_key="env:SIGNING_KEY", secrets=secrets) as served:
        answer = await served.client.get("/.well-known/jwks.json")
        assert answer.json() == {"keys": []}
        assert SHARED_SECRET not in (await served.client.get("/openapi.json")).text
        await served.register()
        tokens = await served.login()
        assert (await served.client.get("/v1/me", headers=bearer(tokens))).status_code == 200


@pytest.mark.parametrize(
    ("issuer", "path"),
    [
        ("http://localhost:8400", ""),
        ("https://id.example.com", ""),
        ("https://example.com/auth", "/auth"),
        ("https://example.com/a/b", "/a/b"),
    ],
)
async def test_the_metadata_is_where_it_is_looked_for(server: Server, issuer: str, path: str) -> None:
    """Below the issuer as OpenID Connect asks, and before its path as RFC 8414 section 3.1 does."""
    async with server(issuer=issuer) as served:
        origin = served.house.settings.origin
        expected = {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "sekisho_revocations_uri": f"{issuer}/v1/revocations",
        }
        answer = await served.client.get(f"{origin}{path}/.well-known/oauth-authorization-server")
        assert answer.json() == expected
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=served.app), base_url=origin
        ) as plain:
            answer = await plain.get(f"/.well-known/oauth-authorization-server{path}")
            assert answer.json() == expected
            assert (await plain.get(f"{path}/healthz")).status_code == 200


async def test_the_document_is_valid_and_complete(served: Served) -> None:
    """OpenAPI 3.1 by its own schema; every endpoint is in it, with every code that it may answer."""
    document = served.contract.document
    OpenAPIV31SpecValidator(document).validate()
    for endpoint in CORE:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        codes = {
            code
            for response in operation["responses"].values()
            for content in response.get("content", {}).values()
            for part in content["schema"].get("allOf", ())
            for code in part.get("properties", {}).get("code", {}).get("enum", ())
        }
        assert codes == endpoint.all_codes
        assert bool(operation.get("security")) is (
            endpoint.signed_in or endpoint.token_codes or endpoint.feed
        )
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == sorted(STATUS)
    ids = [each["operationId"] for methods in document["paths"].values() for each in methods.values()]
    assert len(ids) == len(set(ids))


async def test_passwords_are_marked_for_whoever_shows_the_document(served: Served) -> None:
    """`format: password`, so that a viewer masks them."""
    schemas = served.contract.document["components"]["schemas"]
    for kind, member in (
        ("Login", "password"),
        ("NewAccount", "password"),
        ("PasswordChange", "new_password"),
    ):
        assert schemas[kind]["properties"][member]["format"] == "password"


@pytest.mark.parametrize("code", sorted(STATUS))
async def test_every_problem_has_a_page(served: Served, code: str) -> None:
    """In both languages, the reader's first, with nothing that a browser would run or fetch."""
    for first, second in (("en", "ja"), ("ja", "en")):
        answer = await served.client.get(f"/problems/{code}", headers={"Accept-Language": first})
        page = answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert page.index(f'<section lang="{first}">') < page.index(f'<section lang="{second}">')
        assert page.count(f"<code>{code}</code>") == 2
        assert not re.search(r"<script|<style|<link|<img|\bon\w+=|href=|src=|\{", page)


@pytest.mark.requirement("X14")
@pytest.mark.parametrize("code", ["nope", "TOKEN_EXPIRED", "<script>", "..%2f", "token_expired%00"])
async def test_other_pages_do_not_exist(served: Served, code: str) -> None:
    """404 as a problem, which does not say back what was asked for."""
    answer = await served.client.get(f"/problems/{code}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "script" not in answer.text


async def test_help_leads_to_the_page(server: Server) -> None:
    """The link in a problem is a path that this server answers, wherever it is mounted."""
    for issuer in ("http://localhost:8400", "https://example.com/auth"):
        async with server(issuer=issuer) as served:
            problem = (await served.client.get("/v1/me")).json()
            assert problem["type"] == "urn:sekisho:problem:token_missing"
            page = await served.client.get(served.house.settings.origin + problem["help"])
            assert "<code>token_missing</code>" in page.text
