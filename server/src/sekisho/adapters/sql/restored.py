"""What is made true of a database that was put back from a backup, before anybody can read it.

Since the backup people have logged out, and were locked out; all of that is undone by a restore. And numbers
of the feed that were given out since will be given out again, for other things. So the feed begins a new
epoch: no `rv` of before means anything in it. And unless told otherwise every session ends, by one entry that
hits every token there is. A key that was retired stays so: whoever has stolen it still has it.

The statements read nothing, so they can be sent as a script as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sekisho.adapters.sql import events
from sekisho.adapters.sql.operation import Statement
from sekisho.rules.events import Event
from sekisho.rules.keyring import RetiredKey
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


#: Of the database that is replaced.
RETIRED: Final = "SELECT kid, alg, thumbprint, at, compromised FROM retired_keys"
_RETIRE = """
INSERT INTO retired_keys (thumbprint, kid, alg, at, compromised)
VALUES (:thumbprint, :kid, :alg, :at, :compromised)
ON CONFLICT (thumbprint) DO UPDATE SET at = excluded.at, compromised = excluded.compromised
WHERE excluded.compromised > retired_keys.compromised
"""
_DROP = "DELETE FROM signing_keys WHERE kid = :kid"


def statements(*, epoch: int, keep_sessions: bool, event: Event) -> Iterator[Statement]:
    """What brings a restored database up to now, in this order and in the transaction that restores it.

    `epoch` is the least that the new one may be: what was restored may have had a higher one.
    """
    yield Statement(_BEGIN_EPOCH, {"epoch": epoch})
    yield from events.record(event)
    if not keep_sessions:
        every = Entry("everything", "", "revoked")
        yield Statement(_END_SESSIONS, {"now": event.at})
        yield from _published(every, event.at)


def locked_out(retired: Sequence[RetiredKey], *, now: float) -> Iterator[Statement]:
    """What keeps the keys retired that were retired in the database that is replaced, after `statements`.

    A backup may be from before that. They are taken out of it, and what leaked is published in the new epoch.
    The backup has to have a place for them, which it has from revision 0002 on.
    """
    for key in retired:
        values = {"thumbprint": key.thumbprint, "kid": key.kid, "alg": key.alg, "at": key.at}
        yield Statement(_RETIRE, {**values, "compromised": int(key.compromised)})
        yield Statement(_DROP, {"kid": key.kid})
        if key.compromised:
            yield from _published(Entry("key", key.kid, "revoked"), now)


def _published(entry: Entry, now: float) -> Iterator[Statement]:
    yield Statement(_NEXT_NUMBER)
    named = {"kind": entry.kind, "key": entry.key, "effect": entry.effect, "now": now}
    yield Statement(_ADD_UNDER_IT, named)


def next_epoch(replaced: int | None, *, now: float) -> int:
    """An epoch above that of the database that is `replaced`, and above any that a restore has begun before.

    The second counts where there is none to be replaced, or none that can be read: two restores of one backup
    would begin the same epoch. So it is counted by the second, in seconds since 1970.
    """
    return max(int(now), 0 if replaced is None else replaced + 1)
