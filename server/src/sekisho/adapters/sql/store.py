# ruff: noqa: A002, D102 - the verbs are named, and documented, where they are asked for: in ports.py
"""One database as the flows see it: every verb is one operation, run by an engine.

A backend that can do a hot verb in a single statement overrides it, and is held to the same suite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sekisho.adapters.sql import (
    accounts,
    carrying,
    ending,
    events,
    feed,
    keys,
    revocations,
    rights,
    rotation,
    schema,
    sessions,
    setup,
    throttle,
)
from sekisho.adapters.sql.operation import Engine, Operation
from sekisho.adapters.sql.setup import add_first
from sekisho.rules.access import Effect, Rights
from sekisho.rules.account import Account, Credentials, Status
from sekisho.rules.events import Event, EventKind
from sekisho.rules.keyring import KeyRecords, KeyStep
from sekisho.rules.refresh import RefreshToken
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho.rules.session import (
    Client,
    Exchange,
    Grant,
    Held,
    Lifetimes,
    NewSession,
    RefreshMode,
    Renewal,
    Rotation,
    Session,
    Why,
)
from sekisho.rules.throttle import Bucket
from sekisho_verify.revocations.entries import Frame, Heartbeat, Snapshot


class SqlStore:
    """`ports.Store` in plain SQL."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def open(self) -> None:
        await self.engine.open()
        try:
            schema.require(await self.engine.read(schema.current))
        except Refusal:
            await self.engine.close()
            raise

    async def close(self) -> None:
        await self.engine.close()

    async def ping(self) -> None:
        await self.engine.read(schema.ping)

    async def add_account(self, account: Account, password_hash: str, *, event: Event) -> None:
        await self.engine.write(lambda: accounts.add(account, password_hash, event=event))

    async def offer_setup(self, digest: bytes, *, until: float) -> bool:
        return await self.engine.write(lambda: setup.offer(digest, until=until))

    async def setup_digest(self, *, now: float) -> bytes | None:
        return await self.engine.read(lambda: setup.standing(now=now))

    async def add_first_account(
        self, account: Account, password_hash: str, *, role: str, setup: bytes, recorded: Sequence[Event]
    ) -> None:
        await self.engine.write(
            lambda: add_first(account, password_hash, role=role, setup=setup, recorded=recorded)
        )

    async def find_account(self, *, id: str | None = None, email: str | None = None) -> Account | None:
        return await self.engine.read(lambda: accounts.find(id=id, email=email))

    async def list_accounts(self, *, after: str = "", limit: int = 100) -> list[Account]:
        return await self.engine.read(lambda: accounts.listed(after=after, limit=limit))

    async def find_credentials(
        self, *, id: str | None = None, email: str | None = None
    ) -> Credentials | None:
        return await self.engine.read(lambda: accounts.find_credentials(id=id, email=email))

    async def replace_hash(self, user_id: str, *, checked: str, new: str) -> bool:
        return await self.engine.write(lambda: accounts.replace_hash(user_id, checked=checked, new=new))

    async def change_password(
        self,
        user_id: str,
        *,
        checked: str,
        new: str,
        keep_session: str | None,
        renew: Renewal | None = None,
        now: float,
        forgive: Sequence[Bucket],
        also: Sequence[Entry] = (),
        event: Event,
    ) -> bool:
        return await self.engine.write(
            lambda: accounts.change_password(
                user_id,
                checked=checked,
                new=new,
                keep_session=keep_session,
                renew=renew,
                now=now,
                forgive=forgive,
                also=also,
                event=event,
            )
        )

    async def set_status(self, user_id: str, status: Status, *, now: float, event: Event) -> bool:
        return await self.engine.write(lambda: accounts.set_status(user_id, status, now=now, event=event))

    async def set_locale(self, user_id: str, locale: str, *, now: float, event: Event) -> bool:
        return await self.engine.write(lambda: accounts.set_locale(user_id, locale, now=now, event=event))

    async def delete_account(
        self, user_id: str, *, checked: str | None = None, now: float, event: Event
    ) -> bool:
        return await self.engine.write(
            lambda: accounts.delete(user_id, checked=checked, now=now, event=event)
        )

    async def open_session(
        self, session: NewSession, *, checked: str, forgive: Sequence[Bucket], event: Event
    ) -> Grant | None:
        return await self.engine.write(
            lambda: sessions.open_session(session, checked=checked, forgive=forgive, event=event)
        )

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
        outcome = await self.engine.write(
            lambda: rotation.rotate(
                token,
                mode=mode,
                retry_digest=retry_digest,
                lifetimes=lifetimes,
                client=client,
                now=now,
                new_id=new_id,
            )
        )
        if isinstance(outcome, Refusal):
            # It was returned, not raised: the revocation that it reports has been committed.
            raise outcome
        return outcome

    async def live_session(
        self,
        session_id: str,
        *,
        user_id: str | None = None,
        held: Held | None = None,
        rv: str | None = None,
        now: float,
    ) -> Grant:
        return await self.engine.read(
            lambda: sessions.live(session_id, user_id=user_id, held=held, rv=rv, now=now)
        )

    async def exchange(self, exchange: Exchange, *, lifetimes: Lifetimes, event: Event) -> Grant:
        return await self.engine.write(lambda: carrying.exchange(exchange, lifetimes=lifetimes, event=event))

    async def touch(self, session_ids: Sequence[str], *, idle: float, now: float) -> None:
        await self.engine.write(lambda: carrying.touch(session_ids, idle=idle, now=now))

    async def list_sessions(self, user_id: str, *, now: float) -> list[Session]:
        return await self.engine.read(lambda: sessions.listed(user_id, now=now))

    async def end_session(
        self, session_id: str, *, user_id: str | None, why: Why, now: float, event: Event
    ) -> bool:
        return await self.engine.write(
            lambda: ending.end_session(session_id, user_id=user_id, why=why, now=now, event=event)
        )

    async def end_sessions(
        self, user_id: str, *, except_session: str | None, why: Why, now: float, event: Event
    ) -> int:
        return await self.engine.write(
            lambda: ending.end_sessions(user_id, except_session=except_session, why=why, now=now, event=event)
        )

    async def grant(
        self,
        user_id: str,
        *,
        checked: str | None,
        forgive: Sequence[Bucket],
        event: Event | None,
    ) -> tuple[Account, Rights] | None:
        def operation() -> Operation[tuple[Account, Rights] | None]:
            return sessions.grant_without_session(user_id, checked=checked, forgive=forgive, event=event)

        # A refresh writes nothing, so it does not wait for those who do.
        only_reads = checked is None and event is None and not forgive
        return await (self.engine.read if only_reads else self.engine.write)(operation)

    async def feed_snapshot(self, *, as_of: float, ttl: float) -> Snapshot:
        instant = as_of if self.engine.single else None
        return await self.engine.read(lambda: feed.snapshot(as_of=instant, ttl=ttl))

    async def feed_behind(
        self, number: int, *, epoch: int, as_of: float, limit: int
    ) -> Frame | Heartbeat | None:
        instant = as_of if self.engine.single else None
        return await self.engine.read(lambda: feed.behind(number, epoch=epoch, as_of=instant, limit=limit))

    async def feed_advance(self, *, now: float, every: float) -> None:
        if not self.engine.single:
            await self.engine.write(lambda: feed.advance(now=now, every=every))

    async def feed_listen(self, heard: Callable[[], None]) -> None:
        """Nobody tells."""

    async def revoked_since(self, entries: Sequence[Entry], rv: str) -> bool:
        return await self.engine.read(lambda: revocations.revoked_since(entries, rv))

    async def publish(self, entries: Sequence[Entry], *, now: float, event: Event) -> None:
        await self.engine.write(lambda: revocations.publish_with_event(entries, now=now, event=event))

    async def attempt(self, buckets: Sequence[Bucket], *, now: float) -> None:
        await self.engine.write(lambda: throttle.attempt(buckets, now=now))

    async def rights_of(self, user_id: str) -> Rights:
        return await self.engine.read(lambda: rights.of_user(user_id))

    async def grant_role(self, user_id: str, role: str, *, now: float, event: Event) -> bool:
        return await self.engine.write(lambda: rights.grant_role(user_id, role, now=now, event=event))

    async def revoke_role(self, user_id: str, role: str, *, now: float, event: Event) -> bool:
        return await self.engine.write(lambda: rights.revoke_role(user_id, role, now=now, event=event))

    async def add_group(self, name: str, *, now: float, event: Event) -> None:
        await self.engine.write(lambda: rights.add_group(name, now=now, event=event))

    async def delete_group(self, name: str, *, now: float, event: Event) -> bool:
        return await self.engine.write(lambda: rights.delete_group(name, now=now, event=event))

    async def list_groups(self) -> list[tuple[str, int]]:
        return await self.engine.read(rights.list_groups)

    async def add_member(self, group: str, user_id: str, *, now: float, event: Event) -> bool:
        return await self.engine.write(lambda: rights.add_member(group, user_id, now=now, event=event))

    async def remove_member(self, group: str, user_id: str, *, now: float, event: Event) -> bool:
        return await self.engine.write(lambda: rights.remove_member(group, user_id, now=now, event=event))

    async def set_user_permission(
        self, user_id: str, permission: str, effect: Effect | None, *, now: float, event: Event
    ) -> bool:
        return await self.engine.write(
            lambda: rights.set_user_permission(user_id, permission, effect, now=now, event=event)
        )

    async def set_group_permission(
        self, group: str, permission: str, effect: Effect | None, *, now: float, event: Event
    ) -> bool:
        return await self.engine.write(
            lambda: rights.set_group_permission(group, permission, effect, now=now, event=event)
        )

    async def signing_keys(self) -> KeyRecords:
        return await self.engine.read(keys.listed)

    async def change_keys(self, step: KeyStep, *, now: float, recorded: Sequence[Event]) -> KeyRecords:
        return await self.engine.write(lambda: keys.change(step, now=now, recorded=recorded))

    async def record(self, event: Event) -> None:
        await self.engine.write(lambda: events.record(event))

    async def list_events(
        self, *, user_id: str | None = None, kind: EventKind | None = None, limit: int = 100
    ) -> list[Event]:
        return await self.engine.read(lambda: events.listed(user_id=user_id, kind=kind, limit=limit))

    async def sweep(self, *, now: float, entry_horizon: float, limit: int) -> int:
        # Each table in a short transaction of its own, so that nobody waits long behind it.
        steps = (
            lambda: sessions.sweep(now=now, limit=limit),
            lambda: revocations.sweep(now=now, horizon=entry_horizon, limit=limit),
            lambda: throttle.sweep(now=now, limit=limit),
            lambda: events.sweep(now=now, limit=limit),
        )
        return sum([await self.engine.write(step) for step in steps])
