"""Where log lines are written: those of requests together, every other one at once.

A line a request is a system call a request, and on a busy server a tenth of what a refresh costs. So such
lines wait up to `LATE` for each other. The price: whoever kills the process outright loses the last of them;
what must not be lost are security events, and those are rows. An orderly end writes everything.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final, TextIO

#: Seconds that the line of a request may wait.
LATE: Final = 0.1


class Together(logging.StreamHandler[TextIO]):
    """Writes to a stream, in the order of the lines.

    Args:
        stream: where to.
        patient: the logger whose lines may wait, where an event loop runs that will write them.
    """

    def __init__(self, stream: TextIO, *, patient: logging.Logger) -> None:
        super().__init__(stream)
        self._patient: Final = patient.name
        self._lines: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, and write it with whatever waits before it: now or, of a request, soon."""
        try:
            line = self.format(record)
            if record.name == self._patient:
                self.keep(line)
            else:
                self._lines.append(line + self.terminator)
                self.flush()
        except Exception:  # noqa: BLE001 - as every handler of the standard library: a log stops no work
            self.handleError(record)

    def keep(self, line: str) -> None:
        """Write the line of a request soon; at once where no event loop runs."""
        self._lines.append(line + self.terminator)
        if not self._will_be_written():
            self.flush()

    def flush(self) -> None:
        """Write what waits. Called at the end of the process too."""
        self.acquire()
        try:
            self._loop = None
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("".join(lines))
            super().flush()
        finally:
            self.release()

    def _will_be_written(self) -> bool:
        """Whether the loop of this thread will write it; one that has ended never does what it was asked."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(LATE, self._flush_in_loop)
        return True

    def _flush_in_loop(self) -> None:
        # Nobody reads any more: there is no better place to tell that.
        with suppress(OSError, ValueError):
            self.flush()
