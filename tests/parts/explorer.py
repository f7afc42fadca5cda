"""A real `sekisho demo` with its explorer, in a process of its own, and a client that is no browser."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from tests.parts.serving import Said, ask, environment, until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_KEY = re.compile(rb"[0-9a-f]{64}")


@dataclass
class Person:
    """A login by cookie: what a browser would keep."""

    cookie: str
    csrf: str


@dataclass
class Exploring:
    """The demo, from its start to its end; `events` are all that its stream has told."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    said: str = ""
    explorer: str = ""
    key: str = ""
    people: list[tuple[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    stream: list[bytes] = field(default_factory=list)
    _marks: int = 0
    _ended: bool = False
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sekisho", "demo", "--no-browser", "--lang", "en"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(TMPDIR=str(self.folder), **self.variables),
            start_new_session=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said += line
            if "Ctrl-C" in line:
                break
        self.explorer = re.findall(r"(http://\S+)/explore", self.said)[0]
        self.people = re.findall(r"^  (\S+@example\.com)  (\w+)$", self.said, re.MULTILINE)
        found = _KEY.search(self.page())
        assert found is not None
        self.key = found[0].decode()
        threading.Thread(target=self._read, daemon=True).start()
        until(lambda: bool(self.stream), "the stream of the explorer")
        return self

    def end(self) -> None:
        """Have it end, and do not wait. Told twice, it would break its cleaning up off."""
        assert self._process is not None
        if not self._ended:
            self._ended = True
            self._process.terminate()

    def __exit__(self, *_: object) -> None:
        self.end()
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.stdout.close()
        assert self._process.wait(60) == 0

    def _read(self) -> None:
        at = urlsplit(self.explorer)
        assert at.hostname is not None
        connection = http.client.HTTPConnection(at.hostname, at.port)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", f"/explore/events?key={self.key}")
            for line in connection.getresponse():
                self.stream.append(line)
                if line.startswith(b"data:"):
                    self.events.append(json.loads(line[5:]))
        connection.close()

    @property
    def seen(self) -> int:
        """The number of an event behind which nothing stands that happened before now."""
        self._marks += 1
        mark = f"mark{self._marks}"
        # An act of its own is told in its turn, so with it everything before it.
        assert self.act("clock", seconds=0.001, act=mark).status == 200
        return int(self.event(lambda each: each["act"] == mark)["seq"])

    def page(self) -> bytes:
        """The page."""
        at = urlsplit(self.explorer)
        assert at.hostname is not None
        connection = http.client.HTTPConnection(at.hostname, at.port)
        try:
            connection.request("GET", "/explore")
            return connection.getresponse().read()
        finally:
            connection.close()

    def told(self, path: str) -> dict[str, Any]:
        """A document of the explorer."""
        said = ask(self.explorer, "GET", f"/explore/{path}", headers={"Sekisho-Explorer": self.key})
        assert said.status == 200, said.json
        return said.json

    def act(self, name: str, /, **body: object) -> Said:
        """What the visitor does."""
        headers = {"Sekisho-Explorer": self.key}
        return ask(self.explorer, "POST", f"/explore/acts/{name}", body, headers=headers)

    def url(self, server: str) -> str:
        """Where a server is."""
        found: str = self.told("state")["servers"][server]["url"]
        return found

    def log_in(
        self, who: int = 0, at: str = "auth", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer to a login in mode `token`."""
        email, password = self.people[who]
        body = {"email": email, "password": password, "mode": "token"}
        said = ask(self.url(at), "POST", "/v1/login", body, headers=headers)
        assert said.status == 200, said.json
        return said.json

    def log_in_by_cookie(self, who: int = 0) -> Person:
        """A login in mode `session`."""
        auth, seen = self.url("auth"), self.seen
        before = ask(auth, "GET", "/v1/csrf")
        email, password = self.people[who]
        said = ask(
            auth,
            "POST",
            "/v1/login",
            {"email": email, "password": password, "mode": "session"},
            headers={
                "Cookie": before.headers["set-cookie"].partition(";")[0],
                "Sekisho-CSRF": before.json["csrf_token"],
            },
        )
        assert said.status == 200, said.json
        # From the record: what went over the wire is there in full, each of several headers of one name too.
        raw = self.event(lambda each: each["msg"]["id"] == "ev.login.session", after=seen)["raw"]
        cookie = re.findall(r"^set-cookie: (sekisho=[^;]+)", raw, re.MULTILINE)[-1]
        return Person(cookie, said.json["csrf_token"])

    def event(self, wanted: Callable[[dict[str, Any]], bool], *, after: int = 0) -> dict[str, Any]:
        """The newest event of that sort, waited for."""

        def found() -> list[dict[str, Any]]:
            return [each for each in list(self.events) if each["seq"] > after and wanted(each)]

        until(lambda: bool(found()), "an event of that sort")
        return found()[-1]

    def all(self) -> list[dict[str, Any]]:
        """Everything that has happened up to now."""
        last = self.seen
        return [each for each in list(self.events) if each["seq"] < last]

    def of_act(self, act: str) -> list[dict[str, Any]]:
        """What has happened in one act up to now."""
        return [each for each in self.all() if each["act"] == act]
