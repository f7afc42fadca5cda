"""The guides for API servers: each complete file runs as its page says, and every other block runs too."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.house.tree import ROOT
from tests.parts.examples import PORT, listening
from tests.parts.serving import Server, ask, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LANGUAGES = ("en", "ja")
BLOCK = re.compile(r'^```python(?: title="([a-z_]+\.py)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ISSUER = "http://localhost:8400"


def page(name: str, language: str = "en") -> str:
    """The text of a guide."""
    return (ROOT / "docs" / language / "guides" / f"{name}.md").read_text("utf-8")


def blocks(text: str) -> list[tuple[str, str]]:
    """Its Python: the name of the file, empty for what only belongs to it, and the code."""
    return BLOCK.findall(text)


GUIDES = sorted(
    path.stem
    for path in (ROOT / "docs/en/guides").glob("*.md")
    if dict(blocks(path.read_text("utf-8"))).get("api.py")
)
OVERVIEW = "protect-an-api"
PASSWORD = "a checkpoint on the road to Edo"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One auth server for all guides."""
    with Server(tmp_path_factory.mktemp("auth") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def visitor(server: Server) -> dict[str, Any]:
    """Somebody without any right, logged in."""
    account = {"email": "visitor@example.com", "password": PASSWORD}
    assert server.ask("POST", "/v1/accounts", account).status == 201
    return server.ask("POST", "/v1/login", {**account, "mode": "token"}).json


def write(name: str, folder: Path, issuer: str = ISSUER) -> None:
    """Put the files of a guide into a folder."""
    for file, code in blocks(page(name)):
        if file:
            (folder / file).write_text(code.replace(ISSUER, issuer), "utf-8")


@pytest.mark.parametrize("name", [OVERVIEW, *GUIDES])
def test_a_guide_shows_the_same_code_in_both_languages(name: str) -> None:
    """Python and shell alike, so that what runs below is what both languages show."""
    english, japanese = (page(name, language) for language in LANGUAGES)
    assert blocks(english)
    assert blocks(english) == blocks(japanese)
    assert SHELL.findall(english) == SHELL.findall(japanese)


@pytest.mark.parametrize("name", GUIDES)
def test_the_complete_file_of_a_guide_runs_as_it_says(
    name: str, server: Server, visitor: dict[str, Any], tmp_path: Path
) -> None:
    """By the command line of the page, against a real auth server: in, not in, and not allowed."""
    write(name, tmp_path, server.url)
    (command,) = (line for block in SHELL.findall(page(name)) for line in block.splitlines() if PORT in line)
    with listening(shlex.split(command), tmp_path, server.url, tmp_path / "log") as url:
        token = visitor["access_token"]
        products = ask(url, "GET", "/products", bearer=token)
        assert (products.status, products.json["products"]) == (200, ["sedge hat"])
        assert products.json["asked_by"] == visitor["user"]["id"]
        secret = ask(url, "GET", "/secret", bearer=token)
        assert (secret.status, secret.json["detail"]) == (403, "It needs the permission secret:read.")
        stranger = ask(url, "GET", "/products")
        assert (stranger.status, stranger.headers["www-authenticate"]) == (401, "Bearer")
        assert (stranger.headers["content-type"], stranger.json["code"]) == (
            "application/problem+json",
            "token_missing",
        )
        assert ask(url, "GET", "/healthz").json == {"status": "ok"}


@pytest.mark.parametrize("name", GUIDES)
def test_the_tests_that_a_guide_shows_pass(name: str, tmp_path: Path) -> None:
    """With no auth server anywhere, by pytest alone."""
    write(name, tmp_path)
    assert (tmp_path / "test_api.py").exists()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--import-mode=prepend",
            "test_api.py",
        ],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("name", [OVERVIEW, *GUIDES])
def test_every_other_block_of_a_guide_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the complete file, in the order of the page; the overview has an `app` and a `text` instead."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret-key").write_bytes(b"a secret of at least 32 bytes, for tests only\n")

    async def app(*_: object) -> None:
        """The application that is there already."""

    found = blocks(page(name))
    files = dict(found)
    names: dict[str, Any] = {"app": app, "text": "a.b.c"} if name == OVERVIEW else {"__name__": "guide"}
    for code in [files.get("api.py", ""), *(code for file, code in found if not file)]:
        exec(compile(code, f"{name}.md", "exec", dont_inherit=True), names)  # noqa: S102 -- our own page
    if name == OVERVIEW:
        assert capsys.readouterr().out == "token_malformed\n"


def test_the_guide_of_cookies_opens_by_cookie(
    server: Server, visitor: dict[str, Any], tmp_path: Path
) -> None:
    """Whoever logs in at the auth server is let in at the API on its other port, from a page of its own."""
    name = "cookie-or-token"
    write(name, tmp_path, server.url)
    (command,) = (line for block in SHELL.findall(page(name)) for line in block.splitlines() if PORT in line)
    with (
        httpx2.Client(base_url=server.url, timeout=30) as browser,
        listening(shlex.split(command), tmp_path, server.url, tmp_path / "log") as url,
    ):
        csrf = {"Sekisho-CSRF": browser.get("/v1/csrf").json()["csrf_token"]}
        account = {"email": "visitor@example.com", "password": PASSWORD, "mode": "session"}
        assert browser.post("/v1/login", json=account, headers=csrf).status_code == 200
        api, user = url.replace("127.0.0.1", "localhost"), visitor["user"]["id"]
        assert browser.get(f"{api}/products").json()["asked_by"] == user
        own, foreign = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "same-site"}
        assert browser.post(f"{api}/orders", headers=own).json() == {"ordered_by": user}
        refused = browser.post(f"{api}/orders", headers=foreign)
        assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
