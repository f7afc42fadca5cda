"""A node that dies and comes back where it was: a process on a port that stays its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from benchmarks.process import OURS, cpu_clock

_PATIENCE = 30.0


class Node:
    """The auth server as `sekisho serve` runs it, on loopback.

    Args:
        name: what its log is called.
        folder: where that goes.
        environ: settings on top of our own environment, which must not have any of them.
    """

    def __init__(self, name: str, folder: Path, environ: Mapping[str, str]) -> None:
        self._log = folder / f"{name}.log"
        self._environ = {**os.environ, **environ}
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def feed(self) -> str:
        """Where its feed is."""
        return f"{self.url}/v1/revocations"

    def start(self) -> None:
        """Start it, on the port that it had before; return when it answers.

        The socket is nobody's but the node's: while it is dead, connections are refused.
        """
        with socket.create_server(("127.0.0.1", self.port)) as listening, self._log.open("ab") as log:
            self.port = listening.getsockname()[1]
            self._process = subprocess.Popen(
                [*OURS, "sekisho", str(listening.fileno())],
                env=self._environ,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[listening.fileno()],
            )
        stdout = self._process.stdout
        if stdout is None or stdout.readline() != b"ready\n":
            self.end(signal.SIGKILL)
            raise RuntimeError(f"a node did not start:\n{self._log.read_text()}")

    def end(self, how: signal.Signals) -> float:
        """End it by a signal; the seconds that it took."""
        process, self._process = self._process, None
        if process is None:
            return 0.0
        began = time.monotonic()
        process.send_signal(how)
        process.wait(_PATIENCE)
        if process.stdout is not None:
            process.stdout.close()
        return time.monotonic() - began

    def cpu(self) -> float:
        """Seconds of CPU, user and system, that the process has used since it was started."""
        if self._process is None:
            raise RuntimeError("this node is not running")
        return time.clock_gettime(cpu_clock(self._process.pid))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end(signal.SIGTERM)
