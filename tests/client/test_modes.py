"""What the client is asked for, in both modes: who may be sent what, what is told, what is typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.client.tabs import EMAIL, EXPIRY, OTHER, PASSWORD
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.client.tabs import Site, Visit

pytestmark = pytest.mark.browser

MODES = ("session", "browser")
each_mode = pytest.mark.parametrize("visit", MODES, indirect=True)
by_session = pytest.mark.parametrize("visit", ["session"], indirect=True)
by_token = pytest.mark.parametrize("visit", ["browser"], indirect=True)
DECLARED = re.compile(r"^  (?:readonly )?(\w+)(?:<[^(]*>)?\??[(:]", re.MULTILINE)


@pytest.fixture
async def visit(running: Site, request: pytest.FixtureRequest) -> AsyncIterator[Visit]:
    """A browser, its clients in the mode that the test names."""
    async with running.visited(request.param) as visit:
        yield visit


@each_mode
async def test_a_visit_from_login_to_logout(visit: Visit) -> None:
    """Nobody, then somebody, their devices, a reload, and nobody again; every listener is told each once."""
    tab, other = await visit.tab(), await visit.tab()
    assert await tab.user() is None
    assert await other.user() is None
    await tab.login()
    await other.until_told(EMAIL)
    me = (await tab.tried("auth.me()"))["value"]
    listed = (await other.tried("auth.call('GET', '/v1/sessions')"))["value"]["sessions"]
    (here,) = [line for line in listed if line["current"]]
    assert (me["email"], me["session_id"], here["mode"]) == (EMAIL, here["id"], visit.mode)
    assert await (await visit.tab()).user() == EMAIL
    assert await other.tried("auth.logout()") == {"value": None}
    await tab.until_told(None)
    for each in (tab, other):
        assert await each.told() == [[EMAIL, "login"], [None, "logout"]]
        assert await each.calls() == [401]
    assert await (await visit.tab()).user() is None
    held = {each["name"] for each in await visit.context.cookies()}
    assert held.isdisjoint({"sekisho", "sekisho-refresh"})


@each_mode
async def test_the_others_are_logged_out_and_this_one_is_not(visit: Visit, running: Site) -> None:
    """Scope `others` ends every other browser; `all` ends this one too."""
    async with running.visited(visit.mode) as elsewhere:
        tab, there = await visit.tab(), await elsewhere.tab()
        await there.login()
        await tab.login()
        assert await tab.tried("auth.logout({scope: 'others'})") == {"value": None}
        assert (await tab.calls(), await tab.told()) == ([200], [[EMAIL, "login"]])
        assert await there.calls() == [401]
        assert await there.told() == [[EMAIL, "login"], [None, "session_revoked"]]
        await there.login()
        assert await there.tried("auth.logout({scope: 'all'})") == {"value": None}
        assert await tab.calls() == [401]
        assert await tab.told() == [[EMAIL, "login"], [None, "session_revoked"]]


@each_mode
async def test_a_logout_that_is_not_heard_is_none(visit: Visit) -> None:
    """It fails, and whoever asked is still logged in; a page that said otherwise would lie."""
    tab = await visit.tab()
    await tab.login()
    visit.line.cut = True
    assert (await tab.tried("auth.logout()"))["error"] == "TypeError"
    visit.line.cut = False
    assert (await tab.told(), await tab.calls()) == ([[EMAIL, "login"]], [200])


@each_mode
async def test_a_refusal_is_typed(visit: Visit) -> None:
    """By the server's own code, with what else it said."""
    tab = await visit.tab()
    wrong = await tab.tried("auth.login(given)", {"email": EMAIL, "password": "a wrong one"})
    assert (wrong["error"], wrong["typed"]) == ("SekishoError", True)
    assert (wrong["code"], wrong["status"]) == ("invalid_credentials", 401)
    assert wrong["request_id"]
    await tab.login()
    short = {"current_password": PASSWORD, "new_password": "short"}
    refused = await tab.tried("auth.call('POST', '/v1/password', given)", short)
    assert (refused["code"], refused["errors"][0]["pointer"]) == ("validation_failed", "/new_password")
    missing = await tab.tried("auth.call('DELETE', '/v1/sessions/nobody')")
    assert (missing["code"], missing["status"]) == ("not_found", 404)
    assert await tab.told() == [[EMAIL, "login"]]


