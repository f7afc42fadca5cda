"""`sekisho demo`: ports, and the browser that it opens for a person who has one. The rest is in journeys."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from socket import create_server
from typing import TYPE_CHECKING

import pytest

from tests.parts.ports import free_row
from tests.parts.serving import environment, run, until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("on_a_terminal", "opened"), [(True, True), (False, False)])
def test_a_browser_is_opened_for_a_person_at_a_screen(
    on_a_terminal: bool,  # noqa: FBT001 - a parameter
    opened: bool,  # noqa: FBT001 - same
    tmp_path: Path,
) -> None:
    """With the explorer's address; a program that reads the output is no person."""
    asked = tmp_path / "asked"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {asked}\n')
    browser.chmod(0o700)
    ours, theirs = os.openpty() if on_a_terminal else os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "sekisho", "demo", "--lang", "en"],
        stdout=theirs,
        stdin=subprocess.DEVNULL,
        env=environment(TMPDIR=str(tmp_path), DISPLAY=":99", BROWSER=str(browser)),
        start_new_session=True,
    )
    os.close(theirs)
    said = ""
    with closing(os.fdopen(ours, encoding="utf-8")) as output:
        for line in output:
            said += line
            if "Ctrl-C" in line:
                break
        if opened:
            until(lambda: asked.exists() and asked.read_text() != "", "the browser")
            assert f"  {asked.read_text()}" in said.replace("\r", "")
            assert asked.read_text().endswith("/explore")
        process.terminate()
        assert process.wait(60) == 0
    assert asked.exists() is opened


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """The explorer's too, before anything is started or left behind."""
    first = free_row(4)
    with create_server(("127.0.0.1", first + 3)):
        done = run("demo", "--no-browser", "--port", str(first), TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert "port_busy" in done.stderr
    assert str(first + 3) in done.stderr
    assert list(tmp_path.iterdir()) == []
