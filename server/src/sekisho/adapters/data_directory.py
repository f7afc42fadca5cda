"""The data directory: its owner's alone, and so is every secret made in it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from sekisho.adapters.secrets.file import open_to_others
from sekisho.ports import Entropy
from sekisho.setting_words import Words
from sekisho.settings import SettingsRefused, refused


def make_directory(path: Path) -> bool:
    """Make the directory with mode 0700, or check the one that is there; whether it was made.

    Raises:
        SettingsRefused: it cannot be made, is no directory, or is open to others; the fix names the `chmod`.
    """
    made = False
    try:
        if not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):  # another process was first, or it is a file: looked at below
                path.mkdir(mode=0o700)
                made = True
        mode = path.stat().st_mode
    except OSError as fault:
        raise _unusable(path, fault.strerror or "not a path") from None
    if not stat.S_ISDIR(mode):
        raise _unusable(path, os.strerror(errno.ENOTDIR))
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise open_to_others(str(path), path, mode, wanted=0o700)
    return made


def _unusable(path: Path, reason: str) -> SettingsRefused:
    return refused(
        str(path),
        Words(f"cannot be the data directory: {reason}", f"データディレクトリにできません: {reason}"),
        Words("choose another with SEKISHO_DATA or --data", "SEKISHO_DATA か --data で変えてください"),
    )


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that is 0600 from its first instant, and durable when this returns.

    `O_EXCL` and the mode of `open` do it together: there is no moment at which somebody else could open it,
    as there would be with a `chmod` afterwards, and no umask of the process has to be touched.

    Raises:
        FileExistsError: there is one already; it is left alone.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


@contextmanager
def alone_in(path: Path) -> Generator[None]:
    """Of all processes that ask, have the directory to oneself; the next one waits.

    The lock is on the directory itself, so nothing is left in it, and it ends with the process that holds it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make a new name in the directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_private(path: Path, content: bytes, *, entropy: Entropy) -> bool:
    """Put `content` at `path` unless something is there; whether it was this call that did.

    Of any number of processes exactly one wins, and nobody ever reads half a file: the content is written and
    synced under another name first, and `link` gives it the final one only if that is free.
    """
    draft = path.with_name(f".{path.name}.{entropy(8).hex()}")
    write_private(draft, content)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    else:
        sync_directory(path.parent)
        return True
    finally:
        draft.unlink()
