"""The revocation feed as a reader sees it: everything there is, or what came behind a number."""

from __future__ import annotations

from sekisho.adapters.sql.operation import Operation, Row, Statement
from sekisho_verify.revocations.entries import Entry, Frame, Heartbeat, Snapshot

_HEAD = "SELECT epoch, seq FROM feed_head WHERE shard = 0"
_BEHIND = """
SELECT seq, kind, key, effect FROM feed WHERE shard = 0 AND seq > :number ORDER BY seq LIMIT :limit
"""
_ALL = "SELECT seq, kind, key, effect FROM feed WHERE shard = 0"


def snapshot(*, as_of: float, ttl: float) -> Operation[Snapshot]:
    """Every entry that is kept. `ttl`: seconds for which one is needed."""
    ((epoch, head),) = yield Statement(_HEAD)
    rows = yield Statement(_ALL)
    return Snapshot(epoch=epoch, head=head, as_of=as_of, ttl=ttl, entries=_entries(rows))


def behind(number: int, *, epoch: int, as_of: float, limit: int) -> Operation[Frame | Heartbeat | None]:
    """What has come behind `number`, or that there is nothing; none where only a snapshot will do."""
    ((now_epoch, head),) = yield Statement(_HEAD)
    if now_epoch != epoch or head < number:
        return None
    if head == number:
        return Heartbeat(epoch=epoch, head=head, as_of=as_of)
    rows = yield Statement(_BEHIND, {"number": number, "limit": limit})
    # Numbers are gapless, so a hole is where some were swept; it may stand behind an entry that stays.
    if not rows or rows[-1][0] - number != len(rows):
        return None
    entries = _entries(rows)
    return Frame(epoch=epoch, first=number + 1, last=entries[-1].number, as_of=as_of, entries=entries)


def _entries(rows: list[Row]) -> tuple[Entry, ...]:
    return tuple(Entry(number, kind, bytes(key), effect) for number, kind, key, effect in rows)
