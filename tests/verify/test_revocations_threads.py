"""One thread writes the revocations while others ask."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sekisho_verify import LocalRevocations, Revocations, TokenRefused
from sekisho_verify.revocations.live import CLOCKS, Marks, Standing
from tests.verify.test_revocations import AS_OF, TTL, entry, frame, snapshot, token


@pytest.fixture
def _hurry() -> Iterator[None]:
    """Threads that take turns a thousand times as often."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


LAST = 1500
NEEDED = 500


def as_of_number(number: int) -> float:
    """A time that has an entry forgotten when `NEEDED` others have come after it."""
    return AS_OF + number * (TTL + CLOCKS) / NEEDED


def write(revocations: Revocations) -> None:
    """Publish one after the other, with a snapshot now and then."""
    for number in range(1, LAST + 1):
        revocations.apply(frame(entry(number, name=str(number)), as_of=as_of_number(number)))
        if number % 100 == 0:
            kept = range(max(1, number - NEEDED), number + 1)
            entries = [entry(n, name=str(n)) for n in kept]
            revocations.apply(snapshot(*entries, head=number, as_of=as_of_number(number)))


def head_of(revocations: Revocations) -> int:
    """The number up to which a verifier knows."""
    return int(str(revocations.rv).partition(".")[2])


def read(revocations: Revocations, tokens: list[Marks], wrong: list[object]) -> int:
    """Ask until all is written; how often the token of a revoked session was judged."""
    asked = 0
    while (head := head_of(revocations)) < LAST:
        for number in {(head + 1) // 2, head} - {0}:
            asked += 1
            try:
                revocations.check(tokens[number])
            except TokenRefused as refused:
                if refused.code != "token_revoked":
                    wrong.append(refused)
            else:
                # It may have been forgotten meanwhile, by right.
                if number > head_of(revocations) - NEEDED:
                    wrong.append(number)
        if revocations.check(tokens[0]) is not Standing.CURRENT:
            wrong.append("good")
    return asked


@pytest.mark.usefixtures("_hurry")
def test_one_writes_and_four_read() -> None:
    """While frames, snapshots and forgetting go on, what the head covers is refused, and nobody else."""
    tokens = [token("1.0", sid=str(n)) for n in range(LAST + 1)]
    revocations = Revocations()
    revocations.apply(snapshot(head=0))
    wrong: list[object] = []
    with ThreadPoolExecutor(4) as readers:
        asking = [readers.submit(read, revocations, tokens, wrong) for _ in range(4)]
        write(revocations)
        asked = [each.result() for each in asking]
    assert wrong == []
    assert min(asked) > 0


@pytest.mark.usefixtures("_hurry")
def test_local_revocations_may_be_published_by_any_thread() -> None:
    """None of a thousand is lost, and each has a number of its own."""
    local = LocalRevocations(clock=lambda: AS_OF)

    def publish(writer: int) -> None:
        for n in range(250):
            local.publish("session", f"{writer}-{n}")

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(publish, range(4)))
    assert (local.rv, local.entry_count) == ("1.1000", 1000)
