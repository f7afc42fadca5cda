"""The explorer in a real browser: what is drawn is what was recorded, in every chapter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.features.explorer.watched import CHAPTERS, watching

if TYPE_CHECKING:
    from tests.parts.browser import Chromium
    from tests.parts.explorer import Exploring

pytestmark = pytest.mark.browser

#: What a policy that works leaves behind: by the event, by Chromium and by fetch.
STOPPED = (
    r"connect-src http://127\.0\.0\.1:\d+/stolen|/stolen' violates the following|/stolen\. Refused to connect"
)


async def test_a_login_and_a_call_are_drawn_as_recorded(exploring: Exploring, chromium: Chromium) -> None:
    """One row for each event of the act and no other; the list says the same; the call asked nobody."""
    async with watching(chromium, exploring.explorer, at="login") as seen:
        await seen.press("#login-form .first")
        assert "Aya is logged in (JWT)." in await seen.text("#who-is-in")
        labels = [label for _, label in await seen.drawn()]
        assert "POST /v1/login" in labels
        assert "INSERT sessions" in labels
        assert any(label.startswith("argon2id") for label in labels)
        assert any(label.startswith("sign (HS256)") for label in labels)
        # The counting of attempts is told, and folded as the preflights are.
        assert not [label for label in labels if "throttle" in label]
        assert "details are not drawn" in await seen.text("#folded")
        await seen.chapter("call")
        await seen.press("#call [data-call='a/products']")
        drawn = await seen.drawn()
        assert drawn == await seen.listed()
        act = next(each["act"] for each in exploring.all() if each["seq"] == drawn[0][0])
        told = [each for each in exploring.of_act(act) if each["kind"] != "rows"]
        assert [each["seq"] for each in told] == [seq for seq, _ in drawn]
        assert [label for _, label in drawn] == [
            "GET /products · Bearer",
            "check the token → good",
            "SELECT products",
            "200",
        ]
        assert (await seen.cost("jwt", "reads"), await seen.cost("jwt", "asked")) == ("0×", "0×")
        await seen.page.locator("#folded button").click()
        # The browser's own questions have no act: they are what was folded, and nothing is left out now.
        numbers = [seq for seq, _ in await seen.drawn()]
        between = range(numbers[0], numbers[-1] + 1)
        assert numbers == [
            each["seq"] for each in exploring.all() if each["seq"] in between and each["kind"] != "rows"
        ]
        assert len(numbers) == len(drawn) + 2


async def test_side_by_side_the_counters_part(exploring: Exploring, chromium: Chromium) -> None:
    """One press drives both; ten calls by cookie ask the auth server ten times, those by token never."""
    async with watching(chromium, exploring.explorer, at="call") as seen:
        await seen.mode("compare")
        await seen.press("#call [data-call='a/products']")
        await seen.press("#call [data-times]")
        assert await seen.page.locator(".diagram").count() == 2
        assert await seen.cost("session", "asked") == "10×"
        assert await seen.cost("jwt", "asked") == "0×"
        assert sorted(await seen.drawn()) == sorted(await seen.listed())
        both = await seen.text("[data-chapter=call] [data-who]")
        assert both == "Aya is logged in (Session). Aya is logged in (JWT)."


@pytest.mark.long
@pytest.mark.requirement("R1")
async def test_a_right_that_is_taken_away_is_gone_within_a_second(
    exploring: Exploring, chromium: Chromium
) -> None:
    """A may, B may not; then A may not either, without a logout, and the page says how soon."""
    async with watching(chromium, exploring.explorer, at="call") as seen:
        for who, status in (("aya", "200"), ("ken", "403 insufficient_scope")):
            await seen.press(f"[data-secret='{who}@example.com']")
            assert (await seen.answers())[-1] == status
        await seen.press("[data-take]")
        said = re.search(r"gone after ([\d.]+) s, without a log-out", await seen.text("#taken"))
        assert said is not None
        assert float(said[1]) < 1
        labels = [label for _, label in await seen.drawn()]
        assert "sekisho user deny aya@example.com secret:read" in labels
        assert labels.index("401 token_stale") < labels.index("POST /v1/refresh · Cookie")
        assert "Aya is logged in (JWT)." in await seen.text("[data-chapter=call] [data-who]")
        await seen.press("[data-give]")
        await seen.press("[data-secret='aya@example.com']")
        assert (await seen.answers())[-1] == "200"


@pytest.mark.long
async def test_an_expired_token_is_renewed_once_for_two_tabs(
    exploring: Exploring, chromium: Chromium
) -> None:
    """401, one refresh, the call repeated; and two clients that wake up together both go on."""
    async with watching(chromium, exploring.explorer, at="expiry") as seen:
        # Nobody is logged in yet: there has to be a token first.
        await seen.press("#expire")
        await seen.press("#expiry [data-call='a/products']")
        labels = [label for _, label in await seen.drawn() if re.match(r"\d{3}|[A-Z]+ /", label)]
        assert labels == [
            "GET /products · Bearer",
            "401 token_expired",
            "POST /v1/refresh · Cookie",
            "200",
            "GET /products · Bearer",
            "200",
        ]
        await seen.press("#tabs")
        # Two, where the second had the lock before it heard of the first: the server gives it the same.
        verdict = await seen.text("#tabs-verdict")
        assert re.search(r": (1 refresh|2 refreshes that gave the same), both got 200, 200\.", verdict)


@pytest.mark.long
@pytest.mark.requirement("R1")
async def test_a_logout_is_shown_with_the_feed_and_without(exploring: Exploring, chromium: Chromium) -> None:
    """With it the old token is refused within a second; a shop that is deaf goes on taking it."""
    async with watching(chromium, exploring.explorer, at="logout") as seen:
        await seen.mode("compare")
        await seen.press("#logout-go")
        ended = await seen.text("#ended")
        said = re.findall(r"(Session|JWT): refused after ([\d.]+) s with (\w+)\.", ended)
        assert [(lane, code) for lane, _, code in said] == [
            ("Session", "session_revoked"),
            ("JWT", "token_revoked"),
        ]
        assert all(float(seconds) < 1 for _, seconds, _ in said)
        assert re.fullmatch(r"[\d.]+ s", await seen.cost("jwt", "revoke"))
        await seen.mode("jwt")
        await seen.page.locator("input[name=feed][value=off]").check()
        await seen.press("#logout-go")
        assert "still 200. This shop does not hear of revocations" in await seen.text("#ended")


PRESETS = {
    "role-admin": "401 token_signature_mismatch",
    "alg-nOnE": "401 token_alg_not_allowed",
    "hs256-public-key": "401 token_alg_not_allowed",
    "kid-path": "401 token_key_unknown",
    "other-audience": "401 token_audience_mismatch",
    "long-payload": "401 token_malformed",
    "unmodified": "200",
}


@pytest.mark.long
@pytest.mark.requirement("J6")
async def test_the_tamper_editor_shows_which_check_refused(exploring: Exploring, chromium: Chromium) -> None:
    """Presets and free edits: the code, the checks in order, and the one that stopped it."""
    async with watching(chromium, exploring.explorer, at="tamper") as seen:
        for preset, code in PRESETS.items():
            await seen.press(f"[data-preset='{preset}']")
            assert (await seen.text("#forged-verdict")).startswith(f"{code} As documented."), preset
            refused = 0 if code == "200" else 1
            await seen.come("#token .checks .refused", count=refused, within="#token", why=preset)
        payload = seen.page.locator("#edit-payload")
        await payload.fill((await payload.input_value()).replace('"user"', '"admin"'))
        await seen.press("#send-forged")
        assert (await seen.text("#forged-verdict")).startswith("401 token_signature_mismatch")
        await payload.fill("null")
        await seen.press("#send-forged")
        assert (await seen.text("#forged-verdict")).startswith("401 token_signature_mismatch")
        await seen.come("#token .judgement ~ .empty", count=1, within="#token")
        await payload.fill('{"broken"')
        await seen.press("#send-forged")
        assert (await seen.text("#forged-verdict")).startswith("401 token_signature_mismatch")
        await seen.come("#token .checks li:nth-child(7).refused", count=1, within="#token")
        marks = await seen.page.locator("#token .checks li").evaluate_all(
            "all => all.map(each => each.className)"
        )
        assert marks.index("refused") == 6
        assert set(marks[:6]) == {"passed"}
        assert set(marks[7:]) == {"not_reached"}


async def test_the_token_stays_where_something_follows_that_has_none(
    exploring: Exploring, chromium: Chromium
) -> None:
    """A shop that refuses may ask for keys: the panel goes on showing the token that was refused."""
    async with watching(chromium, exploring.explorer, at="tamper") as seen:
        await seen.press("[data-preset=role-admin]")
        await seen.come("#token .checks .refused", count=1, within="#token")
        last = len(await seen.drawn())
        exploring.act("clock", seconds=0.001)
        await seen.come("#lists li", count=last + 1, within="#stage")
        await seen.go(1)
        await seen.come("#token .judgement[data-good=unknown]", count=1, within="#token")
        await seen.go(last + 1)
        await seen.come("#token .checks .refused", count=1, within="#token")


async def test_what_is_marked_to_be_copied_stays(exploring: Exploring, chromium: Chromium) -> None:
    """An event that arrives draws the inspector anew only when nothing in it is marked any more."""
    async with watching(chromium, exploring.explorer, at="call") as seen:
        await seen.press("#call [data-call='a/products']")
        steps = len(await seen.listed())
        marked = await seen.page.evaluate("""() => {
            getSelection().selectAllChildren(document.querySelector("#http .wire .start"));
            return getSelection().toString();
        }""")
        assert marked.startswith("GET /products HTTP/1.1")
        exploring.act("clock", seconds=0.001)
        await seen.come("#lists li", count=steps + 1, within="#stage")
        await seen.settled()
        assert await seen.page.evaluate("getSelection().toString()") == marked
        await seen.page.evaluate("getSelection().empty()")
        await seen.page.locator("#http").get_by_text("seconds").first.wait_for()


@pytest.mark.long
async def test_a_thief_gets_what_can_be_read_and_no_more(exploring: Exploring, chromium: Chromium) -> None:
    """A real script finds what lies in localStorage, neither cookie nor closure; it can send it nowhere."""
    async with watching(chromium, exploring.explorer, at="stolen", forgiven=STOPPED) as seen:

        async def row(thing: str) -> str:
            await seen.press(f"[data-steal={thing}]")
            return (await seen.text(f"[data-thing={thing}]")).replace("\u200b", "")

        stored = await row("storage")
        assert "yes" in stored
        assert "401 token_revoked" in stored
        assert "B, no feed: 200" in stored
        assert "connect-src forbids http://127.0.0.1:" in await seen.text("#loot")
        for thing in ("memory", "cookie"):
            assert "no, but it can call through the page" in await row(thing)
            assert "sks1_" not in await seen.text("#loot")
            assert "eyJ" not in await seen.text("#loot")
        logged = await row("session_log")
        assert "401 session_revoked" in logged
        assert "at the logout, at once" in logged
        assert "401 refresh_reused" in await row("refresh")
        # The rows are looked at after the answer.
        await seen.page.locator("#tables tr.ended").first.wait_for(state="attached")
        stateless = await row("stateless")
        assert "the victim's own: 200, nothing noticed" in stateless
        assert "nobody notices a copy" in stateless


@pytest.mark.long
async def test_side_by_side_a_thief_gets_no_more(exploring: Exploring, chromium: Chromium) -> None:
    """There the other lane keeps its tokens in localStorage: that is no row's but its own."""
    async with watching(chromium, exploring.explorer, at="login", forgiven=STOPPED) as seen:
        await seen.mode("compare")
        for thing in ("memory", "cookie"):
            await seen.chapter("login")
            await seen.press("#login-form .first")
            await seen.chapter("stolen")
            await seen.press(f"[data-steal={thing}]")
            assert "no, but it can call through the page" in await seen.text(f"[data-thing={thing}]")
            assert "eyJ" not in await seen.text("#loot")


