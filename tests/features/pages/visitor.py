"""Somebody with a browser that runs no script: reads pages, fills in forms, and keeps cookies."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import httpx2

from tests.web.browser import OWN_PAGE, cookies_of
from tests.web.served import EMAIL, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.web.served import Served

#: What a browser asks for when it goes to a page.
NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
_VOID = {"meta", "link", "input", "img", "br"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.forms: dict[str, dict[str, str]] = {}
        self.text: list[str] = []
        self._form: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert len(found) == len(attrs), f"an attribute twice: {attrs}"
        self.tags.append((tag, found))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "form":
            self._form = self.forms.setdefault(found["action"], {})
        if tag == "input" and self._form is not None and "name" in found:
            self._form[found["name"]] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@dataclass
class Seen:
    """A page as it was shown: its elements, its forms by their addresses with what is in them, its words."""

    answer: httpx2.Response
    tags: list[tuple[str, dict[str, str]]] = field(init=False)
    forms: dict[str, dict[str, str]] = field(init=False)
    words: str = field(init=False)

    def __post_init__(self) -> None:
        """Read it, strictly: every element closed by its own end."""
        assert self.answer.headers["content-type"] == "text/html; charset=utf-8"
        reader = _Reader()
        reader.feed(self.answer.text)
        assert reader.open == []
        self.tags, self.forms = reader.tags, reader.forms
        # Without what only keeps a line from ending: spaces of that kind become plain ones here as well.
        self.words = " ".join(" ".join(reader.text).replace("\u2060", "").split())

    @property
    def status(self) -> int:
        """The status it came with."""
        return self.answer.status_code

    def of(self, name: str, **attributes: str) -> dict[str, str]:
        """The attributes of the one element with that name and these attributes."""
        (found,) = (
            each
            for tag, each in self.tags
            if tag == name and all(each.get(key) == value for key, value in attributes.items())
        )
        return found


@dataclass
class Visitor:
    """One browser; `headers` go with whatever it asks."""

    served: Served
    headers: Mapping[str, str] = field(default_factory=lambda: OWN_PAGE)
    jar: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str
    ) -> httpx2.Response:
        """One request with the cookies of the jar; redirects are not followed."""
        sent = {**NAVIGATION, **self.headers, **headers}
        if self.jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        transport = httpx2.ASGITransport(app=self.served.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url=self.served.house.settings.origin
        ) as client:
            answer = await client.request(method, path, data=form, headers=sent)
        for name, value in cookies_of(answer).items():
            if value:
                self.jar[name] = value
            else:
                self.jar.pop(name, None)
        return answer

    async def see(self, path: str, **headers: str) -> Seen:
        """Look at a page."""
        return Seen(await self.ask("GET", path, None, **headers))

    async def send(self, seen: Seen, action: str, **filled: str) -> httpx2.Response:
        """Fill in a form of a page and send it, with whatever is hidden in it."""
        form = {**seen.forms[action], **filled}
        return await self.ask("POST", action, form)

    async def fill(self, page: str, action: str | None = None, **filled: str) -> httpx2.Response:
        """Open a page, fill in its form and send it."""
        return await self.send(await self.see(page), action or page, **filled)

    async def log_in(self, email: str = EMAIL, password: str = PASSWORD) -> None:
        """Log in with an account that was made."""
        answer = await self.fill("/login", email=email, password=password)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account"), answer.text

    async def signed_in(self) -> bool:
        """Whether this browser is shown an account."""
        return (await self.ask("GET", "/account")).status_code == 200
