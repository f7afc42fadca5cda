"""Where a command is started decides what it reads, never what it runs (CWE-427)."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.parts.serving import ask, environment, wait_until_gone

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The script that `pip install` makes: unlike `python -m`, Python itself looks for nothing here first.
_SEKISHO = Path(sys.executable).with_name("sekisho")


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A directory in which somebody has put programs by the names of ours and of Python's."""
    place = tmp_path / "planted"
    (place / "sekisho").mkdir(parents=True)
    (place / "sekisho" / "__init__.py").touch()
    for name in ("sekisho/__main__.py", "multiprocessing.py"):
        (place / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    return place


@contextmanager
def _served(planted: Path, *arguments: str) -> Iterator[str]:
    """A server that was started there; its welcome."""
    data = planted.with_name("data")
    process = subprocess.Popen(
        [_SEKISHO, "serve", "--port", "0", "--data", data, *arguments],
        cwd=planted,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(planted.parent)),
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        welcome = ""
        for line in process.stdout:
            welcome += line
            if "Ctrl-C" in line:
                break
        yield welcome
    finally:
        process.terminate()
        process.stdout.close()
        process.wait()
        wait_until_gone(process.pid)


def test_workers_run_nothing_from_where_the_server_was_started(planted: Path) -> None:
    """They are processes of Python's, which looks in the working directory first unless it is told not to."""
    with _served(planted, "--workers", "2") as welcome:
        assert "/login" in welcome
    assert not planted.with_name("ran").exists()


def test_the_explorer_runs_nothing_from_where_the_server_was_started(planted: Path) -> None:
    """It is started by the first visit, and its own servers are processes of Python's again."""
    with _served(planted) as welcome:
        issuer = re.findall(r"(http://\S+)/explore", welcome)[0]
        answer = ask(issuer, "GET", "/explore")
        assert (answer.status, answer.headers["location"][-8:]) == (303, "/explore")
    assert not planted.with_name("ran").exists()
