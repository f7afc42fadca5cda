"""GET, bounded: in time, whatever the other side drips; in size; and to the very place that was named.

On the standard library's HTTP client, which knows no proxy: `HTTPS_PROXY` and its like change nothing here.
No redirect is followed (CVE-2026-102267), and no compressed answer is read: a few bytes could be gigabytes.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

    from sekisho_verify.urls import Place

T = TypeVar("T")

Headers = Sequence[tuple[str, str]]

_PIECE: Final = 64 * 1024


class HttpFailed(Exception):
    """There is no answer that could be used; the message says why, for the operator.

    Attributes:
        status: the HTTP status, where it is for that.
    """

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class TooLate(HttpFailed):
    """It took longer than it may."""


class Got(NamedTuple):
    """An answer, and when its request left."""

    body: bytes
    sent: float


class Exchange:
    """Requests one after the other, on connections of their own, which another thread may cut.

    Args:
        timeout: seconds for all of it together, but for the look-up of names, which nothing here can bound;
            see `within`.
        clock: gives seconds of a clock that never steps.
        tls: for https; by default made anew for each connection, which reads the authorities of this machine.
    """

    def __init__(
        self,
        timeout: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.timeout: Final = timeout
        self._clock: Final = clock
        self._tls: Final = tls
        self._until: Final = time.monotonic() + timeout
        self._socket: socket.socket | None = None
        self._cut = False

    def get(
        self,
        place: Place,
        *,
        limit: int,
        accept: str = "application/json",
        headers: Headers = (),
    ) -> Got:
        """The body of a 200 answer of at most `limit` bytes.

        Raises:
            HttpFailed: there is none.
        """
        answer = self.open(place, accept=accept, headers=headers)
        try:
            # Before anything of it is read, where it says so.
            if answer.length is not None and answer.length > limit:
                raise _too_long(place, limit)
            body = answer.read(limit + 1)
        finally:
            answer.close()
        if len(body) > limit:
            raise _too_long(place, limit)
        return Got(body, answer.sent)

    def open(
        self,
        place: Place,
        *,
        accept: str,
        headers: Headers = (),
        any_status: bool = False,
    ) -> Answer:
        """An answer, of status 200 unless `any_status`, whose body is still to be read.

        Raises:
            HttpFailed: there is none.
        """
        connection = _connection(place, self.timeout, self._tls)
        try:
            connection.connect()
            line = connection.sock
            self._socket = line
            if self._cut:
                raise ConnectionAbortedError("given up")  # noqa: TRY301 -- one way out
            sent = self._clock()
            connection.putrequest("GET", place.target, skip_accept_encoding=True)
            # By pairs: what a browser sent twice is asked about as it was sent.
            for name, value in (*_always(accept), *headers):
                connection.putheader(name, value)
            connection.endheaders()
            answer = Answer(place, line, until=self._until, sent=sent, any_status=any_status)
            if self._cut:  # nobody waits for it any more, so nobody would close it
                raise ConnectionAbortedError("given up")  # noqa: TRY301 -- one way out
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise _failed(place, error) from None
        except BaseException:
            connection.close()
            raise
        return answer

    @property
    def given_up(self) -> bool:
        """Whether it was cut."""
        return self._cut

    def cut(self) -> None:
        """End whatever is under way, and all that would come after it; from any thread."""
        self._cut = True
        cut_off(self._socket)


class Answer:
    """An answer that is read as it comes. Every read ends at a time that is set, or sooner.

    Args:
        place: where it comes from.
        line: the connection, which is closed with the answer.
        until: seconds of `time.monotonic` at which it must be there.
        sent: when its request left.
        any_status: of whatever status it may be.

    Raises:
        HttpFailed: its status is not 200, or it is encoded.
        OSError: the line broke, or it is too late.
        http.client.HTTPException: it is not HTTP.
    """

    def __init__(
        self, place: Place, line: socket.socket, *, until: float, sent: float, any_status: bool
    ) -> None:
        self.sent: Final = sent
        self._place: Final = place
        self._line: Final = line
        self._timed: Final = _TimedReader(line, until)
        self._response: Final = http.client.HTTPResponse(_Readable(self._timed), method="GET")  # type: ignore[arg-type]  # all that it asks of a socket
        self._response.begin()
        self.status: Final = self._response.status
        if not any_status and self.status != http.client.OK:
            raise HttpFailed(f"{place.host}{place.target} answered {self.status}", status=self.status)
        encoding = self._response.getheader("content-encoding", "identity")
        if encoding.lower() != "identity":
            raise HttpFailed(f"{place.host}{place.target} sent it encoded: {encoding[:40]!a}")

    @property
    def length(self) -> int | None:
        """Bytes of the body, where the other side says."""
        return self._response.length

    def header(self, name: str) -> str:
        """A header; empty where there is none."""
        return self._response.getheader(name, "")

    @property
    def media_type(self) -> str:
        """In lower case, without parameters."""
        return self.header("content-type").partition(";")[0].strip().lower()

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer at the end.

        Raises:
            HttpFailed: the line broke, or it is too late.
        """
        try:
            return self._response.read(size)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _failed(self._place, error) from None

    def whole(self, *, limit: int, patience: float, most: float, pace: float) -> bytes:
        """The body, of at most `limit` bytes, if it comes at a pace.

        Args:
            limit: in bytes.
            patience: seconds after which it must be there, but for what the pace allows.
            most: seconds after which it must be there in any case.
            pace: bytes that buy another second.

        Raises:
            HttpFailed: it is longer, the line broke, or it is too late.
        """
        began, parts, size = time.monotonic(), list[bytes](), 0
        while size <= limit:
            if self.length is not None and size + self.length > limit:
                break
            part = self.piece(began + min(patience + size / pace, most) - time.monotonic())
            if not part:
                if self.length:
                    raise HttpFailed(f"{self._place.host}: it ended {self.length} bytes too early")
                return b"".join(parts)
            parts.append(part)
            size += len(part)
        raise _too_long(self._place, limit)

    def piece(self, seconds: float) -> bytes:
        """What comes next, within so many seconds; nothing at the end.

        Raises:
            HttpFailed: the line broke, or it is too late.
        """
        self._timed.until = time.monotonic() + seconds
        try:
            return self._response.read1(_PIECE)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _failed(self._place, error) from None

    def cut(self) -> None:
        """End a read that is under way; from any thread."""
        cut_off(self._line)

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()
        self._line.close()


