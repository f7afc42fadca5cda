"""What a request pays for the check by the live revocations, and what they take of memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.paired import MICROSECONDS, Pairs, Result, in_turn, result
from benchmarks.revocation.holding import ISSUER, KEY
from sekisho_verify import Revocations, steady_clock
from sekisho_verify.revocations.entries import Entry, Snapshot, entry_key
from sekisho_verify.revocations.live import Marks, session_marks
from sekisho_verify.revocations.packed import PackedEntries, pack
from sekisho_verify.revocations.policy import RevocationPolicy
from sekisho_verify.revocations.sealed import seal

MANY = 1_000_000
#: Microseconds of CPU that the check may take, however many entries are live.
COST_BAR = 2.0
#: MiB that a million of them may take in a verifier.
MEMORY_BAR = 150.0
_TOKENS = 2000
_NOW = 1_800_000_000.0


def entries(count: int) -> PackedEntries:
    """So many sessions that ended; none of them of a token that is asked for."""
    many = (Entry(n + 1, "session", entry_key("session", f"ended {n}"), "revoked") for n in range(count))
    return PackedEntries(pack(many, head=count), head=count)


def snapshot(count: int) -> Snapshot:
    """All of them, as the issuer publishes them."""
    return Snapshot(epoch=1, head=count, as_of=_NOW, ttl=970.0, entries=entries(count))


def cost(*, rounds: int = 15) -> list[Pairs]:
    """The whole check that `Verifier.verify` makes of a remembered token, with no entries and with many.

    Two thousand tokens in turn, each with a session, a user and two groups: what the processor remembers of
    the last look-up is of no use to the next.
    """
    tokens = [_marks(number) for number in range(_TOKENS)]
    sides: dict[str, Callable[[], float]] = {}
    for count in (0, 1000, MANY):
        revocations = Revocations()
        revocations.apply(snapshot(count))
        revocations.learn_offset(_NOW - steady_clock.steady())
        policy = RevocationPolicy(revocations, on_cut="accept", steady=steady_clock.steady)
        sides[f"{count:,} entries"] = partial(_each, policy, tokens)
    found = in_turn(sides, rounds=rounds)
    none, *more = found
    return [Pairs(f"check of a token, {name} by {none}", "us CPU", found[none], found[name]) for name in more]


def _marks(number: int) -> Marks:
    return session_marks(
        sid=f"session {number}",
        sub=f"user {number}",
        groups=(f"group {number % 10}", "everybody"),
        rv="1.0",
        issued_at=_NOW,
    )


def _each(policy: RevocationPolicy, tokens: list[Marks]) -> float:
    """Microseconds of CPU for one check."""
    check, now = policy.check, _NOW
    began = time.process_time()
    for token in tokens:
        check(token, now=now, sensitive=False)
    return (time.process_time() - began) * MICROSECONDS / len(tokens)


def memory() -> tuple[float, float, float]:
    """MiB of a process before and after it takes a snapshot of a million entries, and at the highest."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "snapshot.jws"
        file.write_text(seal(snapshot(MANY), issuer=ISSUER, key=KEY))
        command = [sys.executable, "-m", "benchmarks.revocation.holding", str(file)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, after, highest = map(float, said.split())
    return before, after, highest


def run() -> Result:
    """Both, and whether the bars hold."""
    checks = cost()
    most = max(statistics.median(pairs.ours) for pairs in checks)
    before, after, highest = memory()
    taken = after - before
    lines = [
        result(checks).table,
        _verdict(f"the check takes {most:.2f} us at most", most <= COST_BAR, f"{COST_BAR:g} us"),
        _verdict(f"a million entries take {taken:.0f} MiB", taken <= MEMORY_BAR, f"{MEMORY_BAR:g} MiB"),
        f"the whole process then has {after:.0f} MiB, and {highest:.0f} while it took the snapshot",
    ]
    return Result("\n".join(lines), most <= COST_BAR and taken <= MEMORY_BAR)


def _verdict(text: str, holds: bool, bar: str) -> str:  # noqa: FBT001 -- what it says
    return f"{text}, bar {bar}: {'holds' if holds else 'MISSED'}"
