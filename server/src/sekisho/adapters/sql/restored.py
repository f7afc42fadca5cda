"""What is made true of a database that was put back from a backup, before anybody can read it.

Since the backup people have logged out, and were locked out; all of that is undone by a restore. And numbers
of the feed that were given out since will be given out again, for other things. So the feed begins a new
epoch: no `rv` of before means anything in it. And unless told otherwise every session ends, by one entry that
hits every token there is.

The statements read nothing, so they can be sent as a script as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.adapters.sql import events
from sekisho.adapters.sql.operation import Statement
from sekisho.rules.events import Event
from sekisho.rules.revocation import Entry

_BEGIN_EPOCH = """
UPDATE feed_head SET epoch = CASE WHEN epoch >= :epoch THEN epoch + 1 ELSE :epoch END WHERE shard = 0
"""
_END_SESSIONS = """
UPDATE sessions SET revoked_at = :now, revoked_why = 'restored' WHERE revoked_at IS NULL
"""
_NEXT_NUMBER = "UPDATE feed_head SET seq = seq + 1 WHERE shard = 0"
_ADD_UNDER_IT = """
INSERT INTO feed (shard, seq, kind, key, effect, at)
SELECT 0, seq, :kind, :key, :effect, :now FROM feed_head WHERE shard = 0
"""


def statements(*, epoch: int, keep_sessions: bool, event: Event) -> Iterator[Statement]:
    """What brings a restored database up to now, in this order and in the transaction that restores it.

    `epoch` is the least that the new one may be: what was restored may have had a higher one.
    """
    yield Statement(_BEGIN_EPOCH, {"epoch": epoch})
    yield from events.record(event)
    if not keep_sessions:
        every = Entry("everything", "", "revoked")
        yield Statement(_END_SESSIONS, {"now": event.at})
        yield Statement(_NEXT_NUMBER)
        named = {"kind": every.kind, "key": every.key, "effect": every.effect, "now": event.at}
        yield Statement(_ADD_UNDER_IT, named)


def next_epoch(replaced: int | None, *, now: float) -> int:
    """An epoch above that of the database that is `replaced`, and above any that a restore has begun before.

    The second counts where there is none to be replaced, or none that can be read: two restores of one backup
    would begin the same epoch. So it is counted by the second, in seconds since 1970.
    """
    return max(int(now), 0 if replaced is None else replaced + 1)
