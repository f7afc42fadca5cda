"""Instants as people read them: in UTC, since a page without a script does not know where its reader is."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sekisho.words.catalogue import Language, Say

_WEEKDAYS: Final = "月火水木金土日"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def absolute(instant: datetime, language: Language) -> str:
    """`21 Nov 2026, 14:05 UTC`, `2026年11月21日(土) 14:05 UTC`."""
    time = f"{instant:%H:%M} UTC"
    if language == "ja":
        weekday = _WEEKDAYS[instant.weekday()]
        return f"{instant.year}年{instant.month}月{instant.day}日({weekday}) {time}"
    return f"{instant.day} {_MONTHS[instant.month - 1]} {instant.year}, {time}"


def ago(instant: datetime, now: float, say: Say) -> str:
    """How long before `now` (POSIX seconds) it was, to the minute, the hour or the day."""
    seconds = max(0, int(now - instant.timestamp()))
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= size:
            return say(f"time.{unit}", count=seconds // size)
    return say("time.now")
