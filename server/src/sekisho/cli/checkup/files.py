"""The data directory: what is in it belongs to its owner alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sekisho.cli.checkup.findings import Finding, bad, good, skipped
from sekisho.settings import Settings

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def look_at_files(settings: Settings) -> Iterator[Finding]:
    """Directory, database, keys and secrets: modes and owner."""
    data = settings.data
    if not data.is_dir():
        yield skipped("permissions", "permissions.absent", path=data)
        return
    places = [data, *sorted(path for path in data.rglob("*") if not path.is_symlink())]
    if settings.sqlite_path is not None and settings.sqlite_path.exists():
        places.append(settings.sqlite_path)
    found: dict[Path, os.stat_result] = {}
    for path in places:
        with suppress(FileNotFoundError):  # a log of the database comes and goes
            found[path] = path.stat()
    # Root looks at a server that runs as somebody else: whose the directory is.
    owners = {0, os.getuid() or data.stat().st_uid}
    open_ones = [path for path, status in found.items() if status.st_mode & _OTHERS]
    foreign = [path for path, status in found.items() if status.st_uid not in owners]
    if open_ones:
        yield bad("permissions", paths=_named(open_ones), count=len(open_ones), data=data)
    if foreign:
        yield bad("permissions", "permissions.foreign", paths=_named(foreign), count=len(foreign), data=data)
    if not open_ones and not foreign:
        yield good("permissions", count=len(found))


def _named(paths: list[Path]) -> str:
    return ", ".join(map(str, paths[:3])) + (", ..." if len(paths) > 3 else "")
