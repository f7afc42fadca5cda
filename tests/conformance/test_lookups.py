"""Cookie sessions that are believed without asking the database: without Redis, with one, with a cluster.

Two nodes; each follows the feed when a test says so, by clocks that tests move.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from sekisho.adapters.feed_tail import FRESH, FeedTail
from sekisho.adapters.redis_copies import REST, RedisCopies
from sekisho.adapters.session_lookups import Copy, SessionLookups
from sekisho.rules.account import Account
from sekisho.rules.opaque import MacKey, MacKeys, digest
from sekisho.rules.session import Exchange, Grant, Held, Renewal
from sekisho_verify.revocations.entries import entry_key
from tests.conformance.scene import HASH, LIFETIMES, NOW, Scene, refused
from tests.parts.redis import RedisCluster, RedisServer

MAX_AGE = 300.0
#: Seconds: two busy cores are no reason to fall back.
PATIENCE = 5.0
KEYS = MacKeys(MacKey(b"copy", b"c" * 32))


class Moving:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Read it."""
        return self.now


@dataclass
class Node:
    """One server: its look-ups, its view of the feed, and where answers came from."""

    lookups: SessionLookups
    tail: FeedTail
    sources: Counter[str]
    copies: RedisCopies | None


class Nodes:
    """Two servers on one database and, where there is one, one Redis."""

    def __init__(self, scene: Scene, url: str | None, *, patience: float = PATIENCE) -> None:
        self.scene = scene
        self.patience = patience
        self.steady = Moving(1000.0)
        self.clock = Moving(NOW)
        self.url = url
        self.nodes = [self._node(index) for index in range(2)]

    def _node(self, index: int) -> Node:
        store = self.scene.nodes[index]
        copies = (
            None
            if self.url is None
            else RedisCopies(self.url, keys=KEYS, max_age=MAX_AGE, steady=self.steady, patience=self.patience)
        )
        tail = FeedTail(
            store, ttl=1000.0, clock=self.clock, steady=self.steady, ended=copies.ended if copies else None
        )
        sources: Counter[str] = Counter()
        lookups = SessionLookups(
            store, tail, shared=copies, max_age=MAX_AGE, count=lambda source: sources.update([source])
        )
        return Node(lookups, tail, sources, copies)

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    async def follow(self) -> None:
        """Both nodes read the feed."""
        for node in self.nodes:
            await node.tail.catch_up()

    async def check(self, held: tuple[str, Held], *, node: int = 0, at: float = NOW + 1) -> Grant:
        """Look a cookie up."""
        session_id, cookie = held
        return await self[node].lookups.live_session(session_id, held=cookie, now=at)

    async def log_in(self, account: Account) -> tuple[str, Held]:
        """A cookie session, and what its cookie says."""
        token = await self.scene.login(account, mode="session")
        return token.session_id, Held("session", token.secret_digest)

    async def close(self) -> None:
        """Disconnect."""
        for node in self.nodes:
            if node.copies is not None:
                await node.copies.close()


def copies_of(held: tuple[str, Held]) -> int:
    """How many copies of a session are in the memory of this process."""
    gc.collect()
    # By its type: to be asked for its class, a proxy of another test's would ask whom it stands for.
    copies = [each for each in gc.get_objects() if type(each) is Copy]
    return sum(each.grant.session_id == held[0] for each in copies)


@pytest.fixture(scope="session")
def redis_alone() -> Iterator[RedisServer]:
    """A Redis of this worker's own."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """A cluster of three masters of this worker's own."""
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture(
    params=[
        None,
        pytest.param("alone", marks=pytest.mark.redis),
        pytest.param("cluster", marks=pytest.mark.redis),
    ]
)
async def nodes(request: pytest.FixtureRequest, scene: Scene) -> AsyncIterator[Nodes]:
    """Two nodes that know the feed as it is now."""
    url = None
    if request.param is not None:
        server: RedisServer | RedisCluster = request.getfixturevalue(f"redis_{request.param}")
        server.flush()
        url = server.url
    nodes = Nodes(scene, url)
    await nodes.follow()
    yield nodes
    await nodes.close()


async def test_a_session_is_asked_for_once(nodes: Nodes) -> None:
    """The answer is the database's own, and what is remembered of it is the same, on every node."""
    held = await nodes.log_in(await nodes.scene.account())
    first = await nodes.check(held)
    assert first == await nodes.scene.store.live_session(held[0], held=held[1], now=NOW)
    assert await nodes.check(held) == first
    assert await nodes.check(held, node=1) == first
    assert nodes[0].sources == {"database": 1, "process": 1}
    assert nodes[1].sources == {"database" if nodes.url is None else "shared": 1}


