"""The way from `serve` to the explorer: on loopback, by a person's own hand, and nowhere else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sekisho.cli.serve import _explorer
from sekisho.compose import create_app, standard_features
from sekisho.features.explorer.door import door
from sekisho.settings import read_settings
from tests.parts.serving import Server, ask, processes_of, wait_until_gone

ISSUER = "http://localhost:8400"
PAGE = "http://127.0.0.1:9/explore"


async def found() -> str:
    """Where the explorer is."""
    return PAGE


def client(tmp_path: Path, *, by: str = "127.0.0.1") -> TestClient:
    """Somebody who asks a server with the door."""
    settings = read_settings({"SEKISHO_DATA": str(tmp_path), "SEKISHO_PASSWORD_PROFILE": "OWASP_7MIB_T5"})
    features = [*standard_features(settings, clock=lambda: 0.0), door(ISSUER, found)]
    app = create_app(settings, features=features)
    return TestClient(app, base_url=ISSUER, client=(by, 1), follow_redirects=False)


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}])
def test_a_person_is_sent_to_the_explorer(headers: dict[str, str], tmp_path: Path) -> None:
    """By an address that was typed, or a link on a page of ours; no cache keeps where it was."""
    with client(tmp_path) as asking:
        answer = asking.get("/explore", headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "by", "status", "code"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, "127.0.0.1", 403, "origin_not_allowed"),
        ({"Sec-Fetch-Site": "same-site"}, "127.0.0.1", 403, "origin_not_allowed"),
        ({"Host": "evil.example"}, "127.0.0.1", 403, "origin_not_allowed"),
        ({}, "192.0.2.7", 404, "not_found"),
    ],
)
def test_the_way_is_closed_to_others(
    headers: dict[str, str], by: str, status: int, code: str, tmp_path: Path
) -> None:
    """It may start processes: no page of another site does that, nor anybody from another machine."""
    with client(tmp_path, by=by) as asking:
        answer = asking.get("/explore", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("issuer", "host", "there"),
    [
        ("http://localhost:8400", "localhost", True),
        ("http://localhost:8400", "127.0.0.1", True),
        ("http://localhost:8400", "0.0.0.0", False),  # noqa: S104 - what is refused here
        ("https://id.example.com", "localhost", False),
    ],
)
def test_it_is_there_on_loopback_alone(issuer: str, host: str, there: bool) -> None:  # noqa: FBT001 - a parameter
    """Off loopback `serve` has no such route at all; nor has a server that is embedded."""
    settings = read_settings({"SEKISHO_ISSUER": issuer, "SEKISHO_ROOT_SECRET": "env:X"})
    assert bool(_explorer(settings, host)) is there
    assert "explorer-door" not in [each.name for each in standard_features(settings, clock=lambda: 0.0)]


def test_it_is_not_there_behind_a_proxy() -> None:
    """Whose requests all come from this machine, and by default with the name of the server behind it."""
    settings = read_settings({"SEKISHO_ISSUER": ISSUER, "SEKISHO_TRUSTED_PROXIES": "127.0.0.1"})
    assert _explorer(settings, "localhost") == []


def test_serve_starts_one_explorer_of_its_own_and_ends_it(tmp_path: Path) -> None:
    """Under the other name of this machine, so that no cookie is shared; with the server it is gone."""
    with Server(tmp_path / "real", settings={"SEKISHO_LANG": "ja"}) as server:
        first = server.ask("GET", "/explore")
        assert first.status == 303
        page = first.headers["location"]
        assert page.startswith("http://127.0.0.1:")
        assert server.ask("GET", "/explore").headers["location"] == page
        assert ask(page.removesuffix("/explore"), "GET", "/explore").status == 200
        group = _explorer_of(server)
        assert server.stop() == 0
        wait_until_gone(group)
    assert not list(tmp_path.glob("sekisho-demo-*"))


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc, which is Linux")
@pytest.mark.requirement("H5")
def test_no_secret_of_the_server_is_given_to_the_explorer(tmp_path: Path) -> None:
    """A sandbox in which somebody forges tokens has no use for one, nor have the four processes of it."""
    canary = "canary-of-a-real-instance-7c1e9f0a4b2d8e6c"
    settings = {"SEKISHO_ROOT_SECRET": "env:REAL_SECRET", "REAL_SECRET": canary}
    with Server(tmp_path / "real", settings=settings) as server:
        assert server.ask("GET", "/explore").status == 303
        given = [Path(f"/proc/{each}/environ").read_bytes() for each in processes_of(_explorer_of(server))]
        assert len(given) >= 4
        assert not [each for each in given if canary.encode() in each or b"SEKISHO_ROOT_SECRET" in each]
        server.stop()


@pytest.mark.long
def test_the_explorer_of_a_server_that_was_killed_ends_too(tmp_path: Path) -> None:
    """It holds the other end of a pipe, and leaves nothing behind."""
    with Server(tmp_path / "real") as server:
        server.ask("GET", "/explore")
        group = _explorer_of(server)
        server.kill9()
        wait_until_gone(group)
    assert not list(tmp_path.glob("sekisho-demo-*"))


def _explorer_of(server: Server) -> int:
    """The process group of the explorer that a server has started."""
    [group] = {os.getpgid(pid) for pid in _descendants(server.pid)} - {server.pid}
    assert processes_of(group)
    return group


def _descendants(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    children = [child for child, parent in pairs if parent == pid]
    return [*children, *(each for child in children for each in _descendants(child))]
