"""Around a server of the stage: tells what came in and what went out, as it was, and changes nothing of it.

The page marks what it sends with two headers of its own, which say to which of its acts a request belongs.
They end here: neither the server nor its CORS rules know of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import count
from typing import Any, Final, TypeAlias, cast

from sekisho.adapters.watching import Kind, watched
from sekisho.features.explorer.events import LANES
from sekisho.features.explorer.frames import frame
from sekisho.features.explorer.telling import ACT, Tell, command, printable
from sekisho.ports import Clock
from sekisho.web.asgi import ASGIApp, Message, Receive, Scope, Send
from sekisho_verify.encoding import json_object
from sekisho_verify.errors import EncodingError

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
#: What a shop's verifier says of a token, check by check: the `refs` of a `token.check`.
Examine: TypeAlias = Callable[[str], Mapping[str, Any]]

LANE: Final = b"sekisho-explorer-lane"
#: Bytes of a body that are shown.
SHOWN: Final = 16 * 1024

_ACT: Final = ACT.encode()
_MARKS: Final = {LANE, _ACT}
_ASKED: Final = b"access-control-request-headers"
_GRANTED: Final = b"access-control-allow-headers"
_FEED: Final = "/v1/revocations"
_ACT_LENGTH: Final = 32
_MODES: Final = {"session": "session", "browser": "jwt", "token": "jwt"}


class Tap:
    """The ASGI application around another one.

    Args:
        app: the server.
        server: what it is called on the stage.
        tell: takes the records.
        steady: gives seconds on the clock that all processes of the machine share.
        examine: what the server's verifier says of a token, where it has one.
    """

    def __init__(
        self, app: ASGIApp, *, server: str, tell: Tell, steady: Clock, examine: Examine | None = None
    ) -> None:
        self._app: Final = app
        self._server: Final = server
        self._tell: Final = tell
        self._steady: Final = steady
        self._examine: Final = examine
        # A server that was started again counts anew, and what it did before is still in the record.
        self._ids: Final = map(f"{server}-{os.getpid()}-{{}}".format, count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the server answer one request, and tell of both."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, replay = await _whole(scope, receive)
        told = _Exchange(next(self._ids), self._server, scope, self._tell, self._steady)
        told.ask(body)
        token = _bearer(scope["headers"])
        if token is not None and self._examine is not None:
            told.note("token.check", self._examine(token))
        try:
            with watched(told.watch):
                await self._app(_without_marks(scope), replay, told.sending(send))
        finally:
            told.end()


class _Exchange:
    """One request and its answer."""

    def __init__(self, name: str, server: str, scope: Scope, tell: Tell, steady: Clock) -> None:
        self._name = name
        self._server = server
        self._scope = scope
        self._tell = tell
        self._steady = steady
        self._began = steady()
        self._feed = scope["path"].startswith(_FEED)
        self._answered = _Text()
        self._told_response = False
        self._start: Message = {}

    def watch(self, kind: Kind, facts: Mapping[str, object]) -> None:
        """Tell what an adapter did for it, on any thread."""
        parameters = facts.get("parameters")
        if isinstance(parameters, Mapping):
            given = cast("Mapping[str, object]", parameters)
            shown = {name: printable(value) for name, value in given.items()}
            facts = {**facts, "parameters": shown}
        words = facts.get("words")
        if words is not None:
            facts = _of_redis(facts, cast("Sequence[bytes | int]", words))
        self.note(kind, facts)

    def note(self, kind: str, facts: Mapping[str, object]) -> None:
        """Tell what happened during it."""
        self._record(kind, {"for": self._name, "facts": facts})

    def end(self) -> None:
        """It is over; where the answer was broken off, there was none."""
        if not self._told_response:
            self._record("gone", {})

    def sending(self, send: Send) -> Send:
        """The same, read along."""

        async def write(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._start = message
                if self._scope["method"] == "OPTIONS":
                    message["headers"] = _granting_marks(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                body = message.get("body", b"")
                streaming = _header(self._start.get("headers", ()), b"content-type") == b"text/event-stream"
                if streaming:
                    self._tell_frames(body)
                self._answered.take(body)
                if not message.get("more_body", False):
                    self._tell_response()
            await send(message)

        return write

    def ask(self, body: _Text) -> None:
        """Tell what is asked."""
        scope, headers = self._scope, self._scope["headers"]
        target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        query = scope.get("query_string", b"").decode("latin-1")
        line = f"{scope['method']} {target}{f'?{query}' if query else ''} HTTP/{scope['http_version']}"
        cookies = _session_cookies(headers)
        self._record(
            "feed.request" if self._feed else "http.request",
            {
                "at": self._began,
                "client": list(scope["client"] or ("", 0)),
                "method": scope["method"],
                "path": scope["path"],
                "preflight": _header(headers, b"access-control-request-method") is not None,
                "lane": _lane(headers, cookies, body.shown),
                "act": _act(headers),
                "cookie": cookies.get("sekisho"),
                "credential": _credential(headers, cookies, body.shown),
                "raw": _raw(line, headers, body),
            },
        )

    def _tell_response(self) -> None:
        self._told_response = True
        status, headers = self._start["status"], self._start.get("headers", ())
        problem = (_header(headers, b"content-type") or b"").startswith(b"application/problem+json")
        line = f"HTTP/{self._scope['http_version']} {status} {_phrase(status)}"
        self._record(
            "feed.response" if self._feed else "http.response",
            {
                "status": status,
                "code": _member(self._answered.shown, "code") if problem else None,
                "ms": round((self._steady() - self._began) * 1000, 3),
                "raw": _raw(line, headers, self._answered),
            },
        )

    def _tell_frames(self, piece: bytes) -> None:
        for line in piece.split(b"\n"):
            entries = frame(line)
            if entries is not None:
                facts = {"for": self._name, "facts": entries, "raw": line.decode("latin-1")}
                self._record("feed.entry", facts)

    def _record(self, kind: str, facts: Mapping[str, object]) -> None:
        about = {"kind": kind, "server": self._server, "id": self._name, "at": self._steady()}
        self._tell({**about, **facts})


def _of_redis(facts: Mapping[str, object], words: Sequence[bytes | int]) -> Mapping[str, object]:
    """A command and its answer in words; `found` of a look-up."""
    told: dict[str, object] = {"command": command(words), "ms": facts["ms"]}
    if "silent" in facts:
        return {**told, "silent": facts["silent"]}
    answer = facts["answer"]
    values = cast("list[object]", answer) if isinstance(answer, list) else [answer]
    text = ", ".join(_reply(value) for value in values)
    return {**told, "answer": text, "found": any(value is not None for value in values)}


def _reply(value: object) -> str:
    """As redis-cli shows it; the client library makes a truth of OK."""
    return "(nil)" if value is None else "OK" if value is True else str(printable(value))


class _Text:
    """A body, as far as it is shown."""

    def __init__(self) -> None:
        self.shown = b""
        self.size = 0

    def take(self, piece: bytes) -> None:
        self.size += len(piece)
        self.shown += piece[: SHOWN - len(self.shown)]

    def __str__(self) -> str:
        text = self.shown.decode("utf-8", "replace")
        return text if self.size <= SHOWN else f"{text}\n… ({self.size} bytes)"


async def _whole(scope: Scope, receive: Receive) -> tuple[_Text, Receive]:
    """The body of a request, and what gives it once more.

    The whole of it first: what a server does before it has read it would else be told before the request.
    """
    text, messages = _Text(), list[Message]()
    names = {name for name, _ in scope["headers"]}
    more = bool(names & {b"content-length", b"transfer-encoding"})
    while more:
        message = await receive()
        messages.append(message)
        text.take(message.get("body", b""))
        more = message.get("more_body", False)

    async def replay() -> Message:
        return messages.pop(0) if messages else await receive()

    return text, replay


def _raw(line: str, headers: Headers, body: _Text) -> str:
    lines = [line, *(f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in headers)]
    return "\r\n".join([*lines, "", str(body)])


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _header(headers: Headers, name: bytes) -> bytes | None:
    return next((value for key, value in headers if key.lower() == name), None)


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = (_header(headers, b"authorization") or b"").partition(b" ")
    return token.decode("latin-1") if scheme.lower() == b"bearer" and token else None


def _session_cookies(headers: Headers) -> dict[str, str]:
    pairs = (pair.strip().partition(b"=") for pair in (_header(headers, b"cookie") or b"").split(b";"))
    names = {b"sekisho", b"sekisho-refresh"}
    return {name.decode(): value.decode("latin-1") for name, _, value in pairs if name in names}


def _credential(headers: Headers, cookies: Mapping[str, str], body: bytes) -> dict[str, object] | None:
    token = _bearer(headers)
    if token is not None:
        return {"kind": "bearer", "bytes": len(token)}
    if cookies:
        name, value = next(iter(cookies.items()))
        return {"kind": "cookie" if name == "sekisho" else "refresh", "bytes": len(value)}
    refresh = _member(body, "refresh_token")
    return None if refresh is None else {"kind": "refresh", "bytes": len(refresh.encode())}


def _lane(headers: Headers, cookies: Mapping[str, str], body: bytes) -> str | None:
    """The page's word; of whoever says nothing, by what is presented or asked for."""
    said = (_header(headers, LANE) or b"").decode("latin-1")
    if said in LANES:
        return said
    if _bearer(headers) is not None:
        return "jwt"
    mode = _member(body, "mode")
    if mode in _MODES:
        return _MODES[mode]
    if _member(body, "refresh_token") is not None:
        return "jwt"
    return "session" if "sekisho" in cookies else "jwt" if cookies else None


def _act(headers: Headers) -> str | None:
    act = (_header(headers, _ACT) or b"").decode("latin-1")
    return act if 0 < len(act) <= _ACT_LENGTH and act.isalnum() else None


def _member(body: bytes, name: str) -> str | None:
    """A text of a JSON object, if it is one and has it."""
    try:
        value = json_object(body, unique_members=False).get(name)
    except EncodingError:
        return None
    return value if isinstance(value, str) else None


def _without_marks(scope: Scope) -> Scope:
    """The request without what the page put there for us."""
    headers = [(name, _unmarked(value) if name == _ASKED else value) for name, value in scope["headers"]]
    return {**scope, "headers": [(n, v) for n, v in headers if n not in _MARKS and (n != _ASKED or v)]}


def _unmarked(names: bytes) -> bytes:
    asked = [name.strip() for name in names.split(b",")]
    return b", ".join(name for name in asked if name.lower() not in _MARKS)


def _granting_marks(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Whatever is granted to a page of the listed origins, the two marks are too."""
    marks = b", ".join(sorted(_MARKS))
    return [(n, b"%b, %b" % (v, marks) if n.lower() == _GRANTED else v) for n, v in headers]
