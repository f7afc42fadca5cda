"""One finding a check: how it stands, what was seen, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["good", "warning", "bad", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found.

    `check` is its stable name. `seen` and `fix` are keys of the words, filled in with `values`, none of which
    is ever a secret.
    """

    check: str
    verdict: Verdict
    seen: str = ""
    fix: str = ""
    values: dict[str, object] = field(default_factory=dict[str, object])


def good(check: str, seen: str = "", **values: object) -> Finding:
    """It is as it should be."""
    return Finding(check, "good", seen or f"{check}.good", values=values)


def warning(check: str, seen: str = "", **values: object) -> Finding:
    """It may be meant so; whoever runs a server for others should know it."""
    name = seen or f"{check}.warning"
    return Finding(check, "warning", name, f"{name}_fix", values)


def bad(check: str, seen: str = "", **values: object) -> Finding:
    """It has to be put right before anybody relies on this server."""
    name = seen or f"{check}.bad"
    return Finding(check, "bad", name, f"{name}_fix", values)


def skipped(check: str, seen: str, **values: object) -> Finding:
    """It could not be looked at, and why."""
    return Finding(check, "skipped", seen, values=values)
