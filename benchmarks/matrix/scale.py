"""What refreshes and session checks cost with many sessions, and with more workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.load import Timed, exchange
from benchmarks.matrix import filling, turns
from benchmarks.matrix.acts import Reading, Refreshing
from benchmarks.matrix.dialects import SekishoCookie, SekishoTokens, Ticket
from benchmarks.matrix.players import AUTH_SERVER, CLIENTS
from benchmarks.matrix.turns import Meter, Pace, Side
from benchmarks.process import Served, family_cpu
from tests.parts.postgres import PostgresServer
from tests.parts.serving import Server

#: Sessions that are asked for, evenly from the whole table: more than fit into the caches of a processor.
SAMPLE = 4096
#: The same where a process is to know them already.
REMEMBERED = 64
#: What a server of that size would be given.
_MEMORY = {"shared_buffers": "1GB", "max_wal_size": "8GB"}


@dataclass(frozen=True, slots=True)
class Scale:
    """How far to go.

    Args:
        sizes: sessions in the tables that are compared.
        workers_at: sessions in the one on which one worker is compared with two.
        refreshes: made at the smallest size, to see what they leave behind.
        pace: how long to measure.
    """

    sizes: Sequence[int]
    workers_at: int
    refreshes: int
    pace: Pace


def run(folder: Path, scale: Scale, say: Callable[[str], None]) -> Mapping[str, Any]:
    """Everything, as the results keep it."""
    with PostgresServer(durable=True, settings=_MEMORY) as postgres:
        sessions = _sizes(folder, scale, postgres, say)
        workers = _workers(folder, scale, postgres, say)
    return {"sessions": sessions, "workers": workers}


def _sizes(
    folder: Path, scale: Scale, postgres: PostgresServer, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """All sizes at once, each with servers of its own, in turn: what disturbs one disturbs all."""
    facts = []
    refreshing: list[Side] = []
    reading: list[Side] = []
    with ExitStack() as stack:
        for sessions in scale.sizes:
            say(f"filling {sessions:,} sessions")
            settings, seconds = stack.enter_context(filling.filled(folder, postgres, sessions))
            bytes_ = filling.size(settings["SEKISHO_DATABASE_URL"])
            facts.append({"sessions": sessions, "filled_seconds": seconds, "bytes": bytes_})
            stepping = Served("sekisho-stepping", folder, settings, program=AUTH_SERVER)
            asking = Served("sekisho-asking", folder, settings, program=AUTH_SERVER)
            name = f"{sessions:,}"
            meter, port = _meter(stack.enter_context(stepping), postgres)
            refreshing.append(Side(name, meter, _refreshes(port, sessions)))
            meter, port = _meter(stack.enter_context(asking), postgres)
            reading.append(Side(name, meter, _checks(port, sessions)))
        say("refreshes at every size")
        refreshed = turns.compare(refreshing, scale.pace, clients=CLIENTS)
        say("session checks at every size")
        read = turns.compare(reading, scale.pace, clients=CLIENTS)
    return {
        "sizes": facts,
        "refresh": turns.told(refreshed, act="refresh"),
        "session check": turns.told(read, act="session check"),
    }


def _meter(server: Served, postgres: PostgresServer) -> tuple[Meter, int]:
    return Meter(server.cpu, lambda: family_cpu(postgres.pid)), server.port


def _refreshes(port: int, sessions: int) -> Callable[[int], Timed]:
    """Refreshes of sessions from all over the table, each in a chain of its own."""
    tickets = _sample(sessions, first=0)
    chains = [Refreshing(SekishoTokens(), tickets[at::CLIENTS]) for at in range(CLIENTS)]
    return lambda number: exchange(port, chains, requests=number)


def _checks(port: int, sessions: int, sample: int = SAMPLE) -> Callable[[int], Timed]:
    """Checks of sessions from all over the table."""
    tickets = _sample(sessions, first=1)[:sample]
    readers = [Reading(SekishoCookie(), tickets[at::CLIENTS]) for at in range(CLIENTS)]
    return lambda number: exchange(port, readers, requests=number)


def _sample(sessions: int, *, first: int) -> list[Ticket]:
    """Tickets of one kind: rows with even numbers have tokens, those with odd ones cookies."""
    step = max(sessions // SAMPLE // 2 * 2, 2)
    return filling.tickets(range(first, sessions, step)[:SAMPLE])


def _workers(
    folder: Path, scale: Scale, postgres: PostgresServer, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """`sekisho serve` with one worker and with two, which share the cores with database and clients."""
    middle = scale.workers_at
    checked: list[Side] = []
    refreshed: list[Side] = []
    with filling.filled(folder, postgres, middle) as (settings, _), ExitStack() as stack:
        for number, workers in enumerate((1, 2)):
            server = Server(folder / f"workers-{workers}", ("--workers", str(workers)), settings)
            stack.enter_context(server)
            port = urlsplit(server.url).port or 0
            meter = Meter(partial(family_cpu, server.pid), lambda: family_cpu(postgres.pid))
            checked.append(Side(f"{workers}", meter, _checks(port, middle, REMEMBERED)))
            refreshed.append(Side(f"{workers}", meter, _first_refreshes(port, middle, number)))
        say("one worker and two: session checks")
        checks = turns.compare(checked, scale.pace, clients=CLIENTS)
        say("one worker and two: refreshes")
        return {
            "sessions": middle,
            "session check": turns.told(checks, act="session check"),
            "refresh": turns.told(turns.compare(refreshed, scale.pace, clients=CLIENTS), act="refresh"),
        }


def _first_refreshes(port: int, sessions: int, part: int) -> Callable[[int], Timed]:
    """First refreshes of sessions, each of another one: a token rotates again only when its grace is over."""
    numbers = iter(range(part * sessions // 2 // 2 * 2, (part + 1) * sessions // 2, 2))

    def run(number: int) -> Timed:
        tickets = filling.tickets([*islice(numbers, number)])
        chains = [Refreshing(SekishoTokens(), tickets[at::CLIENTS]) for at in range(CLIENTS)]
        return exchange(port, chains, requests=number)

    return run
