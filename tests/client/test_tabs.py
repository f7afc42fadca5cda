"""Many tabs of one browser, one session: mode `browser` in real Chromium against a real server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.client.tabs import EMAIL, EXPIRY, OTHER, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.client.tabs import Site, Visit

pytestmark = pytest.mark.browser

NO_LOCKS = "Object.defineProperty(navigator, 'locks', { value: undefined })"
#: Takes the lock of the client, as a tab does that was suspended in the middle of a refresh.
HELD = """async () => {
    const name = (await navigator.locks.query()).held.at(-1)?.name ?? `sekisho browser ${issuer}`;
    return new Promise((go) => navigator.locks.request(name, () => (go(), new Promise(() => 0))));
}"""


@pytest.fixture
async def visit(running: Site) -> AsyncIterator[Visit]:
    """A browser, its clients in mode `browser`."""
    async with running.visited("browser") as visit:
        yield visit


@pytest.mark.requirement("R5")
async def test_thirty_calls_of_six_tabs_cost_one_refresh(visit: Visit) -> None:
    """After expiry all are answered, by one refresh, or two."""
    tabs = await visit.tabs(6)
    assert visit.line.refreshes == 0
    visit.site.forward(EXPIRY)
    found = await asyncio.gather(*(tab.calls(5) for tab in tabs))
    assert found == [[200] * 5] * 6
    assert 1 <= visit.line.refreshes <= 2


@pytest.mark.requirement("R5")
async def test_without_locks_the_grace_holds(visit: Visit) -> None:
    """An old browser refreshes once a tab, and nobody is signed out, then or later."""
    tabs = [await visit.tab(script=NO_LOCKS) for _ in range(4)]
    await tabs[0].login()
    await asyncio.gather(*(tab.until_told(EMAIL) for tab in tabs))
    for most in (4, 8):
        visit.site.forward(EXPIRY)
        assert await asyncio.gather(*(tab.calls(5) for tab in tabs)) == [[200] * 5] * 4
        assert visit.line.refreshes <= most


@pytest.mark.requirement("R5")
async def test_a_lock_that_nobody_gives_back_is_not_waited_for(visit: Visit) -> None:
    """A tab that holds it for ever delays the others by no more than their patience."""
    tab, holder = await visit.tabs(2)
    await holder.page.evaluate(HELD)
    visit.site.forward(EXPIRY)
    assert await tab.calls(5) == [200] * 5
    assert visit.line.refreshes == 1


@pytest.mark.requirement("R5")
async def test_a_lost_answer_is_asked_for_again_with_the_same_key(visit: Visit) -> None:
    """However often, and an hour later: the key was there before the first attempt, and is every tab's."""
    tab, other = await visit.tabs(2)
    visit.site.forward(EXPIRY)
    visit.line.lose = 100
    (failed,) = await tab.calls()
    assert failed == "TypeError"
    visit.line.lose = 0
    visit.site.forward(3_600)
    assert await other.calls() == [200]
    assert len(visit.line.keys) >= 4
    assert len(set(visit.line.keys)) == 1
    assert (await tab.told(), await tab.calls()) == ([[EMAIL, "login"]], [200])


async def test_a_server_that_is_silent_is_asked_again(visit: Visit) -> None:
    """After its patience the client gives up, and the next answer is as good."""
    (tab,) = await visit.tabs(1)
    visit.site.forward(EXPIRY)
    visit.line.hold()
    call = asyncio.create_task(tab.calls())
    await visit.line.answered(2)
    visit.line.release()
    assert await call == [200]
    assert len(set(visit.line.keys)) == 1


async def test_a_server_that_is_away_signs_nobody_out(visit: Visit) -> None:
    """The call fails as one without us would, and goes on when the server is back."""
    (tab,) = await visit.tabs(1)
    visit.site.forward(EXPIRY)
    visit.line.cut = True
    assert await tab.calls() == ["TypeError"]
    visit.line.cut = False
    assert await tab.calls() == [200]
    assert await tab.told() == [[EMAIL, "login"]]


@pytest.mark.requirement("SE5")
async def test_a_sign_out_reaches_every_tab(visit: Visit) -> None:
    """Each is told why, forgets its token, and asks for no other."""
    tabs = await visit.tabs(3)
    assert "value" in await tabs[1].tried("auth.logout()")
    for tab in tabs:
        await tab.until_told(None)
        assert await tab.told() == [[EMAIL, "login"], [None, "logout"]]
        assert await tab.calls() == [401]
        assert await tab.user() is None
    assert visit.line.refreshes == 0
    assert "sekisho-refresh" not in {each["name"] for each in await visit.context.cookies()}