@pytest.mark.parametrize(
    "way", ["end_session", "end_sessions", "disable", "delete", "change_password", "exchange"]
)
async def test_what_ended_elsewhere_is_refused_once_the_feed_is_read(nodes: Nodes, way: str) -> None:
    """However a session ends, a node that remembers it refuses as the database does."""
    scene = nodes.scene
    hanako = await scene.account()
    held = await nodes.log_in(hanako)
    for node in range(2):
        await nodes.check(held, node=node)
    await _end(nodes, hanako, held, way)
    await nodes.follow()
    expected = await refused(scene.store.live_session(held[0], held=held[1], now=NOW + 2))
    for node in range(2):
        assert await refused(nodes.check(held, node=node, at=NOW + 2)) == expected
    assert expected in {"session_revoked", "session_unknown"}


async def _end(nodes: Nodes, hanako: Account, held: tuple[str, Held], way: str) -> None:
    scene, store, session_id = nodes.scene, nodes.scene.nodes[1], held[0]
    event = scene.event("session_revoked")
    match way:
        case "end_session":
            assert await store.end_session(session_id, user_id=None, why="revoked", now=NOW, event=event)
        case "end_sessions":
            assert await store.end_sessions(
                hanako.id, except_session=None, why="logout", now=NOW, event=event
            )
        case "disable":
            assert await store.set_status(hanako.id, "disabled", now=NOW, event=event)
        case "delete":
            assert await store.delete_account(hanako.id, now=NOW, event=event)
        case "change_password":
            assert await store.change_password(
                hanako.id,
                checked=HASH,
                new="another hash",
                keep_session=session_id,
                renew=Renewal(held[1], digest(b"another secret")),
                now=NOW,
                forgive=[],
                event=event,
            )
        case _:
            exchange = Exchange(
                session_id=session_id,
                user_id=hanako.id,
                mode="browser",
                now=NOW,
                held=held[1],
                rv=None,
                proven=None,
                digest=digest(b"another secret"),
            )
            await store.exchange(exchange, lifetimes=LIFETIMES, event=event)


async def test_a_right_that_was_taken_away_is_gone_and_the_session_goes_on(nodes: Nodes) -> None:
    """Roles, groups and their permissions are those of the database, once the feed is read."""
    scene, store = nodes.scene, nodes.scene.store
    hanako = await scene.account()
    await store.add_group("ferry", now=NOW, event=scene.event("group_created"))
    await store.add_member("ferry", hanako.id, now=NOW, event=scene.event("group_member_added"))
    held = await nodes.log_in(hanako)
    await nodes.follow()
    assert (await nodes.check(held)).rights.entitlements == ()
    await store.set_group_permission(
        "ferry", "boats:row", "allow", now=NOW, event=scene.event("permission_set")
    )
    await store.grant_role(hanako.id, "captain", now=NOW, event=scene.event("role_granted"))
    await nodes.follow()
    grant = await nodes.check(held)
    assert (grant.rights.entitlements, grant.rights.roles) == (("boats:row",), ("captain",))
    await store.revoke_role(hanako.id, "captain", now=NOW, event=scene.event("role_revoked"))
    await nodes.follow()
    assert (await nodes.check(held)).rights.roles == ()
    assert nodes[0].sources["database"] == 3


async def test_a_node_that_does_not_hear_of_the_feed_asks_the_database(nodes: Nodes) -> None:
    """To the very instant: what is remembered counts while the feed was read half a second ago, not after."""
    hanako = await nodes.scene.account()
    held = await nodes.log_in(hanako)
    await nodes.check(held)
    nodes.steady.now += FRESH
    await nodes.check(held)
    assert nodes[0].sources == {"database": 1, "process": 1}
    await _end(nodes, hanako, held, "end_session")
    nodes.steady.now += 0.001
    assert await refused(nodes.check(held)) == "session_revoked"


async def test_nothing_is_believed_for_longer_than_entries_are_kept(nodes: Nodes) -> None:
    """A copy has an end of its own, to the second, whether the process remembers it or Redis does."""
    held = await nodes.log_in(await nodes.scene.account())
    await nodes.check(held, at=NOW)
    await nodes.check(held, at=NOW + MAX_AGE - 1)
    assert nodes[0].sources == {"database": 1, "process": 1}
    await nodes.check(held, at=NOW + MAX_AGE)
    assert nodes[0].sources["database"] == 2
    # A clock that was set back makes no copy younger.
    await nodes.check(held, at=NOW)
    assert nodes[0].sources["database"] == 3


