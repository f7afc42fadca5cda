"""Redis or Valkey servers of our own, on loopback, in a temporary directory: one alone, or a cluster."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import redis

from tests.parts.ports import free_port

_START_SECONDS = 20.0
_SLOTS = 16384


class RedisUnavailableError(RuntimeError):
    """No server can run here; the message says why and how to change that."""


def require() -> str:
    """The server's program.

    Raises:
        RedisUnavailableError: there is none.
    """
    for program in ("redis-server", "valkey-server"):
        if found := shutil.which(program):
            return found
    raise RedisUnavailableError(
        "no server found; Debian: apt-get install redis-server; macOS: brew install redis"
    )


class RedisServer:
    """One server: started on entry, stopped and removed on exit.

    Args:
        settings: further settings as the command line takes them.

    Raises:
        RedisUnavailableError: see `require`.
    """

    def __init__(self, *settings: str) -> None:
        self._program = require()
        self._settings = settings
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="sekisho-redis-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Its process id.

        Raises:
            RuntimeError: the server is not running.
        """
        if self._process is None:
            raise RuntimeError("this Redis server is not running")
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it on its port, with the data it had saved."""
        self._process = subprocess.Popen(
            [
                *(self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""),
                *("--dir", str(self._folder), "--daemonize", "no", *self._settings),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with suppress(redis.RedisError), self.client() as client:
                client.ping()
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RedisUnavailableError(f"the server on port {self.port} does not answer")

    def client(self) -> redis.Redis:
        """A connection of one's own."""
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=5)

    def flush(self) -> None:
        """Forget everything."""
        with self.client() as client:
            client.flushall()

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """As a machine that goes away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class RedisCluster:
    """Masters that share the slots among them: started on entry, stopped and removed on exit."""

    def __init__(self, masters: int = 3) -> None:
        self.masters = [
            RedisServer("--cluster-enabled", "yes", "--cluster-node-timeout", "2000") for _ in range(masters)
        ]
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """One of them, as the setting takes it."""
        return f"redis+cluster://127.0.0.1:{self.masters[0].port}"

    def __enter__(self) -> Self:
        for master in self.masters:
            self._stack.enter_context(master)
        try:
            self._join()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def flush(self) -> None:
        """Forget everything."""
        for master in self.masters:
            master.flush()

    def _join(self) -> None:
        share = -(-_SLOTS // len(self.masters))
        for at, master in enumerate(self.masters):
            with master.client() as client:
                first, last = at * share, min((at + 1) * share, _SLOTS) - 1
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.masters[0].port)
        deadline = time.monotonic() + _START_SECONDS
        waiting = list(self.masters)
        while waiting:
            if time.monotonic() > deadline:
                raise RedisUnavailableError("the cluster did not form")
            with waiting[0].client() as client:
                state = bytes(client.execute_command("CLUSTER", "INFO")).decode()
            if "cluster_state:ok" in state and f"cluster_known_nodes:{len(self.masters)}" in state:
                waiting.pop(0)
