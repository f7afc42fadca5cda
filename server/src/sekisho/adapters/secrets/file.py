"""`file:PATH`: a file that its owner alone can read, or root's that our group can."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.secrets.versions import Versions
from sekisho.setting_words import Words
from sekisho.settings import SettingsRefused, refused

#: Far above any key or certificate chain; a secret that is larger is the wrong file.
MAX_BYTES = 64 * 1024


def file_source(name: str) -> Versions:
    """The content of the file `name`: a file knows no versions. Raises `SettingsRefused` as `read_file`."""
    return Versions(Secret(read_file(name)))


def read_file(name: str) -> bytes:
    """The content of the file `name`, refused if anybody may open it whom that does not concern.

    A symbolic link is followed, since that is how orchestrators mount secrets; what is checked is the very
    file that is read, by its descriptor, so nobody can swap it in between.

    Raises:
        SettingsRefused: there is no such file, it is not a regular file of at most 64 KiB, or it is open to
            others; the fix names the exact `chmod`.
    """
    reference = f"file:{name}"
    try:
        # A named pipe must not make the server wait for its writer.
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else "not a path"
        raise refused(
            reference,
            Words(f"cannot be read: {reason}", f"を読めません: {reason}"),
            Words("correct the path, or the owner of the file", "パスかファイルの所有者を直してください"),
        ) from None
    try:
        return _read(reference, Path(name), descriptor)
    finally:
        os.close(descriptor)


def _read(reference: str, path: Path, descriptor: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise refused(
            reference,
            Words("is not a regular file", "通常のファイルではありません"),
            Words("name the file itself", "ファイルそのものを指定してください"),
        )
    if status.st_mode & _forbidden(status):
        raise open_to_others(reference, path, status.st_mode, wanted=0o600)
    with open(descriptor, "rb", closefd=False) as file:
        content = Secret(file.read(MAX_BYTES + 1))  # a traceback that shows locals would show bytes
    if len(content) > MAX_BYTES:
        raise refused(
            reference,
            Words("is larger than 64 KiB", "64 KiB を超えています"),
            Words("name a file that holds one secret", "秘密を 1 つだけ収めたファイルを指定してください"),
        )
    return content.reveal()


def _forbidden(status: os.stat_result) -> int:
    """The mode bits that may not be set.

    A file of root's that we may read only by our group is how Kubernetes mounts secrets (`fsGroup`) and how
    distributions keep keys (0640 root:ssl-cert): the owner cannot be us, and nobody but root can write.
    """
    if status.st_uid == 0 and os.geteuid() != 0:
        return stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO
    return stat.S_IRWXG | stat.S_IRWXO


def open_to_others(where: str, path: Path, mode: int, *, wanted: int) -> SettingsRefused:
    """The refusal of a file or directory that group or others may use: it says the exact `chmod`."""
    return refused(
        where,
        Words(
            f"is open to others than its owner (mode {stat.S_IMODE(mode):04o})",
            f"所有者以外も使えます (モード {stat.S_IMODE(mode):04o})",
        ),
        Words(f"run: chmod {wanted:o} {path}", f"実行してください: chmod {wanted:o} {path}"),
    )
