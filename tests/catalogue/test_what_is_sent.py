"""What other servers got wrong about what is sent to them: X04, X11, X12, X14, X17."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from sekisho.rules.throttle import POLICIES
from tests.catalogue.asking import GOOD, ask, everywhere, operations, pages
from tests.features.pages.conftest import with_pages
from tests.features.pages.visitor import Visitor
from tests.web.browser import OWN_PAGE, Browser, code_of
from tests.web.served import EMAIL, PASSWORD, bearer

if TYPE_CHECKING:
    import httpx2

    from tests.web.served import Served, Server

#: Out of an attribute and out of an element, into both.
MARKUP = """'"--></title></textarea><script src=//evil.example></script><img src=x onerror=alert(1)>"""
WRONG_CODE = "0000-0000-0000-0000-0000-0000-0000"


@pytest.mark.requirement("X04")
async def test_x04_what_decides_comes_once_in_an_address(visitor: Visitor) -> None:
    """CVE-2026-9689: a parameter twice is none, whichever of the two is the good one."""
    own, other = "next=%2Ftasks", "next=%2Fother"
    page = await visitor.see(f"/login?{own}")
    assert page.forms["/login"]["next"] == "/tasks"
    for query in (f"{own}&{other}", f"{other}&{own}", f"{own}&{own}", f"{own}&why=x&n%65xt=%2Fother"):
        page = await visitor.see(f"/login?{query}")
        assert "next" not in page.forms["/login"], query
    answer = await visitor.ask(
        "POST", f"/login?{own}", {**page.forms["/login"], "email": EMAIL, "password": PASSWORD}
    )
    assert answer.headers["location"] == "/account"


@pytest.mark.requirement("X04")
async def test_x04_a_header_that_decides_comes_once(served: Served) -> None:
    """The same twice or two of them: a proxy might have joined them, or believed the other one."""
    browser, window = Browser(served), Browser(served)
    await browser.login()
    await window.login("browser")
    key, client = ("Idempotency-Key", "k"), ("Sekisho-Client", "1")
    deciding = (
        (browser, "GET", "/v1/session", (), ("Sekisho-Question", "a")),
        (browser, "GET", "/v1/revocations/stream", (), ("Last-Event-ID", "1.1")),
        (browser, "POST", "/v1/logout", (), ("Sekisho-CSRF", browser.csrf_token)),
        (window, "POST", "/v1/refresh", (client,), key),
        (window, "POST", "/v1/refresh", (key,), client),
    )
    for who, method, path, others, (name, good) in deciding:
        cookie = "; ".join(f"{each}={value}" for each, value in who.jar.items())
        alone = [*OWN_PAGE.items(), *others, ("Cookie", cookie), ("X-Original-Method", "GET")]
        for twice in ((good, good), (good, "other"), ("other", good)):
            served.client.cookies.clear()
            headers = [*alone, *((name, each) for each in twice)]
            answer = await served.client.request(method, path, headers=headers)
            assert code_of(answer) == (400, "invalid_request"), (path, name)
    assert await browser.me() == (200, "")
    assert (await window.refresh()).status_code == 200


