"""The guides for Django and REST framework run as they are shown: each in a process of its own settings."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sekisho_verify.testing import Issuer
from tests.docs.test_guides import ISSUER, SHELL, blocks, page, write
from tests.parts.examples import PORT, listening
from tests.parts.serving import ask, environment

if TYPE_CHECKING:
    from pathlib import Path

each_guide = pytest.mark.parametrize("name", ["django", "drf"])


def ran(folder: Path, *arguments: str) -> str:
    """What Python prints, run in a folder to its good end."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@each_guide
def test_a_guide_shows_the_same_code_in_both_languages(name: str) -> None:
    """Python and shell alike, so that what runs below is what both languages show."""
    assert blocks(page(name)) == blocks(page(name, "ja"))
    assert SHELL.findall(page(name)) == SHELL.findall(page(name, "ja"))


@each_guide
def test_the_complete_file_of_a_guide_runs_as_it_says(name: str, tmp_path: Path) -> None:
    """By the command line of the page: in, not in, not allowed, and public."""
    (command,) = (line for block in SHELL.findall(page(name)) for line in block.splitlines() if PORT in line)
    issuer, log = Issuer(), tmp_path / "log"
    with issuer.serve() as at:
        write(name, tmp_path, at)
        with listening(shlex.split(command), tmp_path, at, log) as url:
            token = issuer.token("ada")
            products = ask(url, "GET", "/products", bearer=token)
            assert (products.status, products.json) == (200, {"products": ["sedge hat"], "asked_by": "ada"})
            secret = ask(url, "GET", "/secret", bearer=token)
            assert (secret.status, secret.json["detail"]) == (403, "It needs the permission secret:read.")
            keeper = ask(url, "GET", "/secret", bearer=issuer.token(permissions=["secret:read"]))
            assert keeper.json == {"secret": "the gate opens at the sixth bell"}
            stranger = ask(url, "GET", "/products")
            assert (stranger.status, stranger.headers["www-authenticate"]) == (401, "Bearer")
            assert stranger.json["code"] == "token_missing"
            assert ask(url, "GET", "/healthz").json == {"status": "ok"}
    assert "Traceback" not in log.read_text("utf-8")


@each_guide
def test_the_tests_that_a_guide_shows_pass(name: str, tmp_path: Path) -> None:
    """With no auth server anywhere, by pytest alone."""
    write(name, tmp_path)
    arguments = ("-q", "-p", "no:cacheprovider", "--import-mode=prepend", "test_api.py")
    assert "2 passed" in ran(tmp_path, "-m", "pytest", *arguments)


@each_guide
def test_every_other_block_of_a_guide_runs(name: str, tmp_path: Path) -> None:
    """After the complete file, in the order of the page; Django's own checks have nothing to say about it."""
    found = blocks(page(name))
    code = [text for file, text in found if file == "mysite.py"] + [text for file, text in found if not file]
    checked = "from django.core.management import call_command\ncall_command('check', fail_level='WARNING')\n"
    (tmp_path / "whole.py").write_text("\n".join([*code, checked]).replace(ISSUER, Issuer().url), "utf-8")
    assert "no issues" in ran(tmp_path, "whole.py")