async def test_what_nobody_may_believe_is_not_kept(nodes: Nodes) -> None:
    """Whoever comes once leaves nothing behind; who comes again and again is known all the while."""
    once, often = [
        await nodes.log_in(await nodes.scene.account(f"{name}@example.com")) for name in ("a", "b")
    ]
    await nodes.check(once, at=NOW)
    for minute in range(10):
        await nodes.check(often, at=NOW + 60 * minute)
    assert copies_of(once) == 1
    await nodes.check(often, at=NOW + 2 * MAX_AGE)
    assert copies_of(once) == 0
    assert nodes[0].sources == {"database": 4, "process": 8}


async def test_the_end_of_a_session_is_kept_to_the_second(nodes: Nodes) -> None:
    """A session that is remembered expires when its row does, and one that was used meanwhile goes on."""
    scene = nodes.scene
    held = await nodes.log_in(await scene.account())
    await scene.change("UPDATE sessions SET refresh_expires_at = :at WHERE id = :id", id=held[0], at=NOW + 60)
    await nodes.check(held, at=NOW + 59)
    await nodes.check(held, at=NOW + 59)
    assert await refused(nodes.check(held, at=NOW + 60)) == "session_expired"
    await scene.change("UPDATE sessions SET refresh_expires_at = :at WHERE id = :id", id=held[0], at=NOW + 90)
    assert (await nodes.check(held, at=NOW + 61)).refresh_expires_at == NOW + 90


async def test_another_secret_for_the_same_session_is_not_believed(nodes: Nodes) -> None:
    """What is remembered belongs to one cookie; whoever brings another one is not let in by it."""
    session_id, held = await nodes.log_in(await nodes.scene.account())
    await nodes.check((session_id, held))
    for other in (
        replace(held, digest=digest(b"guessed")),
        replace(held, mode="browser"),
        replace(held, generation=0, digest=digest(b"guessed")),
    ):
        for node in range(2):
            assert await refused(nodes.check((session_id, other), node=node)) == "session_unknown"


async def test_fifty_at_once_and_a_logout_among_them(nodes: Nodes) -> None:
    """Whoever asks after the logout was answered is refused; nobody gets anything but a verdict."""
    hanako = await nodes.scene.account()
    held = await nodes.log_in(hanako)

    async def ask(node: int) -> str:
        try:
            return (await nodes.check(held, node=node)).session_id
        except Exception as refusal:  # noqa: BLE001 -- whatever it is, it is compared
            return getattr(refusal, "code", repr(refusal))

    async def log_out() -> None:
        await _end(nodes, hanako, held, "end_session")
        await nodes.follow()

    during, _ = await asyncio.gather(asyncio.gather(*(ask(i % 2) for i in range(50))), log_out())
    assert set(during) <= {held[0], "session_revoked"}
    assert set(await asyncio.gather(*(ask(i % 2) for i in range(50)))) == {"session_revoked"}


async def test_numbers_that_the_database_lost_end_nothing_that_lives(nodes: Nodes) -> None:
    """A database that was put back behind what a node knew of it is read anew."""
    scene = nodes.scene
    hanako = await scene.account()
    for _ in range(3):
        await _end(nodes, hanako, await nodes.log_in(hanako), "end_session")
    await nodes.follow()
    await scene.change("DELETE FROM feed WHERE seq > :seq", seq=1)
    await scene.change("UPDATE feed_head SET seq = :seq", seq=1)
    await nodes.follow()
    held = await nodes.log_in(hanako)
    await nodes.check(held)
    await _end(nodes, hanako, held, "end_session")
    await nodes.follow()
    assert await refused(nodes.check(held)) == "session_revoked"
    assert nodes[0].tail.revocations.rv == "1.2"


async def test_a_long_absence_is_caught_up_page_by_page(nodes: Nodes) -> None:
    """Thousands of entries come in pages, and none is missed."""
    scene = nodes.scene
    hanako = await scene.account()
    held = await nodes.log_in(hanako)
    await nodes.check(held)
    rows = ", ".join(f"(0, {seq}, 'group', :key, 'stale', {NOW})" for seq in range(1, 2502))
    await scene.change(
        f"INSERT INTO feed (shard, seq, kind, key, effect, at) VALUES {rows}",  # noqa: S608 -- numbers of ours
        key=entry_key("group", "x"),
    )
    await scene.change("UPDATE feed_head SET seq = :seq", seq=2501)
    await _end(nodes, hanako, held, "end_session")
    await nodes.follow()
    assert nodes[0].tail.revocations.rv == "1.2502"
    assert await refused(nodes.check(held)) == "session_revoked"