@pytest.mark.long
@pytest.mark.requirement("H1")
async def test_without_the_policy_what_was_found_goes_away(exploring: Exploring, chromium: Chromium) -> None:
    """The same script on the same page under a policy that lets it: the other origin receives the tokens."""
    async with watching(
        chromium, exploring.explorer, at="stolen", query="?lang=en&policy=open", forgiven="POST|/stolen"
    ) as seen:
        await seen.press("[data-steal=storage]")
        assert "Nothing stopped it: http://127.0.0.1:" in await seen.text("#loot")
        assert "POST /stolen" in [label for _, label in await seen.drawn()]
        taken = exploring.event(lambda each: each["kind"] == "http.request" and "/stolen" in each["raw"])
        assert "access_token" in taken["raw"].partition("\r\n\r\n")[2]


@pytest.mark.long
@pytest.mark.requirement("J6")
async def test_a_leaked_key_is_locked_out(exploring: Exploring, chromium: Chromium) -> None:
    """An administrator who was never there is let in, until the key is retired."""
    async with watching(chromium, exploring.explorer, at="stolen") as seen:
        await seen.press("#leak")
        assert "The forged administrator was let in: 200." in await seen.text("#leak-verdict")
        await seen.press("#lock-out")
        said = re.search(r"refused after ([\d.]+) s: token_revoked", await seen.text("#leak-verdict"))
        assert said is not None
        assert float(said[1]) < 2
        # While the auth server is waited for, its feed looks into the database twice a second, for itself.
        assert "SELECT feed_head" not in [label for _, label in await seen.drawn()]
        assert "details are not drawn" in await seen.text("#folded")


