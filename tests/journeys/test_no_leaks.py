"""No secret leaves: every kind of secret, every endpoint and command, good and bad days, every place."""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sekisho.adapters.root_secret import ServerKeys, derive_keys
from sekisho.adapters.secrets.secret import Secret
from sekisho.compose import standard_features
from sekisho.rules.opaque import MacKeys
from sekisho.settings import read_settings
from sekisho.web.pages import Page
from tests.conftest import require_postgres
from tests.house.tree import ROOT
from tests.parts import aws as parts
from tests.parts.aws import Aws, Rotating
from tests.parts.leaks import Wanted, of_token, spellings
from tests.parts.postgres import PostgresServer
from tests.parts.serving import environment
from tests.parts.surface import Person, Surface

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.requirement("H4", "H5")


@dataclass
class Running:
    """The server as a process, with everything that it says."""

    environ: Mapping[str, str]
    url: str = ""
    said: list[bytes] = field(default_factory=list)

    @contextmanager
    def started(self) -> Iterator[Running]:
        """Start it; stop it at the end, unless it has been."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.parts.crashing_server"],
            cwd=ROOT,
            env=dict(self.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        listener = threading.Thread(target=self.said.extend, args=(process.stderr,), daemon=True)
        listener.start()
        self.url = process.stdout.readline().decode().strip()
        try:
            assert self.url, b"".join(self.said).decode()
            yield self
        finally:
            process.send_signal(signal.SIGTERM)
            self.said.extend(process.stdout)
            process.wait(60)
            listener.join(60)
            process.stdout.close()
            process.stderr.close()

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """No file of it may grow for a while."""
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, unlimited)


#: Whoever sends its form has no account any more, so it comes last.
_DELETING = "/account/delete"


def canary(kind: str) -> str:
    """A secret that says what it is, and that nothing else looks like; it needs escapes in URLs."""
    return f"{kind}+/{secrets.token_urlsafe(36)}="


def derived(root: str) -> dict[str, bytes]:
    """Every key that the server derives."""
    keys: ServerKeys = derive_keys(Secret(root.encode()))
    rings = {name: getattr(keys, name) for name in ServerKeys.__struct_fields__}
    rings["sealing"] = keys.sealing.keys
    found = {
        f"derived {name}": ring.current.secret for name, ring in rings.items() if isinstance(ring, MacKeys)
    }
    assert len(found) == len(rings)
    return found


def a_person(seeds: dict[str, bytes]) -> Person:
    """Somebody whose passwords are searched for."""
    person = Person(f"{uuid4()}@example.com", canary("password"), canary("new-password"))
    seeds |= {"password": person.password.encode(), "new password": person.other.encode()}
    return person


def set_up(surface: Surface, data: Path, seeds: dict[str, bytes]) -> None:
    """Use the code that the server wrote down, where no terminal reads along; the file goes with its use."""
    file = data / "setup-code"
    code = file.read_text().strip()
    seeds |= {"setup code": code.encode(), "setup code, bare": code.replace("-", "").encode()}
    surface.set_up(code, "kanrisha@example.com")
    assert [heard.status for heard in surface.heard[-3:]] == [403, 422, 201]
    assert not file.exists()


def pages(data: Path) -> list[str]:
    """Every page there is."""
    settings = read_settings({"SEKISHO_DATA": str(data)})
    features = standard_features(settings, clock=time.time)
    found = [page.path for feature in features for page in feature.pages if isinstance(page, Page)]
    assert {"/login", "/signup", "/account"} <= set(found)
    return found


def reports(wanted: Wanted, surface: Surface, handed: Wanted) -> list[str]:
    """Where an answer holds a secret: any of ours, or one that was handed out in another answer."""
    return [
        f"{heard.asked} {heard.status}: {names}"
        for heard in surface.heard
        if (names := wanted.in_bytes(heard.everything) | handed.in_bytes(heard.rest))
    ]


@pytest.mark.long
def test_nothing_leaks_from_sqlite_and_aws(tmp_path: Path) -> None:
    """Keys of AWS, JSON log; crashes, a database that has lost its tables, a disk that is full: no secret."""
    seeds = {"signing": canary("hs256").encode(), "root": canary("root").encode()}
    seeds |= {"feed token": canary("feed").encode(), "AWS key": canary("aws").encode()}
    person = a_person(seeds)
    with ExitStack() as stack:
        aws = stack.enter_context(Aws(stack.enter_context(parts.emulator())).running())
        name = f"prod/{uuid4()}"
        held = {each: seeds[each].decode() for each in ("signing", "root")}
        Rotating(aws, name, json.dumps(held))
        data = tmp_path / "data"
        environ = environment(
            **{**aws.environ, "AWS_SECRET_ACCESS_KEY": seeds["AWS key"].decode()},
            SEKISHO_DATA=str(data),
            SEKISHO_SIGNING_KEY=f"aws-sm:{name}#signing",
            SEKISHO_ROOT_SECRET=f"aws-sm:{name}#root",
            SEKISHO_FEED_TOKEN="env:FEED",
            SEKISHO_LOG_FORMAT="json",
            FEED=seeds["feed token"].decode(),
        )
        seeds |= derived(seeds["root"].decode())
        server = stack.enter_context(Running(environ).started())
        surface = stack.enter_context(Surface(server.url, person))
        person.feed = seeds["feed token"].decode()
        surface.register()
        set_up(surface, data, seeds)
        operations = surface.everything([path for path in pages(data) if path != _DELETING])
        jwks = surface.ask("GET", "/.well-known/jwks.json").json()
        running = [path.read_bytes() for path in data.rglob("*") if path.is_file()]
        surface.kept = surface.credentials()
        with server.disk_full():
            full = len(surface.heard)
            surface.everything()
        with closing(sqlite3.connect(data / "sekisho.db")) as database:
            database.execute("ALTER TABLE sessions RENAME TO gone")
        gone = len(surface.heard)
        surface.everything()
        with closing(sqlite3.connect(data / "sekisho.db")) as database:
            database.execute("ALTER TABLE gone RENAME TO sessions")
        surface.page(_DELETING)
    wanted, handed = Wanted(seeds), Wanted(surface.secrets())
    log = b"".join(server.said)
    assert reports(wanted, surface, handed) == []
    assert wanted.in_bytes(log) | handed.in_bytes(log) == set()
    assert {name for each in running for name in wanted.in_bytes(each) | handed.in_bytes(each)} == set()
    assert wanted.in_files(tmp_path) == {}
    assert handed.in_files(tmp_path) == {}
    assert jwks == {"keys": []}
    # And it was all there to be found.
    assert operations >= 20
    assert len(surface.handed) > 100
    heard = {(heard.asked, heard.status) for heard in surface.heard}
    for good in ("GET /v1/revocations", "GET /v1/revocations/stream", "GET /account", "POST /v1/refresh"):
        assert (good, 200) in heard, good
    assert {("POST /login", 303), ("POST /account/password", 303), ("POST /v1/password", 204)} <= heard
    assert {200, 201, 204, 401, 403, 404, 405, 415, 422, 500} <= {heard.status for heard in surface.heard}
    assert 503 in {heard.status for heard in surface.heard[full:gone]}
    assert 503 in {heard.status for heard in surface.heard[gone:]}
    assert ("POST /account/delete", 303) in heard
    assert b"RuntimeError" in log
    assert b"in crash" in log


@pytest.mark.postgres
@pytest.mark.long
def test_nothing_leaks_from_postgres_and_files(tmp_path: Path) -> None:
    """A private key and a root secret in files, console log, a database that is stopped: no secret."""
    require_postgres()
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    seeds = {"root": canary("root").encode(), "private key": key.private_numbers().private_value.to_bytes(32)}
    seeds |= {"private DER": base64.b64decode(b"".join(pem.splitlines()[1:-1]))}
    person = a_person(seeds)
    for name, content in (("root", seeds["root"]), ("key.pem", pem)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)  # a server that is given everything makes none, and then writes no code down
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer())
        url = postgres.url(postgres.create_database())
        begun = time.time()
        seeds["database password"] = str(urlsplit(url).password).encode()
        environ = environment(
            SEKISHO_DATA=str(data),
            SEKISHO_DATABASE_URL=url,
            SEKISHO_SIGNING_KEY=f"file:{tmp_path / 'key.pem'}",
            SEKISHO_ROOT_SECRET=f"file:{tmp_path / 'root'}",
            SEKISHO_LOG_FORMAT="console",
        )
        seeds |= derived(seeds["root"].decode())
        server = stack.enter_context(Running(environ).started())
        surface = stack.enter_context(Surface(server.url, person))
        surface.register()
        set_up(surface, data, seeds)
        surface.everything(pages(data))
        jwks = surface.ask("GET", "/.well-known/jwks.json").json()
        postgres.stop()
        gone = len(surface.heard)
        for path in ("/v1/login", "/v1/refresh", "/readyz"):
            surface.ask(
                "POST", path, json={"email": person.email, "password": person.password, "mode": "token"}
            )
        surface.ask("GET", "/crash", headers={"Authorization": f"Bearer {person.password}"})
        wanted, handed = Wanted(seeds), Wanted(surface.secrets())
        files = postgres.folder / "data"
        in_database = wanted.in_files(files, since=begun) | handed.in_files(files, since=begun)
    log = b"".join(server.said)
    assert reports(wanted, surface, handed) == []
    assert wanted.in_bytes(log) | handed.in_bytes(log) == set()
    assert in_database == {}
    assert [sorted(each) for each in jwks["keys"]] == [["alg", "crv", "kid", "kty", "use", "x", "y"]]
    assert {heard.status for heard in surface.heard[gone:]} >= {500, 503}
    assert b"RuntimeError" in log


@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz"])
def test_the_search_finds_every_spelling(before: bytes) -> None:
    """What the search would miss would pass for no leak: each spelling is found, wherever it begins."""
    secret = b"canary/+" + bytes(range(24))
    wanted = Wanted({"it": secret})
    for text in (
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        base64.b64encode(before + secret + before),
        base64.urlsafe_b64encode(before + secret + before).rstrip(b"="),
        repr(before + secret).encode(),
    ):
        assert wanted.in_bytes(b"noise " + before + text + b" noise") == {"it"}
        assert wanted.in_bytes(os.urandom(1 << 18) + before + text + os.urandom(99)) == {"it"}
    assert wanted.in_bytes(secret[:-1] + b"?" + os.urandom(1 << 18)) == set()
    assert b"a%2Fb%2Bc%3Dd%20e" in spellings(b"a/b+c=d e")
    assert rb"tab\tquote\"more" in spellings(b'tab\tquote"more')


def test_the_search_knows_what_of_a_token_is_secret() -> None:
    """Seal and random bytes of a token are looked for on their own, raw, as a database would keep them."""
    body = bytes(4) + b"s" * 16 + bytes(4) + b"f" * 32 + b"m" * 32
    token = b"skr1_" + base64.urlsafe_b64encode(body).rstrip(b"=")
    assert of_token(token) == {"whole": token, "seal": b"m" * 32, "random part": b"f" * 32}
    signed = b"e30.e30." + base64.urlsafe_b64encode(b"s" * 32).rstrip(b"=")
    assert of_token(signed)["signature"] == b"s" * 32
    assert not re.search(rb"[^ -~]", token)
