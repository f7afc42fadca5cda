"""Browser applications: those that are listed, by their exact origin, and nobody else."""

from __future__ import annotations

import pytest

from tests.web.served import Served, Server

LISTED = "https://app.example.com"
ORIGINS = f"{LISTED},http://localhost:3000"


def preflight(
    origin: str, method: str = "POST", headers: str = "authorization,content-type"
) -> dict[str, str]:
    """The headers of a preflight."""
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }


@pytest.mark.requirement("H2")
async def test_a_listed_origin_may_read_and_send(server: Server) -> None:
    """Answers, refusals included, are readable by it alone, cookies included."""
    async with server(allowed_origins=ORIGINS) as served:
        for answer in (
            await served.client.get("/healthz", headers={"Origin": LISTED}),
            await served.client.get("/v1/me", headers={"Origin": LISTED}),
            await served.client.get("/nope", headers={"Origin": LISTED}),
        ):
            assert answer.headers["access-control-allow-origin"] == LISTED
            assert answer.headers["access-control-allow-credentials"] == "true"
            assert "Origin" in answer.headers["vary"]
            assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
        answer = await served.client.request(
            "OPTIONS", "/v1/refresh", headers=preflight(LISTED, headers="idempotency-key")
        )
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == LISTED
        assert answer.headers["x-request-id"]


@pytest.mark.requirement("H2", "X03")
@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "https://app.example.com.evil.test",
        "https://evil.test/https://app.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://APP.example.com",
        "https://example.com",
        "http://localhost:30001",
        "",
    ],
)
async def test_any_other_origin_may_not(server: Server, origin: str) -> None:
    """No preflight passes, and no answer can be read."""
    async with server(allowed_origins=ORIGINS) as served:
        answer = await served.client.request("OPTIONS", "/v1/login", headers=preflight(origin))
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
        assert "access-control-allow-origin" not in answer.headers
        answer = await served.client.get("/healthz", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.requirement("H2")
@pytest.mark.parametrize(
    ("method", "headers"),
    [("PUT", "authorization"), ("PATCH", "authorization"), ("POST", "cookie"), ("POST", "x-anything")],
)
async def test_a_listed_origin_may_not_do_anything(server: Server, method: str, headers: str) -> None:
    """Only the methods and headers that the API has."""
    async with server(allowed_origins=ORIGINS) as served:
        answer = await served.client.request("OPTIONS", "/v1/me", headers=preflight(LISTED, method, headers))
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
        assert "access-control-allow-methods" not in answer.headers


async def test_without_a_list_nobody_may(served: Served) -> None:
    """The default says nothing about origins at all."""
    answer = await served.client.request("OPTIONS", "/v1/login", headers=preflight(LISTED))
    assert answer.status_code == 204
    for each in (answer, await served.client.get("/healthz", headers={"Origin": LISTED})):
        assert not any(name.startswith("access-control") for name in each.headers)
