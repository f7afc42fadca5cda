"""The refresh table against every history that a victim and a thief can make."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from sekisho.rules.opaque import digest
from sekisho.rules.refresh import Family, Verdict, present
from tests.parts.victim_and_thief import GRACE, IDLE, VictimAndThief


@dataclass
class PureServer:
    """One session row behind the rule, with no database."""

    family: Family = field(default_factory=lambda: Family(0))
    now: float = 1_000_000.0
    expires_at: float = 1_000_000.0 + IDLE
    revoked: bool = False

    def refresh(self, generation: int, key: str | None) -> int | None:
        """The generation handed out, or none when refused."""
        if self.revoked or self.now >= self.expires_at:
            return None
        presented = present(
            self.family,
            generation=generation,
            retry_digest=digest(key.encode()) if key else None,
            now=self.now,
            grace=GRACE,
        )
        self.family = presented.family
        if presented.verdict is Verdict.REUSED:
            self.revoked = True
            return None
        if presented.verdict not in {Verdict.CURRENT, Verdict.REPLAYED}:
            self.expires_at = self.now + IDLE
        return self.family.generation


class OnTheRule(VictimAndThief):
    """Histories against the rule alone."""

    def new_server(self) -> PureServer:
        """A session that has just been opened."""
        return PureServer()


@pytest.mark.requirement("R3", "R5")
def test_the_table_keeps_its_two_promises() -> None:
    """Nobody is signed out unless a thief acted, and a thief and a victim who both go on are separated."""
    run_state_machine_as_test(
        OnTheRule,
        settings=settings(max_examples=300, stateful_step_count=40, deadline=None),
    )
