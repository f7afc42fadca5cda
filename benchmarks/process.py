"""A server in a process of its own, and what it costs: CPU time by its own clock, memory by its own share."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_LIBC = ctypes.CDLL(None, use_errno=True)
_TICKS = os.sysconf("SC_CLK_TCK")
#: Seconds that a server may take to stop.
_PATIENCE = 30.0

#: What runs one of `served.KINDS`.
OURS = (sys.executable, "-m", "benchmarks.served")


def cpu_clock(pid: int) -> int:
    """The id of the clock that counts the CPU time, user and system, of all threads of a process (POSIX)."""
    clock = ctypes.c_int()
    error = _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock))
    if error:
        raise OSError(error, os.strerror(error))
    return clock.value


def family_cpu(pid: int) -> float:
    """Seconds of CPU of a process, its children, and those of them that have ended (these to 10 ms)."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    alive = 0.0
    for each in (pid, *map(int, listed)):
        with suppress(ProcessLookupError):  # it has ended since: it is among those that have
            alive += time.clock_gettime(cpu_clock(each))
    # After the name, which may hold anything: the fields from the third on (proc(5)).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return alive + (int(fields[13]) + int(fields[14])) / _TICKS


def installed(folder: Path) -> Mapping[str, str]:
    """Our environment without settings, and with compiled modules, as every installation has them."""
    left_out = ("SEKISHO_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def resident(pid: int, counted: str = "Pss") -> float:
    """MiB of a process and its children, by a line of `smaps_rollup` (proc(5)).

    `Rss` is all that is in memory, and `Pss_Anon` what belongs to no file; `Pss` is its own share, which says
    less the more processes on the machine have the same files open.
    """
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return _share(pid, counted) + sum(resident(int(child), counted) for child in listed)


def _share(pid: int, counted: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{counted}:"))


class Served:
    """One of `served.KINDS` in a process of its own, from entry to exit.

    Args:
        kind: which.
        folder: where its log goes.
        environ: settings on top of our own environment, which must not have any of them.
        program: what runs it, given the kind and the number of the socket.
    """

    def __init__(
        self, kind: str, folder: Path, environ: Mapping[str, str], *, program: Sequence[str] = OURS
    ) -> None:
        self._kind = kind
        self._program = program
        self._log = folder / f"{kind}-{id(self)}.log"
        self._environ = {**os.environ, **environ}

    def __enter__(self) -> Self:
        with socket.create_server(("127.0.0.1", 0)) as listening, self._log.open("wb") as log:
            self.port: int = listening.getsockname()[1]
            self._process = subprocess.Popen(
                [*self._program, self._kind, str(listening.fileno())],
                env=self._environ,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[listening.fileno()],
            )
        stdout = self._process.stdout
        if stdout is None or stdout.readline() != b"ready\n":
            self.__exit__(None, None, None)
            raise RuntimeError(f"{self._kind} did not start:\n{self._log.read_text()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()  # nobody is to find it running afterwards
            self._process.wait()
            raise
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def cpu(self) -> float:
        """Seconds of CPU, user and system, that it and its workers have used since it was started."""
        return family_cpu(self._process.pid)

    def memory(self, counted: str = "Rss") -> float:
        """MiB, its workers' included, as `resident` counts them."""
        return resident(self._process.pid, counted)
