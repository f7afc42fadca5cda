"""Where a server of the stage listens: on the same port, however often it is started there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from socket import socket
from typing import Any, Self

from sekisho.cli.listening import listen
from sekisho.cli.processes import Child
from sekisho.words.catalogue import Say


@dataclass(slots=True)
class StagePlace:
    """A port of this machine: its sockets until a server has them, and the server."""

    host: str
    port: int
    say: Say = field(repr=False)
    sockets: list[socket]
    child: Child | None = None

    @classmethod
    def bound(cls, host: str, port: int, say: Say) -> Self:
        """Take the port, or a free one for 0. Raises `Fault`: it cannot be had."""
        sockets = listen(host, port, say)
        return cls(host, sockets[0].getsockname()[1], say, sockets)

    @property
    def up(self) -> bool:
        """Whether a server runs here."""
        return self.child is not None and self.child.process.is_alive()

    def start(self, serve: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - its own, pickled
        """Start one, and do not wait. Raises `Fault`: another program has taken the port meanwhile."""
        if not self.sockets:
            self.sockets = listen(self.host, self.port, self.say)
        self.child = Child(serve, *arguments, self.sockets)
        self.close()

    def stop(self) -> None:
        """Stop it, and wait until it has."""
        if self.child is not None:
            self.child.stop()
        self.child = None

    def close(self) -> None:
        """The child has them now; kept open here they would keep a dead server's callers waiting."""
        for opened in self.sockets:
            opened.close()
        self.sockets = []