@pytest.mark.long
async def test_two_servers_and_one_that_is_gone(exploring: Exploring, chromium: Chromium) -> None:
    """A memory of its own knows no cookie of another; without the auth server a token still works."""
    gone = "ERR_CONNECTION_REFUSED|status of 503"
    async with watching(chromium, exploring.explorer, at="two", forgiven=gone) as seen:
        await seen.mode("session")
        await seen.press("[data-two=b]")
        assert await seen.text("#two-verdict") == "Session, API server B: 200"
        await seen.press("input[name=store][value=memory]")
        await seen.press("[data-two=b]")
        assert await seen.text("#two-verdict") == "Session, B, own memory: 401 session_unknown"
        await seen.mode("jwt")
        await seen.press("[data-two=a]")
        await seen.press("#stop-auth")
        await seen.press("[data-two=a]")
        assert await seen.text("#two-verdict") == "JWT, API server A: 200"
        assert (await seen.answers())[-1] == "200"
        await seen.press("#two-refresh")
        assert "/v1/refresh" not in str(await seen.drawn())
        stopped = "Nobody answered: the auth server is stopped. Start it again in chapter 7."
        assert await seen.text("#said") == stopped
        await seen.chapter("login")
        await seen.press("#login-form .first")
        # Nothing was drawn, and nothing is said of what was drawn before.
        assert (await seen.text("#said"), await seen.text("#caption")) == (stopped, "")
        await seen.chapter("two")
        await seen.press("[data-operate=rotate-key]")
        assert await seen.text("#said") == stopped
        await seen.press("#stop-auth")
        assert await seen.text("#two-verdict") == "The auth server is up."
        assert await seen.text("#said") == ""


