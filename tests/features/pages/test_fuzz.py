"""Whatever is asked of a page, the answer is a page or the way to one: never a fault of ours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.features.pages.conftest import with_pages
from tests.features.pages.visitor import Seen, Visitor
from tests.web.served import EMAIL, OTHER_PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.web.served import Served, Server

PATHS = st.sampled_from(
    [
        "/",
        "/login",
        "/signup",
        "/logout",
        "/account",
        "/account/password",
        "/account/sessions",
        "/account/language",
        "/account/delete",
        "/preferences",
        "/problems/conflict",
    ]
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NAMES = st.sampled_from(
    [
        "email",
        "password",
        "next",
        "scope",
        "session",
        "current_password",
        "new_password",
        "language",
        "theme",
        "mode",
    ]
)
VALUES = TEXT | st.sampled_from(
    [EMAIL, OTHER_PASSWORD, "others", "ja", "dark", "/", "token", "\0", "x" * 400]
)
FORMS = st.dictionaries(NAMES | TEXT.filter(bool), VALUES, max_size=5)
QUERIES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=30)
COOKIES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";"), max_size=20)


class Running:
    """A server on an event loop of its own, for as long as a test throws things at it."""

    def __init__(self, server: Server) -> None:
        self.runner = asyncio.Runner()
        self._opening = server(features=with_pages)
        self.served: Served = self.runner.run(self._opening.__aenter__())
        self.runner.run(self.served.register())

    def close(self) -> None:
        """Stop it."""
        self.runner.run(self._opening.__aexit__(None, None, None))
        self.runner.close()


@pytest.fixture
def running(server: Server) -> Iterator[Running]:
    """Such a server."""
    found = Running(server)
    yield found
    found.close()


def test_whatever_is_asked_is_answered(running: Running) -> None:
    """With a good token, by a stranger and by an owner: any fields, queries and cookies."""
    visitors = [Visitor(running.served), Visitor(running.served)]
    running.runner.run(visitors[1].log_in())

    @settings(suppress_health_check=list(HealthCheck), max_examples=80)
    @given(st.sampled_from(visitors), PATHS, QUERIES, FORMS, COOKIES)
    def ask(visitor: Visitor, path: str, query: str, form: dict[str, str], cookie: str) -> None:
        odd = {"sekisho-language": cookie, "sekisho-theme": cookie}
        copy = Visitor(running.served, jar={**visitor.jar, **odd})
        running.runner.run(answered(copy, f"{path}?{query}", form))

    ask()


async def answered(visitor: Visitor, address: str, form: Mapping[str, str]) -> None:
    """Look, and send what was filled in."""
    looked = await visitor.ask("GET", address)
    assert looked.status_code in {200, 303}, looked.text
    token = (await visitor.see("/logout")).forms["/preferences"]["csrf_token"]
    sent = await visitor.ask("POST", address, {**form, "csrf_token": token})
    assert sent.status_code in {303, 401, 404, 405, 409, 422, 429}, sent.text
    for answer in (looked, sent):
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/")
        else:
            assert Seen(answer).of("html")["lang"] in {"en", "ja"}
