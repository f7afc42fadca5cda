"""The revocation feed: entries under gapless numbers, in the order of commits.

The number comes from the head's row, which stays locked until the commit: so a later number is a later
commit, and a rollback gives the number back. The price is that revocations commit one after another, which is
why the head is the last thing a transaction touches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from sekisho.adapters.sql import events, feed
from sekisho.adapters.sql.operation import Operation, Statement
from sekisho.rules.events import Event
from sekisho.rules.revocation import Entry
from sekisho_verify.revocations.entries import read_rv

_NUMBER = "UPDATE feed_head SET seq = seq + :count WHERE shard = 0 RETURNING seq"
_HEAD = "SELECT epoch, seq FROM feed_head WHERE shard = 0"
_ADD = "INSERT INTO feed (shard, seq, kind, key, effect, at) VALUES "
_ADD_ROW = "(0, :seq{0}, :kind{0}, :key{0}, :effect{0}, :at)"
#: What readers of the feed on PostgreSQL listen to; there is nothing in it to read.
CHANNEL = "sekisho_revocations"
_NOTIFY = f"NOTIFY {CHANNEL}"
_ABOVE = "SELECT key, effect FROM feed WHERE shard = 0 AND seq > :number AND key IN "
# The innermost SELECT reads the oldest rows alone: there is no index by age, and numbers grow with it. A key
# that has leaked stays published: whoever holds it can always mint.
_SWEEP = """
DELETE FROM feed WHERE shard = 0 AND seq IN (
    SELECT seq FROM (
        SELECT seq, at FROM feed WHERE shard = 0 AND kind <> 'key' ORDER BY seq LIMIT :limit
    ) AS oldest WHERE at <= :horizon
) RETURNING seq
"""

#: Entries that go to the database in one statement.
_AT_ONCE = 100


def publish(entries: Sequence[Entry], *, now: float) -> Operation[None]:
    """Publish entries, each with a number of its own. To be the last act of its transaction."""
    if not entries:
        return
    yield from feed.follow_timeline()
    ((head,),) = yield Statement(_NUMBER, {"count": len(entries)})
    numbered = iter(enumerate(entries, head - len(entries) + 1))
    while part := list(islice(numbered, _AT_ONCE)):
        yield _add(part, now)
    # It wakes readers a tenth of a second before they would look; the commit takes a lock of the whole server
    # for it, so there is none in any other transaction.
    yield Statement(_NOTIFY, needs="notify")


def publish_with_event(entries: Sequence[Entry], *, now: float, event: Event) -> Operation[None]:
    """Publish entries, and put on record why."""
    yield from events.record(event)
    yield from publish(entries, now=now)


def revoked_since(entries: Sequence[Entry], rv: str) -> Operation[bool]:
    """Whether one of these was published, with the same effect, under a number above `rv`.

    An `rv` of an earlier epoch stands before everything there is; one that is ahead of the head was minted on
    a line of history that this database has lost, and one that we did not write by somebody else who holds
    the signing key: neither is believed.
    """
    if not entries:
        return False
    known = read_rv(rv)
    ((epoch, head),) = yield Statement(_HEAD)
    if known is None or known > (epoch, head):
        return True
    seen, number = known
    names = {f"key{i}": entry.key for i, entry in enumerate(entries)}
    placeholders = ", ".join(f":{name}" for name in names)
    rows = yield Statement(f"{_ABOVE}({placeholders})", {"number": number if seen == epoch else 0, **names})
    wanted = {(entry.key, entry.effect) for entry in entries}
    return any((bytes(key), effect) in wanted for key, effect in rows)


def sweep(*, now: float, horizon: float, limit: int) -> Operation[int]:
    """Delete entries that no living token is older than, the oldest first; never one of a leaked key."""
    return len((yield Statement(_SWEEP, {"horizon": now - horizon, "limit": limit})))


def _add(numbered: list[tuple[int, Entry]], now: float) -> Statement:
    rows = ", ".join(_ADD_ROW.format(i) for i in range(len(numbered)))
    return Statement(_ADD + rows, {"at": now, **dict(_parameters(numbered))})


def _parameters(numbered: list[tuple[int, Entry]]) -> Iterator[tuple[str, object]]:
    for i, (number, entry) in enumerate(numbered):
        yield f"seq{i}", number
        yield f"kind{i}", entry.kind
        yield f"key{i}", entry.key
        yield f"effect{i}", entry.effect
