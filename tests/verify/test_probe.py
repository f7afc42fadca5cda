"""One request at a time, bounded: a server that drips or hangs up costs no more than was allowed."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from sekisho_verify.attack.probe import MAX_ANSWER, Prober, Reply, Unreachable
from sekisho_verify.urls import place

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Generator[str]:
    """A server for one connection, that says what `talk` says; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    connection.recv(1 << 20)
                    talk(connection)
                except OSError:
                    pass  # the other side had enough

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x?a=b"
        thread.join(10)


def ask(url: str, *, timeout: float = 10.0) -> Reply:
    """Send one GET."""
    return Prober(place(url), method="GET", headers=(), timeout=timeout).ask()


def test_a_server_that_drips_is_cut_off() -> None:
    """Each byte comes in time and the whole never does: the time limit is for the whole."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 ")
        while not over.wait(0.1):
            connection.sendall(b" ")

    with talking(drip) as url:
        began = time.monotonic()
        reply = ask(url, timeout=0.5)
        took = time.monotonic() - began
        over.set()
    assert (reply.status, reply.failure) == (None, "timeout")
    assert took < 5


def test_a_server_that_hangs_up_has_refused() -> None:
    """No answer and no time lost: the connection was closed."""
    with talking(lambda _: None) as url:
        assert ask(url) == Reply(None, failure="closed")


def test_no_more_than_a_bound_is_read_of_an_answer() -> None:
    """A body without an end is read up to 64 KiB."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    with talking(lambda connection: connection.sendall(head + bytes(1 << 20))) as url:
        reply = ask(url)
    assert (reply.status, len(reply.body)) == (200, MAX_ANSWER)


def test_a_redirect_is_an_answer() -> None:
    """It is reported, and not followed: nobody listens where it points."""
    head = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    with talking(lambda connection: connection.sendall(head)) as url:
        assert ask(url).status == 302


def test_nobody_there_is_no_answer_at_all() -> None:
    """A refused connection says nothing about an API, so it is an error of its own."""
    with pytest.raises(Unreachable, match="ConnectionRefusedError"):
        ask("http://127.0.0.1:9/")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code": "token_expired"}', "token_expired"),
        (b'{"code": "\\u001b[2Jx"}', None),
        (b'{"code": "Token Expired"}', None),
        (b'{"code": 1}', None),
        (b'["code"]', None),
        (b'{"code": "a" ', None),
        (b"[" * 100_000, None),
        (b"\xff", None),
        (b"", None),
    ],
    ids=range(9),
)
def test_only_what_looks_like_a_code_is_taken_for_one(body: bytes, code: str | None) -> None:
    """What a stranger's server answers goes to a terminal: nothing else of it is shown."""
    assert Reply(401, body).code == code
