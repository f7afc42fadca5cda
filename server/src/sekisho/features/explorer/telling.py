"""How the processes of a stage tell its manager what happened: records of JSON through a pipe of their own.

A pipe, and not a socket: nobody else on the machine can write into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, Protocol, TypeAlias, cast

import msgspec

from sekisho.ports import Clock

#: One thing that happened: `kind`, `server`, `at` on the steady clock of the machine, and what the kind says.
Record: TypeAlias = Mapping[str, Any]
Tell: TypeAlias = Callable[[Record], None]

#: The header by which a request says to which act of the page it belongs.
ACT: Final = "sekisho-explorer-act"

_SHOWN_BYTES: Final = 64
#: Seconds between the time that a record carries and the moment at which it is put in.
_SLACK: Final = 0.002


class Pipe(Protocol):
    """One end of a pipe that carries messages: a `multiprocessing.connection.Connection`."""

    def send_bytes(self, buf: bytes, /) -> None:
        """Put one in. Raises `OSError` once nobody reads."""
        ...

    def recv_bytes(self) -> bytes:
        """Wait for one. Raises `EOFError` or `OSError` once nobody writes."""
        ...


def telling(pipe: Pipe, *, steady: Clock) -> Tell:
    """What takes a record from any thread and never makes it wait; threads of its own fill the pipe.

    Whenever the manager asks, it is told until when it knows everything that happened here.
    """
    waiting: SimpleQueue[Record] = SimpleQueue()

    # A manager that has gone ends this process too, so what is lost then nobody misses.
    def fill() -> None:
        with suppress(OSError):
            while True:
                pipe.send_bytes(msgspec.json.encode(waiting.get()))

    def answer() -> None:
        with suppress(OSError, EOFError):
            while True:
                pipe.recv_bytes()
                # Who has just looked at the clock has put his record in within that time.
                waiting.put({"kind": "mark", "at": steady() - _SLACK})

    for work in (fill, answer):
        Thread(target=work, name=f"explorer-{work.__name__}", daemon=True).start()
    return waiting.put


class Source:
    """One process that tells: how the manager asks it, and until when everything is known from it."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe: Final = pipe
        self._asked = False
        self.known_until = float("-inf")
        self.gone = False

    def ask(self) -> None:
        """Ask until when everything is known, unless an answer is still to come."""
        if not self._asked:
            self._asked = True
            with suppress(OSError):
                self._pipe.send_bytes(b"?")

    def listen(self, take: Tell) -> None:
        """Have `take` called with every record until the process ends, on a thread of its own."""
        Thread(target=self._empty, args=(take,), name="explorer-listening", daemon=True).start()

    def _empty(self, take: Tell) -> None:
        with suppress(OSError, EOFError):
            while True:
                record = cast("Record", msgspec.json.decode(self._pipe.recv_bytes()))
                if record["kind"] == "mark":
                    self.known_until = record["at"]
                    self._asked = False
                else:
                    take(record)
        self.gone = True


def command(words: Sequence[bytes | int]) -> str:
    """A command of Redis as a person would type it, what is no text in hexadecimal."""
    return " ".join(_word(word) for word in words)


def _word(word: bytes | int) -> str:
    text = word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)
    return text if text.isascii() and text.isprintable() else str(printable(word))


def printable(value: object) -> str | float | None:
    """A parameter or a cell as the page shows it: bytes in hexadecimal, the long ones cut."""
    if isinstance(value, bytes):
        more = "…" if len(value) > _SHOWN_BYTES else ""
        return f"x'{value[:_SHOWN_BYTES].hex()}{more}'"
    return value if value is None or isinstance(value, str | int | float) else str(value)