class Elements(HTMLParser):
    """The elements and attributes that a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.found.append((tag, {name: value or "" for name, value in attrs}))


@pytest.mark.requirement("X14", "H1")
async def test_x14_markup_of_a_stranger_is_text_wherever_it_comes_back(served: Served) -> None:
    """CVE-2026-42849, CVE-2026-29191: no element, no attribute is his; what is no page is taken for none."""
    reflected = 0
    async for answer in everywhere(served, MARKUP):
        kind = answer.headers.get("content-type", "")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        if not kind.startswith("text/html"):
            assert kind.startswith(("application/", "text/plain")) or answer.content == b"", (
                answer.request.url
            )
            continue
        reflected += "evil.example" in answer.text
        for tag, attributes in Elements(answer.text).found:
            assert "evil.example" not in attributes.get("src", ""), answer.request.url
            assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    assert reflected > 0


#: A stranger's word on where he comes from, another one each time.
CLAIMS = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP")


@pytest.mark.requirement("X11", "W5")
async def test_x11_a_stranger_has_one_address_whatever_he_claims(served: Served) -> None:
    """CVE-2023-36456: no header makes a new network of him, neither alone nor with others."""
    await served.setup_code()
    answers: list[tuple[int, str]] = []
    for number in range(POLICIES["setup"].free + 1):
        claim = f"198.51.100.{number}"
        headers = {name: f"for={claim}" if name == "Forwarded" else claim for name in CLAIMS}
        body = {"email": EMAIL, "password": PASSWORD, "code": WRONG_CODE}
        answers.append(code_of(await ask(served, "POST", "/v1/setup", headers, json=body)))
    assert answers == [(403, "setup_code_invalid")] * POLICIES["setup"].free + [(429, "rate_limited")]


@pytest.mark.requirement("X11")
@pytest.mark.parametrize(
    "said", ["a", "", ",", "999.1.1.1", "::1%", "\u3042".encode().decode("latin-1"), "x" * 9000]
)
async def test_x11_an_address_that_cannot_be_read_lets_nobody_in(server: Server, said: str) -> None:
    """CVE-2024-47070: behind a proxy, with a word in the place of an address, every check is still made."""
    async with server(trusted_proxies="127.0.0.1/32") as served:
        await served.register()
        headers = {b"X-Forwarded-For": said.encode("latin-1")}
        body = {"email": EMAIL, "password": "wrong", "mode": "token"}
        answer = await served.client.post("/v1/login", json=body, headers=headers)
        assert code_of(answer) == (401, "invalid_credentials")
        for path in ("/v1/me", "/v1/forward-auth"):
            answer = await served.client.get(path, headers={**headers, b"Cookie": b"sekisho=%ff"})
            assert code_of(answer) == (401, "session_unknown")
        for _ in range(POLICIES["account"].free - 1):
            await served.client.post("/v1/login", json=body, headers=headers)
        answer = await served.client.post("/v1/login", json=body, headers=headers)
        assert code_of(answer) == (429, "rate_limited")


@pytest.mark.requirement("X12", "W10")
@pytest.mark.parametrize("signed_in", [False, True])
async def test_x12_an_empty_form_takes_no_step(server: Server, *, signed_in: bool) -> None:
    """CVE-2026-49448: with a good token and no field, or with all of them empty; except for logging out."""
    async with server(features=with_pages) as served:
        await served.setup_code()
        visitor = Visitor(served)
        if signed_in:
            await served.register()
            await served.login()
            await visitor.log_in()
        before = await everything(served)
        session = visitor.jar.get("sekisho")
        token = (await visitor.see("/account" if signed_in else "/login")).forms["/preferences"]["csrf_token"]
        for page in (each for each in pages(served) if each.submit is not None and each.path != "/logout"):
            fields = dict.fromkeys({"code", "session", *GOOD} - {"mode", "scope"}, "")
            for form in ({}, fields, {**fields, "mode": "", "scope": ""}):
                answer = await visitor.ask("POST", page.path, {**form, "csrf_token": token})
                nothing = answer.status_code == 303 and page.path == "/preferences" and not form
                assert nothing or answer.status_code in {303, 401, 403, 404, 422}, page.path
                assert answer.headers.get("location", "/login").split("?")[0] in {"/login", "/account"}
                assert visitor.jar.get("sekisho") == session, page.path
        assert await everything(served) == before
        assert await visitor.signed_in() == signed_in


async def everything(served: Served) -> list[object]:
    """What steps would change: accounts, their sessions, the code of the setup."""
    store, now = served.house.store, served.clock()
    accounts = await store.list_accounts()
    sessions = [await store.list_sessions(each.id, now=now) for each in accounts]
    return [accounts, sessions, await store.setup_digest(now=now)]


#: Members and fields that somebody could guess at; a new password is chosen, not guessed.
GUESSED = {"password", "current_password", "code"}
CHOSEN = {"/v1/accounts", "/signup"}


@pytest.mark.requirement("X17", "W5")
async def test_x17_whatever_can_be_guessed_has_a_limit(served: Served) -> None:
    """CVE-2025-64102: each operation and each form that takes a password or a code, by their own list."""
    tokens = await served.login()
    await served.setup_code()
    limited = set[str]()
    for each in operations(served):
        guessed = GUESSED & set(each.members)
        if guessed and each.path not in CHOSEN:
            served.clock.now += 20  # what two share is free again for one attempt
            body = {
                **{name: GOOD[name] for name in each.members if name in GOOD},
                **dict.fromkeys(guessed, "x"),
            }
            asked = [await ask(served, "POST", each.path, bearer(tokens), json=body) for _ in range(11)]
            assert limits(asked), each
            limited.add(each.path)
    assert limited == {"/v1/login", "/v1/password", "/v1/sessions/exchange", "/v1/setup"}


@pytest.mark.requirement("X17", "W5")
async def test_x17_so_has_every_form(visitor: Visitor) -> None:
    """The same by the pages, whose forms are found where a person finds them."""
    served, limited = visitor.served, set[str]()
    await served.setup_code()
    forms = {**(await visitor.see("/login")).forms, **(await visitor.see("/setup")).forms}
    owner = Visitor(served)
    await owner.log_in()
    of_owner = {**(await owner.see("/account")).forms, **(await owner.see("/account/delete")).forms}
    for who, found in ((visitor, forms), (owner, of_owner)):
        for action, form in found.items():
            guessed = GUESSED & form.keys()
            if guessed and action not in CHOSEN:
                served.clock.now += 20  # what two share is free again for one attempt
                filled = {name: value or GOOD.get(name, "") for name, value in form.items()}
                filled |= dict.fromkeys(guessed, "x")
                asked = [await who.ask("POST", action, filled) for _ in range(11)]
                assert limits(asked), action
                limited.add(action)
    assert limited == {"/login", "/setup", "/account/password", "/account/delete"}


def limits(asked: list[httpx2.Response]) -> bool:
    """Whether the guesses were told to wait after some, and each before that was refused."""
    statuses = [answer.status_code for answer in asked]
    heard = statuses.index(429) if 429 in statuses else len(statuses)
    return 0 < heard < len(statuses) and set(statuses[:heard]) <= {401, 403}
