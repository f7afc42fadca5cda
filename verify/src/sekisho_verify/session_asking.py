"""Two ways to ask the issuer something small: over HTTP, and in this process. Bounded in time and size."""

from __future__ import annotations

import asyncio
import os
import ssl
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sekisho_verify.errors import SessionsUnavailable
from sekisho_verify.http_get import Exchange, Headers, HttpFailed, TooLate

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from sekisho_verify.lifespan import Application
    from sekisho_verify.urls import Place

MAX_BODY: Final = 64 * 1024
"""Bytes of the largest answer that is read."""
AT_ONCE: Final = 32
"""Questions that are under way at once over HTTP; further ones wait for their turn, and not longer than for
an answer. So an issuer that hangs takes no more threads than these."""
_MEDIA_TYPE: Final = "application/json"


QUESTION: Final = "sekisho-question"
"""The header by which an answer names the question that it is to."""


class Told(NamedTuple):
    """An answer: its status, media type and question as its headers say them, its body."""

    status: int
    media_type: str
    question: str
    body: bytes


class HttpAsker:
    """Asks by GET, each time over a connection of its own.

    Of its own, because nothing that was left over on a connection can then be taken for the answer to
    somebody else's question. The price is a handshake, which is why the server is best asked nearby.

    No proxy and no redirect is followed, and the certificate counts, whatever the program has told Python's
    own HTTP client.
    """

    def __init__(self, place: Place, *, timeout: float) -> None:
        self._place: Final = place
        self._timeout: Final = timeout
        self._tls: Final = ssl.create_default_context() if place.secure else None
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def ask(self, headers: Headers) -> Told:
        """The answer, waited for.

        Raises:
            SessionsUnavailable: there is none in time, or it is too large.
        """
        exchange, future = self._put(headers)
        try:
            return future.result(self._timeout)
        except TimeoutError:
            raise self._late() from None
        finally:
            _give_up(exchange, future)

    async def aask(self, headers: Headers) -> Told:
        """`ask` for asyncio: the event loop goes on meanwhile."""
        exchange, future = self._put(headers)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._timeout)
        except TimeoutError:
            raise self._late() from None
        finally:
            _give_up(exchange, future)

    def _put(self, headers: Headers) -> tuple[Exchange, Future[Told]]:
        # The look-up of a name has no time limit at all. Only waiting from outside bounds the whole.
        exchange = Exchange(self._timeout, tls=self._tls)
        return exchange, self._threads().submit(self._answer, exchange, headers)

    def _answer(self, exchange: Exchange, headers: Headers) -> Told:
        place = self._place
        try:
            answer = exchange.open(place, accept=_MEDIA_TYPE, headers=headers, any_status=True)
            try:
                body = answer.read(MAX_BODY + 1)
            finally:
                answer.close()
        except TooLate:
            raise self._late() from None
        except HttpFailed as error:
            raise SessionsUnavailable(str(error)) from None
        if len(body) > MAX_BODY:
            raise SessionsUnavailable(f"{place.host}{place.target} sent more than {MAX_BODY} bytes")
        return Told(answer.status, answer.media_type, answer.header(QUESTION), body)

    def _threads(self) -> ThreadPoolExecutor:
        # No thread survives a fork: a child that inherited a pool would wait for those of its parent.
        pool = self._pool
        if pool is None or pool[0] != os.getpid():
            # Two threads may make one each; the one that loses ends with its work.
            pool = self._pool = os.getpid(), ThreadPoolExecutor(AT_ONCE, "sekisho-session")
        return pool[1]

    def _late(self) -> SessionsUnavailable:
        return SessionsUnavailable(f"{self._place.host}: no answer within {self._timeout} seconds")


def _give_up(exchange: Exchange, future: Future[Told]) -> None:
    if not future.done() and not future.cancel():
        exchange.cut()


class AppAsker:
    """Asks an ASGI application in this process, in the event loop that asks; nothing is sent anywhere."""

    def __init__(self, app: Application, place: Place, *, timeout: float) -> None:
        self._app: Final = app
        self._place: Final = place
        self._timeout: Final = timeout
        self._under_way: Final[set[asyncio.Task[Told]]] = set()

    async def aask(self, headers: Headers) -> Told:
        """The answer.

        Raises:
            SessionsUnavailable: there is none in time, it is too large, or the application failed.
        """
        task = asyncio.ensure_future(self._answer(headers))
        # Never cancelled, however impatient we are: it may be what opens the application, and migrates.
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        await asyncio.wait({task}, timeout=self._timeout)
        if not task.done():
            raise SessionsUnavailable(f"the application gave no answer within {self._timeout} seconds")
        return task.result()

    def _forget(self, task: asyncio.Task[Told]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains of one that came too late

    async def _answer(self, headers: Headers) -> Told:
        place = self._place
        answer = _AsgiAnswer()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https" if place.secure else "http",
            "path": place.path,
            "raw_path": place.path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"host", place.host.encode()),
                (b"accept", _MEDIA_TYPE.encode()),
                *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers),
            ],
            "client": None,
            "server": (place.host, place.port),
        }
        try:
            await self._app(scope, answer.receive, answer.send)
        except SessionsUnavailable:
            raise
        except Exception as error:  # whatever failed there, here it is no verdict
            raise SessionsUnavailable(f"the application failed: {type(error).__name__}") from error
        return answer.told()


class _AsgiAnswer:
    __slots__ = ("_asked", "_body", "_headers", "_status", "_whole")

    def __init__(self) -> None:
        self._asked = False
        self._status = 0
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()
        self._whole = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._whole.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = dict(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if len(self._body) > MAX_BODY:
                raise SessionsUnavailable(f"the application sent more than {MAX_BODY} bytes")
            if not message.get("more_body", False):
                self._whole.set()

    def told(self) -> Told:
        if not self._whole.is_set():
            raise SessionsUnavailable("the application ended before its answer did")
        kind, question = (
            self._headers.get(name.encode(), b"").decode("latin-1") for name in ("content-type", QUESTION)
        )
        return Told(self._status, kind.partition(";")[0].strip().lower(), question, bytes(self._body))
