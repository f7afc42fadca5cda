"""How the processes of a stage tell its manager what happened: records of JSON through a pipe of their own.

A pipe, and not a socket: nobody else on the machine can write into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, Protocol, TypeAlias, cast

import msgspec

#: One thing that happened: `kind`, `server`, `at` on the steady clock of the machine, and what the kind says.
Record: TypeAlias = Mapping[str, Any]
Tell: TypeAlias = Callable[[Record], None]

_SHOWN_BYTES: Final = 64


class Pipe(Protocol):
    """One end of a pipe that carries messages: a `multiprocessing.connection.Connection`."""

    def send_bytes(self, buf: bytes, /) -> None:
        """Put one in. Raises `OSError` once nobody reads."""
        ...

    def recv_bytes(self) -> bytes:
        """Wait for one. Raises `EOFError` or `OSError` once nobody writes."""
        ...


def telling(pipe: Pipe) -> Tell:
    """What takes a record from any thread and never makes it wait; a thread of its own fills the pipe."""
    waiting: SimpleQueue[Record] = SimpleQueue()

    def fill() -> None:
        # A manager that has gone ends this process too, so what is lost here nobody misses.
        with suppress(OSError):
            while True:
                pipe.send_bytes(msgspec.json.encode(waiting.get()))

    Thread(target=fill, name="explorer-telling", daemon=True).start()
    return waiting.put


def listen(pipe: Pipe, take: Tell) -> None:
    """Have `take` called with every record of a process until it ends, on a thread of its own."""

    def empty() -> None:
        with suppress(OSError, EOFError):
            while True:
                take(cast("Record", msgspec.json.decode(pipe.recv_bytes())))

    Thread(target=empty, name="explorer-listening", daemon=True).start()


def printable(value: object) -> str | float | None:
    """A parameter or a cell as the page shows it: bytes in hexadecimal, the long ones cut."""
    if isinstance(value, bytes):
        more = "…" if len(value) > _SHOWN_BYTES else ""
        return f"x'{value[:_SHOWN_BYTES].hex()}{more}'"
    return value if value is None or isinstance(value, str | int | float) else str(value)
