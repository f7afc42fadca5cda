"""What other servers got wrong about sessions: X02, X05, X07, X24."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sekisho.rules.events import Event
from sekisho.rules.feed_token import derived_token
from sekisho.rules.ids import uuid7
from sekisho_verify.revocations.entries import entry_key
from tests.catalogue.asking import GOOD, Operation, ask, handed_out, operations
from tests.features.pages.conftest import with_pages
from tests.features.pages.visitor import Visitor
from tests.web.browser import OWN_PAGE, Browser, code_of
from tests.web.served import EMAIL, PASSWORD, bearer

if TYPE_CHECKING:
    from tests.web.served import Served, Server

MODES = ("token", "session", "browser")
#: What trades a credential for the next one.
RENEWING = {"/v1/refresh", "/v1/sessions/exchange", "/v1/password"}


@pytest.mark.requirement("X02")
@pytest.mark.parametrize("refresh_store", ["database", "none"])
async def test_x02_what_was_revoked_stays_revoked_after_a_restart(server: Server, refresh_store: str) -> None:
    """CVE-2026-9802: the access token is dead at the server, and in the feed for those who start anew."""
    async with server(refresh_store=refresh_store) as before:
        await before.register()
        tokens, other = await before.login(), await before.login()
        await before.client.post("/v1/logout", headers=bearer(tokens))
        path = before.house.settings.sqlite_path
    async with server(refresh_store=refresh_store, database_url=f"sqlite:///{path}") as after:
        assert code_of(await after.client.get("/v1/me", headers=bearer(tokens))) == (401, "session_revoked")
        assert (await after.client.get("/v1/me", headers=bearer(other))).status_code == 200
        answer = await after.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert code_of(answer) == (401, "session_revoked")
        told = await after.house.store.feed_snapshot(as_of=after.clock(), ttl=900.0)
        assert [each.key for each in told.entries] == [entry_key("session", tokens["session_id"])]


@pytest.mark.requirement("X05")
@pytest.mark.parametrize("mode", ["session", "browser"])
@pytest.mark.parametrize("page", ["/signup", "/setup"])
async def test_x05_a_session_that_was_planted_is_not_adopted_by_a_first_login(
    server: Server, page: str, mode: str
) -> None:
    """CVE-2026-7507: whoever waits in the session that a victim was given is not there afterwards."""
    async with server(features=with_pages) as served:
        await served.register("thief@example.com")
        thief = Browser(served)
        await thief.login(mode, email="thief@example.com")
        cookie = {"session": "sekisho", "browser": "sekisho-refresh"}[mode]
        victim = Visitor(served, jar={cookie: thief.jar[cookie]})
        token = (await victim.see("/account")).forms["/logout"]["csrf_token"]
        form = {"email": EMAIL, "password": PASSWORD, "csrf_token": token}
        code = {"code": await served.setup_code()} if page == "/setup" else {}
        answer = await victim.ask("POST", page, {**form, **code})
        assert answer.status_code == 303, answer.text
        assert thief.jar[cookie] not in victim.jar.values()
        assert EMAIL in (await victim.see("/account")).words
        assert not await Visitor(served, jar={cookie: thief.jar[cookie]}).signed_in()


async def end(served: Served, user_id: str, how: str) -> None:
    """Disable an account, or delete it, as an operator does."""
    now, store = served.clock(), served.house.store
    if how == "disabled":
        event = Event("account_disabled", now, uuid7(now, bytes(10)), user_id=user_id)
        assert await store.set_status(user_id, "disabled", now=now, event=event)
    else:
        event = Event("account_deleted", now, uuid7(now, bytes(10)), user_id=user_id)
        assert await store.delete_account(user_id, now=now, event=event)


class Holder:
    """Somebody who holds whatever a login hands out in one mode."""

    def __init__(self, served: Served, mode: str) -> None:
        self.served = served
        self.mode = mode
        self.browser = Browser(served)
        self.tokens: dict[str, Any] = {}

    async def log_in(self) -> Holder:
        """Log in, in that mode."""
        self.tokens = (
            await self.served.login() if self.mode == "token" else await self.browser.login(self.mode)
        )
        return self

    def headers(self, path: str) -> dict[str, str]:
        """Those of a request: a token, or what a page of ours sends beside the cookies."""
        if self.mode == "token":
            return bearer(self.tokens)
        page = {**OWN_PAGE, "Sekisho-CSRF": self.browser.csrf_token, "Sekisho-Client": "1"}
        # In mode `browser` the cookie is for these two, and the rest goes by the access token.
        by_cookie = self.mode == "session" or path in {"/v1/refresh", "/v1/sessions/exchange"}
        return page if by_cookie else {**page, **bearer(self.tokens)}

    def bodies(self, operation: Operation) -> list[dict[str, str]]:
        """Good ones, in each mode where there is one."""
        good = {**GOOD, **{name: str(value) for name, value in self.tokens.items()}}
        if self.mode != "token":
            good.pop("refresh_token", None)  # in the cookie
        body = {name: good[name] for name in operation.members if name in good}
        return [{**body, "mode": mode} for mode in MODES] if "mode" in body else [body]


@pytest.mark.requirement("X07")
@pytest.mark.parametrize("how", ["disabled", "deleted"])
@pytest.mark.parametrize("mode", MODES)
async def test_x07_no_operation_gives_anything_to_an_account_that_is_out(
    served: Served, mode: str, how: str
) -> None:
    """CVE-2026-1609, CVE-2023-22492: whatever is asked, by whatever was handed out before, on every path."""
    holder = await Holder(served, mode).log_in()
    await end(served, (await served.house.store.list_accounts())[0].id, how)
    ended = {(401, code) for code in ("session_revoked", "session_unknown", "refresh_unknown")}
    # The address of who was deleted is free again, for anybody.
    for each in (each for each in operations(served) if each.path != "/v1/accounts"):
        for body in holder.bodies(each):
            answer = await ask(
                served,
                each.method,
                each.path,
                holder.headers(each.path),
                jar=holder.browser.jar,
                json=body or None,
            )
            assert handed_out(answer) == set(), each
            if each.path in RENEWING:
                assert code_of(answer) in ended, each
    for wanted in MODES:
        browser = Browser(served, jar=dict(holder.browser.jar))
        await browser.open_page()
        body = {"email": EMAIL, "password": PASSWORD, "mode": wanted}
        assert code_of(await browser.post("/v1/login", body)) == (401, "invalid_credentials")
    visitor = Visitor(served, jar=dict(holder.browser.jar))
    assert (await visitor.fill("/login", email=EMAIL, password=PASSWORD)).status_code == 401
    assert not await visitor.signed_in()


@pytest.mark.requirement("X24")
async def test_x24_a_key_of_one_purpose_opens_nothing_else(server: Server) -> None:
    """CVE-2026-123800: who may read the feed is nobody's session; who administers reads no feed by that."""
    async with server(features=with_pages, issuer="https://id.example.com", signup="open") as served:
        await served.appoint()
        administrator = await served.login("ken@example.com")
        feed = {"Authorization": f"Bearer {derived_token(served.house.keys.feed)}"}
        closed: dict[str, set[str]] = {"who reads the feed": set(), "who administers": set()}
        who = {"who reads the feed": feed, "who administers": bearer(administrator)}
        for path in (each.path for each in operations(served) if not each.unsafe):
            for name, headers in who.items():
                if (await ask(served, "GET", path, headers)).status_code == 401:
                    closed[name].add(path)
        assert closed == {
            "who reads the feed": {"/v1/forward-auth", "/v1/me", "/v1/session", "/v1/sessions"},
            "who administers": {"/v1/revocations", "/v1/revocations/time"},
        }


@pytest.mark.requirement("X24")
async def test_x24_an_administrator_reaches_no_session_of_somebody_else(served: Served) -> None:
    """Over HTTP the role opens nothing that belongs to another account: operators have the command line."""
    await served.appoint()
    administrator, theirs = await served.login("ken@example.com"), await served.login()
    path = f"/v1/sessions/{theirs['session_id']}"
    answer = await served.client.delete(path, headers=bearer(administrator))
    assert code_of(answer) == (404, "not_found")
    listed = (await served.client.get("/v1/sessions", headers=bearer(administrator))).json()["sessions"]
    assert [each["id"] for each in listed] == [administrator["session_id"]]
    assert (await served.client.get("/v1/me", headers=bearer(theirs))).status_code == 200
