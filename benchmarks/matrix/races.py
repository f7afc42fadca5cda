"""What becomes of two refreshes with one token at the same moment, and of a token that was spent before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.load import exchange
from benchmarks.matrix.acts import Once, asked
from benchmarks.matrix.dialects import Ticket
from benchmarks.matrix.players import ENTRANTS, Entrant, Field, Place, Player

RACERS = ("sekisho", "simplejwt", "Flask-Security, tokens")
#: Ours on a clock that goes on by more than the grace, so that "spent before" need not be waited for.
LATER = {"sekisho": "sekisho, refresh"}

SAME = "both got the same successor, which lives"
TWO = "both got a successor of their own, and both live"
ONE = "one was refused, the other's successor lives"
NONE = "nobody is logged in any more"


def run(
    place: Place, races: int, say: Callable[[str], None], *, node: Entrant | None
) -> list[Mapping[str, Any]]:
    """Each of those that refresh, as the results keep it."""
    found: list[Mapping[str, Any]] = []
    known = ENTRANTS if node is None else {**ENTRANTS, node.name: node}
    with Field(place) as field:
        for name in (*RACERS, *([] if node is None else [node.name])):
            say(f"races of two refreshes: {name}")
            player = field.player(known[name])
            outcomes = Counter(_race(player) for _ in range(races))
            later = field.player(known[LATER[name]]) if name in LATER else player
            refused, ended = _replay(later)
            found.append(
                {
                    "name": name,
                    "races": races,
                    "outcomes": dict(outcomes),
                    "spent_is_refused": refused,
                    "then_family_is_ended": ended,
                }
            )
    return found


def _race(player: Player) -> str:
    """Two at once on connections of their own, then one refresh with each successor there is."""
    (ticket, *_) = player.log_in(1)
    both = [Once(player.dialect.refresh(ticket)) for _ in range(2)]
    exchange(player.server.port, both, requests=2)
    good = [each.reply for each in both if each.reply.status == 200]
    successors = {(after := player.dialect.refreshed(reply, ticket)).refresh: after for reply in good}
    living = sum(_lives(player, after) for after in successors.values())
    if not living:
        return NONE
    if len(good) == 1:
        return ONE
    return SAME if len(successors) == 1 else TWO if living == 2 else ONE


def _replay(player: Player) -> tuple[bool, bool]:
    """Whether a token two generations back is refused, and whether its family is ended by that."""
    (first, *_) = player.log_in(1)
    second = _refreshed(player, first)
    third = _refreshed(player, second)
    refused = not _lives(player, first)
    return refused, not _lives(player, third)


def _refreshed(player: Player, ticket: Ticket) -> Ticket:
    return player.dialect.refreshed(asked(player.server.port, player.dialect.refresh(ticket)), ticket)


def _lives(player: Player, ticket: Ticket) -> bool:
    return asked(player.server.port, player.dialect.refresh(ticket)).status == 200
