"""The hot verbs as one statement each: one round trip, one snapshot, one commit. Refreshes share theirs.

Only what is granted in the ordinary way is here. No row means anything else (a rare row of the refresh table,
a race that was lost, a refusal), and that is for the portable transaction to decide, from its start.
"""

from __future__ import annotations

from functools import cache

from sekisho.adapters.postgres.rights import COLUMNS, SOURCES

_ACCOUNT = "u.id, u.email, u.status, u.locale, u.created_at"

# "n = gen" of the refresh table, for all who ask at the same time: rotated, or current and left alone. What
# decides is read in the snapshot of the statement. A row that somebody else holds is left to the portable
# transaction, so nobody here waits for another's row, and two statements never wait for each other. One that
# is ours is written only if it still stands so, for READ COMMITTED looks again at the newest version;
# whatever changes it changes generation, family or revocation too.
#
# One text of JSON, and not arrays, each of which the driver reads through. Row by row (LATERAL, OFFSET 0,
# ANY): how many are asked for is not known when the plan is made, and for a guess of a hundred it would read
# whole tables.
ROTATE = f"""
WITH s AS (
    SELECT q.*, u.*
    FROM json_to_recordset(CAST(:asked AS json)) AS q(
        session_id uuid, gen bigint, fam text, mode text, retry_key text, now double precision,
        settling double precision, refresh double precision, ip text, user_agent text
    ) CROSS JOIN LATERAL (
        SELECT {_ACCOUNT}, x.auth_time, x.amr, x.refresh_expires_at, x.fam AS held_fam,
               x.rotated_at IS NOT NULL AND ABS(q.now - x.rotated_at) < q.settling AS current
        FROM sessions x JOIN users u ON u.id = x.user_id
        WHERE x.id = q.session_id AND x.fam = decode(q.fam, 'hex') AND x.gen = q.gen AND x.mode = q.mode
          AND x.revoked_at IS NULL AND x.refresh_expires_at > q.now AND x.ends_at > q.now
          AND u.status = 'active'
        OFFSET 0
    ) AS u
), held AS (
    SELECT s.* FROM s CROSS JOIN LATERAL (
        SELECT FROM sessions x WHERE x.id = s.session_id AND x.gen = s.gen FOR NO KEY UPDATE SKIP LOCKED
    ) AS x
    WHERE NOT s.current
), w AS (
    UPDATE sessions t
    SET gen = t.gen + 1, rotated_at = h.now, retry_gen = t.gen, retry_key = decode(h.retry_key, 'hex'),
        refresh_expires_at = LEAST(h.now + h.refresh, t.ends_at), ip = h.ip, user_agent = h.user_agent
    FROM held h
    WHERE t.id = ANY(ARRAY(SELECT session_id FROM held)) AND t.id = h.session_id
      AND t.gen = h.gen AND t.fam = h.held_fam AND t.revoked_at IS NULL
    RETURNING t.id, t.refresh_expires_at
)
SELECT u.session_id, u.current, COALESCE(w.refresh_expires_at, u.refresh_expires_at), u.auth_time, u.amr,
    {_ACCOUNT}, {COLUMNS}
FROM s AS u LEFT JOIN w ON w.id = u.session_id {SOURCES}
WHERE u.current OR w.refresh_expires_at IS NOT NULL
"""  # noqa: S608 - constants of ours

LIVE = f"""
SELECT s.refresh_expires_at, s.auth_time, s.amr, {_ACCOUNT}, {COLUMNS}
FROM sessions s JOIN users u ON u.id = s.user_id {SOURCES}
WHERE s.id = :id AND s.user_id = COALESCE(CAST(:user_id AS uuid), s.user_id) AND s.revoked_at IS NULL
  AND (CAST(:digest AS bytea) IS NULL OR (s.fam, s.mode) = (:digest, :mode))
  AND s.gen = COALESCE(CAST(:gen AS integer), s.gen)
  AND s.refresh_expires_at > :now AND s.ends_at > :now AND u.status = 'active'
"""  # noqa: S608 - same

