"""Whatever a server answers to, by its own lists, asked with one word wherever a caller puts some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx2

from sekisho.compose import standard_features
from sekisho.web.pages import Page
from tests.features.pages.visitor import NAVIGATION, Seen, Visitor
from tests.web.browser import OWN_PAGE, cookies_of
from tests.web.served import EMAIL, OTHER_PASSWORD, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from tests.web.served import Served

ID = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#: What an honest caller puts there.
GOOD = {
    "email": EMAIL,
    "password": PASSWORD,
    "current_password": PASSWORD,
    "new_password": OTHER_PASSWORD,
    "mode": "token",
    "scope": "this",
    "locale": "ja",
    "language": "ja",
    "theme": "dark",
    "session": ID,
}
#: Parameters of pages, which no document lists.
ASKED_OF_PAGES = ("next", "why", "done", "ui_locales", "code", "email", "session", "error")


@dataclass(frozen=True)
class Operation:
    """One of the document: its method, its path, the members of its body, and the parameters it reads."""

    method: str
    path: str
    members: tuple[str, ...]
    parameters: tuple[str, ...]

    @property
    def unsafe(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"


def operations(served: Served) -> list[Operation]:
    """All of them, with a path that can be asked; but not the stream, which has no end."""
    document = served.contract.document
    return [
        Operation(
            method.upper(),
            path.replace("{id}", ID).replace("{code}", "conflict"),
            tuple(_members(document, operation)),
            tuple(each["name"] for each in operation.get("parameters", ())),
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if not path.endswith("/stream")
    ]


def _members(document: Mapping[str, Any], operation: Mapping[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = {}
    for each in content.values():
        schema = each["schema"]
    if reference := schema.get("$ref"):
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return list(schema.get("properties", {}))


def pages(served: Served) -> list[Page]:
    """Those that a server has unless somebody says otherwise."""
    found = standard_features(served.house.settings, clock=served.clock)
    return [each for feature in found for each in feature.pages if isinstance(each, Page)]


async def ask(
    served: Served,
    method: str,
    path: str,
    headers: Mapping[str, str] = OWN_PAGE,
    *,
    jar: Mapping[str, str] | None = None,
    **how: Any,  # noqa: ANN401 - arguments of httpx2
) -> httpx2.Response:
    """One request of nobody in particular, on our own page unless said otherwise."""
    sent = dict(headers)
    if jar:
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
    transport = httpx2.ASGITransport(app=served.app)
    async with httpx2.AsyncClient(transport=transport, base_url=served.house.settings.origin) as client:
        return await client.request(method, path, headers=sent, **how)


async def knock(
    served: Served,
    method: str,
    path: str,
    headers: Mapping[str, str],
    *,
    jar: Mapping[str, str] | None = None,
) -> httpx2.Response:
    """The same with a path as no client would leave it, and a body of JSON without members."""
    sent: list[dict[str, Any]] = []
    said = {"Content-Type": "application/json", **headers}
    if jar:
        said["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's own type
        sent.append(message)

    written, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(written),
        "raw_path": written.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in said.items()],
        "client": ("127.0.0.1", 1),
    }
    await served.app(scope, receive, send)
    start, *parts = sent
    content = b"".join(part["body"] for part in parts)
    return httpx2.Response(start["status"], headers=start["headers"], content=content)


def handed_out(answer: httpx2.Response) -> set[str]:
    """What in an answer opens a session: cookies and members by their names."""
    found = {name for name, value in cookies_of(answer).items() if value} & {"sekisho", "sekisho-refresh"}
    if answer.headers.get("content-type") == "application/json" and isinstance(body := answer.json(), dict):
        found |= body.keys() & {"access_token", "refresh_token"}
    return found


async def everywhere(served: Served, word: str) -> AsyncIterator[httpx2.Response]:
    """Every answer to `word` as a member, a field, a parameter, a segment of a path or a harmless header."""
    await served.setup_code()  # so that its page has a form
    headers = dict.fromkeys(("User-Agent", "Referer", "Accept-Language", "X-Request-Id"), word)
    for each in operations(served):
        path = f"{each.path.rpartition('/')[0]}/{word}" if each.path.endswith((ID, "conflict")) else each.path
        query = dict.fromkeys((*each.parameters, *ASKED_OF_PAGES), word)
        yield await ask(served, each.method, path, {**OWN_PAGE, **headers}, params=query)
        good = {name: GOOD.get(name, "x") for name in each.members}
        for name in good:
            yield await ask(served, each.method, each.path, json={**good, name: word})
    owner = Visitor(served)
    for visitor in (Visitor(served), owner):
        sent: set[str] = set()
        for page in pages(served):
            if visitor is owner and not await owner.signed_in():
                await _come_in(owner)
            path, asked = page.path.replace("{code}", "conflict"), {**NAVIGATION, **headers}
            query = dict.fromkeys(ASKED_OF_PAGES, word)
            yield await ask(served, "GET", path, {**OWN_PAGE, **asked}, jar=visitor.jar, params=query)
            shown = await visitor.ask("GET", path)
            if shown.headers.get("content-type", "").startswith("text/html"):
                for action, form in Seen(shown).forms.items():
                    if action in sent:
                        continue
                    sent.add(action)
                    for filled in _spoilt(form, word):
                        yield await ask(
                            served, "POST", action, {**OWN_PAGE, **NAVIGATION}, jar=visitor.jar, data=filled
                        )


def _spoilt(form: Mapping[str, str], word: str) -> Iterator[dict[str, str]]:
    """A form filled in well but for one field, whichever it is."""
    good = {name: value or GOOD.get(name, "x") for name, value in form.items()}
    for name in good.keys() - {"csrf_token"}:
        yield {**good, name: word}


async def _come_in(owner: Visitor) -> None:
    """Log in as another administrator, who sees every page: some form or other has ended the last."""
    email = f"owner{len(await owner.served.house.store.list_accounts())}@example.com"
    await owner.served.appoint(email)
    await owner.log_in(email)
