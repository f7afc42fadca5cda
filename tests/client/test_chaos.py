"""What happens to real browsers, at random and over and over: nobody is signed out who did not ask for it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from tests.client.tabs import EMAIL, EXPIRY, Visit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.client.tabs import Site, Tab

pytestmark = pytest.mark.browser

#: Seconds: of a quick retry, past the grace, and of a night.
ABSENCES = (0, 1, 11, 30_000)
TABS = 3


async def opened(visit: Visit, dice: random.Random) -> Tab:
    """A tab whose clock is right, or off by two hours."""
    return await visit.tab(script=visit.site.clock_off(dice.choice([-2, 0, 2])))


async def a_closed_tab(visit: Visit, tabs: list[Tab], dice: random.Random) -> None:
    """One is closed in the middle of its refresh, before or after the server has answered."""
    visit.line.hold()
    gone = tabs.pop(dice.randrange(TABS))
    await gone.page.evaluate("void auth.fetch(issuer + '/v1/me').catch(() => 0)")
    await visit.line.answered()
    await gone.page.close()
    visit.line.release()
    tabs.append(await opened(visit, dice))


async def a_suspended_tab(visit: Visit, tabs: list[Tab], dice: random.Random) -> None:
    """One is frozen while it holds the lock; the others go on, and it does when it wakes."""
    visit.line.hold()
    frozen, other = dice.sample(tabs, 2)
    call = asyncio.create_task(frozen.calls())
    await visit.line.answered()
    session = await visit.context.new_cdp_session(frozen.page)
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})
    visit.line.release()
    assert await other.calls(2) == [200, 200]
    asleep = dice.choice(ABSENCES)
    visit.site.forward(asleep)
    await session.send("Page.setWebLifecycleState", {"state": "active"})
    await session.detach()
    # Who wakes up with an answer that has expired meanwhile has had its one refresh for this call.
    assert await call in ([200], [401] if asleep > EXPIRY else [200])


async def a_lost_answer(visit: Visit, tabs: list[Tab], dice: random.Random) -> None:
    """The server has answered, and the line broke: of one attempt, of some, of all; then time passes."""
    visit.line.lose = dice.choice([1, 2, 3, 100])
    found = await dice.choice(tabs).calls()
    assert found in ([200], ["TypeError"])
    visit.line.lose = 0
    visit.site.forward(dice.choice(ABSENCES))


async def a_silent_server(visit: Visit, tabs: list[Tab], dice: random.Random) -> None:
    """No answer comes within the patience of the client; then it does."""
    visit.line.hold()
    calls = [asyncio.create_task(tab.calls(2)) for tab in dice.sample(tabs, 2)]
    await visit.line.answered(2)
    visit.line.release()
    assert await asyncio.gather(*calls) == [[200, 200]] * 2


async def a_sign_out(_visit: Visit, tabs: list[Tab], dice: random.Random) -> None:
    """One signs out while the others call: then all are out, and the next login is in every tab."""
    calls = [asyncio.create_task(tab.calls(3)) for tab in tabs]
    assert "value" in await dice.choice(tabs).tried("auth.logout()")
    for found in await asyncio.gather(*calls):
        assert set(found) <= {200, 401}
    for tab in tabs:
        await tab.until_told(None)
    assert await asyncio.gather(*(tab.calls() for tab in tabs)) == [[401]] * TABS
    await dice.choice(tabs).login()
    for tab in tabs:
        await tab.until_told(EMAIL)


async def an_ordinary_day(visit: Visit, tabs: list[Tab], dice: random.Random) -> None:
    """All tabs wake up together, and one is loaded anew meanwhile."""
    calls = [asyncio.create_task(tab.calls(3)) for tab in tabs]
    tabs.append(await opened(visit, dice))
    assert await asyncio.gather(*calls) == [[200] * 3] * TABS
    await tabs.pop(0).page.close()


HAPPENS: list[Callable[[Visit, list[Tab], random.Random], Awaitable[None]]] = [
    a_closed_tab,
    a_suspended_tab,
    a_lost_answer,
    a_silent_server,
    a_sign_out,
    an_ordinary_day,
]


async def rounds(visit: Visit, many: int, dice: random.Random) -> None:
    """So many: the token expires, something happens, and every tab goes on as if nothing had."""
    tabs = [await opened(visit, dice) for _ in range(TABS)]
    await tabs[0].login()
    for number in range(many):
        happens = HAPPENS[number % len(HAPPENS)]
        visit.site.forward(EXPIRY)
        await happens(visit, tabs, dice)
        visit.line.mend()
        told = f"round {number}, after {happens.__name__}"
        assert await asyncio.gather(*(tab.calls(2) for tab in tabs)) == [[200, 200]] * TABS, told
        for tab in tabs:
            assert await tab.user() == EMAIL, told
            whys = [why for _, why in await tab.told()]
            assert {"session_revoked", "refresh_reused", "refresh_unknown"}.isdisjoint(whys), told


@pytest.mark.requirement("R5")
async def test_ten_rounds_sign_nobody_out(running: Site) -> None:
    """Closed and suspended tabs, lost answers, a silent server, a race with a logout, clocks that are off."""
    async with running.visited("browser") as visit:
        await rounds(visit, 10, random.Random(10))  # noqa: S311 - dice, no secret


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.requirement("R5")
@pytest.mark.parametrize("seed", range(4))
async def test_two_hundred_rounds_sign_nobody_out(running: Site, seed: int) -> None:
    """The same, fifty rounds by each of four dice."""
    async with running.visited("browser", within=1_700) as visit:
        await rounds(visit, 50, random.Random(seed))  # noqa: S311 - dice, no secret