# The same for an access token: no entry has ended the tokens of its number. What is read begins behind that
# number, so it is what was published while the token lived.
LIVE_OF_TOKEN = f"""{LIVE}
  AND EXISTS (SELECT 1 FROM feed_head i WHERE i.shard = 0 AND i.epoch = :epoch AND i.seq >= :number)
  AND NOT EXISTS (
    SELECT 1 FROM feed f WHERE f.shard = 0 AND f.seq > :number AND f.key = :entry AND f.effect = 'revoked'
  )
"""  # noqa: S608 - same

# The account is held until the commit: a password change waits for us and then ends the session we open; one
# that was before us leaves no row.
_OPEN = f"""
WITH a AS (
    SELECT id, email, status, locale, created_at FROM users
    WHERE id = :user_id AND status = 'active' AND password_hash = :checked FOR SHARE
), opened AS (
    INSERT INTO sessions (id, user_id, shard, mode, created_at, auth_time, amr, ip, user_agent, gen, fam,
                          refresh_expires_at, ends_at)
    SELECT :id, a.id, 0, :mode, :now, :now, :amr, :ip, :user_agent, 0, :fam, :refresh_expires_at, :ends_at
    FROM a
), recorded AS (
    INSERT INTO security_events (id, at, kind, user_id, session_id, ip, request_id, about)
    SELECT :event_id, :event_at, :event_kind, :event_user_id, :event_session_id, :event_ip, :event_request_id,
           :event_about
    FROM a
){{forgiven}}
SELECT {_ACCOUNT}, {COLUMNS} FROM a AS u {SOURCES}
"""  # noqa: S608 - same

# Rows of the throttle are locked in the order of their keys, as every attempt locks them, before one changes.
# `free` is null where the count is the owner's own, which is then set to nothing.
_FORGIVEN = """, held AS (
    SELECT t.key FROM throttle t, a WHERE t.key IN ({keys}) ORDER BY t.key FOR UPDATE OF t
), forgiven AS (
    UPDATE throttle t
    SET failures = CASE WHEN b.free IS NULL THEN 0 ELSE t.failures - 1 END,
        not_before = CASE WHEN t.failures - 1 >= b.free THEN t.not_before ELSE 0 END
    FROM (VALUES {buckets}) AS b(key, free)
    WHERE t.key = b.key AND t.failures > 0 AND (SELECT COUNT(*) FROM held) > 0
)"""

_FAILURES = "CASE WHEN t.updated_at <= b.forgotten THEN 1 ELSE t.failures + 1 END"
_ATTEMPT = f"""
WITH held AS (
    SELECT not_before FROM throttle WHERE key IN ({{keys}}) ORDER BY key FOR UPDATE
)
UPDATE throttle t
SET failures = {_FAILURES},
    updated_at = CASE WHEN b.shared = 1 AND t.updated_at > b.forgotten THEN t.updated_at ELSE :now END,
    not_before = CASE WHEN {_FAILURES} < b.free THEN 0 ELSE
        :now + LEAST(b.cap, b.base * CAST(2 AS double precision) ^ LEAST({_FAILURES} - b.free, 30)) END
FROM (VALUES {{buckets}}) AS b(key, free, base, cap, forgotten, shared)
WHERE t.key = b.key AND (SELECT COUNT(*) FROM held WHERE not_before <= :now) = {{count}}
RETURNING t.key
"""  # noqa: S608 - same

# Slots rather than arrays, which cost the driver 45 us more; a text for each number of buckets, two at most.
_KEY = "CAST(:key{0} AS bytea)"
_FORGIVEN_BUCKET = f"({_KEY}, CAST(:free{{0}} AS bigint))"
_BUCKET = f"({_KEY}, :free{{0}}, :base{{0}}, :cap{{0}}, :forgotten{{0}}, :shared{{0}})"


@cache
def open_session(buckets: int) -> str:
    """Open a session, and give back an attempt in that many buckets."""
    if not buckets:
        return _OPEN.format(forgiven="")
    return _OPEN.format(
        forgiven=_FORGIVEN.format(keys=_slots(_KEY, buckets), buckets=_slots(_FORGIVEN_BUCKET, buckets))
    )


@cache
def attempt(buckets: int) -> str:
    """Count an attempt in that many buckets, if each has a row and none has to wait; else no row."""
    return _ATTEMPT.format(keys=_slots(_KEY, buckets), buckets=_slots(_BUCKET, buckets), count=buckets)


def _slots(text: str, count: int) -> str:
    return ", ".join(text.format(slot) for slot in range(count))
