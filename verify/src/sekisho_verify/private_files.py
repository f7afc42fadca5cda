"""Files that are believed like what they were copied from, because nobody but this user can write them."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path


def replace_private(path: Path, content: bytes) -> None:
    """Replace a file as a whole, so that no reader ever sees a part; for this user alone to read and write.

    Raises:
        OSError: it cannot be written.
    """
    # Mode 0600, whatever the umask.
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def read_private(path: Path, *, limit: int) -> bytes:
    """The content of a file of at most `limit` bytes that nobody but this user and root can have written.

    Raises:
        OSError: it cannot be read.
        ValueError: others may write it, or it is too large; the message says what to do.
    """
    with open(path, "rb", opener=_directly) as file:
        about = os.fstat(file.fileno())  # of what was opened, not of what the name points to by now
        if not stat.S_ISREG(about.st_mode):
            raise ValueError("it is not a file")
        if sys.platform != "win32" and (
            about.st_uid not in {0, os.geteuid()} or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        ):
            raise ValueError("other users may write it: chmod 600 FILE, or remove it")
        if about.st_nlink > 1:
            raise ValueError("it has another name too: remove it")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"it has more than {limit} bytes")
    return content


def _directly(path: str, flags: int) -> int:
    # Without waiting, since a pipe of that name would hold us for ever. Windows has neither flag.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
