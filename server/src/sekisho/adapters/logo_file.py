"""A picture that an operator puts on the pages: read once, known by its content and not by its name."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from sekisho.setting_words import Words
from sekisho.settings import SettingsRefused, refused

#: Bytes. Every page fetches it once.
MAX: Final = 65_536
_SETTING: Final = "SEKISHO_BRAND_LOGO"


def read_logo(path: Path) -> tuple[bytes, str]:
    """Its bytes, and the ending by which its kind is known: `svg`, `png` or `webp`.

    Raises:
        SettingsRefused: it cannot be read, is too large, or is no such picture.
    """
    try:
        if not path.is_file():  # whoever opens a pipe waits until somebody writes into it
            raise _unreadable(path, "not a file" if path.exists() else os.strerror(errno.ENOENT))
        with path.open("rb") as file:
            content = file.read(MAX + 1)
    except (OSError, ValueError) as fault:
        reason = os.strerror(fault.errno) if isinstance(fault, OSError) and fault.errno else "not a path"
        raise _unreadable(path, reason) from None
    kind = _kind(content)
    if len(content) > MAX or kind is None:
        raise _unfit(path)
    return content, kind


def _kind(content: bytes) -> str | None:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    # A browser draws what has the element; what scripts it may hold run in no picture, and under the policy
    # that every file goes out with they run nowhere else either.
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    return "svg" if start.startswith(b"<") and b"<svg" in content[:4096] else None


def _unreadable(path: Path, reason: str) -> SettingsRefused:
    return refused(
        _SETTING,
        Words(f"cannot be read: {path}: {reason}", f"読めません: {path}: {reason}"),
        Words("name a file that the server may read", "サーバーが読めるファイルを指定してください"),
    )


def _unfit(path: Path) -> SettingsRefused:
    return refused(
        _SETTING,
        Words(f"is no picture that fits: {path}", f"使える画像ではありません: {path}"),
        Words(
            f"take SVG, PNG or WebP of {MAX} bytes at most",
            f"{MAX} バイト以内の SVG、PNG、WebP にしてください",
        ),
    )
