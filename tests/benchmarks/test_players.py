"""What is measured is a real server: what a benchmark counts as done has happened to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.load import exchange
from benchmarks.matrix import turns
from benchmarks.matrix.acts import Leaving, Reading, asked
from benchmarks.matrix.dialects import SekishoTokens, Ticket, WrongAnswerError
from benchmarks.matrix.players import CLIENTS, ENTRANTS, Field
from benchmarks.matrix.servers import sqlite_place
from benchmarks.matrix.turns import Pace
from tests.parts.serving import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long  # each starts a server of its own


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    """Servers on files of SQLite."""
    with Field(sqlite_place(tmp_path)) as servers:
        yield servers


def test_a_logout_that_was_counted_has_ended_the_session(field: Field) -> None:
    """The ticket names its account before, and is refused after."""
    player = field.player(ENTRANTS["sekisho, cookie"])
    tickets = player.log_in(CLIENTS)
    assert len({ticket.cookie for ticket in tickets}) == CLIENTS
    reading = Reading(player.dialect, tickets)
    exchange(player.server.port, [reading], requests=CLIENTS)
    leaving = [Leaving(player.dialect, [ticket]) for ticket in tickets]
    timed = exchange(player.server.port, leaving, requests=CLIENTS)
    assert len(timed.each) == CLIENTS
    assert player.server.cpu() > 0.0
    for ticket in tickets:
        reply = asked(player.server.port, player.dialect.me(ticket))
        assert reply.json["code"] == "session_revoked"
        with pytest.raises(WrongAnswerError, match="session_revoked"):
            player.dialect.named(reply)


@pytest.mark.parametrize("name", ["floor", "floor, cookie"])
def test_a_logout_of_the_bare_application_is_one(field: Field, name: str) -> None:
    """Our own server, on the same database, knows the session no more; nor does the bare application."""
    player = field.player(ENTRANTS[name])
    (ticket, *_) = player.log_in(1)
    copied = player.dialect.after(ticket)
    assert copied is not None
    asked(player.server.port, player.dialect.logout(ticket))
    assert asked(player.home.port, copied).json["code"] == "session_revoked"
    for _ in range(2):  # and goes on to answer
        assert asked(player.server.port, copied).status == 500
    (other, *_) = player.log_in(1)
    player.dialect.ended(asked(player.server.port, player.dialect.logout(other)))


class Polite(SekishoTokens):
    """A client whose logout is none, and is answered all the same."""

    def logout(self, ticket: Ticket) -> bytes:
        """Ask for something else."""
        return self.me(ticket)


def test_a_logout_that_ended_nothing_ends_the_measurement(field: Field) -> None:
    """A good answer is not enough: whoever kept a copy has to be refused."""
    player = replace(field.player(ENTRANTS["sekisho"]), dialect=Polite())
    with pytest.raises(WrongAnswerError, match="sekisho goes on after a logout"):
        turns.compare([player.leaving()], Pace(rounds=1, seconds=0.01), clients=CLIENTS)


def test_a_refresh_that_was_counted_was_a_rotation(field: Field) -> None:
    """The server has counted as many rotations as the benchmark refreshes, warm-up included."""
    player = field.player(ENTRANTS["sekisho, refresh"])
    (cost,) = turns.compare([player.refreshing()], Pace(rounds=2, seconds=0.02), clients=CLIENTS)
    metrics = asked(player.server.port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body.decode()
    counted = next(
        line for line in metrics.splitlines() if line.startswith('sekisho_refreshes_total{verdict="rotated"')
    )
    assert int(float(counted.split()[-1])) == len(cost.latencies) + 2 * turns.WARM_UP


@pytest.mark.parametrize("name", ["sekisho, guard", "sekisho, guard in FastAPI"])
def test_the_guard_that_is_measured_hears_of_revocations(field: Field, name: str) -> None:
    """It checks what a login gave, another one for each ticket, and refuses it when its session was ended."""
    player = field.player(ENTRANTS[name])
    tickets = player.log_in(CLIENTS)
    assert len({ticket.access for ticket in tickets}) == CLIENTS
    reading = Reading(player.dialect, tickets)
    exchange(player.server.port, [reading], requests=CLIENTS)
    ended, *_ = tickets
    player.dialect.ended(asked(player.home.port, player.dialect.logout(ended)))

    def refused() -> bool:
        return b"token_revoked" in asked(player.server.port, player.dialect.me(ended)).body

    until(refused, "the guard refuses the token of a session that was ended")
