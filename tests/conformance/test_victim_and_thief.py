"""The same histories as `tests/journeys/test_victim_and_thief.py`, on every database."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sekisho.rules.account import Account
from sekisho.rules.opaque import digest
from sekisho.rules.refusals import Refusal
from tests.conformance.scene import GRACE, LIFETIMES, NOW, Scene
from tests.parts import victim_and_thief

T = TypeVar("T")


class StoredServer:
    """One session row in a real database; the histories run in a thread beside the event loop."""

    def __init__(self, scene: Scene, account: Account, loop: asyncio.AbstractEventLoop) -> None:
        self._scene = scene
        self._loop = loop
        self._token = self._wait(scene.login(account))
        self.now = NOW
        self.expires_at = NOW + LIFETIMES.refresh
        self.revoked = False

    def refresh(self, generation: int, key: str | None) -> int | None:
        """The generation handed out, or none when refused."""
        retry = digest(key.encode()) if key else None
        try:
            rotation = self._wait(self._scene.present(self._token.at(generation), at=self.now, key=retry))
        except Refusal as refusal:
            self.revoked = self.revoked or refusal.code == "refresh_reused"
            return None
        self.expires_at = rotation.grant.refresh_expires_at
        return rotation.generation

    def _wait(self, act: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result()


@pytest.mark.requirement("R3", "R5", "R9")
async def test_a_database_keeps_the_two_promises(scene: Scene) -> None:
    """Nobody is signed out unless a thief acted, and a thief and a victim who both go on are separated."""
    assert victim_and_thief.GRACE == GRACE
    account = await scene.account()
    loop = asyncio.get_running_loop()

    class OnADatabase(victim_and_thief.VictimAndThief):
        """Histories against a row."""

        def new_server(self) -> StoredServer:
            """A session that has just been opened."""
            return StoredServer(scene, account, loop)

    def run() -> None:
        run_state_machine_as_test(
            OnADatabase,
            settings=settings(
                max_examples=100,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )

    await asyncio.to_thread(run)
    reused = [event.session_id for event in await scene.events("refresh_reused")]
    assert reused, "no history came as far as a theft that was found"
    assert len(reused) == len(set(reused)) == len(await scene.feed())
