"""Back up and restore on both engines, beside a server that is running on the database."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from sekisho.adapters.postgres.dump import TABLES
from sekisho.adapters.sql.restored import next_epoch
from sekisho_verify.revocations.entries import entry_key
from tests.parts.postgres_nodes import migrated
from tests.parts.serving import Server, run, until

if TYPE_CHECKING:
    from tests.parts.postgres import PostgresServer

PASSWORD = "a gate at the sixth bell"
AYA, KEN = "aya@example.com", "ken@example.com"


class Place:
    """A database with a server on it, and commands run beside it."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.settings = {"SEKISHO_DATA": str(folder / "data"), **settings}
        self.server = Server(folder / "data", settings=settings)

    def sekisho(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return run(*arguments, text=text, **self.settings)

    def restore(self, file: Path, *options: str) -> subprocess.CompletedProcess[str]:
        """Restore without a question."""
        return self.sekisho("db", "restore", str(file), "--yes", *options)

    def sign_up(self, email: str) -> None:
        """Make an account."""
        assert self.server.ask("POST", "/v1/accounts", {"email": email, "password": PASSWORD}).status == 201

    def log_in(self, email: str) -> dict[str, Any]:
        """Log in and give the pair."""
        said = self.server.ask("POST", "/v1/login", {"email": email, "password": PASSWORD, "mode": "token"})
        assert said.status == 200, said.json
        return said.json

    def refresh(self, pair: dict[str, Any]) -> tuple[int, str]:
        """Try a refresh token; status and code."""
        said = self.server.ask("POST", "/v1/refresh", {"refresh_token": pair["refresh_token"]})
        return said.status, said.json.get("code", "")


def epoch(pair: dict[str, Any]) -> int:
    """The epoch of a token's `rv`."""
    payload = pair["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return int(claims["rv"].split(".")[0])


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place on each engine; its server is not started."""
    settings = {}
    if request.param == "postgres":
        secret = tmp_path / "root-secret"
        secret.write_bytes(bytes(range(64)))
        secret.chmod(0o600)
        url = migrated(request.getfixturevalue("postgres_server"))
        settings = {"SEKISHO_DATABASE_URL": url, "SEKISHO_ROOT_SECRET": f"file:{secret}"}
    return Place(tmp_path, settings)


def test_a_restore_beside_a_running_server_ends_every_session(place: Place, tmp_path: Path) -> None:
    """Who logged out since stays out, who was added is gone, the epoch is new, and people log in again."""
    file = tmp_path / "a.backup"
    with place.server:
        place.sign_up(AYA)
        gone, lived = place.log_in(AYA), place.log_in(AYA)
        made = place.sekisho("db", "backup", str(file))
        assert made.returncode == 0, made.stderr
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        bearer = {"Authorization": f"Bearer {gone['access_token']}"}
        assert place.server.ask("POST", "/v1/logout", {}, headers=bearer).status == 204
        place.sign_up(KEN)
        done = place.restore(file)
        assert done.returncode == 0, done.stderr
        assert "Every session has ended" in done.stderr
        assert place.refresh(gone) == (401, "session_revoked")
        assert place.refresh(lived) == (401, "session_revoked")
        said = place.server.ask("GET", "/v1/me", headers={"Authorization": f"Bearer {lived['access_token']}"})
        assert (said.status, said.json["code"]) == (401, "session_revoked")
        assert epoch(place.log_in(AYA)) > epoch(lived)
        absent = place.server.ask("POST", "/v1/login", {"email": KEN, "password": PASSWORD, "mode": "token"})
        assert (absent.status, absent.json["code"]) == (401, "invalid_credentials")


def test_sessions_can_be_kept(place: Place, tmp_path: Path) -> None:
    """With `--keep-sessions` those of the backup live on, in a new epoch all the same."""
    file = tmp_path / "a.backup"
    with place.server:
        place.sign_up(AYA)
        pair = place.log_in(AYA)
        assert place.sekisho("db", "backup", str(file)).returncode == 0
        done = place.restore(file, "--keep-sessions")
        assert done.returncode == 0, done.stderr
        assert place.refresh(pair) == (200, "")
        assert epoch(place.log_in(AYA)) > epoch(pair)


def test_a_backup_never_replaces_a_file(place: Place, tmp_path: Path) -> None:
    """A name that is taken is a conflict, and the file is what it was."""
    file = tmp_path / "a.backup"
    file.write_text("mine")
    assert place.sekisho("db", "migrate").returncode == 0
    done = place.sekisho("db", "backup", str(file))
    assert (done.returncode, file.read_text()) == (5, "mine")
    assert "error[conflict]" in done.stderr
    assert [each.name for each in tmp_path.glob(".a.backup*")] == []


@pytest.mark.parametrize(
    "kind", ["text", "cut", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("missing", "foreign"))]
)
def test_what_is_no_backup_changes_nothing(place: Place, tmp_path: Path, kind: str) -> None:
    """A missing, foreign, cut or other file is told as that, and the database is what it was."""
    with place.server:
        place.sign_up(AYA)
        pair = place.log_in(AYA)
        whole = tmp_path / "whole.backup"
        assert place.sekisho("db", "backup", str(whole)).returncode == 0
        file = tmp_path / "bad.backup"
        if kind == "text":
            file.write_text("these are not the rows that you look for\n" * 200)
        elif kind == "cut":
            file.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        elif kind == "foreign":
            with closing(sqlite3.connect(file)) as other:
                other.execute("CREATE TABLE users (id TEXT)")
        done = place.restore(file)
        assert done.returncode == 1, done.stderr
        assert "error[input_unreadable]" in done.stderr
        assert place.refresh(pair) == (200, "")
    left = [
        each.name for each in place.folder.rglob(".*") if "bad" in each.name or "sekisho.db." in each.name
    ]
    assert left == []


def test_a_lost_machine_is_put_back(place: Place, tmp_path: Path) -> None:
    """On an empty place the backup is all there is; and a second restore of it begins a later epoch again."""
    file = tmp_path / "a.backup"
    with place.server:
        place.sign_up(AYA)
        first = epoch(place.log_in(AYA))
    assert place.sekisho("db", "backup", str(file)).returncode == 0
    epochs = [first]
    for _ in range(2):
        for each in (place.folder / "data").glob("sekisho.db*"):
            each.unlink()
        assert place.restore(file).returncode == 0
        with place.server:
            epochs.append(epoch(place.log_in(AYA)))
    assert epochs[0] < epochs[1]
    # On SQLite the database, and its epoch with it, was gone each time: only the clock tells them apart.
    assert epochs[1] <= epochs[2]


@pytest.mark.requirement("H5")
def test_a_restore_does_not_bring_back_a_key_that_was_locked_out_since(place: Place, tmp_path: Path) -> None:
    """A key that leaked after the backup stays out, with its file put back too; verifiers are told again."""
    file, keys = tmp_path / "a.backup", place.folder / "data" / "keys"
    with place.server:
        place.sign_up(AYA)
        (leaked,) = _kids(place)
        kept = {each: each.read_bytes() for each in keys.glob("*")}
        assert place.sekisho("db", "backup", str(file)).returncode == 0
        done = place.sekisho("key", "retire", leaked, "--compromised")
        assert done.returncode == 0, done.stderr
        for each, content in kept.items():
            each.touch(0o600)
            each.write_bytes(content)
        done = place.restore(file)
        assert done.returncode == 0, done.stderr
        assert leaked not in _kids(place)
        retired = json.loads(place.sekisho("key", "list", "--json").stdout)["retired"]
        assert [(each["kid"], each["compromised"]) for each in retired] == [(leaked, True)]

        def others_sign() -> bool:
            public = place.server.ask("GET", "/.well-known/jwks.json", None).json["keys"]
            return {key["kid"] for key in public} == set(_kids(place))

        until(others_sign, "the server has the key that was made")
        assert _leaked_keys(place) == [entry_key("key", leaked)]
        place.log_in(AYA)


def _kids(place: Place) -> list[str]:
    done = place.sekisho("key", "list", "--json")
    assert done.returncode == 0, done.stderr
    return [key["kid"] for key in json.loads(done.stdout)["keys"]]


def _leaked_keys(place: Place) -> list[bytes]:
    query = "SELECT key FROM feed WHERE kind = 'key'"
    if url := place.settings.get("SEKISHO_DATABASE_URL"):
        with psycopg.connect(url) as connection:
            return [bytes(key) for (key,) in connection.execute(query)]
    with closing(sqlite3.connect(place.folder / "data" / "sekisho.db")) as database:
        return [bytes(key) for (key,) in database.execute(query)]


def test_an_epoch_is_above_what_was_and_what_may_have_been() -> None:
    """The clock counts where no database is left to ask; the database where a clock was set back."""
    assert next_epoch(None, now=1000.9) == 1000
    assert next_epoch(7, now=1000.0) == 1000
    assert next_epoch(2000, now=1000.0) == 2001


def test_a_schema_of_a_later_release_is_not_backed_up_in_part(place: Place, tmp_path: Path) -> None:
    """Its tables are not known here, so PostgreSQL's are refused; SQLite's go whole, and come back whole."""
    file = tmp_path / "a.backup"
    assert place.sekisho("db", "migrate").returncode == 0
    later = "UPDATE sekisho_version SET version_num = '9999'"
    if url := place.settings.get("SEKISHO_DATABASE_URL"):
        with psycopg.connect(url) as connection:
            connection.execute(later)
        done = place.sekisho("db", "backup", str(file))
        assert (done.returncode, file.exists()) == (1, False)
        assert "9999" in done.stderr
    else:
        with closing(sqlite3.connect(place.folder / "data" / "sekisho.db")) as database, database:
            database.execute(later)
        assert place.sekisho("db", "backup", str(file)).returncode == 0
        done = place.restore(file)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    done = place.sekisho("db", "migrate")
    assert (done.returncode, done.stdout.strip()) == (0, "9999"), done.stderr


def _on_postgres(server: PostgresServer, folder: Path) -> tuple[Place, dict[str, str], dict[str, str]]:
    """A place under an old root secret; the settings of a new one alone, and with the old one beside it."""
    for name in ("old-root", "new-root"):
        (folder / name).write_text(base64.b64encode(name.encode() + os.urandom(32)).decode())
        (folder / name).chmod(0o600)
    old = {"SEKISHO_DATABASE_URL": migrated(server), "SEKISHO_ROOT_SECRET": f"file:{folder / 'old-root'}"}
    new = old | {"SEKISHO_ROOT_SECRET": f"file:{folder / 'new-root'}"}
    return Place(folder, old), new, new | {"SEKISHO_ROOT_SECRET_PREVIOUS": f"file:{folder / 'old-root'}"}


@pytest.mark.postgres
@pytest.mark.requirement("H5")
def test_a_leaked_root_secret_is_replaced_as_the_guide_says(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Signing keys are sealed anew, then retired; after that servers start without the old root secret."""
    place, new, both = _on_postgres(postgres_server, tmp_path)
    (leaked,) = _kids(place)
    place.settings |= both
    assert _kids(place) == [leaked]
    assert place.sekisho("key", "retire", leaked, "--compromised").returncode == 0
    afterwards = Place(tmp_path, new)
    (successor,) = _kids(afterwards)
    assert successor != leaked
    with afterwards.server:
        afterwards.sign_up(AYA)
        afterwards.log_in(AYA)


@pytest.mark.postgres
def test_a_lost_root_secret_is_got_over_as_the_guide_says(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Nothing opens the sealed keys, so no server starts, until they are deleted by the guide's own line."""
    place, new, _ = _on_postgres(postgres_server, tmp_path)
    (lost,) = _kids(place)
    found = Place(tmp_path, new)
    refused = found.sekisho("key", "list")
    assert (refused.returncode, "SEKISHO_ROOT_SECRET" in refused.stderr) == (1, True)
    page = (Path(__file__).parents[2] / "docs" / "en" / "guides" / "backup.md").read_text()
    assert "`DELETE FROM signing_keys`" in page
    with psycopg.connect(new["SEKISHO_DATABASE_URL"]) as connection:
        connection.execute("DELETE FROM signing_keys")
    (made,) = _kids(found)
    assert made != lost


@pytest.mark.postgres
def test_every_table_is_in_a_dump(postgres_server: PostgresServer) -> None:
    """A table that a migration adds has to be named, or it would be missing from every backup."""
    with psycopg.connect(migrated(postgres_server)) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert {name for (name,) in rows} == set(TABLES)


@pytest.mark.postgres
def test_the_password_of_the_database_is_on_no_command_line(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Whoever lists processes while a backup runs sees no password: it goes in the environment."""
    seen = tmp_path / "seen"
    program = tmp_path / "bin" / "pg_dump"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >"{seen}"\nprintf "%s" "$PGPASSWORD" >"{seen}-password"\nexit 1\n'
    )
    program.chmod(0o755)
    url = migrated(postgres_server)
    password = urlsplit(url).password
    assert password
    secret = tmp_path / "root-secret"
    secret.write_bytes(bytes(range(64)))
    secret.chmod(0o600)
    done = run(
        "db",
        "backup",
        str(tmp_path / "a.backup"),
        SEKISHO_DATABASE_URL=url,
        SEKISHO_ROOT_SECRET=f"file:{secret}",
        PATH=f"{program.parent}:/usr/bin:/bin",
    )
    assert done.returncode == 1
    assert (tmp_path / "seen-password").read_text() == password
    assert password not in seen.read_text() + done.stdout + done.stderr
