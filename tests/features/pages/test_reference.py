"""The API reference: the document as a page, in both languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sekisho.features.pages.printing import PAGES
from sekisho.web.app import CORE
from sekisho.words.catalogue import words
from tests.features.pages.visitor import Visitor

if TYPE_CHECKING:
    from sekisho.words.catalogue import Language


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_operation_is_there_with_its_codes(visitor: Visitor, language: Language) -> None:
    """Method, path, what it is for in the reader's words, and a link for each code that it may answer."""
    page = await visitor.see("/docs/api", **{"Accept-Language": language})
    assert (page.status, page.of("html")["lang"]) == (200, language)
    articles = re.findall(r"<article.*?</article>", page.answer.text, re.DOTALL)
    assert len(articles) == len(CORE)
    by_id = {re.findall(r'<h3 id="([a-z_]+)"', each)[0]: each for each in articles}
    for endpoint in CORE:
        article = by_id[endpoint.handler.__name__]
        assert f"<code>{endpoint.method} {endpoint.path}</code>" in article
        linked = re.findall(r'href="/problems/([a-z_]+)"', article)
        assert sorted(linked) == sorted(endpoint.all_codes), endpoint.path
        assert ' lang="en">' not in article, "nobody translated it"


def test_every_operation_has_words() -> None:
    """As many as there are, and none that is no operation any more."""
    named = {f"operation.{endpoint.handler.__name__}" for endpoint in CORE}
    told = words(PAGES, "ja").texts
    assert {key for key in told if key.startswith("operation.")} == named
    assert {key for key in told if key.startswith("tag.")} == {f"tag.{endpoint.tag}" for endpoint in CORE}


async def test_what_is_sent_and_answered_is_named(visitor: Visitor) -> None:
    """The fields of a body with their types, the alternatives of an answer, and who may ask."""
    text = (await visitor.see("/docs/api")).words
    login = text[text.index("POST /v1/login") : text.index("GET /v1/csrf")]
    assert "email string password password mode browser | session | token" in login
    assert "device_token string, optional" in login
    assert "200 LoginDone AccessTokenOnly SessionMade" in login
    assert "For anybody" in login
    me = text[text.index("GET /v1/me") : text.index("POST /v1/password")]
    assert "For access token, session cookie Answer" in me
    feed = text[text.index("GET /v1/revocations ") : text.index("GET /v1/revocations/stream")]
    assert "For token of the feed, anybody" in feed


async def test_the_foot_of_every_page_leads_there(visitor: Visitor) -> None:
    """From the login as from an explanation; and from there to the document itself."""
    for path in ("/login", "/problems/conflict", "/docs/api"):
        assert (await visitor.see(path)).of("a", href="/docs/api")
    page = await visitor.see("/docs/api")
    assert page.of("a", href="/openapi.json")
    assert "<script" not in page.answer.text
    assert len(page.answer.content) < 120_000
