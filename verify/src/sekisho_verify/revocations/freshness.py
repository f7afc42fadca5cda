"""How lately a verifier has heard from its issuer. Pure.

Measured are the age of the last read of the issuer's database that came through, not of the last byte: a
reader that is cut off from the database makes its verifiers stale, it does not make them lie.
"""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import Final

from sekisho_verify.claims import EARLY

FRESH: Final = 2.0
"""Seconds up to which what is known counts as current: four missed heartbeats."""
CUT: Final = 60.0
"""Seconds after which the feed counts as cut."""
MAX_EXCHANGE: Final = 1.0
"""Seconds that a question and its answer may take, for a clock to be learned from them."""


class Freshness(Enum):
    """How lately a verifier has heard."""

    FRESH = "fresh"
    STALE = "stale"
    CUT = "cut"
    NEVER_SYNCED = "never_synced"


def freshness(as_of: float | None, *, offset: float | None, steady_now: float) -> Freshness:
    """How lately the state that is held was read from the issuer's database.

    Args:
        as_of: when that was, in seconds since 1970 by the issuer's clock; None where nothing has come.
        offset: the issuer's clock minus ours, as `clock_offset` found it; None where it is not known, and
            with it no age.
        steady_now: seconds of a clock that never steps and goes on while the machine sleeps: after a night
            with the lid closed, one that had slept too would call the state of yesterday fresh.
    """
    if as_of is None:
        return Freshness.NEVER_SYNCED
    age = inf if offset is None else steady_now + offset - as_of
    # A time that lies ahead would otherwise stay fresh until we reach it. Every comparison says what must
    # hold, so that NaN counts as cut.
    if -EARLY <= age <= FRESH:
        return Freshness.FRESH
    return Freshness.STALE if FRESH < age <= CUT else Freshness.CUT


def clock_offset(*, sent: float, received: float, issuer_now: float) -> float | None:
    """The issuer's clock minus ours, learned from one question and its answer; None if that took too long.

    It supposes that the answer was written when the question left. So it is too high by no more than the
    exchange took, an age reckoned with it is never too low, and a line that delays what it carries makes a
    verifier look more stale, not less.

    Args:
        sent: when the question left, in seconds of our steady clock.
        received: when the answer was there, by the same.
        issuer_now: the issuer's clock as the answer tells it, in seconds since 1970.
    """
    return issuer_now - sent if 0 <= received - sent <= MAX_EXCHANGE else None
