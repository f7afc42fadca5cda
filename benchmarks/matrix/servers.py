"""Every act of the table, on PostgreSQL and on SQLite: whoever offers it, in turn, at eight connections."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.matrix import statements, turns
from benchmarks.matrix.players import CLIENTS, ENTRANTS, Entrant, Field, Place, Player
from benchmarks.matrix.turns import Pace, Side
from benchmarks.process import family_cpu
from tests.parts.postgres import PostgresServer
from tests.parts.redis import RedisServer

POSTGRES, SQLITE, REDIS = "PostgreSQL", "SQLite", "PostgreSQL and Redis"


@dataclass(frozen=True, slots=True)
class Act:
    """A row of the table: what is done, and who does it; ours first, to which the others are compared."""

    name: str
    side: Callable[[Player], Side]
    entrants: tuple[str, ...]


_REFRESHING = ("sekisho, refresh", "floor, refresh", "simplejwt", "Flask-Security, tokens")
ACTS = (
    Act("refresh", Player.refreshing, _REFRESHING),
    Act(
        "session check",
        Player.reading,
        (
            *("sekisho, cookie", "sekisho, asking each time", "floor, cookie"),
            *("fastapi-users", "Django", "Flask-Security"),
        ),
    ),
    Act(
        "bearer check",
        Player.reading,
        (
            *("sekisho, guard", "sekisho, guard in FastAPI", "floor, bearer"),
            *("fastapi-users, JWT", "simplejwt", "Flask-Security, tokens"),
        ),
    ),
    Act(
        "login",
        Player.logging_in,
        ("sekisho", "floor", "fastapi-users", "Django", "simplejwt", "Flask-Security"),
    ),
    Act(
        "logout by cookie",
        Player.leaving,
        ("sekisho, cookie", "floor, cookie", "fastapi-users", "Django", "Flask-Security"),
    ),
    # Where requests share a statement or a flush, they do so in a crowd only.
    Act("refresh, one at a time", Player.refreshing_alone, _REFRESHING),
    Act(
        "logout by refresh token", Player.leaving, ("sekisho", "floor", "simplejwt", "Flask-Security, tokens")
    ),
)
#: Those that say most, for whoever has three minutes.
MOST_TELLING = ACTS[:4]
#: Against Node both sign with the same kind of key.
_SIGNING = ("sekisho, refresh, ES256", "oidc-provider")
REFRESH_ES256 = (
    Act("refresh, ES256", Player.refreshing, _SIGNING),
    Act("refresh, ES256, one at a time", Player.refreshing_alone, _SIGNING),
)
ON_REDIS = Act(
    "session check",
    Player.reading,
    ("sekisho, cookie", "sekisho, asking each time", "floor, cookie", "fastapi-users", "Django"),
)
HASHED = Act(
    "login, default hash",
    Player.logging_in,
    ("sekisho, default hash", "fastapi-users", "Django", "Flask-Security"),
)


def sqlite_place(folder: Path) -> Place:
    """Files of SQLite, in a folder."""
    numbers = itertools.count()
    folder.mkdir(exist_ok=True)
    return Place(folder, lambda: f"sqlite:///{folder}/{next(numbers)}.db")


@dataclass(frozen=True, slots=True)
class Matrix:
    """All comparisons between servers.

    Args:
        folder: logs, and SQLite files.
        pace: how long to measure.
        say: told what is measured now.
        node: the entrant on Node, where there is Node.
        postgres: the acts that are measured on PostgreSQL.
        sqlite: those that are measured on SQLite too.
        whole: whether Node is measured one at a time, and logins with each one's default hash, as well.
    """

    folder: Path
    pace: Pace
    say: Callable[[str], None]
    node: Entrant | None
    postgres: Sequence[Act] = ACTS
    sqlite: Sequence[Act] = ACTS
    whole: bool = True

    def run(self) -> list[Mapping[str, Any]]:
        """Everything, as the results keep it."""
        with PostgresServer(durable=True) as database:
            found = self._on_postgres(database)
        with Field(sqlite_place(self.folder / "sqlite")) as field:
            found += [self._compared(field, act, SQLITE) for act in self.sqlite]
        return found

    def _on_postgres(self, postgres: PostgresServer) -> list[Mapping[str, Any]]:
        place = Place(
            self.folder, lambda: postgres.url(postgres.create_database()), lambda: family_cpu(postgres.pid)
        )
        found: list[Mapping[str, Any]] = []
        with Field(place) as field:
            found += [self._compared(field, act, POSTGRES, postgres=postgres) for act in self.postgres]
            if self.node is not None:
                acts = REFRESH_ES256 if self.whole else REFRESH_ES256[:1]
                found += [self._compared(field, act, POSTGRES, postgres=postgres) for act in acts]
        with RedisServer() as redis:
            both = replace(
                place, redis=redis.url, busy=lambda: family_cpu(postgres.pid) + family_cpu(redis.pid)
            )
            with Field(both) as field:
                found.append(self._compared(field, ON_REDIS, REDIS, postgres=postgres))
        if not self.whole:
            return found
        with Field(replace(place, hashing="default")) as field:
            slow = Pace(max(self.pace.rounds // 3, 1), self.pace.seconds, most=CLIENTS)
            found.append(self._compared(field, HASHED, POSTGRES, pace=slow))
        return found

    def _compared(
        self,
        field: Field,
        act: Act,
        where: str,
        *,
        postgres: PostgresServer | None = None,
        pace: Pace | None = None,
    ) -> Mapping[str, Any]:
        self.say(f"{act.name} on {where}: {len(act.entrants)} sides")
        known = ENTRANTS if self.node is None else {**ENTRANTS, self.node.name: self.node}
        players = field.players([known[name] for name in act.entrants])
        sides = [act.side(player) for player in players]
        costs = turns.compare(sides, pace or self.pace, clients=CLIENTS)
        memory = {player.name: round(player.server.memory(), 1) for player in players}
        found = {**turns.told(costs, act=act.name, where=where), "memory_mib": memory}
        return found if postgres is None else {**found, "statements": statements.count(postgres, sides)}
