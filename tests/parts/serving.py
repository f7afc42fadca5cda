"""A real `sekisho serve` in a process of its own, on a port of its own, and a client for it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from tests.parts.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PATIENCE = 60.0

#: The cheapest named profile: what is tested here is not how slow a hash is.
CHEAP = {"SEKISHO_PASSWORD_PROFILE": "OWASP_7MIB_T5", "SEKISHO_LANG": "en"}


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without settings of its owner or of our tests' Django, and with these."""
    ours = ("SEKISHO_", "DJANGO_")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**plain, **CHEAP, **settings}


def run(*arguments: str, text: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as a shell would."""
    return subprocess.run(
        [sys.executable, "-m", "sekisho", *arguments],
        input=text,
        capture_output=True,
        text=True,
        env=environment(**settings),
        timeout=_PATIENCE,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: status, headers in lower case, and the JSON of its body (empty where that is none)."""

    status: int
    headers: Mapping[str, str]
    json: dict[str, Any]


def ask(
    url: str,
    method: str,
    path: str,
    body: object = None,
    *,
    bearer: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Said:
    """One request over a connection of its own."""
    at = urlsplit(url)
    assert at.hostname is not None
    sent = dict(headers or {})
    if body is not None:
        sent["Content-Type"] = "application/json"
    if bearer is not None:
        sent["Authorization"] = f"Bearer {bearer}"
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=_PATIENCE)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        response = connection.getresponse()
        raw = response.read()
    finally:
        connection.close()
    found = {name.lower(): value for name, value in response.getheaders()}
    in_json = found.get("content-type", "").endswith("json")
    return Said(response.status, found, json.loads(raw) if in_json else {})


def processes_of(group: int) -> list[int]:
    """The living processes of a group: what `start_new_session` started, and what that started."""
    table = _proc_table() if Path("/proc/self/stat").exists() else _ps_table()
    return [pid for pid, of, state in table if of == group and state != "Z"]


def _proc_table() -> Iterator[tuple[int, int, str]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            # The name before ")" may hold anything; behind it come state, parent and group (proc(5)).
            state, _, group, *_ = stat.read_text().rpartition(")")[2].split()
            yield int(stat.parent.name), int(group), state


def _ps_table() -> Iterator[tuple[int, int, str]]:
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    for pid, group, state in (line.split() for line in listed.splitlines()):
        yield int(pid), int(group), state[0]


def until(holds: Callable[[], bool], what: str) -> None:
    """Look again and again until it holds; a failure that says `what` did not happen after a long while.

    For what other processes do and nobody tells us of. The time between two looks decides only how
    soon we know, never what is found.
    """
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        time.sleep(0.005)


def wait_until_gone(group: int) -> None:
    """Until no process of the group is left."""
    until(lambda: not processes_of(group), f"the end of process group {group}")


@dataclass
class Server:
    """`sekisho serve` on a data directory; `stop` and `kill9` end it, `start` begins again, on its port.

    With `port=0` it picks one at each start.
    """

    data: Path
    arguments: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    welcome: str = ""
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start it, and wait until it has said where it is."""
        process = self.begin()
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        else:
            process.wait()
            process.stdout.close()
            raise AssertionError(f"the server did not start: {self.log.read_text()}")
        self.welcome = "".join(lines)
        jwks = "/.well-known/jwks.json"
        self.url = next(word for word in self.welcome.split() if word.endswith(jwks)).removesuffix(jwks)
        return self

    def begin(self) -> subprocess.Popen[str]:
        """Start it, and do not wait; its log goes to a file beside the data."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "sekisho", "serve", "--port", str(self.port)),
                    *("--data", str(self.data), *self.arguments),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # What a server that is killed cannot remove goes with the test's own directory.
                env=environment(**{"TMPDIR": str(self.data.parent), **self.settings}),
                start_new_session=True,
            )
        return self._process

    @property
    def log(self) -> Path:
        """What it wrote to stderr."""
        return self.data.with_name(f"{self.data.name}.log")

    @property
    def pid(self) -> int:
        """The process that was started: the server, or the parent of its workers."""
        assert self._process is not None
        return self._process.pid

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        return self.reap()

    def kill9(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self.reap()

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> Said:  # noqa: ANN401  # the arguments of `ask`
        """One request to it."""
        return ask(self.url, method, path, body, **more)

    def reap(self) -> int:
        """Wait for its end; its exit code."""
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.stdout.close()
        code = self._process.wait(_PATIENCE)
        self._process = None
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill9()
