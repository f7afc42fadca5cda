"""Paths and methods: what is there, what is not, and what becomes of a fault of ours."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Literal

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from sekisho.rules.refusals import Refusal
from sekisho.web.app import CORE
from sekisho.web.bodies import State
from sekisho.web.dispatch import Dispatcher
from sekisho.web.endpoint import Call, Endpoint, Site
from sekisho.web.logs import JsonLines
from sekisho.web.request_context import context_of
from tests.web.served import EMAIL, PASSWORD, Served, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message

PATHS = sorted({endpoint.path.replace("{id}", "x").replace("{code}", "internal") for endpoint in CORE})
SECRET = "hunter2 and the rest of it"


async def broken(_: Site, __: Call[None]) -> State:
    """Fail with a message that quotes a secret, in front of another fault."""
    try:
        return State(status=dict[str, Literal["ok"]]()[SECRET])
    except LookupError as cause:
        raise RuntimeError(SECRET) from cause


BROKEN = Endpoint(method="GET", path="/broken", handler=broken, summary="Breaks", tag="test", answer=State)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/login/",
        "//v1/login",
        "/V1/login",
        "/v1/sessions/",
        "/v1/sessions/a/b",
        "/v1/%2e%2e",
    ],
)
async def test_what_is_not_there_is_a_problem(served: Served, path: str) -> None:
    """404, for every method, with no redirect to a path that is spelt otherwise."""
    for method in ("GET", "POST", "DELETE", "OPTIONS", "PROPFIND"):
        answer = await served.client.request(
            method, httpx2.URL("http://localhost:8400").copy_with(raw_path=path.encode())
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", PATHS)
async def test_other_methods_are_refused_with_those_there_are(served: Served, path: str) -> None:
    """405 with Allow; method overrides are not read."""
    declared = served.contract.document["paths"][served.contract.template(path)].keys()
    allowed = (
        {method.upper() for method in declared} | {"OPTIONS"} | ({"HEAD"} if "get" in declared else set())
    )
    override = {"X-HTTP-Method-Override": min(allowed), "X-Method-Override": "GET"}
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} - allowed:
        answer = await served.client.request(method, f"{path}?_method=GET", headers=override)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allowed
    answer = await served.client.request("OPTIONS", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("path", ["/healthz", "/.well-known/jwks.json", "/problems/internal", "/v1/me"])
async def test_head_is_get_without_its_body(served: Served, path: str) -> None:
    """Same status, type and length (RFC 9110 section 9.3.2), refusals included."""
    get, head = await served.client.get(path), await served.client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("content-type", "content-length", "cache-control"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.requirement("J18")
async def test_a_fault_of_ours_says_nothing_about_itself(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """500 with the request id alone; the log has the places and the types under that id, and no message."""
    async with server(endpoints=[BROKEN]) as served:
        caplog.clear()
        answer = await served.client.get("/broken")
        body = answer.json()
        assert (answer.status_code, body["code"]) == (500, "internal")
        assert body["request_id"] == answer.headers["x-request-id"]
        assert SECRET not in answer.text
        assert "broken" not in answer.text
        record = next(each for each in caplog.records if each.levelno == logging.ERROR)
        line = json.loads(JsonLines().format(record))
        assert (line["event"], line["request_id"]) == ("internal", body["request_id"])
        assert line["exception"][0] == "builtins.RuntimeError"
        assert "builtins.KeyError" in line["exception"]
        assert any("test_dispatch.py" in each and "in broken" in each for each in line["exception"])
        assert SECRET not in json.dumps(line)


async def test_a_database_that_is_gone_is_no_fault_of_the_caller(served: Served) -> None:
    """503 with Retry-After on whatever needs it; liveness and keys go on."""
    await served.house.store.close()
    login = {"email": EMAIL, "password": PASSWORD, "mode": "token"}
    for answer in (await served.client.get("/readyz"), await served.client.post("/v1/login", json=login)):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "5"
    assert (await served.client.get("/healthz")).status_code == 200
    assert (await served.client.get("/.well-known/jwks.json")).status_code == 200


async def page(request: Request) -> PlainTextResponse:
    """Show what a route of a feature sees."""
    context = context_of(request.scope)
    return PlainTextResponse(f"{context.client.ip} {context.language} {request.url_for('page').path}")


async def refusing(_: Request) -> PlainTextResponse:
    """Refuse as a flow would."""
    raise Refusal("forbidden")


ROUTES = [
    Route("/page", page, name="page"),
    Route("/refusing", refusing),
    Mount("/below", routes=[Route("/page", page)]),
]


@pytest.mark.parametrize("issuer", ["http://localhost:8400", "https://example.com/auth"])
async def test_features_bring_routes_of_their_own(server: Server, issuer: str) -> None:
    """They have the same envelope, refuse with the same problems, and cannot hide a core path."""
    async with server(issuer=issuer, routes=ROUTES) as served:
        base = issuer.removeprefix(served.house.settings.origin)
        transport = httpx2.ASGITransport(app=served.app)
        async with httpx2.AsyncClient(transport=transport, base_url=issuer) as plain:
            answer = await plain.get("/page", headers={"Accept-Language": "ja"})
            assert answer.text == f"127.0.0.1 ja {base}/page"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-request-id"]
            assert (await plain.get("/below/page")).status_code == 200
            answer = await plain.get("/page/")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), "no redirect"
            answer = await plain.get("/refusing")
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            answer = await plain.post("/page")
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
            assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_two_endpoints_cannot_claim_one_path() -> None:
    """A feature that would answer in the place of the core is refused when the server starts."""
    login = next(each for each in CORE if each.path == "/v1/login")
    with pytest.raises(ValueError, match="POST /v1/login"):
        Dispatcher(Site(*[None] * 8), [login, login])  # type: ignore[arg-type]  # nothing of the site is used


@pytest.mark.parametrize("prefix", ["/auth", "/a/b"])
async def test_it_mounts_below_any_path(served: Served, prefix: str) -> None:
    """As a part of another application: its paths are found below the prefix, and nowhere else."""
    outer = Starlette(routes=[Mount(prefix, app=served.app)])
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=outer), base_url="http://localhost"
    ) as plain:
        assert (await plain.get(f"{prefix}/healthz")).json() == {"status": "ok"}
        assert (await plain.get(f"{prefix}/problems/internal")).status_code == 200
        answer = await plain.get(f"{prefix}/nope")
        assert answer.json()["code"] == "not_found"


async def test_a_framework_that_cuts_the_path_is_understood(served: Served) -> None:
    """Some hand on the path without the prefix that `root_path` names."""
    transport = httpx2.ASGITransport(app=served.app, root_path="/auth")
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as plain:
        assert (await plain.get("/healthz")).status_code == 200
        assert (await plain.get("/auth/healthz")).status_code == 200
        assert (await plain.get("/authhealthz")).status_code == 404


async def test_a_client_that_goes_away_is_answered_nothing(served: Served) -> None:
    """Half a body, then a disconnect: nothing is sent, nothing is done, and the log says 499."""
    sent: list[Message] = []
    messages: Iterator[Message] = iter(
        [
            {"type": "http.request", "body": b'{"refresh_token":', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/refresh",
        "headers": [(b"content-type", b"application/json")],
        "client": None,
    }
    await served.app(scope, receive, send)
    assert sent == []
    assert b'route="/v1/refresh",status="499"' in served.metrics.text()


async def test_what_is_too_large_ends_the_connection(served: Served) -> None:
    """413, and no other request is read behind a body that nobody reads to its end."""
    headers = {"Content-Type": "application/json"}
    answer = await served.client.post("/v1/login", content=b" " * 65_537, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert answer.headers["connection"] == "close"
    answer = await served.client.post("/v1/login", content=b" " * 65_536, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
