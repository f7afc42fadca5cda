"""A node with a thousand streams on which nothing happens: what it costs, and how they end."""

from __future__ import annotations

import selectors
import signal
import socket
import tempfile
import time
from pathlib import Path

from benchmarks.paired import Result
from benchmarks.refresh import environ
from benchmarks.revocation.node import Node
from tests.parts.postgres import PostgresServer

STREAMS = 1000
SECONDS = 20.0
#: The share of a core.
BAR = 0.10
#: Seconds between two heartbeats, and what may be missing of them on a busy machine.
_BEAT, _ENOUGH = 0.5, 0.9
_REQUEST = b"GET /v1/revocations/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


class _Readers:
    """Raw sockets that take what comes."""

    def __init__(self, port: int, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.beats = 0
        self.open = 0
        for _ in range(count):
            line = socket.create_connection(("127.0.0.1", port))
            line.sendall(_REQUEST)
            line.setblocking(False)
            self._selector.register(line, selectors.EVENT_READ)
            self.open += 1

    def read(self, seconds: float) -> None:
        """Take what comes for so long, or until every stream has ended."""
        until = time.monotonic() + seconds
        while self.open and (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                line = key.fileobj
                assert isinstance(line, socket.socket)
                piece = line.recv(65536)
                self.beats += piece.count(b"event: heartbeat\n")
                if not piece:
                    self._selector.unregister(line)
                    line.close()
                    self.open -= 1


def run() -> Result:
    """Measure, with PostgreSQL, which is read every fifth of a second, and the default kind of key."""
    with tempfile.TemporaryDirectory() as name, PostgresServer() as postgres:
        folder = Path(name)
        settings = environ(folder, database=postgres.url(postgres.create_database()), alg="ES256")
        with Node("idle", folder, settings) as node:
            readers = _Readers(node.port, STREAMS)
            readers.read(3)  # all of them are there by then, and have had their first heartbeat
            readers.beats = 0
            began, before = time.monotonic(), node.cpu()
            readers.read(SECONDS)
            share = (node.cpu() - before) / (time.monotonic() - began)
            beats = readers.beats / STREAMS / (SECONDS / _BEAT)
            ended_in = node.end(signal.SIGTERM)
            readers.read(5)
    holds = share <= BAR and beats >= _ENOUGH and not readers.open
    text = (
        f"a node with {STREAMS} idle streams takes {share:.1%} of a core, bar {BAR:.0%};"
        f" {beats:.0%} of the heartbeats came in their second;"
        f" at SIGTERM it ended after {ended_in:.1f} s, {readers.open} streams left"
    )
    return Result(f"{text}: {'holds' if holds else 'MISSED'}", holds)
