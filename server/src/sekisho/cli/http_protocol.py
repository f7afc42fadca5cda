"""One connection of uvicorn's, with the bounds that it leaves to a proxy: how much may come, and how slowly.

httptools takes any number of header lines of any length, and uvicorn waits for their end for ever, and queues
any number of requests that do not wait for their answers. Then a stranger needs one connection to fill the
memory, or as many as there are file descriptors to keep everybody else out.
"""

from __future__ import annotations

from asyncio import TimerHandle
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sekisho.adapters.system import entropy
from sekisho.rules.refusals import Refusal
from sekisho.web.problems import problem

#: Bytes of a whole request: three reads of the event loop, so that what is merely too large for a
#: body still gets its 413.
MAX_REQUEST: Final = 768 * 1024
#: Lines, trailers included; in memory each is many times as large as on the wire.
MAX_HEADERS: Final = 256
#: Requests that may wait on a connection for the answers before theirs. In memory a short one is eighty times
#: as large as on the wire, and uvicorn reads on after each answer, however many are waiting.
MAX_PIPELINED: Final = 64

_REQUEST_ID_BYTES: Final = 12


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request is too large, or takes too long to arrive; or whose reader is too slow.

    A request that arrives in one piece, as nearly all do, is looked at no further: the event loop bounds the
    size of a piece. A reader that takes nothing of what fills its buffer would otherwise keep
    that, and all behind it, for ever.
    """

    #: Seconds for a connection to send its first request, for any request to arrive as a whole, and for what
    #: was answered to be taken up to where there is room for more.
    patience: ClassVar[float] = 30.0

    _arriving = False
    _size = 0
    _deadline: TimerHandle | None = None
    _taking: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's and asyncio's types for it disagree
        """Expect a request."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._expect_nothing()
        self._is_taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """What was sent is not taken as fast as it comes."""
        super().pause_writing()
        self._taking = self.loop.call_later(self.patience, self.transport.abort)

    def resume_writing(self) -> None:
        """It was taken."""
        self._is_taken()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read on, until this request has had its share."""
        super().data_received(data)
        if self._arriving:
            self._size += len(data)
            if self._size > MAX_REQUEST or len(self.headers) > MAX_HEADERS:
                self.transport.abort()
        # Blank lines before a request are no request yet, and still end uvicorn's own wait for one.
        if self._deadline is None and (self._arriving or self.cycle.response_complete):
            self._expect()

    def on_message_begin(self) -> None:
        """A request begins to arrive."""
        super().on_message_begin()
        self._arriving = True
        self._size = 0

    def on_headers_complete(self) -> None:
        """Its head is there, and it is answered as soon as those before it have been."""
        if len(self.pipeline) < MAX_PIPELINED:
            super().on_headers_complete()
        else:
            self.transport.abort()

    def on_message_complete(self) -> None:
        """It has arrived."""
        super().on_message_complete()
        self._arriving = False
        self._expect_nothing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the parser's words are for nobody
        """Refuse what is no HTTP as everything else is refused: a problem with a code and a request id."""
        request_id = entropy(_REQUEST_ID_BYTES).hex()
        reply = problem(Refusal("invalid_request"), language="en", request_id=request_id, base_path="")
        headers = [
            *self.server_state.default_headers,
            *reply.headers,
            (b"x-request-id", request_id.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"content-length", b"%d" % len(reply.body)),
            (b"connection", b"close"),
        ]
        lines = [
            b"HTTP/1.1 400 Bad Request",
            *(name + b": " + value for name, value in headers),
            b"",
            reply.body,
        ]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(self.patience, self.transport.abort)

    def _is_taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