@pytest.mark.long
async def test_five_answers_make_a_configuration(exploring: Exploring, chromium: Chromium) -> None:
    """What is recommended follows the answers, with a reason for each, and can be pasted."""
    async with watching(chromium, exploring.explorer, at="decide") as seen:
        for where, heading in (("pages", "Session cookie"), ("mobile", "Access and refresh token")):
            await seen.page.locator(f"input[name=where][value={where}]").check()
            await seen.press("#questions .first")
            assert (await seen.text("#advice h3:not([hidden])")).startswith(heading)
            assert await seen.page.locator("#advice li:not([hidden])").count() == 5
            assert 'issuer = "' in await seen.text("#toml")
            assert "sekisho serve" in await seen.text("#paste")


@pytest.mark.parametrize("language", ["ja", pytest.param("en", marks=pytest.mark.long)])
async def test_a_phone_shows_the_list(exploring: Exploring, chromium: Chromium, language: str) -> None:
    """At 360 px a list stands in the place of the diagram, and no chapter scrolls sideways."""
    narrow = {"width": 360, "height": 740}
    async with watching(
        chromium, exploring.explorer, at="login", query=f"?lang={language}", viewport=narrow
    ) as seen:
        await seen.press("#login-form .first")
        assert await seen.page.locator("#diagrams").is_hidden()
        assert await seen.page.locator("#lists li").first.is_visible()
        labels = [label for _, label in await seen.listed()]
        assert labels[-1] == "200"
        assert {"POST /v1/login", "INSERT sessions"} <= set(labels)
        for chapter in CHAPTERS:
            await seen.chapter(chapter)
            assert await seen.sideways() <= 0, chapter
        # What was stolen is measured in five columns, and none of them is out of the window.
        beyond = "all => all.filter(each => each.scrollWidth > each.clientWidth).length"
        await seen.chapter("stolen")
        assert await seen.page.locator(".scroll:has(#lab)").evaluate_all(beyond) == 0
        await seen.chapter("decide")
        await seen.page.locator("#questions .first").click()
        for tab in ("http", "token", "tables", "browser"):
            await seen.page.locator(f"#tab-{tab}").click()
            assert await seen.sideways() <= 0, tab


