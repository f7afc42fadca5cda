"""Ports that tests give to their programs: nobody else has one."""

from __future__ import annotations

import socket
import subprocess
import sys

from tests.parts.ports import END, FIRST, MOST, Ports, free_port

OTHER = "import sys; from tests.parts.ports import Ports; print(Ports(int(sys.argv[1])).row(1))"


def test_no_two_processes_are_given_one_port() -> None:
    """Nobody listens on it yet, and still another process that looks there first is given another."""
    mine = free_port()
    done = subprocess.run(
        [sys.executable, "-c", OTHER, str(mine)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) != mine
    assert FIRST <= int(done.stdout) < END


def test_a_row_is_given_whole() -> None:
    """Where one of it is taken, by a test or by a program, the row begins behind that."""
    mine = free_port()
    first = Ports(mine).row(4)
    assert first not in range(mine - 3, mine + 1)
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        assert Ports(port - 2).row(4) not in range(port - 3, port + 1)


def test_what_was_given_long_ago_is_given_back() -> None:
    """A process that asks for more than any test uses gets some of the first again, and never the last."""
    ports = Ports(FIRST)
    given = [ports.row(1) for _ in range(MOST + 50)]
    again = Ports(given[0])
    assert set(given[:50]) & {again.row(1) for _ in range(50)}
    assert Ports(given[-1]).row(1) != given[-1]
