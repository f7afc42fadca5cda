"""The guard that keeps every test on this machine."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.parts import network_guard
from tests.parts.network_guard import NetworkForbiddenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ["pytester"]

# TEST-NET-1 and its IPv6 sibling (RFC 5737, RFC 3849): never routed, should the guard fail.
ELSEWHERE = "192.0.2.1"
ELSEWHERE_V6 = "2001:db8::1"


def connect() -> None:
    """Open a connection, as any HTTP client does."""
    with socket.socket() as client:
        client.connect((ELSEWHERE, 80))


def connect_v6() -> None:
    """Open a connection over IPv6."""
    with socket.socket(socket.AF_INET6) as client:
        client.connect((ELSEWHERE_V6, 80))


def connect_quietly() -> None:
    """Open a connection by the call that returns an error number."""
    with socket.socket() as client:
        client.connect_ex((ELSEWHERE, 80))


def send() -> None:
    """Send a datagram, as a DNS or statsd client does."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(b"", (ELSEWHERE, 9))


def look_up() -> None:
    """Resolve a name."""
    socket.getaddrinfo("example.invalid", 80)


def look_up_by_the_old_call() -> None:
    """Resolve a name by the call of the eighties."""
    socket.gethostbyname("example.invalid")


ALL = [connect, connect_v6, connect_quietly, send, look_up, look_up_by_the_old_call]


@pytest.mark.parametrize("leave", ALL)
def test_leaving_the_machine_is_refused(leave: Callable[[], None]) -> None:
    """Connections, datagrams and name look-ups off loopback raise at the call."""
    with pytest.raises(NetworkForbiddenError):
        leave()
    network_guard.take_attempts()


def test_an_attempt_is_remembered_though_the_code_hid_it() -> None:
    """Code that swallows everything still fails its test, by the list the fixture reads."""
    with suppress(BaseException):
        connect()
    assert network_guard.take_attempts() == ["socket.connect ('192.0.2.1', 80)"]


def test_a_test_that_hid_its_attempt_fails(pytester: pytest.Pytester) -> None:
    """The fixture reads that list after every test."""
    pytester.makeconftest("from tests.conftest import no_network")
    pytester.makepyfile("""
        from contextlib import suppress
        from tests.parts.test_network_guard import connect

        def test_quiet():
            with suppress(BaseException):
                connect()
    """)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*a test may not leave this machine*192.0.2.1*"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_open(host: str) -> None:
    """A test talks to the servers it started."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection((host, server.getsockname()[1])) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_unix_sockets_are_open(tmp_path: Path) -> None:
    """A socket file is on this machine by nature."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        assert client.getpeername() == path
