"""What a refusal means, on a page of its own for each code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sekisho.web.wire import STATUS
from sekisho.words.catalogue import SHARED, words
from tests.features.pages.visitor import Seen, Visitor

if TYPE_CHECKING:
    from sekisho.words.catalogue import Language
    from tests.web.served import Served


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_code_has_a_page(visitor: Visitor, language: Language) -> None:
    """In the reader's language: title, what to do, the code and its status; nothing of a template is left."""
    for code, status in STATUS.items():
        page = await visitor.see(f"/problems/{code}", **{"Accept-Language": language})
        say = words(SHARED, language)
        assert (page.status, page.of("html")["lang"]) == (200, language)
        assert page.words.count(say(f"problem.{code}.title")) == 2, "in the head, and once in the page"
        assert say(f"problem.{code}.detail", count="N") in page.words
        assert f"{code}" in page.words
        assert f" {status} " in page.words
        assert page.answer.headers["vary"] == "Accept-Language, Cookie, Accept"


async def test_the_choice_of_a_language_comes_back_to_the_page(visitor: Visitor) -> None:
    """The foot of the page leads to the page itself, in the other language."""
    page = await visitor.see("/problems/token_expired")
    answer = await visitor.send(page, "/preferences", language="ja")
    assert (answer.status_code, answer.headers["location"]) == (303, "/problems/token_expired")
    assert (await visitor.see(answer.headers["location"])).of("html")["lang"] == "ja"


async def test_a_code_that_is_none_is_a_page_that_says_so(visitor: Visitor) -> None:
    """404 as a page for a person, as a problem for a program; the asked text comes back in neither."""
    for path in ("/problems/nothing_of_ours", "/problems/%3Cb%3E"):
        page = await visitor.see(path)
        assert (page.status, "There is nothing here" in page.words) == (404, True)
        assert "nothing_of_ours" not in page.answer.text
        assert "<b>" not in page.answer.text
        answer = await visitor.ask("GET", path, Accept="application/json")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_who_asks_for_no_html_has_the_endpoint(served: Served) -> None:
    """As it was without pages: both languages at once, kept by caches, which are told what decides."""
    for accept in ("*/*", "image/png"):
        answer = await served.client.get("/problems/token_expired", headers={"Accept": accept})
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert answer.headers["content-language"] == "en, ja"
        assert answer.headers["vary"] == "Accept-Language, Accept"
        assert "set-cookie" not in answer.headers


async def test_an_error_page_leads_to_what_it_means(visitor: Visitor) -> None:
    """By its code."""
    page = await visitor.see("/nothing")
    assert page.of("a", href="/problems/not_found")
    assert Seen(await visitor.ask("GET", "/problems/not_found")).status == 200


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_a_program_reads_what_a_code_means(served: Served, language: Language) -> None:
    """JSON for whoever names it, in the language asked for; kept by caches, which are told what decides."""
    say = words(SHARED, language)
    for accept in ("application/json", "application/problem+json, */*;q=0.1"):
        headers = {"Accept": accept, "Accept-Language": language}
        answer = await served.client.get("/problems/rate_limited", headers=headers)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers.get_list("vary") == ["Accept-Language, Accept"]
        assert answer.headers["content-language"] == language
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert answer.json() == {
            "type": "urn:sekisho:problem:rate_limited",
            "code": "rate_limited",
            "status": 429,
            "title": say("problem.rate_limited.title"),
            "detail": say("problem.rate_limited.detail", count="N"),
        }


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_all_codes_stand_on_one_page(visitor: Visitor, language: Language) -> None:
    """Each with its sentence, its status and a link; the same as JSON for a program."""
    page = await visitor.see("/problems", **{"Accept-Language": language})
    assert (page.status, page.of("html")["lang"]) == (200, language)
    say = words(SHARED, language)
    for code, status in STATUS.items():
        assert page.of("a", href=f"/problems/{code}")
        assert f"{say(f'problem.{code}.title')} {code} {status}" in page.words
    headers = {"Accept": "*/*", "Accept-Language": language}
    answer = await visitor.ask("GET", "/problems", None, **headers)
    listed = answer.json()["problems"]
    assert [each["code"] for each in listed] == sorted(STATUS)
    assert listed[0]["title"] == say(f"problem.{listed[0]['code']}.title")
    assert answer.headers.get_list("vary") == ["Accept-Language, Accept"]
    assert (await visitor.see("/problems/conflict")).of("a", href="/problems")
