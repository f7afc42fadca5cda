"""Two nodes on one database, and the people of the tests: short words for long calls."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Sequence
from typing import TypedDict, Unpack

import pytest

from sekisho.adapters.sql.operation import Operation, Rows, Statement
from sekisho.adapters.sql.store import SqlStore
from sekisho.rules.account import Account
from sekisho.rules.events import Event, EventKind
from sekisho.rules.ids import uuid7
from sekisho.rules.refresh import RefreshToken
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho.rules.session import Client, Grant, Lifetimes, Mode, NewSession, RefreshMode, Rotation
from sekisho.rules.throttle import Bucket

NOW = 1_800_000_000.0
GRACE = 10.0
LIFETIMES = Lifetimes(
    access=900.0, refresh=7 * 86_400.0, idle=3 * 86_400.0, session=30 * 86_400.0, grace=GRACE
)
HERE = Client(ip="192.0.2.1", user_agent="a browser", request_id="req-1")
ELSEWHERE = Client(ip="198.51.100.9", user_agent="curl", request_id="req-2")
HASH = "hash-of-the-first-password"


class How(TypedDict, total=False):
    """What of a login is out of the ordinary."""

    at: float
    mode: Mode
    checked: str
    client: Client
    forgive: Sequence[Bucket]
    node: int


class Scene:
    """The nodes, and what happens on them."""

    def __init__(self, nodes: list[SqlStore]) -> None:
        self.nodes = nodes
        self._numbers = itertools.count(1)

    @property
    def store(self) -> SqlStore:
        """The node that is asked where it does not matter which."""
        return self.nodes[0]

    def node(self, index: int) -> SqlStore:
        """One node or the other, in turns."""
        return self.nodes[index % len(self.nodes)]

    def id(self) -> str:
        """A fresh id."""
        return uuid7(NOW, next(self._numbers).to_bytes(10))

    def event(
        self,
        kind: EventKind = "login_succeeded",
        *,
        at: float = NOW,
        user_id: str | None = None,
        session_id: str | None = None,
    ) -> Event:
        """An event that only has to be one."""
        return Event(kind=kind, at=at, id=self.id(), user_id=user_id, session_id=session_id)

    async def account(self, email: str = "hanako@example.com") -> Account:
        """Somebody who has signed up."""
        account = Account(self.id(), email, "active", "ja", NOW)
        await self.store.add_account(account, HASH, event=self.event("account_created", user_id=account.id))
        return account

    async def open(
        self,
        account: Account,
        *,
        at: float = NOW,
        mode: Mode = "token",
        checked: str = HASH,
        client: Client = HERE,
        forgive: Sequence[Bucket] = (),
        node: int = 0,
    ) -> tuple[Grant | None, RefreshToken]:
        """What opening a session came to, and the refresh token that its client would hold."""
        ends_at = at + LIFETIMES.session
        number = next(self._numbers)
        token = RefreshToken(self.id(), 0, number.to_bytes(32))
        session = NewSession(
            id=token.session_id,
            user_id=account.id,
            mode=mode,
            client=client,
            now=at,
            ends_at=ends_at,
            refresh_expires_at=LIFETIMES.expiry("token", now=at, ends_at=ends_at),
            amr=("pwd",),
            family_digest=token.secret_digest,
        )
        event = self.event(user_id=account.id, session_id=session.id)
        grant = await self.node(node).open_session(session, checked=checked, forgive=forgive, event=event)
        return grant, token

    async def login(self, account: Account, **how: Unpack[How]) -> RefreshToken:
        """The refresh token of a login that succeeded."""
        grant, token = await self.open(account, **how)
        assert grant is not None
        return token

    async def present(
        self,
        token: RefreshToken,
        *,
        at: float,
        mode: RefreshMode = "token",
        key: bytes | None = None,
        client: Client = HERE,
        node: int = 0,
    ) -> Rotation:
        """Present a refresh token."""
        return await self.node(node).rotate(
            token, mode=mode, retry_digest=key, lifetimes=LIFETIMES, client=client, now=at, new_id=self.id
        )

    async def rows(self, sql: str, **parameters: object) -> Rows:
        """What the database says."""

        def ask() -> Operation[Rows]:
            return (yield Statement(sql, parameters))

        return await self.store.engine.read(ask)

    async def change(self, sql: str, **parameters: object) -> None:
        """Put the database into a state that would take long to reach."""

        def do() -> Operation[None]:
            yield Statement(sql, parameters)

        await self.store.engine.write(do)

    async def feed(self) -> list[tuple[int, bytes, str]]:
        """Number, key and effect of every entry, in the order of their numbers."""
        rows = await self.rows("SELECT seq, key, effect FROM feed ORDER BY seq")
        return [(number, bytes(key), effect) for number, key, effect in rows]

    async def events(self, kind: EventKind) -> list[Event]:
        """What was put on record of one kind, newest first."""
        return [event for event in await self.store.list_events(limit=1000) if event.kind == kind]


def numbered(*entries: Entry, first: int = 1) -> list[tuple[int, bytes, str]]:
    """How `Scene.feed` shows those entries."""
    return [(number, entry.key, entry.effect) for number, entry in enumerate(entries, first)]


def session_entry(token: RefreshToken) -> Entry:
    """The entry by which a session ends."""
    return Entry("session", token.session_id, "revoked")


async def refusal(act: Awaitable[object]) -> Refusal:
    """What the caller was refused with."""
    with pytest.raises(Refusal) as caught:
        await act
    return caught.value


async def refused(act: Awaitable[object]) -> str:
    """The code the caller was refused with."""
    return (await refusal(act)).code
