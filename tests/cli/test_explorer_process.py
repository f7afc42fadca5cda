"""The explorer beside a `serve`: whoever comes while it starts shares that start."""

from __future__ import annotations

import asyncio

import pytest

from sekisho.cli.explorer_process import ExplorerProcess
from sekisho.rules.refusals import Refusal

VISITS = 50


async def test_a_start_that_fails_fails_for_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt for fifty visits, and its failure is everybody's; who comes later tries again."""
    monkeypatch.setenv("PYTHONHASHSEED", "none")  # Python itself does not start with that
    explorer = ExplorerProcess("http://localhost:8400")
    async with explorer.running():
        visits = [asyncio.ensure_future(explorer.find()) for _ in range(VISITS)]
        met = await asyncio.gather(*visits, return_exceptions=True)
        [failure] = {id(each): each for each in met}.values()
        assert isinstance(failure, Refusal)
        assert (failure.code, "does not start" in failure.detail) == ("unavailable", True)
        with pytest.raises(Refusal) as later:
            await explorer.find()
        assert later.value is not failure


async def test_a_visitor_who_goes_away_takes_the_start_from_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on waiting, and are told what became of it."""
    monkeypatch.setenv("PYTHONHASHSEED", "none")
    explorer = ExplorerProcess("http://localhost:8400")
    async with explorer.running():
        first, second = (asyncio.ensure_future(explorer.find()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(Refusal):
            await second
        assert first.cancelled()
