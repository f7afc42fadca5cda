"""What every page carries: headers, language, structure, and no more than it may weigh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.features.pages.conftest import with_pages
from tests.features.pages.visitor import Seen, Visitor
from tests.web.browser import cookies_of
from tests.web.served import EMAIL, PASSWORD

if TYPE_CHECKING:
    from tests.web.served import Served, Server

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
}


async def every_page(visitor: Visitor) -> list[Seen]:
    """Each page as a stranger and as an owner sees it, with mistakes and without."""
    stranger = [
        await visitor.see(path) for path in ("/login", "/signup", "/logout", "/nothing", "/problems/conflict")
    ]
    stranger.append(Seen(await visitor.fill("/login", email=EMAIL, password="wrong")))
    stranger.append(Seen(await visitor.fill("/signup", email="x", password="short")))
    await visitor.log_in()
    owner = [
        await visitor.see(path)
        for path in ("/account", "/account?done=password", "/account/delete", "/logout")
    ]
    filled = {"current_password": "x", "new_password": "short"}
    owner.append(Seen(await visitor.fill("/account", "/account/password", **filled)))
    return [*stranger, *owner]


@pytest.mark.requirement("H1", "SE8", "X14")
async def test_every_page_is_under_the_strict_policy(visitor: Visitor) -> None:
    """Nothing inline, nothing of others, no frame, Trusted Types; kept by no cache; whatever its status."""
    for page in await every_page(visitor):
        headers = page.answer.headers
        assert set(headers["content-security-policy"].split("; ")) == POLICY
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers.get_list("referrer-policy") == ["same-origin"]
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["permissions-policy"].startswith("camera=(), ")
        assert headers["vary"].startswith("Accept-Language, Cookie")
        for tag, attributes in page.tags:
            if tag == "script":
                assert attributes.keys() == {"type", "src"}
                assert re.fullmatch(r"/static/[a-z-]+-[0-9a-f]{12}\.js", attributes["src"])
        assert '<script type="module"' in page.answer.text or "password" not in page.answer.text
        assert not re.search(r"<style|\son\w+=|\sstyle=|javascript:|https?:", page.answer.text)


@pytest.mark.requirement("H1")
async def test_https_is_asked_for_where_it_is(server: Server) -> None:
    """HSTS on pages as on everything else, and cookies that no sibling host can set."""
    async with server(features=with_pages, issuer="https://id.example.com", signup="open") as served:
        visitor = Visitor(served, headers={"Origin": "https://id.example.com"})
        page = await visitor.see("/login")
        assert page.answer.headers["strict-transport-security"].startswith("max-age=63072000")
        answer = await visitor.fill("/login", "/preferences", language="ja")
        assert cookies_of(answer) == {"__Host-sekisho-language": "ja"}
        assert "; HttpOnly; SameSite=Lax; Secure" in answer.headers["set-cookie"]


async def test_every_page_can_be_read_by_ear(visitor: Visitor) -> None:
    """A language, a title, one heading of the first rank, a label for each field, and no id twice."""
    for page in await every_page(visitor):
        tags = page.tags
        assert page.of("html")["lang"] == "en"
        assert page.answer.headers["content-language"] == "en"
        assert sum(tag == "h1" for tag, _ in tags) == 1
        assert sum(tag == "main" for tag, _ in tags) == 1
        ids = [each["id"] for _, each in tags if "id" in each]
        assert len(ids) == len(set(ids))
        labelled = {each["for"] for tag, each in tags if tag == "label"}
        for tag, each in tags:
            if tag == "input" and each.get("type") != "hidden" and "aria-hidden" not in each:
                assert each["id"] in labelled
            for name in ("aria-describedby", "aria-labelledby"):
                assert set(each.get(name, "").split()) <= set(ids)
            if tag == "a" and each["href"].startswith("#"):
                assert each["href"][1:] in ids
            if tag == "img":
                assert each["alt"] == ""
        if page.status >= 400 and page.of("html"):
            title = re.search("<title>(.*)</title>", page.answer.text)
            assert title is not None
            assert page.status == 404 or title[1].startswith("Error: ")


async def test_the_login_page_is_light(visitor: Visitor) -> None:
    """25 kB and 5 requests at most, all of them ours; files are kept for ever, since their names change."""
    page = await visitor.see("/login")
    fetched = {each["href"] for tag, each in page.tags if tag == "link"}
    fetched |= {each["src"] for tag, each in page.tags if tag in {"img", "script"}}
    weight = len(page.answer.content)
    for path in fetched:
        assert re.fullmatch(r"/static/[a-z]+-[0-9a-f]{12}\.(css|js|svg)", path)
        answer = await visitor.ask("GET", path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        kinds = {"text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/svg+xml"}
        assert answer.headers["content-type"] in kinds
        assert "set-cookie" not in answer.headers
        assert not re.search(r"https?://(?!www\.w3\.org/)|@import|url\(", answer.text)
        weight += len(answer.content)
    assert (1 + len(fetched) <= 5, weight <= 25_000) == (True, True), weight
    assert (await visitor.ask("GET", "/static/pages-000000000000.css")).status_code == 404


@pytest.mark.parametrize(
    ("accepted", "language", "heading"),
    [
        ("ja", "ja", "ログイン"),
        ("en", "en", "Log in"),
        ("fr;q=1, ja;q=0.5", "ja", "ログイン"),
        ("fr", "en", "Log in"),
    ],
)
async def test_a_page_speaks_the_language_of_its_reader(
    visitor: Visitor, accepted: str, language: str, heading: str
) -> None:
    """By Accept-Language, and it says which it is."""
    page = await visitor.see("/login", **{"Accept-Language": accepted})
    assert (page.of("html")["lang"], page.answer.headers["content-language"]) == (language, language)
    assert f"<h1>{heading}</h1>" in page.answer.text


async def test_a_language_that_was_chosen_stays(visitor: Visitor) -> None:
    """A button on every page, without a script; it comes back to that page, and errors follow it."""
    page = await visitor.see("/login?next=%2Fdocs")
    assert page.of("button", value="ja")["aria-pressed"] == "false"
    answer = await visitor.send(page, "/preferences", language="ja")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fdocs")
    assert "; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]
    page = await visitor.see(answer.headers["location"], **{"Accept-Language": "en"})
    assert page.of("html")["lang"] == "ja"
    assert page.of("button", value="ja")["aria-pressed"] == "true"
    page = Seen(await visitor.send(page, "/login", email=EMAIL, password="wrong"))
    assert "メールアドレスかパスワードが違います" in page.words
    assert "ここには何もありません" in (await visitor.see("/nothing")).words
    visitor.jar["sekisho-language"] = "<script>"
    assert (await visitor.see("/login")).of("html")["lang"] == "en"


async def test_an_appearance_that_was_chosen_stays(visitor: Visitor) -> None:
    """The server writes it into the page, so nothing flashes; what is no appearance is refused."""
    page = await visitor.see("/login")
    assert page.of("html")["data-theme"] == "auto"
    await visitor.send(page, "/preferences", theme="dark")
    page = await visitor.see("/login")
    assert page.of("html")["data-theme"] == "dark"
    assert page.of("button", value="dark")["aria-pressed"] == "true"
    answer = await visitor.send(page, "/preferences", theme="x")
    assert (answer.status_code, "set-cookie" in answer.headers) == (422, False)
    visitor.jar["sekisho-theme"] = '"><script>'
    assert (await visitor.see("/login")).of("html")["data-theme"] == "auto"


@pytest.mark.requirement("A14")
async def test_a_choice_comes_back_to_our_own_pages_alone(visitor: Visitor) -> None:
    """The hidden field that says where is not believed either."""
    page = await visitor.see("/login")
    answer = await visitor.send(page, "/preferences", language="ja", next="//evil.example")
    assert answer.headers["location"] == "/account"


@pytest.mark.requirement("F4")
async def test_a_button_that_was_left_open_leads_back_to_its_page(visitor: Visitor) -> None:
    """Nothing is chosen without a good token; the page comes again, and its button has one."""
    page = await visitor.see("/login?next=%2Fdocs")
    visitor.jar.clear()
    for stale in (page.forms["/preferences"]["csrf_token"], ""):
        answer = await visitor.send(page, "/preferences", language="ja", csrf_token=stale)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fdocs")
        assert "set-cookie" not in answer.headers
    page = await visitor.see(answer.headers["location"])
    answer = await visitor.send(page, "/preferences", language="ja")
    assert cookies_of(answer) == {"sekisho-language": "ja"}
    answer = await visitor.send(page, "/preferences", csrf_token="", next="//evil.example")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


async def test_what_somebody_typed_is_text(visitor: Visitor) -> None:
    """Markup in an address, in a device's name or in a path is shown as it was written."""
    markup = '"><img src=x>'
    page = Seen(await visitor.fill("/login", email=markup, password="x"))
    assert page.forms["/login"]["email"] == markup
    assert "<img src=x>" not in page.answer.text
    visitor.headers = {**visitor.headers, "User-Agent": "<b>Browser</b>/1"}
    await visitor.log_in()
    assert "<b>" not in (await visitor.see("/account")).answer.text
    assert "<b>" not in (await visitor.see("/%3Cb%3E")).answer.text


