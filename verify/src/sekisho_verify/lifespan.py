"""Start and stop a verifier with an ASGI application: the lifespan protocol, seen from the middle."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from sekisho_verify.errors import VerificationUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from sekisho_verify.verifier import Verifier

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_STARTUP: Final = "lifespan.startup"
_STARTED: Final = "lifespan.startup.complete"
_STOPPED: Final = "lifespan.shutdown.complete"
_ENDS: Final = frozenset({"lifespan.startup.failed", _STOPPED, "lifespan.shutdown.failed"})
_log: Final = logging.getLogger("sekisho_verify.lifespan")


async def live(app: Application, verifier: Verifier, scope: Scope, receive: Receive, send: Send) -> None:
    """Give an application its lifespan, with the verifier's around it: started before, stopped after it.

    An application that knows no lifespan says so by an exception, or by returning; then the verifier has its
    own all the same. An issuer that cannot be asked does not stop the start: until it can be, requests are
    answered 503.

    Raises:
        Exception: what the application raised once it had listened: its own start has failed, and how grave
            that is the server decides.
    """
    life = _Life(verifier, receive, send)
    try:
        await app(scope, life.receive, life.send)
    except Exception:
        if life.last:
            raise
    await life.go_on()


async def start(verifier: Verifier) -> None:
    """Start a verifier with its application; an issuer that cannot be asked is logged, and stops nothing."""
    try:
        await verifier.astart()
    except VerificationUnavailable as error:
        _log.warning("no access token can be verified yet: %s", error.detail)


class _Life:
    __slots__ = ("_receive", "_send", "_verifier", "last")

    def __init__(self, verifier: Verifier, receive: Receive, send: Send) -> None:
        self._verifier: Final = verifier
        self._receive: Final = receive
        self._send: Final = send
        self.last = ""

    async def receive(self) -> Message:
        message = await self._receive()
        self.last = message["type"]
        if self.last == _STARTUP:
            await start(self._verifier)
        return message

    async def send(self, message: Message) -> None:
        self.last = message["type"]
        if self.last in _ENDS:
            await self._verifier.astop()
        await self._send(message)

    async def go_on(self) -> None:
        """Say what the application has left unsaid."""
        while self.last not in _ENDS:
            if self.last in {"", _STARTED}:
                await self.receive()
            else:
                await self.send({"type": _STARTED if self.last == _STARTUP else _STOPPED})
