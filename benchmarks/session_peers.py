"""A route that needs a session, by cookie: ours against fastapi-users and Django, on one PostgreSQL.

Each has one account with as many sessions, opened by logging in as its users do, and every answer has to name
the account. Its own share of the database's CPU time is taken from the operating system as well.
"""

from __future__ import annotations

import statistics
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from benchmarks import python_peers, session
from benchmarks.load import converse
from benchmarks.paired import MICROSECONDS, Pairs, Result, aligned, in_turn, result
from benchmarks.process import Served, family_cpu
from benchmarks.refresh import PASSWORD, environ, register
from tests.parts.postgres import PostgresServer

#: How many times less CPU of the server ours has to take, as served.
BARS = {"fastapi-users": 12.0, "django-asgi": 8.0, "django-wsgi": 8.0}
NAMES = {
    "fastapi-users": "fastapi-users, database strategy",
    "django-asgi": "Django sessions, ASGI",
    "django-wsgi": "Django sessions, WSGI",
}
EMAIL = "benchmark0@example.com"


class Visitor:
    """A browser with several sessions of one account, in turn."""

    def __init__(self, path: str, cookies: list[str], user_id: str) -> None:
        self._requests = [
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode()
            for cookie in cookies
        ]
        self._turn = 0
        self._user_id = user_id

    def ask(self) -> bytes:
        """Who am I."""
        self._turn += 1
        return self._requests[self._turn % len(self._requests)]

    def hear(self, answer: dict[str, Any]) -> None:
        """Find out that it was told the right account."""
        if answer["id"] != self._user_id:
            raise RuntimeError(f"{answer} is not {self._user_id}")


def run(*, rounds: int = 10, requests: int = 800) -> Result:
    """All of them in turn, or a line that says why there are no peers."""
    try:
        versions = python_peers.install()
    except python_peers.PeersMissingError as missing:
        return Result(f"not measured: the peers cannot be installed here ({missing})")
    with _everybody() as (servers, visitors, postgres):
        database: dict[str, list[float]] = {kind: [] for kind in servers}

        def cost(kind: str) -> float:
            server = servers[kind]
            before, database_before = server.cpu(), family_cpu(postgres.pid)
            converse(server.port, visitors[kind], requests=requests)
            database[kind].append((family_cpu(postgres.pid) - database_before) * MICROSECONDS / requests)
            return (server.cpu() - before) * MICROSECONDS / requests

        sides = {kind: lambda kind=kind: cost(kind) for kind in servers}
        measured = in_turn(sides, rounds=rounds)
    compared = [
        Pairs(f"{NAMES[peer]}: {how}", "us CPU", measured[peer], measured[ours], bar, faster=True)
        for peer in NAMES
        for how, ours, bar in (
            ("ours as served", "sekisho", BARS[peer]),
            ("ours asking each time", "sekisho-asking", None),
        )
    ]
    table = result(compared)
    rows: list[tuple[str, ...]] = [("CPU of the database", "us each")]
    # The first one of each warmed it up.
    rows += [(NAMES.get(kind, kind), f"{statistics.median(each[1:]):.3g}") for kind, each in database.items()]
    return Result(f"{versions}\n{table.table}\n\n{aligned(rows)}", table.holds)


@contextmanager
def _everybody() -> Iterator[tuple[dict[str, Served], dict[str, list[Visitor]], PostgresServer]]:
    """Servers on databases of one PostgreSQL, and the visitors of each, logged in."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(PostgresServer())
        settings = environ(folder, database=postgres.url(postgres.create_database()), alg="HS256")
        settings["SEKISHO_SESSION_IDLE"] = "300d"
        servers = {
            kind: stack.enter_context(Served(kind, folder, settings))
            for kind in ("sekisho", "sekisho-asking")
        }
        visitors = dict.fromkeys(servers, _our_visitors(servers["sekisho"].port))
        for peer in NAMES:
            theirs = {"PEER_DATABASE_URL": postgres.url(postgres.create_database())}
            server = Served(peer, folder, theirs, program=python_peers.PROGRAM)
            servers[peer] = stack.enter_context(server)
            visitors[peer] = _their_visitors(peer, server.port)
        yield servers, visitors, postgres


def _our_visitors(port: int) -> list[Visitor]:
    email = register(port, 0)
    cookies = [f"sekisho={session.log_in(port, email)}" for _ in range(session.CLIENTS * session.COOKIES)]
    answer, _ = _fetch(port, "/v1/me", headers={"Cookie": cookies[0]})
    return _visitors("/v1/me", cookies, answer["id"])


def _their_visitors(peer: str, port: int) -> list[Visitor]:
    form = urllib.parse.urlencode({"username": EMAIL, "password": PASSWORD}).encode()
    if peer == "fastapi-users":
        account = msgspec.json.encode({"email": EMAIL, "password": PASSWORD})
        made, _ = _fetch(port, "/auth/register", account, headers={"Content-Type": "application/json"})
    else:
        made, _ = _fetch(port, "/auth/register", form)
    cookies = [_fetch(port, "/auth/login", form)[1] for _ in range(session.CLIENTS * session.COOKIES)]
    return _visitors("/me", cookies, made["id"])


def _fetch(
    port: int, path: str, body: bytes | None = None, *, headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[dict[str, Any], str]:
    """The JSON of an answer, and the cookie that it sets; each empty where there is none."""
    request = urllib.request.Request(f"http://localhost:{port}{path}", body, dict(headers))
    with urllib.request.urlopen(request) as answer:  # noqa: S310 -- same
        cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
        return msgspec.json.decode(answer.read() or b"{}", type=dict[str, Any]), cookie


def _visitors(path: str, cookies: list[str], user_id: str) -> list[Visitor]:
    return [Visitor(path, cookies[at :: session.CLIENTS], user_id) for at in range(session.CLIENTS)]
