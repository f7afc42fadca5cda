"""The link of the first run: printed while there is no administrator, by a real `sekisho serve`."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx2
import pytest

from sekisho.adapters import setup_file, system
from sekisho.adapters.data_directory import alone_in
from sekisho.cli.first_run import FirstRun
from sekisho.house import store_for
from sekisho.rules.setup_code import code_digest
from sekisho.settings import read_settings
from tests.parts.serving import Server, run

if TYPE_CHECKING:
    from pathlib import Path

ALICE = {"email": "alice@example.com", "password": "a gate at the sixth bell"}


def link_of(server: Server) -> str:
    """The link, which is there once."""
    (found,) = re.findall(
        rf"^  {re.escape(server.url)}/setup#([0-9A-Z]{{4}}(?:-[0-9A-Z]{{4}}){{6}})$",
        server.welcome,
        re.MULTILINE,
    )
    return str(found)


def set_up(server: Server, code: str) -> int:
    """Send the form of the page; the status that came of it."""
    with httpx2.Client(base_url=server.url, headers={"Origin": server.url}) as browser:
        token = browser.get("/v1/csrf").json()["csrf_token"]
        return browser.post("/setup", data={**ALICE, "code": code, "csrf_token": token}).status_code


@pytest.mark.requirement("X15")
@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.long)])
def test_a_link_is_printed_while_there_is_no_administrator(workers: str, tmp_path: Path) -> None:
    """Another one at each start, in the fragment, in no log and no file; none once somebody administers."""
    server = Server(tmp_path / "data", arguments=("--workers", workers))
    codes: list[str] = []
    for _ in range(2):
        with server:
            codes.append(link_of(server))
            assert "There is no administrator yet." in server.welcome
            assert server.ask("GET", "/setup").status == 200
            server.stop()
    assert codes[0] != codes[1]
    with server:
        codes.append(link_of(server))
        assert server.ask("POST", "/v1/accounts", ALICE).status == 201
        assert server.ask("GET", "/setup").status == 200
        server.stop()
    granted = run("user", "grant", ALICE["email"], "admin", "--data", str(server.data))
    assert granted.returncode == 0, granted.stderr
    with server:
        assert server.ask("GET", "/setup").status == 403
        assert "/setup" not in server.welcome
        server.stop()
    kept = server.log.read_bytes() + b"".join(
        path.read_bytes() for path in server.data.rglob("*") if path.is_file()
    )
    for code in codes:
        assert code.encode() not in kept
        assert code.replace("-", "").encode() not in kept


def test_the_code_is_in_a_file_for_whoever_has_no_screen(tmp_path: Path) -> None:
    """0600, the one of this start; gone when it was used, and none is written by a start that offers none."""
    server = Server(tmp_path / "data")
    file = server.data / "setup-code"
    with server:
        first = file.read_text()
        server.stop()
    with server:
        code = file.read_text().strip()
        assert code == link_of(server)
        assert (code != first.strip(), stat.S_IMODE(file.stat().st_mode)) == (True, 0o600)
        assert set_up(server, "0" * 28) == 403
        assert file.exists()
        assert set_up(server, code) == 303
        assert not file.exists()
        server.stop()
    with server:
        assert not file.exists()


NAMED = {"SEKISHO_ADMIN_EMAIL": ALICE["email"], "SEKISHO_ADMIN_PASSWORD": "env:SEKISHO_TEST_PASSWORD"}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_settings_name_an_administrator(workers: str, tmp_path: Path) -> None:
    """Made once, with the role and on record; no link, no file; after that the password is not even read."""
    password = {"SEKISHO_TEST_PASSWORD": ALICE["password"]}
    settings = {**NAMED, **password}
    with Server(tmp_path / "data", ("--workers", workers), settings=settings) as server:
        assert f"{ALICE['email']} was made the administrator" in server.welcome
        assert "/setup" not in server.welcome
        assert ALICE["password"] not in server.welcome
        assert not (server.data / "setup-code").exists()
        tokens = server.ask("POST", "/v1/login", {**ALICE, "mode": "token"}).json
        assert server.ask("GET", "/v1/me", bearer=tokens["access_token"]).json["roles"] == ["admin"]
        assert server.ask("GET", "/setup").status == 403
        server.stop()
    with Server(tmp_path / "data", settings={**NAMED, "SEKISHO_ADMIN_EMAIL": "ken@example.com"}) as server:
        assert "was made" not in server.welcome
        assert server.ask("POST", "/v1/login", {**ALICE, "mode": "token"}).status == 200
    done = run("user", "list", "--json", "--data", str(tmp_path / "data"))
    assert [user["email"] for user in json.loads(done.stdout)["users"]] == [ALICE["email"]]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"SEKISHO_ADMIN_EMAIL": ALICE["email"]}, "SEKISHO_ADMIN_EMAIL counts only together with"),
        ({"SEKISHO_ADMIN_PASSWORD": "env:X"}, "SEKISHO_ADMIN_PASSWORD counts only together with"),
        ({**NAMED, "SEKISHO_ADMIN_EMAIL": "alice"}, "SEKISHO_ADMIN_EMAIL 'alice' is no e-mail address"),
        (
            {**NAMED, "SEKISHO_TEST_PASSWORD": "password"},
            "SEKISHO_ADMIN_PASSWORD holds a password that nobody",
        ),
        (
            {**NAMED, "SEKISHO_ADMIN_EMAIL": "a@b", "SEKISHO_TEST_PASSWORD": "a gate at the sixth bell"},
            "SEKISHO_ADMIN_EMAIL is no address that can have an account",
        ),
        (NAMED, "SEKISHO_TEST_PASSWORD"),
    ],
)
def test_an_administrator_who_cannot_be_made_stops_the_start(
    settings: dict[str, str], told: str, tmp_path: Path
) -> None:
    """With the name of the setting and what to do; the password is in no message."""
    done = run("serve", "--port", "0", "--data", str(tmp_path / "data"), **settings)
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    assert "fix: " in done.stderr
    assert "sixth bell" not in done.stderr


def test_an_account_that_is_there_is_not_made_an_administrator_by_its_address(tmp_path: Path) -> None:
    """Anybody may have signed up with it: the operator says so himself, by the command that is told."""
    with Server(tmp_path / "data") as server:
        assert server.ask("POST", "/v1/accounts", ALICE).status == 201
        server.stop()
    settings = {**NAMED, "SEKISHO_TEST_PASSWORD": "another gate at the seventh bell"}
    done = run("serve", "--port", "0", "--data", str(tmp_path / "data"), **settings)
    assert done.returncode == 1
    assert f"run: sekisho user grant {ALICE['email']} admin" in done.stderr


def test_a_server_without_sessions_has_nothing_to_set_up(tmp_path: Path) -> None:
    """It has no pages; accounts come from the command line."""
    with Server(tmp_path / "data", settings={"SEKISHO_REFRESH_STORE": "none"}) as server:
        assert "/setup" not in server.welcome
        assert f"{server.url}/openapi.json" in server.welcome
        assert "/docs/api" not in server.welcome


def test_an_administrator_of_the_command_line_closes_the_setup(tmp_path: Path) -> None:
    """`sekisho user create --admin` before the first start: there is somebody, so there is no link."""
    password = tmp_path / "password"
    password.write_text(ALICE["password"])
    data = tmp_path / "data"
    create = ("user", "create", ALICE["email"], "--password-file", str(password), "--data", str(data))
    done = run(*create, "--admin")
    assert done.returncode == 0, done.stderr
    shown = run("user", "show", ALICE["email"], "--json", "--data", str(data))
    assert json.loads(shown.stdout)["roles"] == ["admin"]
    with Server(data) as server:
        assert "/setup" not in server.welcome


def test_the_code_in_the_file_is_the_one_that_counts(tmp_path: Path) -> None:
    """Of starts at once on one directory the later offer is not overtaken by the earlier one's file."""
    data = tmp_path / "data"
    settings = read_settings({"SEKISHO_DATA": str(data)})

    async def standing() -> bytes | None:
        store = store_for(settings, entropy=system.entropy)
        await store.open()
        try:
            return await store.setup_digest(now=system.clock())
        finally:
            await store.close()

    with Server(data) as server:  # the schema, and the root secret
        first = link_of(server)
        server.stop()
    with ThreadPoolExecutor(1) as other:
        with alone_in(data):  # as a start has it, from its offer until the code is in the file
            later = other.submit(asyncio.run, FirstRun(settings, {}).offer())
            with pytest.raises(TimeoutError):
                later.result(0.5)
            setup_file.write_down(data, first, entropy=system.entropy)
        later.result(60)
    written = (data / "setup-code").read_text().strip()
    assert (written != first, asyncio.run(standing())) == (True, code_digest(written))
