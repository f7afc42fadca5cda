"""Reads that are asked for together go in one command, and everybody gets their own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from sekisho.adapters.redis_reads import SharedReads
from sekisho.adapters.session_lookups import NoAnswer


class Place:
    """Values by their keys, and which were asked for at once; silent until it is let speak."""

    def __init__(self) -> None:
        self.commands: list[list[bytes]] = []
        self.heard: asyncio.Queue[None] = asyncio.Queue()
        self.fault: NoAnswer | None = None
        self.speaks = asyncio.Event()
        self.speaks.set()

    async def values(self, names: Sequence[bytes]) -> list[bytes | None]:
        """Upper case of whatever is not `gone`."""
        self.commands.append(list(names))
        self.heard.put_nowait(None)
        await self.speaks.wait()
        if self.fault is not None:
            raise self.fault
        return [None if name == b"gone" else name.upper() for name in names]


async def test_what_is_asked_for_together_goes_together() -> None:
    """One command for all, the same key twice included; each gets the value of the key they named."""
    place = Place()
    reads = SharedReads(place.values)
    names = [b"a", b"gone", b"b", b"a"]
    assert await asyncio.gather(*map(reads.get, names)) == [b"A", None, b"B", b"A"]
    assert place.commands == [names]


async def test_who_comes_later_is_asked_for_anew() -> None:
    """A read that is under way may have passed what was just written, so nobody joins it."""
    place = Place()
    reads = SharedReads(place.values)
    place.speaks.clear()
    first = asyncio.create_task(reads.get(b"a"))
    await place.heard.get()
    second = asyncio.create_task(reads.get(b"a"))
    await place.heard.get()
    place.speaks.set()
    assert [await first, await second] == [b"A", b"A"]
    assert place.commands == [[b"a"], [b"a"]]


@pytest.mark.parametrize("answer", [[b"A"], [], None, 7], ids=["fewer", "none", "nothing", "a number"])
async def test_an_answer_of_another_shape_is_none(answer: Any) -> None:  # noqa: ANN401 -- whatever a broken Redis says
    """Nobody gets somebody else's value, and nobody waits for ever."""

    async def values(_: Sequence[bytes]) -> Any:  # noqa: ANN401 -- same
        return answer

    async with asyncio.timeout(10):
        told = await asyncio.gather(*map(SharedReads(values).get, [b"a", b"b"]), return_exceptions=True)
    assert [type(each) for each in told] == [NoAnswer, NoAnswer]


async def test_no_answer_is_none_for_all_who_asked() -> None:
    """Each is told of it by an exception of their own, with its reason."""
    place = Place()
    place.fault = NoAnswer("too late")
    told = await asyncio.gather(*map(SharedReads(place.values).get, [b"a", b"b"]), return_exceptions=True)
    assert [str(fault) for fault in told] == ["too late", "too late"]
    assert {type(fault) for fault in told} == {NoAnswer}
    assert told[0] is not told[1]


async def test_who_gives_up_leaves_the_others_their_answer() -> None:
    """A client that goes away takes nobody with it."""
    place = Place()
    reads = SharedReads(place.values)
    place.speaks.clear()
    gone, stays = (asyncio.create_task(reads.get(name)) for name in (b"a", b"b"))
    await place.heard.get()
    gone.cancel()
    place.speaks.set()
    assert await stays == b"B"
    with pytest.raises(asyncio.CancelledError):
        await gone
