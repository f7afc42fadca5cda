"""The revocation feed as a reader sees it: everything there is, or what came behind a number; and as of when.

Where there is one copy of the data, that is when it was read. Where there are several it is the last instant
at which the primary is known to have been one: a row that nodes keep up, or the last revocation, both as they
stand in the snapshot that is read. So neither a standby that lags nor a primary that was cut off from its
synchronous standby, and cannot commit, can claim to be fresh; and no entry is younger than what it came with.
"""

from __future__ import annotations

from sekisho.adapters.sql.operation import Operation, Row, Statement
from sekisho_verify.revocations.entries import Entry, Frame, Heartbeat, Snapshot
from sekisho_verify.revocations.packed import PackedEntries, pack

_HEAD = """
SELECT h.epoch, h.seq, r.at, f.at FROM feed_head h JOIN feed_read r ON r.shard = h.shard
LEFT JOIN feed f ON f.shard = h.shard AND f.seq = h.seq WHERE h.shard = 0
"""
_BEHIND = """
SELECT seq, kind, key, effect FROM feed WHERE shard = 0 AND seq > :number ORDER BY seq LIMIT :limit
"""
# A time that lies far ahead was written by a clock that was wrong: it would hold up those that are right.
_ADVANCE = """
UPDATE feed_read SET at = :now WHERE shard = 0 AND (at <= :now - :every OR at > :now + 60)
"""

#: What only PostgreSQL knows: the line of history that this server writes, which a promotion ends.
TIMELINE = """
SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE
    CAST(CAST('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS bit(32)) AS bigint)
END AS timeline
"""
# A standby that was promoted may lack the last revocations, and would give out their numbers again. So a new
# line begins a new epoch: by whichever transaction comes first, for all nodes, since the row is theirs to
# wait for. The numbers go on.
_FOLLOW_TIMELINE = f"""
UPDATE feed_head SET
    epoch = feed_head.epoch + CASE WHEN feed_head.timeline IS NULL THEN 0 ELSE 1 END, timeline = line.timeline
FROM ({TIMELINE}) AS line
WHERE feed_head.shard = 0 AND feed_head.timeline IS DISTINCT FROM line.timeline
"""  # noqa: S608 - a constant of ours

#: Entries of a snapshot that are read at once: a million rows as objects are hundreds of megabytes, and each
#: page holds the event loop up.
_PAGE = 2_000


def snapshot(*, as_of: float | None, ttl: float) -> Operation[Snapshot]:
    """Every entry that is kept, packed.

    `as_of`: when it is read, or none where the database has to say that. `ttl`: seconds for which an entry is
    needed.
    """
    epoch, head, as_of = yield from _head(as_of)
    packed: list[bytes] = []
    number = 0
    while rows := (yield Statement(_BEHIND, {"number": number, "limit": _PAGE})):
        packed.append(pack(_entries(rows), head=head))
        number = rows[-1][0]
    entries = PackedEntries(b"".join(packed), head=head)
    return Snapshot(epoch=epoch, head=head, as_of=as_of, ttl=ttl, entries=entries)


def behind(
    number: int, *, epoch: int, as_of: float | None, limit: int
) -> Operation[Frame | Heartbeat | None]:
    """What has come behind `number`, or that there is nothing; none where only a snapshot will do."""
    now_epoch, head, as_of = yield from _head(as_of)
    if now_epoch != epoch or head < number:
        return None
    if head == number:
        return Heartbeat(epoch=epoch, head=head, as_of=as_of)
    rows = yield Statement(_BEHIND, {"number": number, "limit": limit})
    # Numbers are gapless, so a hole is where some were swept. It may stand behind an entry that stays.
    if not rows or rows[-1][0] - number != len(rows):
        return None
    entries = _entries(rows)
    return Frame(epoch=epoch, first=number + 1, last=entries[-1].number, as_of=as_of, entries=entries)


def advance(*, now: float, every: float) -> Operation[None]:
    """Say that the primary was one at `now`, if nobody has said so in the last `every` seconds."""
    yield Statement(_ADVANCE, {"now": now, "every": every})
    yield from follow_timeline()


def follow_timeline() -> Operation[None]:
    """Begin a new epoch if the database writes another line of history than when numbers were last given out.

    Asked in the very transactions that give out numbers: a connection may outlive a promotion, that of a
    standby and that through pgbouncer.
    """
    yield Statement(_FOLLOW_TIMELINE, needs="timeline")


def _head(as_of: float | None) -> Operation[tuple[int, int, float]]:
    ((epoch, head, read_at, revoked_at),) = yield Statement(_HEAD)
    return epoch, head, max(read_at, revoked_at or 0.0) if as_of is None else as_of


def _entries(rows: list[Row]) -> tuple[Entry, ...]:
    return tuple(Entry(number, kind, bytes(key), effect) for number, kind, key, effect in rows)