class _TimedReader(io.RawIOBase):
    """Reads a socket until a set time. A socket's own timeout starts anew with each byte that drips."""

    def __init__(self, line: socket.socket, until: float) -> None:
        self._line: Final = line
        self.until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("too late")
        self._line.settimeout(left)
        return self._line.recv_into(buffer)


class _Readable:
    """What `http.client` asks of a socket to read an answer from it."""

    def __init__(self, reader: _TimedReader) -> None:
        self._reader: Final = reader

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader, _PIECE)


def _always(accept: str) -> Headers:
    return ("Accept", accept), ("Accept-Encoding", "identity"), ("Connection", "close")


def _connection(place: Place, timeout: float, tls: ssl.SSLContext | None) -> http.client.HTTPConnection:
    if not place.secure:
        return http.client.HTTPConnection(place.host, place.port, timeout=timeout)
    # Named, because the default is a global that programs are told to replace where a certificate is a
    # nuisance to them; what comes from here is believed for the certificate.
    context = tls or ssl.create_default_context()
    return http.client.HTTPSConnection(place.host, place.port, timeout=timeout, context=context)


def _failed(place: Place, error: Exception) -> HttpFailed:
    failure = TooLate if isinstance(error, TimeoutError) else HttpFailed
    return failure(f"{place.host}: {type(error).__name__}: {str(error)!a}")


def _too_long(place: Place, limit: int) -> HttpFailed:
    return HttpFailed(f"{place.host}{place.target} sent more than {limit} bytes")


def cut_off(line: socket.socket | None) -> None:
    """End what is under way on a connection; whoever reads from it finds its end."""
    if line is not None:
        with suppress(OSError):  # it may have ended by itself
            line.shutdown(socket.SHUT_RDWR)


def within(timeout: float, exchange: Exchange, work: Callable[[], T], *, name: str) -> T:
    """What `work` returns or raises, in a thread of that name, if it is done within `timeout` seconds.

    A name look-up has no timeout at all. Only waiting from outside bounds the whole; the thread left behind
    is cut, and holds nothing.

    Raises:
        TooLate: it is not done.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 -- raised again below, in the thread that asked
            failure.append(error)
        if exchange.given_up:
            _close(outcome)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(timeout)
    if outcome:
        return outcome[0]
    if failure:
        raise failure[0]
    # What it makes of being cut is no answer any more. It may have come just now: then either we or the
    # thread sees it, or both do, and it is closed.
    exchange.cut()
    _close(outcome)
    raise TooLate(f"not done within {timeout} seconds")


def _close(outcome: Sequence[object]) -> None:
    for each in outcome:
        if isinstance(each, Answer):
            each.close()