async def test_a_refusal_is_a_page_for_who_asks_for_pages(visitor: Visitor) -> None:
    """The code and the request id are on it, and a way on; programs and the API go on in JSON."""
    page = await visitor.see("/nothing")
    assert page.status == 404
    assert f"Code not_found Request id {page.answer.headers['x-request-id']}" in page.words
    assert page.of("a", **{"class": "button first"})["href"] == "/"
    for path, accept in (("/nothing", "*/*"), ("/nothing", "application/json"), ("/v1/me", "text/html")):
        answer = await visitor.ask("GET", path, None, Accept=accept)
        assert answer.headers["content-type"] == "application/problem+json", (path, accept)
    answer = await visitor.ask("PUT", "/login")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert Seen(answer).words
    head = await visitor.ask("HEAD", "/login")
    assert (head.status_code, head.content) == (200, b"")


async def test_pages_find_each_other_below_a_path(server: Server) -> None:
    """An issuer with a path: every link, form, file and redirect begins with it."""
    async with server(features=with_pages, issuer="http://localhost:8400/auth") as served:
        await served.register()
        visitor = Visitor(mounted(served, "/auth"))
        assert (await visitor.ask("GET", "/auth/")).headers["location"] == "/auth/login"
        page = await visitor.see("/auth/login")
        targets = [each.get(name, "") for _, each in page.tags for name in ("href", "src", "action")]
        assert all(target.startswith(("/auth/", "#")) for target in targets if target)
        answer = await visitor.send(page, "/auth/login", email=EMAIL, password=PASSWORD)
        assert answer.headers["location"] == "/auth/account"
        page = await visitor.see("/auth/account")
        assert EMAIL in page.words
        answer = await visitor.send(page, "/auth/logout")
        assert answer.headers["location"] == "/auth/logout"
        answer = await visitor.ask("GET", "/auth/account")
        assert answer.headers["location"] == "/auth/login?next=/auth/account"


def mounted(served: Served, prefix: str) -> Served:
    """The same server as a part of another application."""
    served.app = Starlette(routes=[Mount(prefix, app=served.app)])
    return served


async def test_a_server_has_pages_by_default(visitor: Visitor) -> None:
    """And they are no part of the document for programs."""
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=visitor.served.app), base_url="http://localhost:8400"
    ) as plain:
        document = (await plain.get("/openapi.json")).json()
    assert not {"/login", "/account", "/"} & document["paths"].keys()