@each_mode
async def test_a_listener_that_fails_disturbs_nobody(visit: Visit) -> None:
    """Its fault is its page's: the login is done, the other listeners are told, nothing is asked twice."""
    tab = await visit.tab()
    await tab.page.evaluate("void auth.subscribe(() => { throw new Error('mine') })")
    await tab.login()
    assert await tab.told() == [[EMAIL, "login"]]
    again = await visit.tab()
    await again.page.evaluate("void auth.subscribe(() => { throw new Error('mine') })")
    assert await again.user() == EMAIL
    assert await again.calls() == [200]
    assert visit.line.refreshes == (1 if visit.mode == "browser" else 0)
    assert visit.faults == ["mine", "mine"]
    visit.faults.clear()


@by_token
async def test_who_guesses_is_told_to_wait(visit: Visit) -> None:
    """429 says for how long, in seconds."""
    visit.site.account("guessed@example.com")
    tab = await visit.tab()
    wrong = {"email": "guessed@example.com", "password": "a wrong one"}
    for _ in range(30):
        refused = await tab.tried("auth.login(given)", wrong)
        if refused["code"] == "rate_limited":
            break
    assert (refused["status"], refused["code"]) == (429, "rate_limited")
    assert refused["retryAfter"] >= 1


@by_token
async def test_a_request_is_repeated_whole(visit: Visit) -> None:
    """A POST whose token had expired goes again with its body, after one refresh, and once."""
    tab = await visit.tab()
    await tab.login()
    visit.site.forward(EXPIRY)
    wrong = {"current_password": "a wrong one", "new_password": PASSWORD}
    refused = await tab.tried("auth.call('POST', '/v1/password', given)", wrong)
    assert (refused["code"], refused["status"]) == ("invalid_credentials", 401)
    assert visit.line.refreshes == 1


@by_token
async def test_who_is_refused_for_another_reason_refreshes_nothing(visit: Visit) -> None:
    """A 401 of the business, and a right that is missing, are no reason to refresh."""
    tab = await visit.tab()
    await tab.login()
    wrong = {"current_password": "a wrong one", "new_password": PASSWORD}
    refused = await tab.tried("auth.call('POST', '/v1/password', given)", wrong)
    assert refused["code"] == "invalid_credentials"
    assert visit.line.refreshes == 0


@by_session
@pytest.mark.requirement("F4")
async def test_a_csrf_token_is_renewed_when_the_cookie_is(visit: Visit) -> None:
    """After another login in this browser the token of the first tab is worth nothing; it gets the next."""
    tab = await visit.tab()
    await tab.login()
    assert "code" not in await tab.tried("auth.call('POST', '/v1/logout', {scope: 'others'})")
    assert await tab.page.evaluate(BY_HAND, {"email": OTHER, "password": PASSWORD, "mode": "session"}) == 200
    assert "code" not in await tab.tried("auth.call('POST', '/v1/logout', {scope: 'others'})")
    assert (await tab.tried("auth.me()"))["value"]["email"] == OTHER


#: A login by another program than our client, so nothing tells the tab.
BY_HAND = """async (account) => {
    const token = (await (await fetch("/v1/csrf")).json()).csrf_token;
    const headers = { "Content-Type": "application/json", "Sekisho-CSRF": token };
    return (await fetch("/v1/login", { method: "POST", headers, body: JSON.stringify(account) })).status;
}"""


@by_session
async def test_a_login_on_the_page_of_the_server_is_found(visit: Visit) -> None:
    """The cookie is the same, so an application needs no form of its own."""
    page = await visit.context.new_page()
    await page.goto(f"{visit.line.url}/login")
    await page.get_by_label("E-mail address").fill(EMAIL)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/account")
    assert await (await visit.tab()).user() == EMAIL


@each_mode
@pytest.mark.requirement("H2", "F1")
async def test_an_application_on_another_origin_does_the_same(visit: Visit) -> None:
    """One that is listed, and of the same site, since cookies know sites; what it kept is its own."""
    tab = await visit.tab(at=visit.site.elsewhere.url)
    await tab.login()
    assert await tab.calls(2) == [200, 200]
    again = await visit.tab(at=visit.site.elsewhere.url)
    assert await again.user() == EMAIL
    assert await again.tried("auth.logout()") == {"value": None}
    await tab.until_told(None)


