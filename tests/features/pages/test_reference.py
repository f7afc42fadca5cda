"""The API reference: the document as a page, in both languages."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx2
import pytest

from sekisho.features.pages.printing import PAGES
from sekisho.features.pages.reference import examples_of, operations
from sekisho.web.app import CORE
from sekisho.web.openapi import openapi
from sekisho.words.catalogue import words
from tests.features.pages.visitor import Visitor
from tests.parts import serving

if TYPE_CHECKING:
    from pathlib import Path

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
    login = text[text.index("POST /v1/login") : text.index("GET /v1/csrf A CSRF token")]
    assert "email string password password mode browser | session | token" in login
    assert "device_token string, optional" in login
    for answer in ("LoginDone access_token", "AccessTokenOnly access_token", "SessionMade session_id"):
        assert f"200 {answer} string" in login
    assert "For anybody" in login
    me = text[text.index("GET /v1/me") : text.index("POST /v1/password")]
    assert "For access token, session cookie Answer" in me
    feed = text[text.index("GET /v1/revocations ") : text.index("GET /v1/revocations/stream")]
    assert "For token of the feed, anybody" in feed


def blocks(page: str) -> dict[str, list[str]]:
    """The examples of each operation, by its id: a command and a program."""
    articles = re.findall(r'<h3 id="([a-z_]+)".*?</article>', page, re.DOTALL)
    bodies = re.findall(r"<article.*?</article>", page, re.DOTALL)
    return {
        name: [html.unescape(each) for each in re.findall(r"<pre><code>(.*?)</code></pre>", body, re.DOTALL)]
        for name, body in zip(articles, bodies, strict=True)
    }


def copied(program: str, tongue: str, variables: dict[str, str]) -> tuple[int, str]:
    """Run an example as somebody does who has copied it; what it ended with, and all it said."""
    command = ["sh", "-c", program] if tongue == "curl" else [sys.executable, "-c", program]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("tongue", ["curl", "python"])
def test_the_examples_run_as_they_stand(tongue: str, tmp_path: Path) -> None:
    """Sign up, log in, ask who one is and where, read the issuer's time, end the session: all copied."""
    if tongue == "curl" and shutil.which("curl") is None and not os.environ.get("CI"):
        pytest.skip("curl is not installed")
    with serving.Server(tmp_path / "data") as server:
        found = blocks(httpx2.get(f"{server.url}/docs/api", headers={"Accept": "text/html"}).text)
        place = ("curl", "python").index(tongue)
        variables = {"FEED_TOKEN": "not needed on loopback", "NONCE": "n" * 22}

        def run(operation: str) -> str:
            code, said = copied(found[operation][place], tongue, variables)
            assert code == 0, said
            return said

        assert '"email":"aya@example.com"' in run("create_account")
        tokens = run("login")
        variables["ACCESS_TOKEN"] = re.findall(r'"access_token":"([^"]+)"', tokens)[0]
        assert '"email":"aya@example.com"' in run("show_me")
        variables["ID"] = re.findall(r'"id":"([^"]+)"', run("list_sessions"))[0]
        assert run("revocations_time").count(".") >= 2
        assert "token_expired" in run("problem_list")
        run("revoke_session")
        assert server.ask("GET", "/v1/me", bearer=variables["ACCESS_TOKEN"]).status == 401


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_parameter_is_described(visitor: Visitor, language: Language) -> None:
    """In the reader's words, as many as there are, and none that is no parameter any more."""
    text = (await visitor.see("/docs/api", **{"Accept-Language": language})).words
    say = words(PAGES, language)
    named = {each.name for endpoint in CORE for each in endpoint.parameters} | {"id", "code"}
    keys = {f"parameter.{name.lower().replace('-', '_')}" for name in named}
    assert {key for key in say.texts if key.startswith("parameter.")} == keys
    for key in keys:
        assert say(key) in text, key


def test_every_example_is_a_command_and_a_program() -> None:
    """Python that compiles, and no command with a secret of its own."""
    document = openapi(CORE, issuer="https://id.example.com/auth", version="0", session_cookie="sekisho")
    for operation in operations(json.dumps(document).encode()):
        command, program = (text for _, text in examples_of("https://id.example.com/auth", operation))
        compile(program, operation.id, "exec")
        assert f'"https://id.example.com/auth{operation.path.partition("{")[0]}' in command
        assert f"method={json.dumps(operation.method)}" in program
        expected = {"bearer": "$ACCESS_TOKEN", "feed": "$FEED_TOKEN"}
        for who, variable in expected.items():
            assert (variable in command) == (who in operation.who), operation.id


async def test_the_foot_of_every_page_leads_there(visitor: Visitor) -> None:
    """From the login as from an explanation; and from there to the document itself."""
    for path in ("/login", "/problems/conflict", "/docs/api"):
        assert (await visitor.see(path)).of("a", href="/docs/api")
    page = await visitor.see("/docs/api")
    assert page.of("a", href="/openapi.json")
    assert "<script" not in page.answer.text
    assert len(page.answer.content) < 120_000
