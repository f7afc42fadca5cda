"""The store on PostgreSQL: the hot verbs in one statement, all others as the portable operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sekisho.adapters.postgres import rights, statements
from sekisho.adapters.postgres.connecting import PATIENCE
from sekisho.adapters.postgres.engine import PostgresEngine
from sekisho.adapters.postgres.rotating import Presentation, Rotating
from sekisho.adapters.sql import accounts, events
from sekisho.adapters.sql.revocations import CHANNEL
from sekisho.adapters.sql.store import SqlStore
from sekisho.ports import Entropy
from sekisho.rules.events import Event
from sekisho.rules.refresh import RefreshToken, Verdict
from sekisho.rules.revocation import Entry
from sekisho.rules.session import Client, Grant, Held, Lifetimes, NewSession, RefreshMode, Rotation
from sekisho.rules.throttle import Bucket
from sekisho_verify.revocations.entries import read_rv


class PostgresStore(SqlStore):
    """`ports.Store` on PostgreSQL; the arguments are `PostgresEngine`'s."""

    def __init__(self, url: str, *, entropy: Entropy, size: int = 10, patience: float = PATIENCE) -> None:
        self._postgres = PostgresEngine(url, entropy=entropy, size=size, patience=patience)
        super().__init__(self._postgres)
        self._rotating = Rotating(self._postgres)

    async def feed_listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` when there may be news, until cancelled; or return, where nobody tells."""
        await self._postgres.listen(CHANNEL, heard)

    async def rotate(
        self,
        token: RefreshToken,
        *,
        mode: RefreshMode,
        retry_digest: bytes | None,
        lifetimes: Lifetimes,
        client: Client,
        now: float,
        new_id: Callable[[], str],
    ) -> Rotation:
        """Apply the refresh table.

        Run again on a lost connection: within the grace, the same token at the same instant gets the same
        successor. With no grace that would be reuse, so then the client is told, and retries by its key.
        """
        presented = Presentation(
            session_id=token.session_id,
            gen=token.generation,
            fam=token.secret_digest.hex(),
            mode=mode,
            retry_key=retry_digest.hex() if retry_digest is not None else None,
            now=now,
            settling=lifetimes.settling(mode),
            refresh=lifetimes.refresh,
            ip=client.ip,
            user_agent=client.user_agent,
        )
        row = await self._rotating.rotate(presented, repeatable=lifetimes.grace > 0)
        if row is None:
            return await super().rotate(
                token,
                mode=mode,
                retry_digest=retry_digest,
                lifetimes=lifetimes,
                client=client,
                now=now,
                new_id=new_id,
            )
        current, *granted = row
        grant = _grant(token.session_id, granted)
        if current:
            return Rotation(grant, Verdict.CURRENT, token.generation)
        return Rotation(grant, Verdict.ROTATED, token.generation + 1)

    async def live_session(
        self,
        session_id: str,
        *,
        user_id: str | None = None,
        held: Held | None = None,
        rv: str | None = None,
        now: float,
    ) -> Grant:
        """The session, its account and their rights, read now."""
        parameters = {
            "id": session_id,
            "user_id": user_id,
            "digest": held and held.digest,
            "mode": held and held.mode,
            "gen": held and held.generation,
            "now": now,
        }
        statement = statements.LIVE
        if rv is not None and (known := read_rv(rv)) is not None:
            statement = statements.LIVE_OF_TOKEN
            entry = Entry("session", session_id, "revoked")
            parameters |= {"epoch": known[0], "number": known[1], "entry": entry.key}
        elif rv is not None:
            return await super().live_session(session_id, user_id=user_id, held=held, rv=rv, now=now)
        rows = await self._postgres.run(statement, parameters, repeatable=True)
        if not rows:
            return await super().live_session(session_id, user_id=user_id, held=held, rv=rv, now=now)
        return _grant(session_id, rows[0])

    async def open_session(
        self, session: NewSession, *, checked: str, forgive: Sequence[Bucket], event: Event
    ) -> Grant | None:
        """Open it iff the account is enabled and its password hash is still `checked`; give attempts back."""
        parameters = {
            "id": session.id,
            "user_id": session.user_id,
            "checked": checked,
            "mode": session.mode,
            "now": session.now,
            "amr": " ".join(session.amr),
            "ip": session.client.ip,
            "user_agent": session.client.user_agent,
            "fam": session.family_digest,
            "refresh_expires_at": session.refresh_expires_at,
            "ends_at": session.ends_at,
            **_slots(forgive, _forgiven_bucket),
            **{f"event_{name}": value for name, value in events.columns(event).items()},
        }
        rows = await self._postgres.run(statements.open_session(len(forgive)), parameters, repeatable=False)
        if not rows:
            return None
        amr = " ".join(session.amr)
        return _grant(session.id, (session.refresh_expires_at, session.now, amr, *rows[0]))

    async def attempt(self, buckets: Sequence[Bucket], *, now: float) -> None:
        """Count one attempt in every bucket, or in none if one of them has to wait."""

        def columns(bucket: Bucket) -> dict[str, object]:
            policy = bucket.policy
            return {
                "key": bucket.key,
                "free": policy.free,
                "base": policy.base,
                "cap": policy.cap,
                "forgotten": now - policy.forget,
                "shared": int(policy.shared),
            }

        parameters = {"now": now, **_slots(buckets, columns)}
        # A wait, or the first attempt in a while: the portable transaction makes the row, or says how long.
        if not await self._postgres.run(statements.attempt(len(buckets)), parameters, repeatable=False):
            await super().attempt(buckets, now=now)


def _slots(buckets: Sequence[Bucket], columns: Callable[[Bucket], dict[str, object]]) -> dict[str, object]:
    return {
        f"{name}{slot}": value
        for slot, bucket in enumerate(buckets)
        for name, value in columns(bucket).items()
    }


def _forgiven_bucket(bucket: Bucket) -> dict[str, object]:
    return {"key": bucket.key, "free": bucket.policy.free if bucket.policy.shared else None}


def _grant(session_id: str, columns: Sequence[Any]) -> Grant:
    """A grant from `refresh_expires_at, auth_time, amr`, the account and its rights."""
    refresh_expires_at, auth_time, amr, id_, email, status, locale, created_at, *held = columns
    return Grant(
        account=accounts.account((id_, email, status, locale, created_at)),
        session_id=session_id,
        auth_time=auth_time,
        amr=tuple(amr.split()),
        refresh_expires_at=refresh_expires_at,
        rights=rights.from_columns(held),
    )