@each_mode
@pytest.mark.requirement("F1")
async def test_an_application_that_is_not_listed_does_not(visit: Visit) -> None:
    """127.0.0.1 is not localhost: it may not even read the client, so it is given one."""
    url = visit.line.url.replace("localhost", "127.0.0.1")
    with pytest.raises(Exception, match="Failed to fetch dynamically imported module"):
        await visit.tab(at=url)


@each_mode
@pytest.mark.requirement("J14", "X23")
async def test_a_credential_goes_to_listed_origins_alone(visit: Visit) -> None:
    """Whatever else is fetched through the client is refused before anything is sent."""
    tab = await visit.tab()
    await tab.login()
    seen: list[str] = []
    tab.page.on("request", lambda request: seen.append(request.url))
    for url in ("https://evil.example/", f"{visit.site.elsewhere.url}/app", "//localhost:9/"):
        refused = await tab.tried("auth.fetch(given)", url)
        assert (refused["error"], seen) == ("TypeError", []), url


@by_token
@pytest.mark.requirement("H1")
async def test_it_runs_under_the_policy_of_our_own_pages(visit: Visit) -> None:
    """No inline script, no eval, Trusted Types: not one complaint of the console."""
    page = await visit.context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    await page.goto(f"{visit.line.url}/login")
    email = await page.evaluate(
        """async ([email, password]) => {
            const { createAuth } = await import("/static/sekisho.js");
            const auth = createAuth({ mode: "browser" });
            await auth.login({ email, password });
            return (await auth.me()).email;
        }""",
        [EMAIL, PASSWORD],
    )
    assert (email, faults) == (EMAIL, [])


@by_token
async def test_the_types_name_what_there_is(visit: Visit) -> None:
    """Members, options and exports: each in sekisho.d.ts and in the module, and no other."""
    tab = await visit.tab()
    types = (ROOT / "client" / "sekisho.d.ts").read_text("utf-8")
    blocks = {
        name: set(DECLARED.findall(body))
        for name, body in re.findall(r"(\w+)(?: extends \w+)? \{\n(.*?)\n\}", types, re.DOTALL)
    }
    source = (ROOT / "client" / "sekisho.js").read_text("utf-8")
    options = re.search(r"createAuth\(\{(.*?)\} = \{\}\)", source)
    assert options is not None
    assert blocks["Auth"] == set(await tab.page.evaluate("Object.keys(auth)"))
    assert blocks["Options"] == set(re.findall(r"(\w+) =", options[1]))
    me = (await tab.page.evaluate("issuer")) and (await tab.tried("auth.me()"))
    assert me["code"] == "token_missing"
    assert me.keys() - {"typed", "error", "type", "help"} <= blocks["SekishoError"]
    await tab.login()
    assert blocks["Me"] | blocks["User"] == (await tab.tried("auth.me()"))["value"].keys()
    (line, *_) = (await tab.tried("auth.call('GET', '/v1/sessions')"))["value"]["sessions"]
    assert blocks["Session"] == line.keys()


GUIDE = re.compile(r"^```js\n(.*?)^```", re.MULTILINE | re.DOTALL)


def guide(language: str) -> str:
    """What the guide shows, in one language."""
    (code,) = GUIDE.findall((ROOT / "docs" / language / "guides" / "browser-client.md").read_text("utf-8"))
    return str(code)


@by_token
async def test_the_guide_runs_as_it_is_written(visit: Visit) -> None:
    """The same code in both languages, from login to logout."""
    assert guide("en") == guide("ja")
    _, code = guide("en").split("\n", 1)
    for shown, used in (
        ("https://id.example.com", visit.line.url),
        ("https://api.example.com/orders", f"{visit.line.url}/v1/me"),
        ("https://api.example.com", visit.site.elsewhere.url),
    ):
        assert shown in code
        code = code.replace(shown, used)
    page = (await visit.tab()).page
    found = await page.evaluate(
        f"""async ([email, password]) => {{
            const {{ createAuth }} = await import("/static/sekisho.js");
            const shown = [], show = (user, why) => shown.push([user?.email ?? null, why]);
            {code}
            return [user, answer.status, sessions.length > 0, shown];
        }}""",
        [EMAIL, PASSWORD],
    )
    assert found == [None, 200, True, [[None, "logout"]]]
