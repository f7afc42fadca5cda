"""Servers A and B behind the nginx of our example, which asks them in turn; and curl, which visits them."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.parts.examples import EXAMPLES
from tests.parts.nginx import Nginx
from tests.parts.ports import free_port
from tests.parts.serving import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ACCOUNT = {"email": "aya@example.com", "password": "a checkpoint on the road to Edo"}
#: What A and B share but for the store.
ROOT = {
    "SEKISHO_ROOT_SECRET": "env:ROOT",
    "ROOT": base64.b64encode(bytes(range(7, 39))).decode(),
    "SEKISHO_SIGNUP": "open",
}
_LOCATION = "        location / {"


@dataclass
class Behind(Server):
    """A server behind a proxy, whose address it says."""

    def start(self) -> Self:
        """Start it; `url` is its own address."""
        super().start()
        self.url = f"http://localhost:{self.port}"
        return self


@dataclass(frozen=True)
class Site:
    """What a visitor sees is `url`; behind it are `a` and `b`."""

    url: str
    a: Behind
    b: Behind
    nginx: Nginx

    def named(self, upstream: str) -> str:
        """Who answered: `A`, `B`, or `AB` where B was asked after A."""
        names = {str(self.a.port): "A", str(self.b.port): "B"}
        return "".join(names[address.rpartition(":")[2]] for address in upstream.split(", "))


@contextmanager
def behind_nginx(folder: Path, each: Sequence[Mapping[str, str]], *, locations: str = "") -> Iterator[Site]:
    """A and B with their settings, behind the very file of the example, and one account.

    `locations`: what else that host has beside A and B.
    """
    port = free_port()
    issuer = {"SEKISHO_ISSUER": f"http://localhost:{port}", "SEKISHO_TRUSTED_PROXIES": "127.0.0.1"}
    with ExitStack() as stack:
        a, b = (
            stack.enter_context(Behind(folder / name, settings={**settings, **issuer}))
            for name, settings in zip("ab", each, strict=True)
        )
        text = (EXAMPLES / "two-servers" / "nginx.conf").read_text("utf-8")
        for shown, used in (("8080", port), ("8401", a.port), ("8402", b.port)):
            assert f"127.0.0.1:{shown}" in text
            text = text.replace(f"127.0.0.1:{shown}", f"127.0.0.1:{used}")
        assert _LOCATION in text
        text = text.replace(_LOCATION, f"{locations}\n{_LOCATION}")
        nginx = stack.enter_context(Nginx.configured(text))
        assert a.ask("POST", "/v1/accounts", ACCOUNT).status == 201
        yield Site(issuer["SEKISHO_ISSUER"], a, b, nginx)


@dataclass(frozen=True)
class Seen:
    """What curl brought back; `by` names who answered it."""

    status: int
    by: str
    headers: Mapping[str, str]
    json: dict[str, Any]


@dataclass
class Visitor:
    """Somebody with curl and a cookie jar."""

    site: Site
    folder: Path
    csrf: str = ""
    jar: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.jar = self.folder / "jar"

    def ask(self, method: str, path: str, body: object = None, *, at: str = "") -> Seen:
        """One request, through nginx or `at` a server itself, with the CSRF token that is known."""
        self.begin(method, path, body, at=at).wait()
        return self.seen()

    def begin(self, method: str, path: str, body: object = None, *, at: str = "") -> subprocess.Popen[bytes]:
        """The same, without waiting for the answer, which `seen` then reads."""
        words = ["curl", "-sS", "-X", method, "-b", str(self.jar), "-c", str(self.jar)]
        if body is not None:
            words += ["--json", json.dumps(body)]
        if method not in {"GET", "HEAD"} and self.csrf:
            words += ["-H", f"Sekisho-CSRF: {self.csrf}"]
        words += ["-D", str(self.folder / "headers"), "-o", str(self.folder / "body")]
        return subprocess.Popen([*words, f"{at or self.site.url}{path}"])

    def seen(self) -> Seen:
        """What came back last."""
        status, *lines = (self.folder / "headers").read_text("latin-1").strip().splitlines()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        raw = (self.folder / "body").read_bytes() if (self.folder / "body").exists() else b""
        is_json = "json" in headers.get("content-type", "")
        by = self.site.named(headers["x-served-by"]) if "x-served-by" in headers else ""
        (self.folder / "body").unlink(missing_ok=True)
        return Seen(int(status.split()[1]), by, headers, json.loads(raw) if is_json else {})

    def log_in(self) -> Seen:
        """In mode `session`, with a CSRF token first."""
        self.csrf = self.ask("GET", "/v1/csrf").json["csrf_token"]
        seen = self.ask("POST", "/v1/login", {**ACCOUNT, "mode": "session"})
        assert seen.status == 200, seen.json
        self.csrf = seen.json["csrf_token"]
        return seen

    def kept(self, folder: Path) -> Visitor:
        """Somebody else who has a copy of the cookies."""
        other = Visitor(self.site, folder, self.csrf)
        shutil.copy(self.jar, other.jar)
        return other


def unread(port: int) -> bool:
    """Whether something has been sent to the server on that port that it has not read (Linux; proc(5))."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    established = [row for row in rows if int(row[1].partition(":")[2], 16) == port and row[3] == "01"]
    return any(int(row[4].partition(":")[2], 16) for row in established)
