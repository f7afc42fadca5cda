"""Settings from the environment and from `sekisho.toml` of the data directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sekisho.setting_words import Words
from sekisho.settings import FILE, Settings, SettingsRefused, data_directory, read_settings, refused


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of `environ` and of `sekisho.toml` in its data directory, if it is there; read once.

    Raises:
        SettingsRefused: every fault at once, with its fix.
    """
    return read_settings(environ, file_text=_text(data_directory(environ) / FILE))


def _text(file: Path) -> str | None:
    try:
        return file.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        fix = Words("save it as UTF-8, or remove it", "UTF-8 で保存するか、消してください")
        raise _unreadable(file, "not UTF-8 text", "UTF-8 のテキストではありません", fix) from None
    except (OSError, ValueError) as fault:  # the second: a path with a NUL in it
        reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else "not a path"
        fix = Words(
            "let the user who runs sekisho read it, or choose another directory with SEKISHO_DATA or --data",
            "sekisho を動かすユーザーが読めるようにするか、SEKISHO_DATA か --data で別の場所を選んでください",
        )
        raise _unreadable(file, reason, reason, fix) from None


def _unreadable(file: Path, reason: str, reason_ja: str, fix: Words) -> SettingsRefused:
    return refused(str(file), Words(f"cannot be read: {reason}", f"を読めません: {reason_ja}"), fix)
