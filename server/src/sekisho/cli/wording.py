"""What the command line says to people, in their language: `words.en.toml` and `words.ja.toml` of a folder.

Codes, names of commands and settings, and JSON are never translated.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from sekisho.words.catalogue import Language


class Say(Protocol):
    """Words by their key."""

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence of `key`, with `values` filled in. Raises `KeyError` for a key that nobody wrote."""
        ...


def language(environ: Mapping[str, str]) -> Language:
    """`SEKISHO_LANG` if it is one of ours, else Japanese where the locale is, else English."""
    chosen = environ.get("SEKISHO_LANG")
    if chosen in {"en", "ja"}:
        return cast("Language", chosen)
    # The order in which every program of the system asks (POSIX, section 8.2).
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "ja" if locale.startswith("ja") else "en"


def wording(lang: Language, folder: Path = Path(__file__).parent) -> Say:
    """The words of one folder in one language."""
    texts = _texts(folder / f"words.{lang}.toml")

    def say(key: str, /, **values: object) -> str:
        return texts[key].format_map(values)

    return say


@cache
def _texts(file: Path) -> Mapping[str, str]:
    return dict(_flat(tomllib.loads(file.read_text("utf-8"))))


def _flat(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            pairs += _flat(cast("Mapping[str, object]", value), f"{prefix}{key}.")
        else:
            pairs.append((prefix + key, str(value)))
    return pairs
