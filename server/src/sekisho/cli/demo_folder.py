"""The demo's temporary directory: gone with the demo, and after one that was killed with the next one.

Whoever has the directory holds a lock on it, which ends with the process whatever becomes of that. So the
next demo can tell what nobody will come back for, the sandbox's secrets among it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sekisho.adapters.data_directory import write_private

_PREFIX: Final = "sekisho-demo-"
_NAME: Final = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")
#: Lies in every directory that was ever locked: in another one there may be anything.
_MARK: Final = "of-a-demo"
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def temporary_folder() -> Generator[Path]:
    """A directory of our own, removed at the end; and those of demos that were killed, removed now."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = os.open(folder, _OPEN)
    try:
        # In this order: what bears the mark without a lock is nobody's any more.
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_private(folder / _MARK, b"")
        yield folder
    finally:
        shutil.rmtree(folder)
        os.close(lock)


def _remove_abandoned(where: Path) -> None:
    """Remove what is ours without doubt; a directory that cannot be looked at is left alone."""
    with suppress(OSError):
        names = [entry.name for entry in os.scandir(where) if _NAME.fullmatch(entry.name)]
        for name in names:
            with suppress(OSError), _locked(where / name):
                shutil.rmtree(where / name)


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    """Hold it, if it is a directory of this user's demos and nobody else holds it.

    Raises:
        OSError: it is not, or somebody does.
    """
    lock = os.open(folder, _OPEN)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(lock)
        mark = os.stat(_MARK, dir_fd=lock, follow_symlinks=False)
        if {found.st_uid, mark.st_uid} != {os.getuid()} or stat.S_IMODE(found.st_mode) != 0o700:
            raise PermissionError(folder)
        if not stat.S_ISREG(mark.st_mode):
            raise FileNotFoundError(folder)
        yield
    finally:
        os.close(lock)
