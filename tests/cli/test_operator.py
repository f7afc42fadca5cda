"""What an operator does at the command line, on a real data directory."""

from __future__ import annotations

import json
import re
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.parts.serving import Server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

PASSWORD = "a gate at the sixth bell"
AYA, BEN = "aya@example.com", "ben@example.com"


@pytest.fixture
def aya(sekisho: Run) -> str:
    """The id of an account that was made at the command line."""
    made = sekisho("user", "create", AYA, "--password-file", "-", text=PASSWORD + "\n")
    assert made.exit_code == 0, made.stderr
    return made.stdout.strip()


def test_the_first_account_makes_the_data_directory(sekisho: Run, data: Path, aya: str) -> None:
    """`user create` on an empty place makes what a first run makes, for its owner alone."""
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    shown = json.loads(sekisho("user", "show", AYA, "--json").stdout)
    assert shown["id"] == aya
    assert (shown["status"], shown["roles"], shown["entitlements"]) == ("active", [], [])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown["created_at"])  # as in the API


def test_a_command_that_looks_leaves_nothing_behind(sekisho: Run, data: Path) -> None:
    """Where nothing was set up, a read says so with its fix, and makes no file."""
    result = sekisho("user", "list")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error[unavailable]: there is no database at {data}")
    assert f"fix: sekisho db migrate --data {data}" in result.stderr
    assert not data.exists()


def test_a_password_file_is_read_without_its_last_newline(sekisho: Run, tmp_path: Path) -> None:
    """What an editor put behind the password is no part of it; a person can log in with what was meant."""
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    assert sekisho("user", "create", AYA, "--password-file", str(file)).exit_code == 0
    with Server(tmp_path / "data") as server:
        body = {"email": AYA, "password": PASSWORD, "mode": "token"}
        assert server.ask("POST", "/v1/login", body).status == 200


def test_an_administrator_without_the_role_is_partly_done(sekisho: Run, data: Path, aya: str) -> None:
    """The account is made and stays: exit code 6, and the fix is what is left to do, not the same again."""
    with closing(sqlite3.connect(data / "sekisho.db")) as database:
        database.execute("ALTER TABLE user_roles RENAME TO elsewhere")
        made = sekisho("user", "create", BEN, "--admin", "--password-file", "-", text=PASSWORD)
        database.execute("ALTER TABLE elsewhere RENAME TO user_roles")
    assert (made.exit_code, made.stdout) == (6, "")
    told, fix = made.stderr.splitlines()
    assert told.startswith(
        f"error[partly_done]: made the account {BEN}, and could not give it the role admin"
    )
    assert told.endswith(" (unavailable: sqlite: no such table: user_roles)")
    assert fix == f"fix: sekisho user grant {BEN} admin"
    assert sekisho("user", "grant", BEN, "admin").exit_code == 0
    shown = [json.loads(sekisho("user", "show", each, "--json").stdout) for each in (AYA, BEN)]
    assert [(each["id"] == aya, each["roles"]) for each in shown] == [(True, []), (False, ["admin"])]


def test_a_backup_that_is_not_recorded_is_partly_done(sekisho: Run, tmp_path: Path, aya: str) -> None:
    """The file is whole, so nobody needs to write another: exit code 6, and `doctor` does not know of it."""
    file = tmp_path / "whole.backup"
    with closing(sqlite3.connect(tmp_path / "data" / "sekisho.db")) as database:
        database.execute("ALTER TABLE security_events RENAME TO elsewhere")
        done = sekisho("db", "backup", str(file))
    assert (done.exit_code, done.stdout) == (6, "")
    told, fix = done.stderr.splitlines()
    assert told.startswith(f"error[partly_done]: wrote {file}, and could not put the backup on record (")
    assert fix == "fix: keep the file, which is whole; `sekisho doctor` hears of the next one"
    with closing(sqlite3.connect(file)) as backup:
        assert backup.execute("SELECT id FROM users").fetchall() == [(aya,)]


