"""PostgreSQL is killed with -9 amid logins, refreshes and logouts: whatever was acknowledged has happened."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

from sekisho.rules.refresh import Verdict
from sekisho.rules.refusals import Refusal
from tests.conformance.scene import GRACE, NOW, Scene, refused, session_entry
from tests.parts.postgres import PostgresServer
from tests.parts.postgres_nodes import migrated, nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sekisho.rules.account import Account
    from sekisho.rules.refresh import RefreshToken

pytestmark = pytest.mark.postgres

#: Longer after the storm than any grace, shorter than any refresh token lives.
LATER = NOW + 86_400.0


@dataclass
class Device:
    """One session as its client knows it: what it was acknowledged, and what it had asked for last."""

    token: RefreshToken
    key: bytes
    asked: Literal["nothing", "refresh", "logout"] = "nothing"
    logged_out: bool = False


@dataclass
class Storm:
    """Clients at work on a store, until the database is gone."""

    scene: Scene
    account: Account
    acknowledged: int = 0
    devices: list[Device] = field(default_factory=list)
    over: bool = False
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def client(self, index: int, *, until: int) -> None:
        """Log in, refresh a few times, and log out of every second session."""
        turn = 0
        while not self.over:
            turn += 1
            try:
                device = Device(await self.scene.login(self.account, node=index), self.scene.id().encode())
                self.devices.append(device)
                self._count(until)
                for step in range(3):
                    await self._refresh(device, NOW + step * GRACE, index)
                    self._count(until)
                if turn % 2:
                    await self._logout(device, index)
                    self._count(until)
            except Refusal as refusal:
                if refusal.code != "unavailable":
                    raise
                return

    async def _refresh(self, device: Device, at: float, index: int) -> None:
        device.asked = "refresh"
        rotation = await self.scene.present(device.token, at=at, key=device.key, node=index)
        device.token = device.token.at(rotation.generation)
        device.key = self.scene.id().encode()
        device.asked = "nothing"

    async def _logout(self, device: Device, index: int) -> None:
        device.asked = "logout"
        event = self.scene.event("session_revoked", session_id=device.token.session_id)
        await self.scene.node(index).end_session(
            device.token.session_id, user_id=None, why="logout", now=NOW, event=event
        )
        device.asked = "nothing"
        device.logged_out = True

    def _count(self, until: int) -> None:
        self.acknowledged += 1
        if self.acknowledged >= until:
            self.enough.set()


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A cluster that waits for its disk, as in production."""
    with PostgresServer(durable=True) as server:
        yield server


async def look(scene: Scene, device: Device) -> None:
    """Hold the database to what this device was told, by what its client would do next."""
    presented = scene.present(device.token, at=LATER, key=device.key)
    if device.logged_out:
        assert await refused(presented) == "session_revoked"
        return
    try:
        rotation = await presented
    except Refusal as refusal:
        # A logout that was asked for and not answered: it may have happened, and then for good.
        if (refusal.code, device.asked) != ("session_revoked", "logout"):
            raise
        return
    # A refresh that was asked for and not answered may have happened: then the key recovers what was lost.
    lost = {Verdict.RECOVERED} if device.asked == "refresh" else set[Verdict]()
    assert rotation.verdict in {Verdict.ROTATED} | lost
    successor = device.token.at(rotation.generation)
    assert (await scene.present(successor, at=LATER + GRACE)).verdict is Verdict.ROTATED


async def crash(server: PostgresServer, *, clients: int, acknowledgements: int) -> None:
    """One round: storm, kill -9, restart, and a look at every session that anybody was told of."""
    url = migrated(server)
    async with nodes(url, count=2, patience=1.0) as scene:
        storm = Storm(scene, await scene.account())
        running = [
            asyncio.create_task(storm.client(index, until=acknowledgements)) for index in range(clients)
        ]
        await storm.enough.wait()
        server.kill9()
        storm.over = True
        await asyncio.gather(*running)
    assert any(device.logged_out for device in storm.devices)
    assert any(device.asked != "nothing" for device in storm.devices), "the kill met nobody at work"
    server.start()
    # New stores, as after a restart of ours: nothing is known but what the database kept.
    async with nodes(url, count=2) as scene:
        scene._numbers = storm.scene._numbers  # ids go on where the storm's ended
        for device in storm.devices:
            await look(scene, device)
        ended = await scene.rows("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NOT NULL")
        feed = await scene.feed()
        assert [number for number, _, _ in feed] == list(range(1, ended[0][0] + 1))
        published = {key for _, key, _ in feed}
        assert {session_entry(device.token).key for device in storm.devices if device.logged_out} <= published
    server.drop_database(url.rpartition("/")[2])  # recovery syncs every file there is


@pytest.mark.requirement("R9")
async def test_what_was_acknowledged_survives_a_killed_database(server: PostgresServer) -> None:
    """Every logout holds, every login and refresh goes on, by its token or by its key."""
    await crash(server, clients=16, acknowledgements=300)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_what_was_acknowledged_survives_a_hundred_killed_databases(server: PostgresServer) -> None:
    """The same again and again, so that the kill falls at many moments of a commit."""
    for round_ in range(100):
        clients = 8 + round_ % 25
        # Six acknowledgements a client, so that some have come as far as a logout.
        await crash(server, clients=clients, acknowledgements=6 * clients + 17 * (round_ % 11))
