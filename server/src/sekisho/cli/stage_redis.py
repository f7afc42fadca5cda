"""The stage's own Redis: the real program, where the machine has one, and what the server keeps in it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final, cast

from sekisho.adapters import system
from sekisho.adapters.redis_copies import PREFIX
from sekisho.cli.demo_servers import Stop, told_to_stop, write_to
from sekisho.cli.processes import Child
from sekisho.features.explorer.tables import Rows
from sekisho.features.explorer.telling import printable

_PROGRAMS: Final = ("redis-server", "valkey-server")
#: How the program is brought to a machine, by what brings programs there.
_BRINGS: Final = {
    "brew": "brew install redis",
    "dnf": "sudo dnf install valkey",
    "apk": "sudo apk add redis",
    "pacman": "sudo pacman -S valkey",
}
_HOST: Final = "127.0.0.1"
_PASSWORD_BYTES: Final = 32
#: Seconds for it to answer on a machine that is busy with other things.
_PATIENCE: Final = 30.0
_TRIES: Final = 3


def lacking() -> str | None:
    """The command that brings what this machine lacks for it; none where it lacks nothing."""
    commands: list[str] = []
    if _program() is None:
        brings = next((command for name, command in _BRINGS.items() if shutil.which(name)), None)
        commands.append(brings or "sudo apt-get install redis-server")
    if find_spec("redis") is None:
        commands.append("pip install 'sekisho[redis]'")
    return " && ".join(commands) or None


class StageRedis:
    """One Redis: a process on loopback with a password of its own, which keeps nothing on the disk.

    Args:
        folder: where it may be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._password: Final = system.entropy(_PASSWORD_BYTES).hex()
        self._port = 0
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Where it is, with its password."""
        return f"redis://:{self._password}@{_HOST}:{self._port}/0"

    @property
    def up(self) -> bool:
        """Whether it runs."""
        return self._child is not None and self._child.process.is_alive()

    def start(self) -> bool:
        """Start it, unless it runs; whether it does then. It keeps its port."""
        for _ in range(_TRIES):
            if self.up:
                break
            # It opens its port by itself; until then somebody else could have taken it.
            self._port = self._port or _free_port()
            orders = _Orders(str(_program()), self._port, self._password, self._folder)
            child = Child(serve_stage_redis, orders)
            if child.is_ready(within=_PATIENCE):
                self._child = child
            else:
                child.stop()
                self._port = 0
        return self.up

    def stop(self) -> None:
        """Stop it, and with it all that it held."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def rows(self) -> Rows:
        """Its keys as they are; `expires_at` by its own clock, which nobody moves."""
        if not self.up:
            return {}
        import redis  # noqa: PLC0415 - an optional dependency

        client: Any = redis.Redis(_HOST, self._port, password=self._password, socket_timeout=1)
        try:
            names: list[bytes] = sorted(client.scan_iter(match=PREFIX + b"*", count=100))
            found: dict[bytes, tuple[int, bytes | None]] = {
                name: (client.expiretime(name), client.get(name)) for name in names
            }
        except redis.RedisError:
            return {}  # it stops just now, and what it held is gone
        finally:
            client.close()
        return {
            name.decode(): {"key": name.decode(), "expires_at": at, "value": printable(value)}
            for name, (at, value) in found.items()
            if value is not None
        }


class _Orders:
    """What the process is told: which program, where, and the password that it asks for."""

    def __init__(self, program: str, port: int, password: str, folder: Path) -> None:
        self.program: Final = program
        self.folder: Final = folder
        self.log: Final = folder / "redis.log"
        self.port: Final = port
        self.password: Final = password

    @property
    def configuration(self) -> bytes:
        """As it is read from stdin: an argument or a file could be read by others."""
        lines = (
            f"bind {_HOST}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{self.folder}"',
            "daemonize no",
            'save ""',
            "appendonly no",
            "maxmemory 32mb",
        )
        return "\n".join(lines).encode()


def serve_stage_redis(
    orders: _Orders, *, ready: Callable[[], None], signals: Sequence[signal.Signals]
) -> None:
    """Run it until a signal asks to stop, or it ends."""
    over = told_to_stop(signals)
    write_to(orders.log)
    # In a session of its own: Ctrl-C reaches every process of a terminal, and only the parent acts on it.
    with subprocess.Popen(  # noqa: S603 - the program that was found on PATH, with no argument of anybody
        [orders.program, "-"], stdin=subprocess.PIPE, cwd=orders.folder, start_new_session=True
    ) as process:
        threading.Thread(target=_notice, args=(process, over), daemon=True).start()
        with suppress(BrokenPipeError), cast("IO[bytes]", process.stdin) as told:
            told.write(orders.configuration)
        if _answers(orders, over):
            ready()
            over.wait()
        process.terminate()


def _notice(process: subprocess.Popen[bytes], over: Stop) -> None:
    """It may end by itself."""
    process.wait()
    over.tell()


def _answers(orders: _Orders, over: Stop) -> bool:
    """Wait until it takes the password, unless it ends before."""
    until = system.steady() + _PATIENCE
    while not over.told(within=0.02) and system.steady() < until:
        try:
            with socket.create_connection((_HOST, orders.port), 1) as line:
                line.sendall(f"AUTH {orders.password}\r\n".encode())
                if line.recv(64).startswith(b"+OK"):
                    return True
        except OSError:
            continue
    return False


def _program() -> str | None:
    return next((found for name in _PROGRAMS if (found := shutil.which(name))), None)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind((_HOST, 0))
        port: int = asked.getsockname()[1]
    return port
