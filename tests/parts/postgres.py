"""A PostgreSQL cluster of our own, on loopback, in a temporary directory; for tests and benchmarks alike.

PostgreSQL refuses to run as root, so under root the cluster belongs to the system user that the package made.
"""

from __future__ import annotations

import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import sql

from tests.parts.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0

# What a test loses nothing by: a database that is thrown away need not survive a power cut, nor be vacuumed.
_VOLATILE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_ALWAYS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
}


class PostgresUnavailableError(RuntimeError):
    """PostgreSQL cannot run here; the message says why and how to change that."""


def binaries() -> Path:
    """Return the folder that holds `initdb` and `postgres`, the newest where there are several.

    Raises:
        PostgresUnavailableError: no such folder is known to Debian's layout, `pg_config`, or PATH.
    """
    for folder in _candidates():
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
            return folder
    message = "no server found; Debian: apt-get install postgresql; macOS: brew install postgresql@17"
    raise PostgresUnavailableError(message)


def _candidates() -> Iterator[Path]:
    """Yield folders to look into: Debian's and Homebrew's, which are not on PATH, newest first; then PATH."""
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    homebrew = Path("/opt/homebrew/opt").glob("postgresql@[0-9]*/bin")
    for layout in (debian, homebrew):
        yield from sorted(layout, key=_version, reverse=True)
    if shutil.which("pg_config"):
        found = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False)
        yield Path(found.stdout.strip())
    if initdb := shutil.which("initdb"):
        yield Path(initdb).resolve().parent


def _version(folder: Path) -> float:
    """Read 15 from .../postgresql/15/bin and 17 from .../postgresql@17/bin."""
    return float(folder.parent.name.rpartition("@")[2])


def require() -> None:
    """Return quietly where a server can be made.

    Raises:
        PostgresUnavailableError: there are no binaries, root has no unprivileged user to run them as, or no
            temporary folder is open to that user.
    """
    binaries()
    _unprivileged_owner()
    _enterable_folder()