def test_without_terminal_or_file_there_is_no_password(sekisho: Run) -> None:
    """Nobody can type: the command says how else, and never waits."""
    result = sekisho("user", "create", AYA)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error[secret_missing]: Password: there is no terminal to type it at",
        "fix: --password-file FILE, or - for stdin",
    ]


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_password_file_that_cannot_be_read_is_named(sekisho: Run, name: str, data: Path) -> None:
    """The fault is the file's, with its fix, and nothing is made."""
    result = sekisho("user", "create", AYA, "--password-file", name)
    assert result.exit_code == 1
    what, fix = result.stderr.splitlines()
    assert what.startswith(f"error[input_unreadable]: {name}: ")
    assert fix == "fix: give the right file"
    assert not data.exists()


def test_every_fault_of_a_new_account_is_told_at_once(sekisho: Run) -> None:
    """Address and password are both named, with stable codes for programs."""
    result = sekisho("user", "create", "nobody", "--json", "--password-file", "-", text="short")
    assert result.exit_code == 1
    problem = json.loads(result.stderr)
    assert problem["code"] == "validation_failed"
    assert {fault["code"] for fault in problem["errors"]} == {"invalid_email", "password_too_short"}


@pytest.mark.usefixtures("aya")
def test_an_address_that_is_taken_is_a_conflict(sekisho: Run) -> None:
    """Exit code 5, whatever the spelling of the address."""
    result = sekisho("user", "create", "Aya@EXAMPLE.com", "--password-file", "-", text=PASSWORD)
    assert result.exit_code == 5
    assert "error[email_taken]" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["user", "show", "ken@example.com"],
        ["user", "disable", "ken@example.com"],
        ["user", "delete", "ken@example.com", "--yes"],
        ["user", "grant", "ken@example.com", "admin"],
        ["session", "list", "ken@example.com"],
        ["session", "revoke", "01a1fbf5-e94a-749d-878c-63bcebe42e27"],
        ["session", "revoke", "not-an-id"],
        ["group", "delete", "nobodies", "--yes"],
        ["group", "add", "nobodies", AYA],
        ["group", "allow", "nobodies", "customers:read"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("aya")
def test_what_is_not_there_is_exit_code_3(sekisho: Run, command: list[str]) -> None:
    """A person, session or group that does not exist: code `not_found`, and nothing on stdout."""
    result = sekisho(*command)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("error[not_found]: ")


@pytest.mark.usefixtures("aya")
def test_rights_come_and_go_and_deny_wins(sekisho: Run) -> None:
    """Role, group and permissions as given; what is denied to the person is gone; clearing restores it."""
    for command in (
        ["user", "grant", AYA, "admin"],
        ["group", "create", "staff"],
        ["group", "add", "staff", AYA],
        ["group", "allow", "staff", "customers:read"],
        ["user", "allow", AYA, "secret:read"],
        ["user", "deny", AYA, "customers:read"],
    ):
        result = sekisho(*command)
        assert result.exit_code == 0, result.stderr
    shown = json.loads(sekisho("user", "show", AYA, "--json").stdout)
    assert (shown["roles"], shown["groups"], shown["entitlements"]) == (["admin"], ["staff"], ["secret:read"])
    assert json.loads(sekisho("group", "list", "--json").stdout) == {
        "groups": [{"name": "staff", "members": 1}]
    }

    assert sekisho("user", "clear", AYA, "customers:read").exit_code == 0
    assert sekisho("user", "revoke-role", AYA, "admin").exit_code == 0
    shown = json.loads(sekisho("user", "show", AYA, "--json").stdout)
    assert (shown["roles"], shown["entitlements"]) == ([], ["customers:read", "secret:read"])

    assert sekisho("group", "deny", "staff", "secret:read").exit_code == 0
    assert sekisho("group", "clear", "staff", "customers:read").exit_code == 0
    assert json.loads(sekisho("user", "show", AYA, "--json").stdout)["entitlements"] == []
    assert sekisho("group", "remove", "staff", AYA).exit_code == 0
    assert json.loads(sekisho("user", "show", AYA, "--json").stdout)["entitlements"] == ["secret:read"]


@pytest.mark.usefixtures("aya")
def test_to_have_it_already_is_no_fault(sekisho: Run) -> None:
    """A script may be run twice: the second time says that nothing changed, and ends with 0."""
    first, second = (sekisho("user", "grant", AYA, "admin") for _ in range(2))
    assert (first.exit_code, first.stderr) == (0, "Changed.\n")
    assert (second.exit_code, second.stderr) == (0, "It stood so already; nothing was changed.\n")


@pytest.mark.parametrize("command", [["user", "grant", AYA, "No Role"], ["group", "create", "-x-"]])
@pytest.mark.usefixtures("aya")
def test_a_name_has_one_spelling(sekisho: Run, command: list[str]) -> None:
    """Names of roles and groups are refused with what they may be."""
    result = sekisho(*command[:2], "--", *command[2:])
    assert result.exit_code == 1
    assert "error[validation_failed]" in result.stderr


@pytest.mark.usefixtures("aya")
def test_accounts_are_listed_a_page_at_a_time(sekisho: Run) -> None:
    """A pipe gets tab-separated rows; the next page begins behind the last address."""
    for name in ("ben", "cho"):
        sekisho("user", "create", f"{name}@example.com", "--password-file", "-", text=PASSWORD)
    page = json.loads(sekisho("user", "list", "--json", "--limit", "2").stdout)
    assert [user["email"] for user in page["users"]] == [AYA, "ben@example.com"]
    assert page["next"] == "ben@example.com"
    rest = sekisho("user", "list", "--after", page["next"])
    (row,) = rest.stdout.splitlines()
    assert row.split("\t")[:2] == ["cho@example.com", "active"]


@pytest.mark.usefixtures("aya")
def test_deleting_asks_first(sekisho: Run) -> None:
    """Without --yes it asks, and takes silence for no."""
    kept = sekisho("user", "delete", AYA, text="n\n")
    assert kept.exit_code == 130
    assert sekisho("user", "show", AYA).exit_code == 0
    assert sekisho("user", "delete", AYA, text="y\n").exit_code == 0
    assert sekisho("user", "show", AYA).exit_code == 3


def test_an_operator_works_beside_a_running_server(sekisho: Run, data: Path, aya: str) -> None:
    """Sessions of the server are listed and ended at the command line, and the server knows at once."""
    with Server(data) as server:
        body = {"email": AYA, "password": PASSWORD, "mode": "token"}
        first, second = (server.ask("POST", "/v1/login", body).json for _ in range(2))
        listed = json.loads(sekisho("session", "list", AYA, "--json").stdout)["sessions"]
        assert {each["id"] for each in listed} == {first["session_id"], second["session_id"]}
        assert sekisho("session", "revoke", first["session_id"]).exit_code == 0
        assert server.ask("GET", "/v1/me", bearer=first["access_token"]).json["code"] == "session_revoked"
        assert server.ask("GET", "/v1/me", bearer=second["access_token"]).json["id"] == aya

        assert sekisho("user", "disable", AYA).exit_code == 0
        assert server.ask("GET", "/v1/me", bearer=second["access_token"]).status == 401
        assert server.ask("POST", "/v1/login", body).json["code"] == "invalid_credentials"
        assert sekisho("user", "enable", AYA).exit_code == 0
        for _ in range(2):
            assert server.ask("POST", "/v1/login", body).status == 200
        assert sekisho("session", "revoke", "--user", AYA).stderr == "Ended: 2.\n"
        assert json.loads(sekisho("session", "list", AYA, "--json").stdout) == {"sessions": []}


def test_sessions_that_could_not_be_ended_are_not_called_ended(sekisho: Run, data: Path, aya: str) -> None:
    """Whoever locks a thief out is told when it failed; then none of the sessions has ended."""
    with Server(data) as server:
        body = {"email": AYA, "password": PASSWORD, "mode": "token"}
        for _ in range(2):
            assert server.ask("POST", "/v1/login", body).status == 200
    with closing(sqlite3.connect(data / "sekisho.db")) as database:
        database.execute("DROP TABLE feed")
        refused = sekisho("session", "revoke", "--user", AYA)
        assert (refused.exit_code, refused.stderr.splitlines()[0]) == (
            1,
            "error[unavailable]: sqlite: no such table: feed",
        )
        ended = database.execute("SELECT revoked_at FROM sessions WHERE user_id = ?", [aya]).fetchall()
        assert ended == [(None,), (None,)]


@pytest.mark.usefixtures("aya")
def test_without_rows_of_sessions_the_way_is_another(sekisho: Run, data: Path) -> None:
    """Where no session is stored none is found, which is not the same as ended; what ends all is told."""
    stateless = {"SEKISHO_REFRESH_STORE": "none"}
    for command in (["list", AYA], ["revoke", "--user", AYA], ["revoke", "not-an-id"]):
        refused = sekisho("session", *command, **stateless)
        assert (refused.exit_code, refused.stdout) == (1, "")
        told, fix = refused.stderr.splitlines()
        assert told == "error[not_stored]: This server keeps no list of sessions"
        assert fix.startswith("fix: sekisho user disable EMAIL ends every token of an account; ")
    with Server(data, settings=stateless) as server:
        body = {"email": AYA, "password": PASSWORD, "mode": "token"}
        token = {"refresh_token": server.ask("POST", "/v1/login", body).json["refresh_token"]}
        assert server.ask("POST", "/v1/refresh", token).status == 200
        for verb in ("disable", "enable"):
            assert sekisho("user", verb, AYA, **stateless).exit_code == 0
        assert server.ask("POST", "/v1/refresh", token).json["code"] == "session_revoked"
        assert server.ask("POST", "/v1/login", body).status == 200


def test_revoke_wants_one_thing(sekisho: Run) -> None:
    """Neither a session nor an account, or both, is a usage error."""
    assert sekisho("session", "revoke").exit_code == 2
    assert sekisho("session", "revoke", "x", "--user", AYA).exit_code == 2


def test_the_schema_is_made_and_told(sekisho: Run, data: Path) -> None:
    """Status before says that it is behind; migrate makes it; migrating again changes nothing."""
    before = sekisho("db", "status", "--json")
    assert json.loads(before.stdout)["revision"] is None
    assert "sekisho db migrate" in before.stderr
    assert not data.exists()
    made = sekisho("db", "migrate")
    needed = json.loads(sekisho("db", "status", "--json").stdout)
    assert made.stdout.strip() == needed["revision"] == needed["needed"]
    assert "Brought" in made.stderr
    assert "is that of this release" in sekisho("db", "migrate").stderr
    assert json.loads(sekisho("db", "prune", "--json").stdout) == {"deleted": 0}


def test_config_says_where_a_value_came_from(sekisho: Run, data: Path) -> None:
    """The environment wins over the file, the file over the default; a password in a URL is not shown."""
    data.mkdir(mode=0o700)
    (data / "sekisho.toml").write_text('audience = "from-file"\naccess_ttl = "5m"\n')
    shown = json.loads(sekisho("config", "show", "--json", SEKISHO_ACCESS_TTL="1m").stdout)
    assert shown["SEKISHO_AUDIENCE"] == {"value": "from-file", "source": "sekisho.toml"}
    assert shown["SEKISHO_ACCESS_TTL"] == {"value": "1m", "source": "environment"}
    assert shown["SEKISHO_REFRESH_TTL"] == {"value": "7d", "source": "default"}
    url = "postgresql://someone:hunter2@localhost/db"
    told = sekisho("config", "show", SEKISHO_DATABASE_URL=url, SEKISHO_ROOT_SECRET="file:/nowhere")
    assert "hunter2" not in told.stdout
    assert "someone:***@localhost" in told.stdout


def test_config_check_reads_what_the_server_would(sekisho: Run, data: Path) -> None:
    """It is quiet where all is well, and says which secret cannot be read where it is not."""
    assert sekisho("db", "migrate").exit_code == 0
    good = sekisho("config", "check")
    assert (good.exit_code, good.stdout) == (0, "")
    bad = sekisho("config", "check", SEKISHO_SIGNING_KEY="file:/nowhere/at/all")
    assert bad.exit_code == 1
    assert "/nowhere/at/all" in bad.stderr
    (data / "root-secret").chmod(0o644)
    readable = sekisho("config", "check")
    assert readable.exit_code == 1
    assert f"chmod 600 {data / 'root-secret'}" in readable.stderr
