"""What the command line says to people, in their language.

Codes, names of commands and settings, and JSON are never translated.
"""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.words.catalogue import LANGUAGES, Language, Say, words


def language(environ: Mapping[str, str]) -> Language:
    """`SEKISHO_LANG` if it is one of ours, else Japanese where the locale is, else English."""
    chosen = environ.get("SEKISHO_LANG")
    if chosen in LANGUAGES:
        return chosen
    # The order in which every program of the system asks (POSIX, section 8.2).
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "ja" if locale.startswith("ja") else "en"


def wording(lang: Language) -> Say:
    """The words of the commands."""
    return words("sekisho.cli", lang)
