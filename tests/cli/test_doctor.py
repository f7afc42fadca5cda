"""`sekisho doctor`: what it finds on a sound server, and that it finds each thing that is not."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import ssl
import subprocess
import threading
import tomllib
from base64 import b64encode
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg
import pytest

from sekisho.adapters.sql.schema import NEEDED
from sekisho.cli import checkup
from tests.parts.certificate import make_certificate
from tests.parts.nginx import Nginx
from tests.parts.ports import free_port
from tests.parts.postgres_nodes import migrated
from tests.parts.serving import Server, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.postgres import PostgresServer

PASSWORD = "a gate at the sixth bell"
CHECKUP = Path(checkup.__file__).parent

Findings = dict[str, dict[str, str]]


class Patient:
    """A data directory within a folder, and the doctor called to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    def sekisho(self, *arguments: str, text: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command on it."""
        return run(*arguments, text=text, SEKISHO_DATA=str(self.data), **settings)

    def examine(self, *arguments: str, **settings: str) -> tuple[int, Findings]:
        """The exit code, and the findings by their check: the worst where a check has several."""
        order = ("skipped", "good", "warning", "bad")
        done = self.sekisho("doctor", *arguments, "--json", **settings)
        assert done.stdout, done.stderr
        found: Findings = {}
        for each in json.loads(done.stdout)["findings"]:
            known = found.get(each["check"])
            if known is None or order.index(each["verdict"]) > order.index(known["verdict"]):
                found[each["check"]] = each
        return done.returncode, found

    def git(self, *arguments: str) -> None:
        """Run git there, as somebody."""
        who = ["-c", "user.name=Aya", "-c", "user.email=aya@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(self.folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a database and keys, to be copied."""
    made = Patient(tmp_path_factory.mktemp("sound"))
    created = made.sekisho("user", "create", "aya@example.com", "--password-file", "-", text=PASSWORD)
    assert created.returncode == 0, created.stderr
    return made.data


@pytest.fixture
def patient(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """A sound one of the test's own."""
    monkeypatch.chdir(tmp_path)
    patient = Patient(tmp_path)
    shutil.copytree(sound, patient.data)
    return patient


def test_a_sound_server_has_nothing_bad(patient: Patient) -> None:
    """A fresh server on this machine: exit 0, nothing bad, and every check has something to say."""
    with Server(patient.data) as server:
        code, found = patient.examine(server.url, SEKISHO_ISSUER=server.url)
    assert (code, [each for each in found.values() if each["verdict"] == "bad"]) == (0, [])
    assert {
        "permissions",
        "secret",
        "schema",
        "backup",
        "reachable",
        "jwks",
        "cookie",
        "cross_site",
    } <= found.keys()
    assert all(each["seen"] for each in found.values())
    assert all(each["fix"] for each in found.values() if each["verdict"] == "warning")
    assert found["https"]["verdict"] == "warning"
    assert found["cross_site"]["verdict"] == found["jwks"]["verdict"] == found["cookie"]["verdict"] == "good"
    assert "(sekisho-csrf, sekisho, sekisho-refresh)" in found["cookie"]["seen"]
    # One answered request would have started the servers of the explorer, for nobody.
    assert found["explorer"]["seen"] == "the flow explorer is for this machine alone"
    asked = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert [each["route"] for each in asked if each.get("status") == 303] == ["/account"]


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Where nothing was set up there is little to see, and afterwards there is still nothing."""
    code, found = Patient(tmp_path).examine()
    assert (code, found["schema"]["verdict"], found["permissions"]["verdict"]) == (0, "skipped", "skipped")
    assert list(tmp_path.iterdir()) == []


def test_looking_changes_nothing_where_keys_are_gone(patient: Patient) -> None:
    """With root secret and keys lost it makes none, records nothing, and says that no key can sign."""
    shutil.rmtree(patient.data / "keys")
    (patient.data / "root-secret").unlink()
    before = _dump(patient.data / "sekisho.db")
    code, found = patient.examine()
    assert _dump(patient.data / "sekisho.db") == before
    assert not (patient.data / "root-secret").exists()
    assert not (patient.data / "keys").exists()
    assert (code, found["signing_keys"]["verdict"]) == (1, "bad")


@pytest.mark.postgres
def test_looking_changes_nothing_amid_a_change_of_the_root_secret(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """On PostgreSQL it seals no key anew and makes no first one; a root that opens none is bad."""
    patient, url = Patient(tmp_path), migrated(postgres_server)
    for name in ("old", "new"):
        (tmp_path / name).write_text(os.urandom(48).hex())
        (tmp_path / name).chmod(0o600)
    old = {"SEKISHO_DATABASE_URL": url, "SEKISHO_ROOT_SECRET": f"file:{tmp_path / 'old'}"}
    new = old | {"SEKISHO_ROOT_SECRET": f"file:{tmp_path / 'new'}"}
    both = new | {"SEKISHO_ROOT_SECRET_PREVIOUS": f"file:{tmp_path / 'old'}"}
    assert patient.examine(**old)[1]["signing_keys"]["verdict"] == "skipped"
    assert _rows(url) == []
    assert patient.sekisho("key", "list", **old).returncode == 0
    before = _rows(url)
    assert len(before) == 1
    assert patient.examine(**both)[1]["signing_keys"]["verdict"] == "good"
    code, found = patient.examine(**new)
    assert (code, "SEKISHO_ROOT_SECRET_PREVIOUS" in found["secret"]["fix"]) == (1, True)
    assert _rows(url) == before


def _dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as database:
        return list(database.iterdump())


def _rows(url: str) -> list[tuple[str, bytes]]:
    with psycopg.connect(url) as connection:
        return [
            (kid, bytes(sealed)) for kid, sealed in connection.execute("SELECT kid, sealed FROM signing_keys")
        ]


def test_a_key_that_others_can_open_is_bad(patient: Patient) -> None:
    """The file is named, the fix is the `chmod`, and the exit code is 1."""
    (patient.data / "root-secret").chmod(0o640)
    code, found = patient.examine()
    assert (code, found["permissions"]["verdict"]) == (1, "bad")
    assert "root-secret" in found["permissions"]["seen"]
    assert found["permissions"]["fix"] == f"chmod -R go-rwx {patient.data}"


@pytest.mark.parametrize(
    ("content", "seen"),
    [("short", "holds 5 bytes"), ("changeme" * 8, "can be guessed")],
    ids=["short", "known"],
)
def test_a_weak_secret_is_bad(patient: Patient, content: str, seen: str) -> None:
    """A secret that is short or known is told as the server would refuse it, and never repeated."""
    secret = patient.folder / "weak"
    secret.write_text(content)
    secret.chmod(0o600)
    code, found = patient.examine(SEKISHO_ROOT_SECRET=f"file:{secret}")
    assert (code, found["secret"]["verdict"]) == (1, "bad")
    assert seen in found["secret"]["seen"]
    assert content not in json.dumps(found)


@pytest.mark.parametrize(
    ("settings", "check", "verdict"),
    [
        ({"SEKISHO_TRUSTED_PROXIES": "128.0.0.0/2"}, "proxies", "bad"),
        ({"SEKISHO_TRUSTED_PROXIES": "10.0.0.0/8"}, "proxies", "good"),
        ({"SEKISHO_ALLOWED_ORIGINS": "https://app.example.com"}, "origins", "good"),
        ({"SEKISHO_SIGNUP": "open"}, "signup", "warning"),
        ({"SEKISHO_REFRESH_STORE": "none"}, "refresh_store", "warning"),
        ({"SEKISHO_ACCESS_TTL": "2h"}, "access_ttl", "warning"),
        ({}, "https", "good"),
        ({}, "signup", "good"),
        ({}, "shared_secret", "good"),
    ],
    ids=str,
)
def test_choices_are_judged_off_this_machine(
    patient: Patient, settings: dict[str, str], check: str, verdict: str
) -> None:
    """A setting that endangers others is told where others use the server, and its neighbour is not."""
    _, found = patient.examine(SEKISHO_ISSUER="https://id.example.com", **settings)
    assert found[check]["verdict"] == verdict, found[check]


def test_a_shared_secret_is_told_off_this_machine(patient: Patient) -> None:
    """Whoever verifies HS256 can mint: a warning, with what to do instead."""
    secret = patient.folder / "shared"
    secret.write_text(os.urandom(32).hex())
    secret.chmod(0o600)
    named = {"SEKISHO_SIGNING_KEY": f"file:{secret}"}
    _, found = patient.examine(SEKISHO_ISSUER="https://id.example.com", **named)
    assert found["shared_secret"]["verdict"] == "warning"
    assert patient.examine(**named)[1]["shared_secret"]["verdict"] == "good"


def test_a_schema_that_is_behind_is_bad(patient: Patient) -> None:
    """The fix is the migration."""
    with closing(sqlite3.connect(patient.data / "sekisho.db")) as database, database:
        database.execute("UPDATE sekisho_version SET version_num = '0000'")
    code, found = patient.examine()
    assert (code, found["schema"]["verdict"], found["schema"]["fix"]) == (1, "bad", "sekisho db migrate")
    assert NEEDED in found["schema"]["seen"]


def test_the_last_backup_is_known(patient: Patient) -> None:
    """None is a warning, one of today is good, one of last week is a warning again."""
    assert patient.examine()[1]["backup"]["verdict"] == "warning"
    assert patient.sekisho("db", "backup", str(patient.folder / "a.backup")).returncode == 0
    _, found = patient.examine()
    assert (found["backup"]["verdict"], "a.backup" in found["backup"]["seen"]) == ("good", True)
    with closing(sqlite3.connect(patient.data / "sekisho.db")) as database, database:
        database.execute("UPDATE security_events SET at = at - 8 * 86400 WHERE kind = 'database_backed_up'")
    _, found = patient.examine()
    assert found["backup"]["verdict"] == "warning"
    assert "8 days ago" in found["backup"]["seen"]


def test_a_data_directory_in_a_repository_is_to_be_ignored(patient: Patient) -> None:
    """Not ignored is a warning, ignored is good, committed is bad, and so is once committed."""
    patient.git("init", "-q")
    assert patient.examine()[1]["tracked"]["verdict"] == "warning"
    (patient.folder / ".gitignore").write_text("data/\n")
    assert patient.examine()[1]["tracked"]["verdict"] == "good"
    patient.git("add", "--force", "data/root-secret")
    patient.git("commit", "-qm", "a slip")
    code, found = patient.examine()
    assert (code, found["tracked"]["verdict"]) == (1, "bad")
    patient.git("rm", "-q", "--cached", "data/root-secret")
    patient.git("commit", "-qm", "undone")
    code, found = patient.examine()
    assert (code, found["tracked"]["verdict"], "once" in found["tracked"]["seen"]) == (1, "bad", True)


@pytest.mark.parametrize("spelling", ["as it is", "base64", "gone since"])
def test_a_secret_in_any_commit_is_found(patient: Patient, spelling: str) -> None:
    """A secret in use that was ever committed is bad, in another file and spelling too; others are not."""
    patient.git("init", "-q")
    notes = patient.folder / "notes.txt"
    notes.write_text("SEKISHO_ROOT_SECRET=" + os.urandom(48).hex() + "\n")
    patient.git("add", "notes.txt")
    patient.git("commit", "-qm", "another secret")
    assert patient.examine()[1]["history"]["verdict"] == "good"
    value = (patient.data / "root-secret").read_text().strip()
    if spelling == "base64":
        value = b64encode(value.encode()).decode()
    notes.write_text(f"export ROOT='{value}'\n")
    patient.git("commit", "-qam", "the secret")
    if spelling == "gone since":
        notes.write_text("nothing\n")
        patient.git("commit", "-qam", "undone")
    code, found = patient.examine()
    assert (code, found["history"]["verdict"]) == (1, "bad")
    # The newest that has it in its patch: the one that took it away shows it as well.
    newest = subprocess.run(
        ["git", "-C", str(patient.folder), "log", "--max-count=1", "--format=%h"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert newest in found["history"]["seen"]


@pytest.mark.parametrize("place", ["made key", "previous root", "staged", "merge"])
def test_no_place_of_a_secret_is_left_out(patient: Patient, place: str) -> None:
    """Keys that the server made count too, and the root before; so do the index, and what a merge adds."""
    (patient.folder / "root-before").write_text(os.urandom(48).hex())
    (patient.folder / "root-before").chmod(0o600)
    (patient.folder / ".gitignore").write_text("data/\nroot-before\n")
    patient.git("init", "-q", "-b", "main")
    patient.git("add", ".gitignore")
    patient.git("commit", "-qm", "begin")
    settings = {"SEKISHO_ROOT_SECRET_PREVIOUS": f"file:{patient.folder / 'root-before'}"}
    assert patient.examine(**settings)[1]["history"]["verdict"] == "good"
    (made,) = (patient.data / "keys").iterdir()
    secret = {"made key": made, "previous root": patient.folder / "root-before"}.get(
        place, patient.data / "root-secret"
    )
    notes = patient.folder / "notes.txt"
    if place == "merge":
        patient.git("checkout", "-qb", "side")
        patient.git("commit", "-q", "--allow-empty", "-m", "aside")
        patient.git("checkout", "-q", "main")
        patient.git("commit", "-q", "--allow-empty", "-m", "ahead")
        patient.git("merge", "-q", "--no-ff", "--no-commit", "side")
    notes.write_text(secret.read_text())
    patient.git("add", "notes.txt")
    if place != "staged":
        patient.git("commit", "-qm", "slip")
    code, found = patient.examine(**settings)
    assert (code, found["history"]["verdict"]) == (1, "bad")


def test_looking_leaves_the_repository_as_it_is(patient: Patient) -> None:
    """Not even the index is refreshed, as `git diff` would where a file was touched; no hook of it runs."""
    patient.git("init", "-q")
    notes, index = patient.folder / "notes.txt", patient.folder / ".git" / "index"
    notes.write_text("nothing\n")
    patient.git("add", "notes.txt")
    patient.git("commit", "-qm", "begin")
    ran = patient.folder / "ran"
    monitor = patient.folder / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch {ran}\n")
    monitor.chmod(0o755)
    patient.git("config", "core.fsmonitor", str(monitor))
    os.utime(notes, (1_000_000_000, 1_000_000_000))
    before = index.read_bytes()
    assert patient.examine()[1]["history"]["verdict"] == "good"
    assert (index.read_bytes() == before, ran.exists()) == (True, False)


def test_a_repository_that_git_does_not_read_is_not_good(patient: Patient) -> None:
    """Broken history is told: what could not be looked through is never called clean."""
    patient.git("init", "-q")
    (patient.folder / "notes.txt").write_text("nothing\n")
    patient.git("add", "notes.txt")
    patient.git("commit", "-qm", "begin")
    for each in (patient.folder / ".git" / "objects").glob("??/*"):
        each.unlink()
    assert patient.examine()[1]["history"]["verdict"] == "warning"


@pytest.mark.nginx
def test_a_sound_server_behind_https_is_good_all_over(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a real proxy that speaks https nothing is bad, and what is checked only there is good."""
    certificate = make_certificate(patient.folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.chain))
    port = free_port()
    url = f"https://localhost:{port}"
    feed_token = patient.folder / "feed-token"
    feed_token.write_text(os.urandom(32).hex())
    feed_token.chmod(0o600)
    settings = {
        "SEKISHO_ISSUER": url,
        "SEKISHO_TRUSTED_PROXIES": "127.0.0.1",
        "SEKISHO_SIGNUP": "closed",
        "SEKISHO_FEED_TOKEN": f"file:{feed_token}",
    }
    server = Server(patient.data, settings=settings)
    block = f"""
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate.chain};
        ssl_certificate_key {certificate.key};
        location = /metrics {{ return 404; }}
        location / {{
            proxy_pass http://127.0.0.1:{server.port};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header Forwarded "";
        }}
    }}
    """
    server.start()
    try:
        with Nginx(block):
            code, found = patient.examine(url, **settings)
    finally:
        server.kill9()
    assert [each for each in found.values() if each["verdict"] == "bad"] == []
    assert code == 0
    for check in (
        "tls",
        "hsts",
        "cookie",
        "cross_site",
        "forwarded",
        "metrics",
        "clock",
        "metadata",
        "signup_seen",
    ):
        assert found[check]["verdict"] == "good", found[check]


class Careless(BaseHTTPRequestHandler):
    """A site that gets everything wrong that a proxy can."""

    answers: ClassVar[dict[str, tuple[int, dict[str, str], Any]]] = {
        "/healthz": (200, {}, {}),
        "/.well-known/oauth-authorization-server": (200, {}, {"issuer": "https://attacker.example"}),
        "/.well-known/jwks.json": (200, {}, {"keys": [{"kty": "oct", "k": "published"}]}),
        "/v1/csrf": (200, {"Set-Cookie": "sekisho-csrf=1; Domain=example.com"}, {}),
        "/v1/logout": (204, {"Set-Cookie": "sekisho-refresh=; Max-Age=0; Path=/; SameSite=Lax"}, ""),
        "/v1/login": (401, {}, {"code": "invalid_credentials"}),
        "/v1/accounts": (422, {}, {"code": "validation_failed"}),
        "/v1/revocations": (200, {}, "snapshot"),
        "/metrics": (200, {}, "metrics"),
        "/explore": (200, {}, "explorer"),
        "/account": (302, {"Location": "https://attacker.example/login"}, ""),
        "/login": (200, {"Content-Security-Policy": "default-src *"}, "page"),
    }

    def do_GET(self) -> None:
        """Answer whatever was asked."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, body = self.answers.get(self.path, (404, {}, {}))
        self.send_response_only(status)
        self.send_header("Date", "Sat, 21 Nov 2020 00:00:00 GMT")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_POST = do_GET  # noqa: N815 -- the names of the base class

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name of the base class
        """Say nothing."""


@pytest.fixture
def careless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve it by https, with a certificate that ends next week; its URL."""
    certificate = make_certificate(tmp_path, days=7)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.chain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_careless_site_is_found_out(tmp_path: Path, careless: str) -> None:
    """Everything that a proxy or a setting can spoil is seen from outside, each with its fix."""
    code, found = Patient(tmp_path).examine(careless)
    assert code == 1
    bad = {
        "hsts",
        "clock",
        "metadata",
        "jwks",
        "cookie",
        "cross_site",
        "forwarded",
        "feed",
        "explorer",
        "page_headers",
    }
    assert {name for name, each in found.items() if each["verdict"] == "bad"} == bad
    assert {"tls", "signup_seen", "metrics"} <= {
        n for n, each in found.items() if each["verdict"] == "warning"
    }
    assert all(found[name]["fix"] for name in bad)
    assert "sekisho-csrf: Domain=example.com" in found["cookie"]["seen"]
    assert "sekisho-refresh: HttpOnly" in found["cookie"]["seen"]
    assert "private or shared" in found["jwks"]["seen"]


def test_a_site_that_is_not_there_is_bad(tmp_path: Path) -> None:
    """Nobody listens: one finding, with the reason, and no traceback."""
    code, found = Patient(tmp_path).examine(f"https://localhost:{free_port()}")
    assert (code, found["reachable"]["verdict"]) == (1, "bad")
    assert "efused" in found["reachable"]["seen"]


def test_an_untrusted_certificate_is_bad(
    tmp_path: Path, careless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that this machine does not trust ends the look from outside."""
    monkeypatch.delenv("SSL_CERT_FILE")
    code, found = Patient(tmp_path).examine(careless)
    assert (code, found["reachable"]["verdict"]) == (1, "bad")
    assert "certificate" in found["reachable"]["seen"]


def test_what_is_no_url_is_a_slip(tmp_path: Path) -> None:
    """A name without a scheme is told as usage, exit 2."""
    done = Patient(tmp_path).sekisho("doctor", "id.example.com")
    assert (done.returncode, "https://" in done.stderr) == (2, True)


def test_every_finding_has_its_words_and_every_word_its_finding() -> None:
    """What the code can find is worded, with a fix wherever something is to be done; and nothing else is."""
    files = [*CHECKUP.glob("*.py"), CHECKUP.parent / "doctor.py"]
    code = "\n".join(path.read_text() for path in files)
    wanted = {"doctor.fix", "doctor.end"}
    for verdict, check, seen in re.findall(
        r'\b(good|warning|bad|skipped)\(\s*"(\w+)"(?:,\s*"([\w.]+)")?', code
    ):
        name = seen or f"{check}.{verdict}"
        wanted |= {name, f"{name}_fix"} if verdict in {"warning", "bad"} else {name}
    # Chosen between two within the call.
    wanted |= set(re.findall(r'"((?:shared_secret|signup_seen|feed)\.(?:local|good))"', code))
    tables = tomllib.loads((CHECKUP / "words.en.toml").read_text())
    assert wanted == {f"{check}.{name}" for check, table in tables.items() for name in table}


def test_it_speaks_japanese(patient: Patient) -> None:
    """The same findings in Japanese, with the same names of checks."""
    done = patient.sekisho("doctor", SEKISHO_LANG="ja")
    assert "permissions\t" in done.stdout
    assert "所有者だけが開けます" in done.stdout