class PostgresServer:
    """One cluster: made on entry or `start`, stopped and removed on exit or `close`.

    Args:
        durable: wait for the disk as production does (for kill -9 rounds and benchmarks); else fsync is off.
        settings: further server settings, by their names in postgresql.conf.

    Raises:
        PostgresUnavailableError: see `require`.
    """

    def __init__(self, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> None:
        self._bin = binaries()
        self._settings = _ALWAYS | (_DURABLE if durable else _VOLATILE) | dict(settings or {})
        self._password = secrets.token_hex(16)
        self._owner = _unprivileged_owner()
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        self._root = Path(tempfile.mkdtemp(prefix="sekisho-pg-", dir=_enterable_folder()))
        try:
            self._initialize()
        except BaseException:
            shutil.rmtree(self._root)
            raise

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server and remove its data."""
        self.close()

    @property
    def port(self) -> int:
        """The loopback port; the same over restarts, so that a client finds the server again."""
        return self._port

    @property
    def folder(self) -> Path:
        """Where its data and log are."""
        return self._root

    @property
    def pid(self) -> int:
        """The process id of the postmaster.

        Raises:
            RuntimeError: the server is not running.
        """
        if self._process is None:
            raise RuntimeError("this PostgreSQL server is not running")
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        """Return the connection URL of a database, as superuser."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start the server and return when it accepts connections; no effect when it runs.

        Raises:
            RuntimeError: it did not come up within 30 seconds; the message ends in its log.
        """
        if self._process is not None:
            return
        deadline = time.monotonic() + _START_SECONDS
        while not self._spawn(deadline):
            log = self._log()
            # It passes by itself: after kill9 the orphans hold the shared memory for a moment.
            if "shared memory block" not in log or time.monotonic() >= deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log}")

    def stop(self) -> None:
        """Shut down fast but cleanly: sessions are ended, everything is written; no effect when stopped."""
        self._end(signal.SIGINT)

    def kill9(self) -> None:
        """Kill -9 every process of the server: nobody gets to write anything; no effect when stopped."""
        if self._process is not None:
            children = _children(self._process.pid)
            self._end(signal.SIGKILL)
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

    def pause(self) -> None:
        """Stop every process of the server in its tracks: connections stay open, and nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        for process in (self.pid, *_children(self.pid)):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def restart(self) -> None:
        """Stop cleanly and start again on the same port and data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server and remove its data."""
        self.stop()
        shutil.rmtree(self._root)

    def standby(self) -> PostgresStandby:
        """A copy of this cluster as it is now, which follows it once it is started."""
        return PostgresStandby(self)

    def create_database(
        self, *, template: str = "template1", settings: Mapping[str, str] | None = None
    ) -> str:
        """Create a database and return its name; a migrated template is copied in some 50 milliseconds.

        Args:
            template: the database to copy; nobody may be connected to it.
            settings: what every session of the new database starts with, e.g. default_transaction_isolation.
        """
        name = f"db_{next(self._names)}"
        with self._administrator() as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
            for key, value in (settings or {}).items():
                change = sql.SQL("ALTER DATABASE {} SET {} = {}")
                connection.execute(
                    change.format(sql.Identifier(name), sql.Identifier(key), sql.Literal(value))
                )
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the sessions that are still in it."""
        with self._administrator() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administrator(self) -> psycopg.Connection:
        return psycopg.connect(self.url(), autocommit=True)

    def _initialize(self) -> None:
        password_file = self._root / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        if self._owner is not None:
            for path in (self._root, password_file):
                os.chown(path, self._owner.pw_uid, self._owner.pw_gid)
        options = ["--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync"]
        # In clear, over loopback only: SCRAM would cost every connection of the suite some milliseconds.
        access = ["--auth=password", f"--pwfile={password_file}"]
        command = [str(self._bin / "initdb"), f"--pgdata={self._data}", *options, *access]
        made = subprocess.run(command, capture_output=True, text=True, check=False, **self._as_owner())
        if made.returncode:
            raise PostgresUnavailableError(f"initdb failed: {made.stderr}")

    def _spawn(self, deadline: float) -> bool:
        """Run the postmaster; False when it ended before it was ready."""
        settings = self._settings | {"port": str(self._port)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self._data), *options],
                stdout=log,
                stderr=log,
                start_new_session=True,  # a person's Ctrl-C reaches the tests, and they stop the server
                **self._as_owner(),
            )
        while process.poll() is None and time.monotonic() < deadline:
            if self._is_ready(process.pid):
                self._process = process
                return True
            time.sleep(0.01)
        process.kill()
        process.wait()
        return False

    def _is_ready(self, pid: int) -> bool:
        """Read what pg_ctl reads: the first line of postmaster.pid is the pid, the eighth the state."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() in {"ready", "standby"}

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_STOP_SECONDS)
            self._process = None

    @property
    def log(self) -> Path:
        """What it says, in a file."""
        return self._root / "log"

    def _log(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    @property
    def _data(self) -> Path:
        return self._root / "data"

    def _as_owner(self) -> dict[str, Any]:
        """Arguments of subprocess: the owner's rights only, in a folder that the owner may enter."""
        arguments: dict[str, Any] = {"cwd": self._root, "stdin": subprocess.DEVNULL}
        if self._owner is not None:
            arguments |= {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}
        return arguments


class PostgresStandby(PostgresServer):
    """A standby that streams from its primary, asynchronously, until it is promoted."""

    def __init__(self, primary: PostgresServer) -> None:
        self._primary = primary
        super().__init__()
        self._password = primary._password

    def promote(self) -> None:
        """Make it a primary, and return when it is one."""
        with self._administrator() as connection:
            connection.execute("SELECT pg_promote()")

    def _initialize(self) -> None:
        command = [str(self._bin / "pg_basebackup"), f"--pgdata={self._data}", "--write-recovery-conf"]
        command += [f"--dbname={self._primary.url()}", "--checkpoint=fast", "--no-sync"]
        if self._owner is not None:
            os.chown(self._root, self._owner.pw_uid, self._owner.pw_gid)
        made = subprocess.run(command, capture_output=True, text=True, check=False, **self._as_owner())
        if made.returncode:
            raise PostgresUnavailableError(f"pg_basebackup failed: {made.stderr}")


def _unprivileged_owner() -> pwd.struct_passwd | None:
    """Whom the cluster belongs to when we are root; None when we are somebody else, who may own it."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    message = "root cannot run PostgreSQL and there is no user postgres or nobody; run as another user"
    raise PostgresUnavailableError(message)


def _enterable_folder() -> Path:
    """A temporary folder that another user can enter as well: root's own may lie below /root."""
    choices = [Path(tempfile.gettempdir()).resolve(), Path("/var/tmp").resolve()]  # noqa: S108  # mkdtemp follows
    for folder in choices:
        if all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents)) or os.geteuid() != 0:
            return folder
    raise PostgresUnavailableError(f"no folder that another user can enter among {choices}; set TMPDIR")


def _children(parent: int) -> list[int]:
    """Process ids below the postmaster; `ps` is on every Unix that /proc is not on."""
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    if listed.exists():
        return [int(pid) for pid in listed.read_text().split()]
    table = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in table.splitlines())
    return [int(pid) for pid, ppid in rows if int(ppid) == parent]
