"""GET /v1/me by session cookie: the whole server against the same look-up by hand, on PostgreSQL and Redis.

`asking` is our server with a process that remembers nothing, so that every check is one round trip, as by
hand; `as served` remembers, and does in memory what the other asks for.
"""

from __future__ import annotations

import re
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.load import converse
from benchmarks.paired import MICROSECONDS, Pairs, Result, in_turn, result
from benchmarks.process import Served
from benchmarks.refresh import PASSWORD, environ, register
from tests.parts.postgres import PostgresServer
from tests.parts.redis import RedisServer

BAR = 1.6
CLIENTS = 8
#: Cookies of each client, in turn: more than a process that remembers one or two could know.
COOKIES = 8


class Visitor:
    """A browser with a session; with several, so that each request is another one's."""

    def __init__(self, cookies: list[str]) -> None:
        self._requests = [
            f"GET /v1/me HTTP/1.1\r\nHost: localhost\r\nCookie: sekisho={cookie}\r\n\r\n".encode()
            for cookie in cookies
        ]
        self._turn = 0

    def ask(self) -> bytes:
        """Who am I."""
        self._turn += 1
        return self._requests[self._turn % len(self._requests)]

    def hear(self, answer: dict[str, Any]) -> None:
        """Find out that it was told."""
        if not answer["session_id"]:
            raise RuntimeError("the server does not know who is asking")


def log_in(port: int, email: str) -> str:
    """The cookie of a new session."""
    url = f"http://127.0.0.1:{port}"
    with urllib.request.urlopen(f"{url}/v1/csrf") as answer:  # noqa: S310 -- to ourselves
        before = _cookie(answer.headers, "sekisho-csrf")
        token = msgspec.json.decode(answer.read())["csrf_token"]
    body = msgspec.json.encode({"email": email, "password": PASSWORD, "mode": "session"})
    headers = {
        "Content-Type": "application/json",
        "Sekisho-CSRF": token,
        "Cookie": f"sekisho-csrf={before}",
    }
    request = urllib.request.Request(f"{url}/v1/login", body, headers)  # noqa: S310 -- to ourselves
    with urllib.request.urlopen(request) as answer:  # noqa: S310 -- same
        return _cookie(answer.headers, "sekisho")


def _cookie(headers: Any, name: str) -> str:  # noqa: ANN401 -- of http.client
    for line in headers.get_all("Set-Cookie"):
        if found := re.match(rf"{name}=([^;]+)", line):
            return found[1]
    raise RuntimeError(f"no cookie named {name}")


@contextmanager
def servers(*kinds: str, redis: bool) -> Iterator[dict[str, Served]]:
    """Servers of these kinds on one new PostgreSQL, and one Redis where they are to have it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(PostgresServer())
        settings = environ(folder, database=postgres.url(postgres.create_database()), alg="HS256")
        settings["SEKISHO_SESSION_IDLE"] = "300d"
        if redis:
            settings["SEKISHO_SESSION_STORE_URL"] = stack.enter_context(RedisServer()).url
        yield {kind: stack.enter_context(Served(kind, folder, settings)) for kind in kinds}


def run(*, rounds: int = 20, requests: int = 2000) -> Result:
    """On PostgreSQL, and with Redis."""
    return result([*_on(rounds, requests, redis=False), *_on(rounds, requests, redis=True)])


def _on(rounds: int, requests: int, *, redis: bool) -> list[Pairs]:
    # Ours first: it makes the schema.
    with servers("sekisho", "sekisho-asking", "bare", redis=redis) as found:
        email = register(found["sekisho"].port, 0)
        cookies = [log_in(found["sekisho"].port, email) for _ in range(CLIENTS * COOKIES)]
        visitors = [Visitor(cookies[at::CLIENTS]) for at in range(CLIENTS)]

        def cost(server: Served) -> float:
            before = server.cpu()
            converse(server.port, visitors, requests=requests)
            return (server.cpu() - before) * MICROSECONDS / requests

        sides = {kind: lambda server=server: cost(server) for kind, server in found.items()}
        measured = in_turn(sides, rounds=rounds)
    where = "Redis" if redis else "PostgreSQL"
    return [
        Pairs(f"session check, {where}, {how}", "us CPU", measured["bare"], measured[kind], BAR)
        for how, kind in (("asking each time", "sekisho-asking"), ("as served", "sekisho"))
    ]
