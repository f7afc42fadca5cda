"""A victim with several tabs and a thief with a copy, against the refresh table.

The victim's client does what ours does: it keeps the token and the key it chose for it together, shares both
among its tabs, and sends the key with every refresh. It gives up after four seconds, which is less than the
grace, so a response that comes later is not read. It takes an answer only while what it sent is still what it
keeps; handed the token it has, it keeps the key it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

GRACE = 10.0
PATIENCE = 4.0
IDLE = 7 * 86_400.0


class Server(Protocol):
    """What keeps the one session of a history."""

    now: float
    expires_at: float
    revoked: bool

    def refresh(self, generation: int, key: str | None) -> int | None:
        """The generation handed out, or none when refused."""
        ...


@dataclass(frozen=True)
class Kept:
    """What a client keeps: a token, and the key it chose when it received it."""

    generation: int
    key: str


class VictimAndThief(RuleBasedStateMachine):
    """Any order of refreshes, lost and late responses, absences, thefts and uses of what was stolen."""

    late = Bundle("late")

    def __init__(self) -> None:
        super().__init__()
        self.server = self.new_server()
        self.keys = 0
        self.kept = self.receive(0)
        self.stolen: Kept | None = None
        self.thief_acted = False

    def new_server(self) -> Server:
        """A session that has just been opened."""
        raise NotImplementedError

    def receive(self, generation: int) -> Kept:
        """The client chooses the key at the moment it receives the token."""
        self.keys += 1
        return Kept(generation, f"key-{self.keys}")

    @initialize()
    def log_in(self) -> None:
        """The machine starts with a fresh session."""

    @rule()
    def a_tab_refreshes(self) -> None:
        """The ordinary case: asked, answered, kept."""
        sent = self.kept
        answer = self.server.refresh(sent.generation, sent.key)
        if answer is not None:
            self.take(sent, answer)
        else:
            assert self.thief_acted, "signed out although nobody stole anything"

    @rule(tabs=st.integers(2, 5))
    def several_tabs_refresh_at_once(self, tabs: int) -> None:
        """All of them send what they share; all get an answer, and they agree on what they keep."""
        sent = self.kept
        answers = [self.server.refresh(sent.generation, sent.key) for _ in range(tabs)]
        if not self.thief_acted:
            assert None not in answers
            assert len(set(answers)) == 1, "two tabs were handed different successors"
        for answer in answers:
            if answer is not None:
                self.take(sent, answer)

    @rule(target=late)
    def the_response_does_not_arrive(self) -> tuple[float, Kept, int | None]:
        """The server has answered; the client does not know yet, and perhaps never will."""
        return self.server.now, self.kept, self.server.refresh(self.kept.generation, self.kept.key)

    @rule(response=consumes(late))
    def a_late_response_arrives(self, response: tuple[float, Kept, int | None]) -> None:
        """It is read only while the client still waits for it."""
        sent_at, sent, answer = response
        if answer is not None and self.server.now - sent_at < PATIENCE:
            self.take(sent, answer)

    def take(self, sent: Kept, answer: int) -> None:
        """The client's commit guard."""
        if sent == self.kept and answer != sent.generation:
            self.kept = self.receive(answer)

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.9, 9.999, 10.0, 10.001, 60.0, 900.0, 86_400.0, 5 * 86_400.0]))
    def time_passes(self, seconds: float) -> None:
        """A blink, a lunch, a long week-end; never so long that the session ends by itself."""
        if self.server.now + seconds < self.server.expires_at - GRACE:
            self.server.now += seconds

    @rule(with_key=st.booleans())
    def a_thief_copies(self, with_key: bool) -> None:  # noqa: FBT001 - hypothesis passes by keyword
        """A copy of the token, with or without the key that lies beside it."""
        self.stolen = self.kept if with_key else Kept(self.kept.generation, "")

    @precondition(lambda self: self.stolen is not None)
    @rule()
    def the_thief_refreshes(self) -> None:
        """The thief goes on with what comes back, and keeps keys as our client would."""
        assert self.stolen is not None
        self.thief_acted = True
        answer = self.server.refresh(self.stolen.generation, self.stolen.key or None)
        if answer is not None:
            self.stolen = self.receive(answer)

    @precondition(lambda self: self.thief_acted)
    @rule(victim_first=st.booleans())
    def both_go_on(self, victim_first: bool) -> None:  # noqa: FBT001 - hypothesis passes by keyword
        """Each outside the grace of the other: whoever they are, they are separated within three turns."""
        assert self.stolen is not None
        for turn in range(6):
            self.server.now += GRACE
            if (turn % 2 == 0) == victim_first:
                sent = self.kept
                answer = self.server.refresh(sent.generation, sent.key)
                if answer is not None:
                    self.take(sent, answer)
            else:
                self.the_thief_refreshes()
        assert self.server.revoked, "a thief and a victim both went on"

    @invariant()
    def nobody_is_signed_out_without_a_thief(self) -> None:
        """The first promise, after every step."""
        assert self.thief_acted or not self.server.revoked
