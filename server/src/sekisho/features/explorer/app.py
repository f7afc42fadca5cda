"""The explorer's own server: the page, what happened as a stream, and what the visitor does.

It listens on loopback, answers under its own name alone (a page of another site can make a browser resolve
its name to this machine), and does nothing for anybody who does not have the key of this run, which stands in
the page. So no other page a visitor has open can move the clock or read the sandbox.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from sekisho.features.explorer import page
from sekisho.features.explorer.acts import Acts
from sekisho.features.explorer.door import PATH
from sekisho.features.explorer.events import Event
from sekisho.features.explorer.ledger import Ledger
from sekisho.features.explorer.stage import Stage
from sekisho.rules.refusals import Refusal
from sekisho.web.asgi import Receive, Scope, Send
from sekisho.web.cross_site import SAFE_METHODS, CrossSiteGate
from sekisho.web.language import choose
from sekisho.web.logs import LOG, Line
from sekisho.web.problems import problem
from sekisho.web.wire import ClientGone, Headers, Reply, encode, read_json
from sekisho.words.catalogue import LANGUAGES, Language

KEY: Final = b"sekisho-explorer"
#: Seconds after which the stream says that it is still there.
_HEARTBEAT: Final = 10.0
_JSON: Final[Headers] = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_EVENTS: Final[Headers] = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
_FILE: Final[Headers] = [
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]
_CLIENT: Final = "/static/sekisho.js"


@dataclass(frozen=True, slots=True)
class Client:
    """The browser client, as the auth server serves it."""

    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Request:
    """One request to the explorer."""

    scope: Scope
    receive: Receive
    headers: Mapping[bytes, bytes]
    query: Mapping[str, list[str]]

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def language(self) -> Language:
        asked = self.query.get("lang", [""])[-1]
        for language in LANGUAGES:
            if language == asked:
                return language
        return choose(self.headers.get(b"accept-language", b""))

    @property
    def theme(self) -> page.Theme:
        asked = self.query.get("theme", [""])[-1]
        for theme in page.THEMES:
            if theme == asked:
                return theme
        return "auto"


@dataclass(slots=True)
class Explorer:
    """The ASGI application.

    Args:
        origin: its own, and the only one that it answers under.
        key: of this run.
        stage: the servers.
        ledger: what happened there.
        acts: what a visitor may do.
        client: the browser client.
    """

    origin: str
    key: str = field(repr=False)
    stage: Stage
    ledger: Ledger
    acts: Acts
    client: Client
    _up: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _requests: count[int] = field(default_factory=lambda: count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        request = _Request(scope, receive, dict(scope["headers"]), query)
        try:
            self._admit(request)
            if request.path == f"{PATH}/events" and request.method == "GET":
                # In the query, because an EventSource sends no header of a page's.
                self._require_key(request.query.get("key", [""])[-1].encode())
                await self._until_up()
                await self._stream(request, send)
                return
            reply = await self._answer(request)
        except ClientGone:
            return
        except Refusal as refusal:
            reply = self._refused(request, refusal)
        except Exception as fault:  # noqa: BLE001 - nobody is answered with a stack trace
            LOG.exception(Line("internal", {"path": request.path}), exc_info=fault)
            reply = self._refused(request, Refusal("internal"))
        await reply.send(send, head=request.method == "HEAD")

    def _refused(self, request: _Request, refusal: Refusal) -> Reply:
        return problem(
            refusal,
            language=request.language,
            request_id=f"explorer-{next(self._requests)}",
            base_path=self.stage.servers()["auth"].url,
        )

    def is_up(self) -> None:
        """The stage is set: the page was there before, and waits to be told anything of it."""
        self._up.set()

    async def _until_up(self) -> None:
        """Return once the stage is set.

        Raises:
            Refusal: `unavailable`: it will not be.
        """
        if not self._up.is_set():
            await _first(self._up.wait(), self._ended.wait())
        if self._ended.is_set():
            raise Refusal("unavailable", "the stage is taken down")

    def end_streams(self) -> None:
        """End the streams, before whoever serves us waits for those under way."""
        self._ended.set()

    def _admit(self, request: _Request) -> None:
        """Return if it is for us, and from our own page where it changes anything.

        Raises:
            Refusal: `origin_not_allowed`.
        """
        hosts = [value for name, value in request.scope["headers"] if name == b"host"]
        if hosts != [self.origin.partition("//")[2].encode()]:
            raise Refusal("origin_not_allowed", "another Host")
        if request.method not in SAFE_METHODS:
            CrossSiteGate(self.origin, ()).admit(request.scope["headers"])

    def _require_key(self, shown: bytes) -> None:
        """Return if that is the key of this run.

        Raises:
            Refusal: `forbidden`.
        """
        if not hmac.compare_digest(shown, self.key.encode()):
            raise Refusal("forbidden", "without the key of this run")

    async def _answer(self, request: _Request) -> Reply:
        if request.path.startswith(f"{PATH}/acts/"):
            return await self._act(request)
        shown = self._shown(request)
        if request.method not in {"GET", "HEAD"}:
            raise Refusal("method_not_allowed")
        if request.path in self._documents:
            await self._until_up()
        return shown()

    def _shown(self, request: _Request) -> Callable[[], Reply]:
        """What is at a path.

        Raises:
            Refusal: `not_found`, `forbidden`.
        """
        path = request.path
        if path == PATH:
            return lambda: self._page(request)
        if path == "/":
            return lambda: Reply(303, [(b"location", PATH.encode())])
        if path == _CLIENT:
            kind = (b"content-type", self.client.media_type.encode())
            return lambda: Reply(200, [kind, (b"cache-control", b"no-store")], self.client.body)
        file = page.files().get(path)
        if file is not None:
            return lambda: Reply(200, [(b"content-type", file.media_type.encode()), *_FILE], file.body)
        document = self._documents.get(path)
        if document is None:
            raise Refusal("not_found")
        self._require_key(request.headers.get(KEY, b""))
        return lambda: Reply(200, _JSON, encode(document()))

    @property
    def _documents(self) -> Mapping[str, Callable[[], object]]:
        """What is told of the stage, to whoever has the key."""
        return {f"{PATH}/state": self.acts.state, f"{PATH}/tables": self.acts.tables}

    def _page(self, request: _Request) -> Reply:
        servers = {name: server.url for name, server in self.stage.servers().items()}
        open_policy = request.query.get("policy") == ["open"]
        scene = page.Scene(
            key=self.key,
            language=request.language,
            theme=request.theme,
            servers=servers,
            people=self.stage.people,
            client=_CLIENT,
            open_policy=open_policy,
        )
        elsewhere = page.ELSEWHERE if open_policy else ()
        headers = page.headers(request.language, connect=(*self.acts.origins(), *elsewhere))
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        return Reply(200, pairs, page.document(scene))

    async def _act(self, request: _Request) -> Reply:
        name = request.path.rpartition("/")[2]
        act = self.acts.by_name.get(name)
        if act is None:
            raise Refusal("not_found")
        if request.method != "POST":
            raise Refusal("method_not_allowed")
        self._require_key(request.headers.get(KEY, b""))
        body = await read_json(request.headers, request.receive, optional=True)
        await self._until_up()
        return Reply(200, _JSON, encode(await act(body or b"{}")))

    async def _stream(self, request: _Request, send: Send) -> None:
        """Every event from `Last-Event-ID` on, or those that are kept; until the reader or the stage goes."""
        last = request.headers.get(b"last-event-id", b"")
        after = int(last) if last.isdigit() and len(last) < 18 else 0
        await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
        await send({"type": "http.response.body", "body": b": open\n\n", "more_body": True})
        over = [asyncio.ensure_future(each) for each in (_until_gone(request.receive), self._ended.wait())]
        try:
            while not any(each.done() for each in over):
                fresh = self.ledger.after(after)
                # One at a time: of all that is kept, who reads slowly has one event in memory, and not all.
                for data in map(_line, fresh) if fresh else (b": here\n\n",):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                after = fresh[-1].seq if fresh else after
                more = asyncio.ensure_future(self.ledger.wait(after))
                await asyncio.wait({more, *over}, timeout=_HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
                more.cancel()
            await send({"type": "http.response.body", "body": b""})
        finally:
            for each in over:
                each.cancel()


def _line(event: Event) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (event.seq, msgspec.json.encode(event))


async def _first(*each: Coroutine[Any, Any, object]) -> None:
    """Return when one of them has; the others are told to give up."""
    waiting = [asyncio.ensure_future(one) for one in each]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
