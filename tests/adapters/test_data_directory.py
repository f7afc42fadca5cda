"""The data directory and the files in it: closed to others from their first instant."""

from __future__ import annotations

import itertools
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sekisho.adapters.data_directory import make_directory, publish_private, write_private
from sekisho.adapters.system import entropy
from sekisho.settings import SettingsRefused


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.requirement("H5")
def test_made_for_the_owner_alone(tmp_path: Path) -> None:
    """Directory and files are closed to others even under a lax umask; a second start finds them."""
    data = tmp_path / "deep" / "data"
    before = os.umask(0)
    try:
        assert make_directory(data)
        write_private(data / "key", b"content")
        assert publish_private(data / "other", b"content", entropy=entropy)
    finally:
        os.umask(before)
    assert (mode(data), mode(data / "key"), mode(data / "other")) == (0o700, 0o600, 0o600)
    assert not make_directory(data)


@pytest.mark.requirement("H5")
@pytest.mark.parametrize("wrong", [0o750, 0o705, 0o755, 0o701])
def test_an_open_directory_is_refused(tmp_path: Path, wrong: int) -> None:
    """A data directory that others may enter or list is refused with the exact `chmod`, and left as it is."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(wrong)
    with pytest.raises(SettingsRefused, match=f"chmod 700 {data}"):
        make_directory(data)
    assert mode(data) == wrong


def test_what_cannot_be_a_directory(tmp_path: Path) -> None:
    """A file in its place, or in the place of its parent, is refused in words."""
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "data"):
        with pytest.raises(SettingsRefused, match=r"SEKISHO_DATA or --data"):
            make_directory(path)


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    """Writing and publishing leave alone what is there, and no draft behind."""
    path = tmp_path / "key"
    write_private(path, b"first")
    with pytest.raises(FileExistsError):
        write_private(path, b"second")
    assert not publish_private(path, b"third", entropy=entropy)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("key", b"first")]


def test_of_many_publishers_one_wins(tmp_path: Path) -> None:
    """Of sixteen at once exactly one publishes, and what is read at any time is one whole content."""
    path = tmp_path / "root-secret"
    contents = [bytes([number]) * 65_536 for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda content: publish_private(path, content, entropy=entropy), contents))
    assert won.count(True) == 1
    assert path.read_bytes() == next(itertools.compress(contents, won))
    assert [file.name for file in tmp_path.iterdir()] == ["root-secret"]