@pytest.mark.requirement("SE5")
async def test_a_refresh_that_a_sign_out_overtakes_brings_nobody_back(visit: Visit) -> None:
    """Its answer is good and late: it counts for nothing."""
    tab = await visit.tab(patience=20_000)
    await tab.login()
    leaving = await visit.tab()
    assert await leaving.user() == EMAIL
    visit.site.forward(EXPIRY)
    visit.line.hold()
    call = asyncio.create_task(tab.calls())
    await visit.line.answered(2)
    assert "value" in await leaving.tried("auth.logout()")
    await tab.until_told(None)
    visit.line.release()
    assert await call == [401]
    assert await tab.user() is None
    assert await leaving.calls() == [401]


async def test_a_late_answer_of_the_login_before_changes_nothing(visit: Visit) -> None:
    """Somebody else has logged in meanwhile: every tab is theirs, and the old call is not made for them."""
    tab = await visit.tab(patience=20_000)
    await tab.login()
    other = await visit.tab()
    visit.site.forward(EXPIRY)
    visit.line.hold()
    call = asyncio.create_task(tab.calls())
    await visit.line.answered()
    await other.login(OTHER)
    await tab.until_told(OTHER)
    visit.line.release()
    assert await call == [401]
    for each in (tab, other):
        done = await each.tried("auth.me()")
        assert "value" in done, done
        assert done["value"]["email"] == OTHER


@pytest.mark.requirement("SE5")
async def test_a_session_that_was_ended_elsewhere_is_over_in_every_tab(visit: Visit) -> None:
    """The auth server says so, twice, before a client believes it; the reason is what it said."""
    tab, other = await visit.tabs(2)
    account = {"email": EMAIL, "password": PASSWORD, "mode": "token"}
    phone = visit.site.server.ask("POST", "/v1/login", account).json
    ended = visit.site.server.ask("POST", "/v1/logout", {"scope": "others"}, bearer=phone["access_token"])
    assert ended.status == 204
    assert await tab.calls() == [401]
    await other.until_told(None)
    assert await other.told() == [[EMAIL, "login"], [None, "session_revoked"]]
    assert visit.line.refreshes == 2


async def test_a_new_password_ends_no_tab(visit: Visit) -> None:
    """The cookie is another one; what the other tab refreshes next, it refreshes by that."""
    visit.site.account("mori@example.com")
    tab, other = [await visit.tab() for _ in range(2)]
    await tab.login("mori@example.com")
    await other.until_told("mori@example.com")
    changed = {"current_password": PASSWORD, "new_password": "fifty-three stations of the Tokaido"}
    assert "value" in await tab.tried("auth.call('POST', '/v1/password', given)", changed)
    visit.site.forward(EXPIRY)
    assert await other.calls(2) == [200, 200]
    assert await tab.calls(2) == [200, 200]


@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_clock_that_is_off_does_not_matter(visit: Visit, hours: int) -> None:
    """Nobody's clock is compared: no refresh before its time, one when it is due."""
    tab = await visit.tab(script=visit.site.clock_off(hours))
    await tab.login()
    assert await tab.calls(5) == [200] * 5
    assert visit.line.refreshes == 0
    visit.site.forward(EXPIRY)
    assert await tab.calls(5) == [200] * 5
    assert visit.line.refreshes == 1


@pytest.mark.requirement("R12")
async def test_a_reload_finds_the_session_and_a_script_finds_no_credential(visit: Visit) -> None:
    """What was in memory is gone, the cookie is not; the one thing in the store is no credential."""
    (tab,) = await visit.tabs(1)
    again = await visit.tab()
    assert await again.user() == EMAIL
    assert await again.calls() == [200]
    kept = await tab.page.evaluate("[document.cookie, {...sessionStorage}, Object.entries(localStorage)]")
    cookies, session, ((name, value),) = kept
    assert (cookies, session, name) == ("", {}, f"sekisho browser {visit.line.url}")
    assert value in visit.line.keys
    (cookie,) = [each for each in await visit.context.cookies() if each["name"] == "sekisho-refresh"]
    assert cookie["httpOnly"] is True
    assert value not in cookie["value"]
