"""One request to an API at a time, on a connection of its own, bounded in time and size.

No redirect is followed, and bytes go out as they are: what is sent here is meant to be wrong.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sekisho_verify.urls import Place

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer's body that are read."""

_CODE: Final = re.compile(r"[a-z][a-z_]{0,63}")


class Unreachable(Exception):
    """No connection can be had: nothing was asked, and nothing is known."""


class Reply(NamedTuple):
    """What came back.

    Attributes:
        status: of the answer, or None where none came.
        body: its first 64 KiB.
        failure: why no answer came: the other side hung up, or took too long.
    """

    status: int | None
    body: bytes = b""
    failure: Literal["closed", "timeout"] | None = None

    @property
    def code(self) -> str | None:
        """The `code` of a problem document (RFC 9457), where there is one."""
        try:
            problem: Any = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        code = cast("dict[str, Any]", problem).get("code") if isinstance(problem, dict) else None
        # A stranger's text on its way to a terminal: only what looks like a code.
        return code if isinstance(code, str) and _CODE.fullmatch(code) else None


class Prober:
    """Asks one API again and again.

    Args:
        at: where it is.
        method: of every request.
        headers: sent with every request.
        timeout: seconds for one request and its answer together.
    """

    def __init__(self, at: Place, *, method: str, headers: Iterable[tuple[str, str]], timeout: float) -> None:
        self._at: Final = at
        self._method: Final = method
        self._headers: Final = tuple(headers)
        self._timeout: Final = timeout

    def ask(self, headers: Iterable[tuple[str, str]] = (), *, query: str = "", form: str = "") -> Reply:
        """Send one request.

        Raises:
            Unreachable: if there is no connection.
        """
        at = self._at
        kind = http.client.HTTPSConnection if at.secure else http.client.HTTPConnection
        connection = kind(at.host, at.port, timeout=self._timeout)
        try:
            connection.connect()
        except OSError as error:
            raise Unreachable(f"{type(error).__name__}: {str(error)!a}") from None
        sock = cast("socket.socket", connection.sock)
        late = threading.Event()

        def cut() -> None:
            late.set()
            with suppress(OSError):  # it may have ended by itself
                sock.shutdown(socket.SHUT_RDWR)

        # The timeout of a socket begins anew with each byte: only this bounds the whole.
        timer = threading.Timer(self._timeout, cut)
        timer.start()
        try:
            return self._exchange(connection, tuple(headers), query, form.encode())
        except (OSError, http.client.HTTPException) as error:
            slow = late.is_set() or isinstance(error, TimeoutError)
            return Reply(None, failure="timeout" if slow else "closed")
        finally:
            timer.cancel()
            connection.close()

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        headers: tuple[tuple[str, str], ...],
        query: str,
        form: bytes,
    ) -> Reply:
        at = self._at
        found = "&".join(part for part in (at.query, query) if part)
        connection.putrequest(
            self._method, at.path + (f"?{found}" if found else ""), skip_accept_encoding=True
        )
        for name, value in (
            ("Accept", "application/json"),
            ("Connection", "close"),
            *self._headers,
            *headers,
        ):
            connection.putheader(name, value.encode())
        if form:
            connection.putheader("Content-Type", "application/x-www-form-urlencoded")
            connection.putheader("Content-Length", str(len(form)))
        # Who refuses the head of a request need not read all of it: the answer may be there all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.endheaders(form or None)
        with connection.getresponse() as answer:
            return Reply(answer.status, answer.read(MAX_ANSWER))