@pytest.mark.long
async def test_what_the_browser_holds_is_shown_as_it_is(exploring: Exploring, chromium: Chromium) -> None:
    """HttpOnly cookies that no script can read, with their flags; the classic design in plain sight."""
    async with watching(chromium, exploring.explorer, at="login") as seen:
        await seen.press("#login-form .first")
        await seen.page.locator("#tab-browser").click()
        await seen.page.locator("#insides .held").first.wait_for()
        held = await seen.text("#insides")
        assert "sekisho-refresh" in held
        assert "HttpOnly" in held
        assert await seen.text("#document-cookie") == "(nothing)"
        jar = {each["name"]: each["value"] for each in await seen.visit.context.cookies()}
        assert jar["sekisho-refresh"] in held
        await seen.page.locator("input[name=keep][value=storage]").check()
        await seen.press("#login-form .first")
        tokens = await seen.page.evaluate("localStorage.getItem('tokens')")
        await seen.page.locator("#insides").get_by_text('"access_token"').wait_for()
        assert tokens in await seen.text("#insides")


@pytest.mark.long
async def test_a_run_is_taken_along_as_mermaid(exploring: Exploring, chromium: Chromium) -> None:
    """The same steps in the notation that engineers paste into documents."""
    async with watching(
        chromium, exploring.explorer, at="call", permissions=["clipboard-read", "clipboard-write"]
    ) as seen:
        await seen.press("#call [data-call='a/products']")
        await seen.press("#call [data-call='a/products']")
        await seen.page.locator("#mermaid").click()
        await seen.page.locator("#said").get_by_text("Copied.").wait_for()
        copied = (await seen.page.evaluate("navigator.clipboard.readText()")).split("\n")
        assert copied[:3] == [
            "sequenceDiagram",
            "  participant browser as Browser",
            "  participant a as API server A",
        ]
        assert copied[4:] == [
            "  browser->>a: GET /products · Bearer",
            "  Note over a: check the token → good",
            "  a->>shop_db: SELECT products",
            "  a-->>browser: 200",
        ]
