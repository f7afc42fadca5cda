"""The setup code in a file: its owner's alone, and always the newest."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from sekisho.adapters import setup_file, system

if TYPE_CHECKING:
    from pathlib import Path


def test_a_newer_code_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    """Servers that start at once on one directory write one each; nobody else may read, no draft stays."""
    for code in ("OLD", "NEW"):
        setup_file.write_down(tmp_path, code, entropy=system.entropy)
    file = tmp_path / setup_file.FILE
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("NEW\n", 0o600)
    assert list(tmp_path.iterdir()) == [file]
    setup_file.forget(tmp_path)
    setup_file.forget(tmp_path)
    assert not file.exists()


def test_a_link_in_its_place_leads_nowhere(tmp_path: Path) -> None:
    """What it leads to is neither written nor removed."""
    target, file = tmp_path / "target", tmp_path / setup_file.FILE
    target.write_text("of somebody else")
    file.symlink_to(target)
    setup_file.write_down(tmp_path, "CODE", entropy=system.entropy)
    assert (target.read_text(), file.read_text(), file.is_symlink()) == ("of somebody else", "CODE\n", False)
