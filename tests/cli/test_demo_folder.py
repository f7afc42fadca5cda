"""The demo's temporary directory: gone at the end, and the next demo takes away what a killed one left."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sekisho.cli.demo_folder import temporary_folder
from tests.parts.serving import environment

KILLED = """
import os
from sekisho.cli.demo_folder import temporary_folder
with temporary_folder() as folder:
    (folder / "shared-secret").write_text("of a sandbox")
    print(folder, flush=True)
    os.kill(os.getpid(), 9)
"""
MARK = "of-a-demo"


@pytest.fixture(autouse=True)
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def killed(where: Path) -> Path:
    """What a demo leaves that was killed outright."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        env=environment(TMPDIR=str(where)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    return Path(done.stdout.strip())


@pytest.mark.requirement("H5")
def test_the_secrets_of_a_demo_that_was_killed_are_gone_with_the_next_one(where: Path) -> None:
    """The directory that nobody holds is removed; the new one is its owner's alone, and goes in its turn."""
    left = killed(where)
    assert (left / "shared-secret").read_text() == "of a sandbox"
    with temporary_folder() as folder:
        assert list(where.iterdir()) == [folder]
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(where.iterdir()) == []


def test_a_demo_that_runs_keeps_its_directory(where: Path) -> None:
    """It holds the lock, however many others begin and end meanwhile."""
    with temporary_folder() as first:
        with temporary_folder() as second:
            assert sorted(where.iterdir()) == sorted([first, second])
        assert list(where.iterdir()) == [first]


def test_what_is_not_ours_without_doubt_is_left_alone(where: Path) -> None:
    """Another name, no mark, a mark that leads elsewhere, open to others, a link, a file."""
    elsewhere = where / "elsewhere"
    for name in ("elsewhere", "sekisho-demo-short", "sekisho-demo-abcdefgh.bak", "sekisho-demo-noma_rk1"):
        (where / name).mkdir(mode=0o700)
    for name in ("elsewhere", "sekisho-demo-short", "sekisho-demo-abcdefgh.bak"):
        (where / name / MARK).touch()
    (where / "sekisho-demo-marklink").mkdir(mode=0o700)
    (where / "sekisho-demo-marklink" / MARK).symlink_to(elsewhere / MARK)
    (where / "sekisho-demo-open0755").mkdir(mode=0o755)
    (where / "sekisho-demo-open0755" / MARK).touch()
    (where / "sekisho-demo-linklink").symlink_to(elsewhere)
    (where / "sekisho-demo-justfile").touch()
    before = sorted(where.rglob("*"))
    with temporary_folder() as folder:
        assert sorted(set(where.rglob("*")) - {folder, folder / MARK}) == before
    assert sorted(where.rglob("*")) == before
