"""What every answer carries, what every request leaves behind, and what it never does."""

from __future__ import annotations

import json
import logging
import re

import pytest

from sekisho.web.logs import ConsoleLines, JsonLines
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD, Served, Server, bearer

JSON_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@pytest.mark.requirement("H1")
async def test_every_answer_has_the_headers(served: Served) -> None:
    """Request id, nosniff, no referrer, a policy that allows nothing, and no-store unless it is public."""
    await served.register()
    tokens = await served.login()
    answers = [
        await served.client.get("/v1/me", headers=bearer(tokens)),
        await served.client.get("/v1/me"),
        await served.client.get("/nope"),
        await served.client.put("/v1/me"),
        await served.client.request("OPTIONS", "/v1/me"),
        await served.client.get("/healthz"),
        await served.client.get("/metrics"),
        await served.client.get("/problems/internal"),
        await served.client.get("/.well-known/jwks.json"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"] == JSON_CSP
        assert re.fullmatch("[0-9a-f]{24}", answer.headers["x-request-id"])
        assert "strict-transport-security" not in answer.headers
        assert len(answer.headers.get_list("cache-control")) == 1
    assert [answer.headers["cache-control"] for answer in answers] == ["no-store"] * 7 + [
        "public, max-age=300",
        "public, max-age=60",
    ]


async def test_https_is_remembered(server: Server) -> None:
    """Strict-Transport-Security once the issuer has it."""
    async with server(issuer="https://id.example.com") as served:
        answer = await served.client.get("/healthz")
        assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"


async def test_one_line_a_request(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Method, declared route, status, time, address, request id, and the code of a refusal."""
    caplog.set_level(logging.INFO)
    answer = await served.client.delete("/v1/sessions/0193-secret?token=secret")
    lines = [json.loads(JsonLines().format(each)) for each in caplog.records if each.name == "sekisho.access"]
    assert len(lines) == 1
    at, ms = lines[0].pop("at"), lines[0].pop("ms")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at)
    assert ms >= 0
    assert lines[0] == {
        "level": "info",
        "event": "request",
        "method": "DELETE",
        "route": "/v1/sessions/{id}",
        "status": 401,
        "ip": "127.0.0.1",
        "request_id": answer.headers["x-request-id"],
        "code": "token_missing",
    }


@pytest.mark.requirement("H4")
async def test_no_secret_reaches_log_metrics_or_another_answer(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Passwords, tokens and device secrets go through every endpoint, well and badly; nothing keeps them."""
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    await served.register()
    tokens = await served.login()
    secrets = {
        PASSWORD,
        OTHER_PASSWORD,
        tokens["access_token"],
        tokens["refresh_token"],
        tokens["device_token"],
    }
    body = {"email": EMAIL, "password": PASSWORD, "mode": "token"}
    change = {"current_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD}
    key = "idempotency-key-that-is-one-too"
    for headers in ({}, bearer(tokens), {"Authorization": tokens["access_token"], "Idempotency-Key": key}):
        for method, path in (("GET", "/v1/me"), ("GET", "/v1/sessions"), ("DELETE", "/v1/sessions/x")):
            texts.append((await served.client.request(method, path, headers=headers)).text)
        texts += [
            (await served.client.post("/v1/login", json=body | wrong, headers=headers)).text
            for wrong in ({}, {"password": 1}, {"mode": OTHER_PASSWORD}, {"password": OTHER_PASSWORD})
        ]
        texts.append((await served.client.post("/v1/accounts", json=body, headers=headers)).text)
        texts.append((await served.client.post("/v1/password", json=change, headers=headers)).text)
        texts.append((await served.client.post("/v1/refresh", json={"refresh_token": PASSWORD})).text)
        texts.append((await served.client.post("/v1/logout", json={"refresh_token": PASSWORD + "\0"})).text)
        texts.append((await served.client.post("/v1/login", content=json.dumps(body)[:-1])).text)
    texts.append((await served.client.get(f"/{tokens['access_token']}?{tokens['refresh_token']}")).text)
    texts.append((await served.client.get(f"/problems/{tokens['device_token']}")).text)
    texts.append(served.metrics.text().decode())
    ours = [each for each in caplog.records if not each.name.startswith("httpx2")]  # the client logs its URLs
    assert len(ours) > 30
    for record in ours:
        texts += [JsonLines().format(record), ConsoleLines().format(record)]
    for secret in (*secrets, key):
        assert not [text for text in texts if secret in text and '"access_token"' not in text], secret[:12]


@pytest.mark.parametrize("offered", ["edge-1234567", "not/believed"])
async def test_a_trusted_proxy_may_name_the_request(server: Server, offered: str) -> None:
    """Its address counts by X-Forwarded-For, and its request id where it is fit for a log."""
    async with server(trusted_proxies="127.0.0.0/8") as served:
        await served.register()
        headers = {"X-Request-Id": offered, "X-Forwarded-For": "6.6.6.6, 198.51.100.9"}
        body = {"email": EMAIL, "password": PASSWORD, "mode": "token"}
        answer = await served.client.post("/v1/login", json=body, headers=headers)
        assert (answer.headers["x-request-id"] == offered) is (offered == "edge-1234567")
        sessions = (await served.client.get("/v1/sessions", headers=bearer(answer.json()))).json()["sessions"]
        assert sessions[0]["ip"] == "198.51.100.9"
