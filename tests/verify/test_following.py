"""What a follower does next: pure, so every moment can be told; and on a line that does what it likes."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sekisho_verify.revocations.entries import Heartbeat, Snapshot, read_rv
from sekisho_verify.revocations.following import (
    LIVELY,
    SILENCE,
    STALLED,
    THROTTLE,
    TIME_EVERY,
    AskTime,
    Connect,
    Find,
    Following,
    GiveUp,
    Pause,
    Read,
    TakeSnapshot,
)
from sekisho_verify.revocations.live import Applied, Gap, Revocations, SnapshotNeeded
from tests.verify.test_revocations_model import Issuer, News


def settled(*, places: int = 2, now: float = 100.0, **changes: Any) -> Following:  # noqa: ANN401 -- of any field
    """A follower in the middle of a stream, for longer than a while."""
    fields: dict[str, Any] = {"snapshot_needed": False, "informed": True, "time_due": inf, "time_asked": now}
    fields |= {"connected_at": now - 50, "heard_at": now, "moved_at": now, "looked_at": now, **changes}
    return Following(places=places, **fields)


def test_it_begins_with_where_then_what_then_when_then_the_stream() -> None:
    """The first attempt is over when all of that but the stream is there: then requests can be judged."""
    state = Following(places=0, finds=True)
    assert state.next(0) == Find()
    state = state.found(1)
    assert state.next(0) == TakeSnapshot(0)
    state = state.took_snapshot(1, renew=inf)
    assert (state.next(1), state.tried) == (AskTime(0), False)
    state = state.learned_time(2, dice=1)
    assert (state.next(2), state.tried) == (Connect(0), True)
    state = state.connected(3)
    assert state.next(3) == Read(SILENCE)
    assert state.next(3 + SILENCE - 0.5) == Read(0.5)
    assert state.next(3 + SILENCE) == GiveUp("nothing that holds for 2 seconds")


def test_who_goes_on_from_what_is_known_has_tried_once_something_came() -> None:
    """After a stop, or a fork: not before the stream has said what happened meanwhile."""
    state = Following(places=1, snapshot_needed=False).learned_time(0, dice=0).connected(0)
    assert not state.tried
    assert state.took(Applied(0), 0, moved=True, fresh=True, dice=0).tried


def test_a_lost_line_is_followed_by_the_next_at_once_and_by_a_pause_after_all() -> None:
    """Within 50 ms, until each was tried; then a quarter of a second, twice as long each time, 10 at most."""
    state, pauses, urls = settled(places=3), [], []
    for _ in range(12):
        state = state.lost(100, dice=1)
        pauses.append(round(state.due - 100, 3))
        urls.append(state.at)
    assert pauses == [0.05, 0.05, 0.05, 0.25, 0.5, 1, 2, 4, 8, 10, 10, 10]
    assert urls == [1, 2, 0] * 4
    assert state.next(100) == Pause(10)
    assert isinstance(state.next(110), Connect)
    assert settled().lost(100, dice=0).due == 100
    assert state.lost(100, dice=0).due == 105


def test_a_stream_that_ends_again_and_again_is_not_hammered() -> None:
    """One that lasted five seconds begins anew; one that did not, adds to the row."""
    long = settled(connected_at=95.0).lost(100, dice=1)
    short = settled(connected_at=95.1, failures=2).lost(100, dice=1)
    assert (long.failures, short.failures) == (1, 3)
    assert short.due == 100.25


def test_a_refused_token_is_tried_slowly() -> None:
    """Half a minute, once every URL has refused it; no later when something new gives hope."""
    state = settled(places=1).lost(100, dice=1, refused=True)
    assert state.due == 100.05
    state = state.lost(100, dice=1, refused=True)
    assert state.due == 130
    assert state.hurried(105).due == 105


def test_urls_that_were_found_are_looked_up_anew() -> None:
    """When none answers; those that were given stay."""
    state = settled(places=1, finds=True).lost(100, dice=0)
    assert state.places == 1
    assert state.lost(100, dice=0).next(200) == Find()
    assert settled(places=1).lost(100, dice=0).lost(100, dice=0).places == 1


@pytest.mark.parametrize("outcome", [Gap(1, 5), SnapshotNeeded()])
def test_a_gap_is_mended_by_a_snapshot_and_counted_once(outcome: Any) -> None:  # noqa: ANN401 -- one of two
    """And when a snapshot of this URL did not help, the next one is asked."""
    state = settled().took(outcome, 100, moved=False, fresh=True, dice=0)
    again = state.took(outcome, 100, moved=False, fresh=True, dice=0)
    assert (again.next(100), again.gaps) == (TakeSnapshot(0), int(isinstance(outcome, Gap)))
    taken = again.took_snapshot(100.5, renew=inf)
    assert isinstance(taken.next(100.5), Read)
    lost = taken.took(outcome, 101, moved=False, fresh=True, dice=0)
    assert (lost.connected_at, lost.next(101)) == (None, TakeSnapshot(1))


def test_time_is_asked_again_and_again() -> None:
    """Every four minutes; after a sleep at once; sooner when what moves on looks old; failures less often."""
    state = settled(time_due=-inf).learned_time(100, dice=1)
    assert state.time_due == 100 + TIME_EVERY
    assert state.learned_time(100, dice=0).time_due == 100 + TIME_EVERY * 0.9
    assert state.looked(110).time_due == 340
    assert state.looked(110.1).time_due == 110.1
    assert state.took(Applied(0), 105, moved=True, fresh=False, dice=0).time_due == 100 + THROTTLE
    assert state.took(Applied(0), 105, moved=False, fresh=False, dice=0).time_due == 340
    assert state.took(Applied(0), 105, moved=False, back=True, fresh=False, dice=0).time_due == 100 + THROTTLE
    missed = [state := state.missed_time(100, dice=1) for _ in range(6)]
    assert [each.time_due - 100 for each in missed] == [5, 10, 20, 40, 60, 60]
    assert missed[0].connected_at is not None


def test_a_node_whose_database_stands_still_is_left_where_there_is_another() -> None:
    """Heartbeats that do not move on for five seconds; with one URL alone there is nowhere to go."""
    stands: dict[str, Any] = {"moved_at": 100.0, "heard_at": 100 + STALLED}
    assert settled(**stands).next(100 + STALLED) == GiveUp("the database not read for 5 seconds")
    assert isinstance(settled(**stands).next(100 + STALLED - 0.1), Read)
    assert isinstance(settled(places=1, **stands).next(100 + STALLED), Read)


def test_a_token_that_knows_more_ends_a_pause_and_overtakes_what_lags() -> None:
    """A stream that is fresh brings it by itself."""
    assert settled().lost(100, dice=1).behind(100, fresh=False).next(100) == Connect(1)
    assert settled().behind(100, fresh=True).next(100) == Read(SILENCE)
    assert settled().behind(100, fresh=False).next(100) == TakeSnapshot(0)
    assert LIVELY < SILENCE


def test_a_snapshot_for_the_file_alone_costs_no_stream() -> None:
    """It is taken when it is due; one that fails is tried later."""
    state = settled().took_snapshot(100, renew=300)
    state = state.took(Applied(0), 400, moved=True, fresh=True, dice=0)
    assert state.next(400) == TakeSnapshot(0)
    assert isinstance(state.renewal_failed(400).next(400), Read)


class Line(RuleBasedStateMachine):
    """Issuer, nodes that lag and forget, a line that loses, doubles, reorders and breaks; a follower.

    Whatever happens, the follower never goes back, and a good line of a second brings it up to date.
    """

    def __init__(self) -> None:
        super().__init__()
        self.issuer = Issuer()
        self.held = Revocations()
        self.state = Following(places=2)
        self.steady = 0.0
        self.stream: list[News] = []
        self.everything: list[News] = []
        self.highest = (-1, -1)

    @rule(name=st.sampled_from(["s0", "s1", "s2"]))
    def publish(self, name: str) -> None:
        """Something ends, and may reach the stream."""
        self.issuer.publish("session", name, "revoked")

    @rule(seconds=st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.steady += seconds
        self.issuer.now += seconds

    @rule(lost=st.integers(0, 3))
    def restore(self, lost: int) -> None:
        """A backup, without the last acts, in a new epoch."""
        del self.issuer.rows[self.issuer.head - lost :]
        self.issuer.epoch += 1
        self.issuer.line += 1

    @rule(back=st.integers(0, 4))
    def emit(self, back: int) -> None:
        """The node writes to the stream, from as far back as it likes."""
        news = self.issuer.frame(max(self.issuer.head - back, 0), 0.0)
        self.stream.append(news)
        self.everything.append(news)

    @rule(dice=st.floats(0, 1), answers=st.booleans(), data=st.data())
    def act(self, dice: float, answers: bool, data: st.DataObject) -> None:  # noqa: FBT001 -- drawn
        """The follower does what is next; the other side answers or not, with what it likes."""
        self.step(dice=dice, answers=answers, draw=lambda: data.draw(st.integers(0, 3)))

    @precondition(lambda self: self.everything and self.state.connected_at is not None)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """Anything that was ever sent comes again."""
        self.stream.insert(0, data.draw(st.sampled_from(self.everything)))

    @rule()
    def breaks(self) -> None:
        """The line breaks, with what is in it."""
        self.stream.clear()
        self.state = self.state.lost(self.steady, dice=0.5)

    @rule()
    def heals(self) -> None:
        """One good second: whatever was, everything is known then."""
        for _ in range(60):
            if not isinstance(self.state.next(self.steady), Read):
                self.step(dice=0.5, answers=True, draw=lambda: 0)
                continue
            self.stream = [self.issuer.frame(self.held_number, 0.0)]
            self.step(dice=0.5, answers=True, draw=lambda: 0)
            if self.there == (self.issuer.epoch, self.issuer.head):
                return
        raise AssertionError(f"not healed: {self.held} {self.state} {self.issuer.epoch}.{self.issuer.head}")

    @property
    def there(self) -> tuple[int, int]:
        """Epoch and number that are known."""
        return (read_rv(self.held.rv) if self.held.rv else None) or (-1, -1)

    @property
    def held_number(self) -> int:
        """Where a good node goes on: after what is known of its own epoch."""
        epoch, number = self.there
        return number if epoch == self.issuer.epoch else self.issuer.head

    def step(self, *, dice: float, answers: bool, draw: Any) -> None:  # noqa: ANN401 -- a callable
        """One step of the shell, without the sockets."""
        now = self.steady
        self.state = self.state.looked(now)
        match self.state.next(now):
            case Pause(seconds):
                self.steady += seconds + 0.001  # what is left of a pause may be too small to count
                self.issuer.now += seconds
            case GiveUp():
                self.state = self.state.lost(now, dice=dice)
            case _ if not answers:
                self.state = self.state.lost(now, dice=dice)
            case TakeSnapshot():
                news = self.lagging(self.issuer.snapshot(0.0), draw())
                self.everything.append(news)
                self.held.apply(news)
                self.state = self.state.took_snapshot(now, renew=inf)
            case AskTime():
                self.state = self.state.learned_time(now, dice=dice)
            case Connect():
                self.stream.clear()
                self.state = self.state.connected(now)
            case Read():
                self.read(dice)

    def lagging(self, snapshot: Snapshot, by: int) -> Snapshot:
        """The snapshot of a node that has not heard of the last numbers."""
        head = max(snapshot.head - by, 0)
        kept = tuple(entry for entry in snapshot.entries if entry.number <= head)
        return Snapshot(epoch=snapshot.epoch, head=head, as_of=snapshot.as_of, ttl=snapshot.ttl, entries=kept)

    def read(self, dice: float) -> None:
        """Take what is in the line."""
        if not self.stream:
            self.steady += 0.5
            self.issuer.now += 0.5
            return
        news = self.stream.pop(0)
        before = self.held.as_of
        outcome = self.held.apply(news)
        moved = self.held.as_of != before
        self.state = self.state.took(outcome, self.steady, moved=moved, fresh=True, dice=dice)

    @invariant()
    def never_goes_back(self) -> None:
        """Epoch and number only rise."""
        assert self.there >= self.highest
        self.highest = self.there

    @invariant()
    def what_is_known_is_judged(self) -> None:
        """Every entry up to the head, of this epoch, is held: nothing in between is missing."""
        epoch, number = self.there
        if epoch != self.issuer.epoch:
            return
        for row in self.issuer.rows[:number]:
            assert row.entry.key in self.held._live.newest or self.issuer.now >= row.at + 110


TestLine = Line.TestCase
TestLine.settings = settings(stateful_step_count=50)


def test_the_model_can_fail() -> None:
    """A follower that takes a heartbeat for proof of what it lacks would be found: the gap is told."""
    held = Revocations()
    held.apply(Snapshot(epoch=1, head=0, as_of=1.0, ttl=1.0, entries=()))
    assert held.apply(Heartbeat(epoch=1, head=1, as_of=2.0)) == Gap(1, 0)
