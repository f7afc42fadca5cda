"""`sekisho.toml` on a disk: what is there is read, and what cannot be read is said with its fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sekisho.adapters.settings_file import load_settings
from sekisho.settings import SettingsRefused

if TYPE_CHECKING:
    from pathlib import Path


def test_the_environment_wins_over_the_file_of_its_data_directory(tmp_path: Path) -> None:
    """The file of the directory that SEKISHO_DATA names is read, and only where the environment is silent."""
    (tmp_path / "sekisho.toml").write_text('audience = "shops"\naccess_ttl = "5m"\n')
    settings = load_settings({"SEKISHO_DATA": str(tmp_path), "SEKISHO_ACCESS_TTL": "1m"})
    assert (settings.audience, settings.access_ttl) == ("shops", 60)


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    """Not a directory without the file, nor a place that is no directory: opening it is another matter."""
    (tmp_path / "file").touch()
    for data in (tmp_path, tmp_path / "none", tmp_path / "file"):
        assert load_settings({"SEKISHO_DATA": str(data)}).audience == "api"


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """UTF-16, as an editor on Windows may save it: the file is named, with its fix, and never half read."""
    file = tmp_path / "sekisho.toml"
    file.write_text('audience = "api"\n', encoding="utf-16")
    with pytest.raises(SettingsRefused) as refusal:
        load_settings({"SEKISHO_DATA": str(tmp_path)})
    (fault,) = refusal.value.faults
    assert str(fault) == f"{file}: cannot be read: not UTF-8 text; save it as UTF-8, or remove it"
    assert "UTF-8 で保存" in fault.fix.ja


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """A settings file is not skipped because reading fails: its absence would change what is in force."""
    (tmp_path / "sekisho.toml").mkdir()
    with pytest.raises(SettingsRefused, match=r"sekisho.toml: cannot be read: Is a directory; let the user"):
        load_settings({"SEKISHO_DATA": str(tmp_path)})
    with pytest.raises(SettingsRefused, match="cannot be read: not a path"):
        load_settings({"SEKISHO_DATA": "a\0b"})
