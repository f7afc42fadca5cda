"""What a soak found: how soon every revocation was known to every verifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.paired import aligned


@dataclass(frozen=True, slots=True)
class Heard:
    """How soon some of the logouts were known: milliseconds from a commit to a verifier's refusal."""

    name: str
    logouts: int
    p50: float
    p99: float
    most: float
    #: What p99 may be at most, where it is bound at all.
    bar: float | None

    @property
    def holds(self) -> bool:
        """Whether it is."""
        return self.bar is None or self.p99 <= self.bar


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a run found."""

    verifiers: int
    heard: Sequence[Heard]
    #: Of a logout and a verifier, and those in which the token was not refused.
    pairs: int
    missed: int
    #: Tokens of living sessions that were refused, and other answers that should not have been.
    false: Sequence[str]
    #: Milliseconds from the answer to the refusal, while all was well: p50 and p99.
    after_answer: tuple[float, float]
    #: The rest of what was seen, to be read.
    lines: Sequence[str]
    #: Whether all of the rest was as it has to be.
    sound: bool

    @property
    def holds(self) -> bool:
        """Whether every bar holds, and nothing was missed or refused wrongly."""
        return self.sound and not self.missed and not self.false and all(row.holds for row in self.heard)

    @property
    def table(self) -> str:
        """All of it in plain text."""
        rows: list[tuple[str, ...]] = [("commit to refused, ms", "logouts", "p50", "p99", "max", "bar", "")]
        for each in self.heard:
            limit = "" if each.bar is None else f"p99 <= {each.bar:g}"
            verdict = "" if each.bar is None else "holds" if each.holds else "MISSED"
            figures = (f"{value:.0f}" for value in (each.p50, each.p99, each.most))
            rows.append((each.name, str(each.logouts), *figures, limit, verdict))
        p50, p99 = self.after_answer
        missed = f"missed: {self.missed} of {self.pairs}"
        lines = [
            f"{missed}; false verdicts: {len(self.false)} {self.false[:3] or ''}",
            f"answered to refused while all was well: p50 {p50:.0f}, p99 {p99:.0f} ms",
            *self.lines,
        ]
        return "\n".join([aligned(rows), *lines])

    def told(self) -> dict[str, Any]:
        """What the results of the whole matrix keep of it."""
        return {
            "verifiers": self.verifiers,
            "pairs": self.pairs,
            "missed": self.missed,
            "false": len(self.false),
            "heard": [{**asdict(each), "holds": each.holds} for each in self.heard],
        }
