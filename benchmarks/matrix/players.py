"""Who is compared: every server with its accounts made, and with tickets for whoever asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks import python_peers
from benchmarks.load import Timed, exchange
from benchmarks.matrix.acts import Leaving, Login, Reading, Refreshing, asked
from benchmarks.matrix.dialects import (
    Dialect,
    DjangoSession,
    FastapiUsersCookie,
    FastapiUsersToken,
    FlaskSecuritySession,
    FlaskSecurityToken,
    OidcProvider,
    SekishoApi,
    SekishoCookie,
    SekishoTokens,
    Simplejwt,
    Ticket,
    WrongAnswerError,
)
from benchmarks.matrix.turns import Meter, Side
from benchmarks.process import OURS, Served
from benchmarks.refresh import environ

CLIENTS = 8
#: Tickets of each client, in turn: more than a process that remembers one or two could know.
TICKETS = 8
#: What runs ours.
AUTH_SERVER = (sys.executable, "-m", "benchmarks.ours")


@dataclass(frozen=True, slots=True)
class Entrant:
    """Who may be compared.

    Args:
        name: what the tables call it.
        kind: what runs, as `served`, `ours`, `peers.served` or `node/oidc.mjs` know it.
        dialect: how it is spoken to.
        carries: what a login gives: `session`, `redis` or `token`.
        program: what runs the kind.
        home: whose accounts and tickets it has, where it makes none itself.
        alg: of the tokens of ours.
        warm_up: refreshes before anything is measured, until a JIT has made up its mind.
    """

    name: str
    kind: str
    dialect: Dialect
    carries: str = "session"
    program: Sequence[str] = python_peers.PROGRAM
    home: str = ""
    alg: str = "HS256"
    warm_up: int = 0

    @property
    def is_peer(self) -> bool:
        """Whether it is somebody else's."""
        return self.program not in (AUTH_SERVER, OURS)

    @property
    def is_api(self) -> bool:
        """Whether it only checks the tokens of its home, and hears from there what was revoked."""
        return isinstance(self.dialect, SekishoApi)


TOKENS = SekishoTokens()
ENTRANTS: Mapping[str, Entrant] = {
    entrant.name: entrant
    for entrant in (
        Entrant("sekisho", "sekisho", TOKENS, "token", AUTH_SERVER),
        Entrant("sekisho, cookie", "sekisho", SekishoCookie(), "session", AUTH_SERVER),
        Entrant("sekisho, asking each time", "sekisho-asking", SekishoCookie(), "session", AUTH_SERVER),
        Entrant("sekisho, refresh", "sekisho-stepping", TOKENS, "token", AUTH_SERVER),
        Entrant("sekisho, refresh, ES256", "sekisho-stepping", TOKENS, "token", AUTH_SERVER, alg="ES256"),
        Entrant("sekisho, default hash", "sekisho-hashing", TOKENS, "token", AUTH_SERVER),
        Entrant("sekisho, guard", "guarded", SekishoApi(), "token", OURS, home="sekisho"),
        Entrant("sekisho, guard in FastAPI", "guarded-fastapi", SekishoApi(), "token", OURS, home="sekisho"),
        Entrant("floor", "bare", TOKENS, "token", OURS, home="sekisho"),
        Entrant("floor, cookie", "bare", SekishoCookie(), "session", OURS, home="sekisho, cookie"),
        Entrant("floor, refresh", "bare-stepping", TOKENS, "token", OURS, home="sekisho, refresh"),
        Entrant("floor, bearer", "by-hand", SekishoApi(), "token", OURS, home="sekisho"),
        Entrant("fastapi-users", "fastapi-users", FastapiUsersCookie()),
        Entrant("fastapi-users, JWT", "fastapi-users", FastapiUsersToken(), "token"),
        Entrant("Django", "django-wsgi", DjangoSession()),
        Entrant("simplejwt", "django-wsgi", Simplejwt(), "token"),
        Entrant("Flask-Security", "flask-security", FlaskSecuritySession()),
        Entrant("Flask-Security, tokens", "flask-security", FlaskSecurityToken(), "token"),
    )
}


