"""The page is there before the servers are: it says so, and nobody does anything before they are up."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.parts.serving import environment, processes_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_KEY = re.compile(rb"[0-9a-f]{64}")


@contextmanager
def starting(folder: Path) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A demo as soon as it says where its page is; ended as by Ctrl-C."""
    with subprocess.Popen(
        [sys.executable, "-m", "sekisho", "demo", "--no-browser", "--lang", "en"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(folder)),
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        url = ""
        while not url:
            found = re.search(r"(http://\S+)/explore", process.stdout.readline())
            url = found[1] if found else ""
        try:
            yield process, url
        finally:
            process.terminate()
            process.stdout.read()


def got(url: str, path: str, key: str = "", seconds: float = 60) -> tuple[int, bytes]:
    """What is answered there, within that time."""
    at = urlsplit(url)
    connection = HTTPConnection(at.hostname or "", at.port, timeout=seconds)
    try:
        connection.request("GET", path, headers={"Sekisho-Explorer": key})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_page_comes_first_and_is_told_nothing_before_the_servers_are_up(tmp_path: Path) -> None:
    """While they cannot go on, the page is served, and how they stand is not; then it is."""
    with starting(tmp_path) as (process, url):
        servers = [each for each in processes_of(process.pid) if each != process.pid]
        for each in servers:
            os.kill(each, signal.SIGSTOP)
        try:
            status, page = got(url, "/explore")
            key = _KEY.search(page)
            assert key is not None
            assert (status, b"Waiting for the servers" in page) == (200, True)
            with pytest.raises(TimeoutError):
                got(url, "/explore/state", key[0].decode(), seconds=0.5)
            assert got(url, "/explore/state", "wrong")[0] == 403
        finally:
            for each in servers:
                os.kill(each, signal.SIGCONT)
        status, state = got(url, "/explore/state", key[0].decode())
        assert (status, state.count(b'"up":true')) == (200, 3)
        assert process.stdout is not None
        assert any("The servers are up." in line for line in iter(process.stdout.readline, ""))


def test_a_demo_that_is_ended_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    """It does not wait until everything is up, and ends as at any other time."""
    with starting(tmp_path) as (process, _):
        assert list(tmp_path.glob("sekisho-demo-*"))
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []
