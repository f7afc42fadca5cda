"""The link of the first run: printed while there is no administrator, by a real `sekisho serve`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

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


@pytest.mark.parametrize("workers", ["1", "2"])
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


def test_a_server_without_sessions_has_nothing_to_set_up(tmp_path: Path) -> None:
    """It has no pages; accounts come from the command line."""
    with Server(tmp_path / "data", settings={"SEKISHO_REFRESH_STORE": "none"}) as server:
        assert "/setup" not in server.welcome
        assert f"{server.url}/openapi.json" in server.welcome
        assert "/docs/api" not in server.welcome


def test_an_administrator_of_the_command_line_closes_the_setup(tmp_path: Path) -> None:
    """`sekisho user create` and `grant` before the first start: there is somebody, so there is no link."""
    password = tmp_path / "password"
    password.write_text(ALICE["password"])
    done = run(
        "user", "create", ALICE["email"], "--password-file", str(password), "--data", str(tmp_path / "data")
    )
    assert done.returncode == 0, done.stderr
    done = run("user", "grant", ALICE["email"], "admin", "--data", str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    with Server(tmp_path / "data") as server:
        assert "/setup" not in server.welcome
