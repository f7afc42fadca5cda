"""Whatever is sent, on every route: never a 500, always an answer that the document promises."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sekisho.web.app import CORE
from tests.web.browser import Browser
from tests.web.served import EMAIL, PASSWORD, Served, Server, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from sekisho.web.endpoint import Endpoint

PATHS = sorted({endpoint.path for endpoint in CORE})
MEMBERS = [
    "email",
    "password",
    "mode",
    "device_token",
    "refresh_token",
    "scope",
    "locale",
    "current_password",
    "code",
]

bits = st.sampled_from([b"", b"0", b"\0", b"\xff", b"{}", b'{"email":"\\u0000"}', b"[" * 3000, b"9" * 5000])
texts = st.text() | st.sampled_from(
    [EMAIL, PASSWORD, "token", "browser", "session", "this", "all", "\0", "a\u0000b", "x" * 5000]
)
values = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | texts, st.lists, max_leaves=4)
objects = st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=5), values, max_size=6)
bodies = st.binary(max_size=200) | bits | objects.map(lambda value: json.dumps(value).encode())
# What a server would hand on: visible bytes, spaces and tabs (RFC 9110 section 5.5).
header_values = st.binary(max_size=60).map(lambda raw: bytes(b for b in raw if b > 31 and b != 127).strip())
NAMES = b"""accept-language authorization content-type content-length cookie forwarded idempotency-key origin
user-agent x-forwarded-for x-request-id sec-fetch-site sekisho-csrf sekisho-client x-forwarded-method
sec-websocket-key""".split()
header_values |= st.sampled_from(
    [b"same-origin", b"1", b"POST", b"sekisho=", b"sekisho=a; sekisho=b", b"=; ;"]
)
header_values |= st.sampled_from([b"application/json", b"Bearer", b"Bearer a.b.c", b"127.0.0.1", b"ja;q=x"])
headers = st.dictionaries(st.sampled_from(NAMES), header_values, max_size=5)
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "X"])
segments = st.text(max_size=20) | st.sampled_from(["..", "\0", "a/b", "internal", "\ud800"])


class Running:
    """A server on an event loop of its own, for as long as a test runs many examples against it."""

    def __init__(self, opening: AbstractAsyncContextManager[Served]) -> None:
        self.runner = asyncio.Runner()
        self.opening = opening
        self.served = self.runner.run(opening.__aenter__())
        self.runner.run(self.served.register())
        self.tokens = self.runner.run(self.served.login())
        self.browsers = [Browser(self.served), Browser(self.served)]
        for browser, mode in zip(self.browsers, ("session", "browser"), strict=True):
            self.runner.run(browser.login(mode))

    def close(self) -> None:
        """Stop it."""
        self.runner.run(self.opening.__aexit__(None, None, None))
        self.runner.close()

    def send(self, method: str, path: str, raw_headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """One request as ASGI hands it over, and the check of its answer."""
        self.runner.run(self._send(method, path, raw_headers, body))

    async def _send(
        self, method: str, path: str, raw_headers: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's own type
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": raw_headers, "client": ("::1", 1)}
        await self.served.app(scope, receive, send)
        start, *parts = sent
        assert start["status"] < 500, parts
        answer = httpx2.Response(
            start["status"],
            headers=start["headers"],
            content=b"".join(part["body"] for part in parts),
            request=httpx2.Request(method, "http://localhost/"),
        )
        self.served.contract.check_at(answer, method, path)


@pytest.fixture(scope="module")
def running(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all examples, with a trusted proxy, so that its headers are read."""
    server = Server(prepared, tmp_path_factory.mktemp("fuzz"))
    running = Running(server(trusted_proxies="::1/128", allowed_origins="https://app.example.com"))
    yield running
    running.close()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    line=st.tuples(methods, st.sampled_from(PATHS), segments),
    extra=headers,
    body=bodies,
)
def test_any_request_is_answered(
    running: Running, line: tuple[str, str, str], extra: dict[bytes, bytes], body: bytes
) -> None:
    """Random methods, headers and bodies on every path."""
    method, path, segment = line
    head, brace, _ = path.partition("{")
    running.send(method, head + segment if brace else path, list(extra.items()), body)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    path=st.sampled_from([each.path for each in CORE if each.method == "POST"]), body=bodies, extra=headers
)
def test_any_body_is_answered(running: Running, path: str, body: bytes, extra: dict[bytes, bytes]) -> None:
    """Bodies that are declared as JSON, with a good access token, get as far as the flows."""
    token = bearer(running.tokens)["Authorization"].encode()
    given_headers = {**extra, b"content-type": b"application/json", b"authorization": token}
    given_headers.pop(b"content-length", None)
    running.send("POST", path, list(given_headers.items()), body)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    line=st.tuples(st.sampled_from([0, 1]), st.sampled_from([e for e in CORE if e.path != "/v1/logout"])),
    body=bodies,
    extra=headers,
    spoil=st.tuples(st.integers(0, 200), st.sampled_from([b"", b";", b"=", b"\xff", b"A", b" "])) | st.none(),
)
def test_any_request_of_a_browser_is_answered(
    running: Running,
    line: tuple[int, Endpoint[Any]],
    body: bytes,
    extra: dict[bytes, bytes],
    spoil: tuple[int, bytes] | None,
) -> None:
    """Good cookies and a good CSRF token get as far as the flows; with a byte changed, as far as it comes."""
    which, endpoint = line
    browser = running.browsers[which]
    jar = "; ".join(f"{name}={value}" for name, value in browser.jar.items()).encode()
    if spoil is not None:
        jar = jar[: spoil[0]] + spoil[1] + jar[spoil[0] + 1 :]
    given_headers = {
        b"cookie": jar,
        b"sekisho-csrf": browser.csrf_token.encode(),
        b"sekisho-client": b"1",
        b"content-type": b"application/json",
        **extra,
    }
    given_headers.pop(b"content-length", None)
    path = endpoint.path.partition("{")[0]
    running.send(endpoint.method, path, list(given_headers.items()), body)


@given(path=st.text())
def test_any_path_is_answered(running: Running, path: str) -> None:
    """Random paths are not there."""
    running.send("GET", path, [], b"")