@pytest.fixture
async def broken(scene: Scene) -> AsyncIterator[tuple[Nodes, RedisServer]]:
    """Two nodes and a Redis that a test may break."""
    with RedisServer() as server:
        nodes = Nodes(scene, server.url)
        await nodes.follow()
        yield nodes, server
        await nodes.close()


@pytest.mark.redis
async def test_redis_is_gone_and_comes_back(broken: tuple[Nodes, RedisServer]) -> None:
    """Look-ups fall back to the database, Redis is left alone for a moment, and then used again."""
    nodes, server = broken
    hanako = await nodes.scene.account()
    held, other = await nodes.log_in(hanako), await nodes.log_in(hanako)
    server.kill()
    assert (await nodes.check(held)).session_id == held[0]
    assert (await nodes.check(other)).session_id == other[0]
    assert nodes[0].sources == {"fallback": 2}
    server.start()
    assert (await nodes.check(held, node=0)).session_id == held[0]
    nodes.steady.now += REST
    await nodes.follow()
    await nodes.check(held, node=1)
    third = await nodes.log_in(hanako)
    await nodes.check(third, node=1)
    await nodes.check(third, node=0)
    assert nodes[0].sources == {"fallback": 2, "process": 1, "shared": 1}


@pytest.mark.redis
async def test_redis_that_hangs_keeps_nobody_waiting(broken: tuple[Nodes, RedisServer]) -> None:
    """A server that takes connections and says nothing is given up, and the database answers."""
    patient, server = broken
    nodes = Nodes(patient.scene, server.url, patience=0.1)
    await nodes.follow()
    held = await nodes.log_in(await nodes.scene.account())
    server.signal(signal.SIGSTOP)
    try:
        grant = await asyncio.wait_for(nodes.check(held), 30)
    finally:
        server.signal(signal.SIGCONT)
        await nodes.close()
    assert (grant.session_id, nodes[0].sources) == (held[0], {"fallback": 1})


@pytest.mark.redis
async def test_a_cookie_that_a_failed_over_redis_brings_back_stays_dead(
    broken: tuple[Nodes, RedisServer],
) -> None:
    """Redis saved its data, the session was ended and deleted there, Redis fell back to what it had saved."""
    nodes, server = broken
    hanako = await nodes.scene.account()
    held = await nodes.log_in(hanako)
    await nodes.check(held)
    name = b"sekisho:session:" + entry_key("session", held[0]).hex().encode()
    with server.client() as client:
        assert client.exists(name)
        client.save()
    await _end(nodes, hanako, held, "end_session")
    await nodes.follow()
    with server.client() as client:
        assert not client.exists(name)
    server.kill()
    server.start()
    nodes.steady.now += REST
    await nodes.follow()
    with server.client() as client:
        assert client.exists(name), "it is there again"
        for _ in range(2):  # the first may only find out that its connection is gone
            assert await refused(nodes.check(held, node=1)) == "session_revoked"
            nodes.steady.now += REST
            await nodes.follow()
        assert not client.exists(name), "whoever met it deleted it"


@pytest.mark.redis
async def test_who_writes_to_redis_makes_no_session(broken: tuple[Nodes, RedisServer]) -> None:
    """A copy that another key sealed, that lies under another name, that was changed, or that is noise."""
    nodes, server = broken
    hanako = await nodes.scene.account()
    held, other = await nodes.log_in(hanako), await nodes.log_in(hanako)
    grant = await nodes.check(held)
    ours, theirs = (entry_key("session", each[0]) for each in (held, other))
    assert nodes[0].copies is not None
    forger = RedisCopies(
        server.url,
        keys=MacKeys(MacKey(b"copy", b"d" * 32)),
        max_age=MAX_AGE,
        steady=nodes.steady,
        patience=PATIENCE,
    )
    forged = Copy(replace(grant, rights=replace(grant.rights, roles=("admin",))), held[1], NOW)
    with server.client() as client:
        name = b"sekisho:session:" + ours.hex().encode()
        sealed = bytes(client.get(name) or b"")
        assert await nodes[0].copies.get(ours) == Copy(grant, held[1], NOW + 1)
        await forger.put(ours, forged)
        for written in (client.get(name), sealed[:-1], sealed + b"x", b"", os.urandom(200), sealed[:40]):
            client.set(name, bytes(written or b""))
            assert await nodes[0].copies.get(ours) is None
        client.set(b"sekisho:session:" + theirs.hex().encode(), sealed)
        assert await nodes[0].copies.get(theirs) is None
    await forger.close()
