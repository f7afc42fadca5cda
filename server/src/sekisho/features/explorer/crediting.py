"""Whose doing a changed row is: that of the request that wrote it, not of the first that was answered."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sekisho.features.explorer.events import Event, Lane
from sekisho.features.explorer.tables import Change

T = TypeVar("T")

#: Writes that are kept: some are of requests that are never answered.
_KEPT: Final = 500
_TABLE: Final = re.compile(r"\b(?:INTO|UPDATE|FROM)\s+(\w+)")
#: The parameter by which a statement leaves a row out.
_LEFT_OUT: Final = re.compile(r"<>\s*:(\w+)")


@dataclass(frozen=True, slots=True)
class Doer:
    """An act of the visitor's and a lane; nothing where it was one of several that differ there."""

    act: str | None = None
    lane: Lane | None = None


class Credits:
    """The writes of requests whose rows have not been looked for yet."""

    def __init__(self) -> None:
        self._writes: Final[deque[Event]] = deque(maxlen=_KEPT)

    def take(self, event: Event) -> None:
        """An event was given out: the row of a write is found after the answer at the latest."""
        if event.kind in {"db.write", "redis.write"}:
            self._writes.append(event)

    def settle(self, answers: Iterable[Event]) -> None:
        """The rows of these requests have been found."""
        done = {answer.id for answer in answers}
        left = [write for write in self._writes if write.refs.get("for") not in done]
        self._writes.clear()
        self._writes.extend(left)

    def doers(self, changes: Sequence[Change], answers: Sequence[Event]) -> Sequence[Doer]:
        """Who wrote each of these rows: by its key, else by its table, else one of those who were answered.

        A write that named the key of another of them wrote that one. Where nothing else was written to its
        table a row has changed beside all requests, as the time of last use does, and is nobody's doing.
        """
        return [self._doer(change, changes, answers) for change in changes]

    def _doer(self, change: Change, changes: Sequence[Change], answers: Sequence[Event]) -> Doer:
        asked = {answer.id for answer in answers}
        there = [write for write in self._writes if change.table in _tables(write)]
        by_key = [write for write in there if _names(write, change.key)]
        by_table = [write for write in there if write.refs.get("for") in asked]
        others = [each.key for each in changes if each.table == change.table and each.key != change.key]
        free = [write for write in by_table if not any(_names(write, key) for key in others)]
        possible = by_key or free or ([] if by_table else answers)
        acts: list[str | None] = [each.act for each in possible]
        lanes: list[Lane | None] = [each.lane for each in possible]
        return Doer(_common(acts), _common(lanes))


def _tables(write: Event) -> Sequence[str]:
    return ["redis"] if write.kind == "redis.write" else _TABLE.findall(write.refs["sql"])


def _names(write: Event, key: str) -> bool:
    """Whether the key of the row stands in the command, or among the parameters; not as the one left out."""
    if write.kind == "redis.write":
        return key in write.refs["command"].split()
    left_out = _LEFT_OUT.findall(write.refs["sql"])
    parameters = write.refs.get("parameters", {}).items()
    return set(key.split("|")) <= {str(value) for name, value in parameters if name not in left_out}


def _common(values: Iterable[T | None]) -> T | None:
    """What all of them have."""
    found = set(values)
    return found.pop() if len(found) == 1 else None