def oidc_provider(folder: Path) -> Entrant:
    """The one on Node, whose packages are in that folder."""
    program = ("node", str(folder / "oidc.mjs"))
    return Entrant("oidc-provider", "oidc-provider", OidcProvider(), "token", program, warm_up=2000)


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything of one comparison is kept.

    Args:
        folder: logs, and SQLite files.
        database: makes the URL of a new database.
        busy: the database's seconds of CPU, where it is a process of its own; with Redis, those of both.
        redis: its URL, where sessions are to be kept there.
        hashing: which hash passwords get: `cheap`, the same for all, or `default`, each its own.
        compiled: where compiled modules go, where a start is measured.
    """

    folder: Path
    database: Callable[[], str]
    busy: Callable[[], float] | None = None
    redis: str = ""
    hashing: str = "cheap"
    compiled: Path | None = None


@dataclass(slots=True)
class Player:
    """An entrant that runs."""

    entrant: Entrant
    dialect: Dialect
    server: Served
    meter: Meter
    #: The settings that it was started with.
    told: Mapping[str, str]
    #: Where logins happen, which is another server for those that make no accounts themselves.
    home: Served
    accounts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Whose."""
        return self.entrant.name

    def log_in(self, number: int) -> list[Ticket]:
        """Tickets: that many, evenly of all accounts."""
        logins = self._logins()
        exchange(self.home.port, logins, requests=-(-number // CLIENTS) * CLIENTS)
        return [ticket for login in logins for ticket in login.tickets]

    def _logins(self) -> list[Login]:
        return [Login(self.dialect, email, user_id) for email, user_id in self.accounts]

    def logging_in(self) -> Side:
        """Logins, each client into an account of its own."""
        logins = self._logins()
        return Side(self.name, self.meter, lambda n: exchange(self.server.port, logins, requests=n))

    def reading(self) -> Side:
        """A route that needs the ticket."""
        tickets = self.log_in(CLIENTS * TICKETS)
        if (
            self.home is not self.server and not self.entrant.is_api
        ):  # who checks there first leaves in Redis what the floor finds there
            first = Reading(self.dialect, tickets)
            exchange(self.home.port, [first], requests=len(tickets))
        readers = [Reading(self.dialect, tickets[at::CLIENTS]) for at in range(CLIENTS)]
        return Side(self.name, self.meter, lambda n: exchange(self.server.port, readers, requests=n))

    def refreshing_alone(self) -> Side:
        """Refreshes one after the other: nobody comes at the same time."""
        return self.refreshing(clients=1)

    def refreshing(self, *, clients: int = CLIENTS) -> Side:
        """Refreshes, each client in a chain of its own."""
        chains = [Refreshing(self.dialect, [ticket]) for ticket in self.log_in(CLIENTS)[:clients]]
        exchange(self.server.port, chains, requests=self.entrant.warm_up)
        return Side(self.name, self.meter, lambda n: exchange(self.server.port, chains, requests=n))

    def leaving(self) -> Side:
        """Logouts, each of a session that was opened before the measurement.

        Raises:
            WrongAnswerError: at the next turn, one that was ended in this one is still good.
        """
        ready: list[Ticket] = []

        def prepare(number: int) -> None:
            if ready:
                self._refused(ready[0])
            ready[:] = self.log_in(number)

        def run(number: int) -> Timed:
            leaving = [Leaving(self.dialect, ready[at::CLIENTS]) for at in range(CLIENTS)]
            return exchange(self.server.port, leaving, requests=number)

        return Side(self.name, self.meter, run, prepare)

    def _refused(self, ticket: Ticket) -> None:
        copied = self.dialect.after(ticket)
        if copied is not None and (reply := asked(self.server.port, copied)).status // 100 == 2:
            raise WrongAnswerError(f"{self.name} goes on after a logout: {reply.body.decode()[:200]}")


class Field:
    """Entrants on databases of their own in one place, from entry to exit."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._players: dict[str, Player] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def player(self, entrant: Entrant) -> Player:
        """One of them."""
        return self.players([entrant])[0]

    def players(self, entrants: Sequence[Entrant]) -> list[Player]:
        """Those entrants, in that order, each started with its accounts made if it does not run yet.

        As many start at once as there are cores: nothing is measured meanwhile.
        """
        homes = [ENTRANTS[entrant.home] for entrant in entrants if entrant.home]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for wanted in (homes, entrants):
                new = {each.name: each for each in wanted if each.name not in self._players}
                self._players |= zip(new, pool.map(self._start, new.values()), strict=True)
        return [self._players[entrant.name] for entrant in entrants]

    def _start(self, entrant: Entrant) -> Player:
        home = self._players[entrant.home] if entrant.home else None
        told = self._told(entrant) if home is None else home.told
        if home is not None and entrant.is_api:
            feed = f"http://127.0.0.1:{home.server.port}/v1/revocations"
            told = {"GUARD_FEED": feed, "GUARD_SECRET": told["BENCHMARK_SIGNING_KEY"]}
        made: list[tuple[str, str]] = []
        if home is None:
            # Who makes tables or accounts keeps in memory what it was done by, until it is started again.
            with Served(entrant.kind, self.place.folder, told, program=entrant.program) as making:
                dialect = _spoken(entrant, making)
                made = [_account(making.port, dialect, number) for number in range(CLIENTS)]
            told = {**told, "PEER_READY": "1"}
        running = Served(entrant.kind, self.place.folder, told, program=entrant.program)
        server = self._stack.enter_context(running)
        meter = Meter(server.cpu, self.place.busy)
        if home is not None:
            dialect = entrant.dialect if entrant.is_api else home.dialect
            return Player(entrant, dialect, server, meter, told, home.server, home.accounts)
        return Player(entrant, _spoken(entrant, server), server, meter, told, server, made)

    def _told(self, entrant: Entrant) -> dict[str, str]:
        """The settings of one entrant, with a database of its own."""
        place = self.place
        compiled = place.compiled
        told = (
            {} if compiled is None else {"PYTHONPYCACHEPREFIX": str(compiled), "PYTHONDONTWRITEBYTECODE": ""}
        )
        return told | self._of(entrant, place.database())

    def _of(self, entrant: Entrant, url: str) -> dict[str, str]:
        place = self.place
        if entrant.is_peer:
            told = {"PEER_DATABASE_URL": url, "PEER_CARRIES": entrant.carries, "PEER_HASH": place.hashing}
            told["NODE_ENV"] = "production"  # which other than Node's nobody reads
            return told | {"PEER_REDIS_URL": place.redis} if place.redis else told
        told = environ(place.folder / entrant.name, database=url, alg=entrant.alg)
        told["SEKISHO_SESSION_IDLE"] = "300d"
        return told | {"SEKISHO_SESSION_STORE_URL": place.redis} if place.redis else told


def _spoken(entrant: Entrant, server: Served) -> Dialect:
    """Its dialect, with what the server hands out to whoever writes by cookie."""
    dialect = entrant.dialect
    return SekishoCookie(_csrf(server.port)) if isinstance(dialect, SekishoCookie) else dialect


def _csrf(port: int) -> tuple[str, str]:
    reply = asked(port, b"GET /v1/csrf HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return str(reply.json["csrf_token"]), reply.cookie("sekisho-csrf")


def _account(port: int, dialect: Dialect, number: int) -> tuple[str, str]:
    email = f"benchmark{number}@example.com"
    if isinstance(dialect, OidcProvider):  # accounts are the business of whoever uses it
        return email, email
    return email, dialect.registered(asked(port, dialect.register(email)))
