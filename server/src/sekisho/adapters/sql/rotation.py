"""A refresh token is presented: `rules.refresh.present`, applied to a row that is ours meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from sekisho.adapters.sql import accounts, events, revocations, rights
from sekisho.adapters.sql.operation import Operation, Row, Statement
from sekisho.frozen import Frozen, Hidden
from sekisho.rules import refresh
from sekisho.rules.account import Account
from sekisho.rules.events import Event, EventKind
from sekisho.rules.refresh import Family, RefreshToken, Verdict
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho.rules.session import Client, Grant, Lifetimes, RefreshMode, Rotation

_PRESENTED = """
SELECT s.gen, s.rotated_at, s.retry_gen, s.retry_key, s.fam, s.refresh_expires_at, s.ends_at, s.revoked_at,
       s.ip, s.user_agent, s.auth_time, s.amr, s.mode, u.id, u.email, u.status, u.locale, u.created_at
FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = :id
"""
_ROTATE = """
UPDATE sessions SET gen = :gen, rotated_at = :rotated_at, retry_gen = :retry_gen, retry_key = :retry_key,
    refresh_expires_at = :refresh_expires_at, ip = :ip, user_agent = :user_agent
WHERE id = :id
"""
_REVOKE = "UPDATE sessions SET revoked_at = :now, revoked_why = 'reused' WHERE id = :id"

#: Verdicts that leave the row as it is.
_UNCHANGED = frozenset({Verdict.CURRENT, Verdict.REPLAYED})
#: Verdicts by which a spent token was accepted once more: put on record, each of them.
_REPLAYS = frozenset({Verdict.REPLAYED, Verdict.RECOVERED})


class _Row(Frozen):
    """The session as it stands, and its account."""

    id: str
    family: Family
    family_digest: Hidden[bytes]
    refresh_expires_at: float
    ends_at: float
    revoked: bool
    ip: str
    user_agent: str
    auth_time: float
    amr: tuple[str, ...]
    mode: str
    account: Account


def rotate(
    token: RefreshToken,
    *,
    mode: RefreshMode,
    retry_digest: bytes | None,
    lifetimes: Lifetimes,
    client: Client,
    now: float,
    new_id: Callable[[], str],
) -> Operation[Rotation | Refusal]:
    """Decide the token and keep what follows. Reuse is a returned refusal, since what it did must commit.

    Raises:
        Refusal: `refresh_unknown`, `session_revoked`, `refresh_expired`.
    """
    rows = yield Statement(_PRESENTED, {"id": token.session_id}, lock="FOR UPDATE OF s")
    row = _living(rows, token, mode, now)
    presented = refresh.present(
        row.family,
        generation=token.generation,
        retry_digest=retry_digest,
        now=now,
        grace=lifetimes.grace,
        settling=lifetimes.settling(mode),
    )
    verdict = presented.verdict
    if verdict is Verdict.REUSED:
        yield Statement(_REVOKE, {"id": row.id, "now": now})
        yield from events.record(_event("refresh_reused", row, verdict, client, at=now, id=new_id()))
        yield from revocations.publish([Entry("session", row.id, "revoked")], now=now)
        return Refusal("refresh_reused")
    expires_at = row.refresh_expires_at
    if verdict not in _UNCHANGED:
        expires_at = lifetimes.expiry(mode, now=now, ends_at=row.ends_at)
        yield _kept(row.id, presented.family, expires_at, client)
    if verdict in _REPLAYS:
        yield from events.record(_event("refresh_replayed", row, verdict, client, at=now, id=new_id()))
    held = yield from rights.of_user(row.account.id)
    grant = Grant(row.account, row.id, row.auth_time, row.amr, expires_at, held)
    return Rotation(grant, verdict, presented.family.generation)


def _living(rows: list[Row], token: RefreshToken, mode: RefreshMode, now: float) -> _Row:
    if not rows or bytes(rows[0][4]) != token.secret_digest:
        raise Refusal("refresh_unknown", "no such session, or a family that was replaced")
    row = _row(token.session_id, rows[0])
    if row.mode != mode:
        raise Refusal("refresh_unknown", f"a token of mode {row.mode}, presented as one of mode {mode}")
    if row.revoked or row.account.status != "active":
        raise Refusal("session_revoked")
    if now >= row.refresh_expires_at or now >= row.ends_at:
        raise Refusal("refresh_expired")
    return row


def _row(session_id: str, row: Row) -> _Row:
    gen, rotated_at, retry_gen, retry_key, fam, refresh_expires_at, ends_at, revoked_at, *rest = row
    ip, user_agent, auth_time, amr, mode, *account = rest
    return _Row(
        id=session_id,
        family=Family(gen, rotated_at, retry_gen, None if retry_key is None else bytes(retry_key)),
        family_digest=bytes(fam),
        refresh_expires_at=refresh_expires_at,
        ends_at=ends_at,
        revoked=revoked_at is not None,
        ip=ip,
        user_agent=user_agent,
        auth_time=auth_time,
        amr=tuple(amr.split()),
        mode=mode,
        account=accounts.account(tuple(account)),
    )


def _kept(session_id: str, family: Family, expires_at: float, client: Client) -> Statement:
    return Statement(
        _ROTATE,
        {
            "id": session_id,
            "gen": family.generation,
            "rotated_at": family.rotated_at,
            "retry_gen": family.retry_generation,
            "retry_key": family.retry_digest,
            "refresh_expires_at": expires_at,
            "ip": client.ip,
            "user_agent": client.user_agent,
        },
    )


def _event(
    kind: EventKind,
    row: _Row,
    verdict: Verdict,
    client: Client,
    *,
    at: float,
    id: str,  # noqa: A002 - the field's name
) -> Event:
    """Who presented it, and whether from elsewhere than the one who rotated last."""
    changed = (client.ip, client.user_agent) != (row.ip, row.user_agent)
    return client.event(
        kind,
        at,
        id,
        user_id=row.account.id,
        session_id=row.id,
        verdict=verdict.value,
        changed="yes" if changed else "no",
    )
