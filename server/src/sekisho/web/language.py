"""Which language a caller reads, by `Accept-Language` (RFC 9110 section 12.5.4)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sekisho.words.catalogue import LANGUAGES, Language

#: What is spoken to whoever asked for nothing that we have.
DEFAULT: Final[Language] = "en"
#: Bytes; browsers send well under a hundred.
_MAX_HEADER: Final = 512


def choose(header: bytes) -> Language:
    """The catalogue that fits best; whatever is not understood does not count."""
    # Cut before it is kept: whole ones filled the memory with 700 KB each.
    return _fitting(header[:_MAX_HEADER])


@lru_cache(maxsize=256)
def _fitting(header: bytes) -> Language:
    best: Language = DEFAULT
    best_quality = 0.0
    for part in header.decode("latin-1").lower().split(","):
        tag, _, parameters = part.partition(";")
        primary = tag.strip().partition("-")[0]
        quality = _quality(parameters)
        if quality <= best_quality:
            continue
        if primary == "*":
            best, best_quality = DEFAULT, quality
        for language in LANGUAGES:
            if primary == language:
                best, best_quality = language, quality
    return best


def first_known(tags: str) -> Language | None:
    """The first of space-separated language tags that is spoken here: `ui_locales` of OpenID Connect."""
    for tag in tags[:_MAX_HEADER].lower().split():
        primary = tag.partition("-")[0]
        for language in LANGUAGES:
            if primary == language:
                return language
    return None


def _quality(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if not name.strip():
        return 1.0
    value = value.strip()
    # A qvalue (RFC 9110 section 12.4.2) has a digit, a dot, three digits; float() would take "nan" too.
    if name.strip() != "q" or not value.replace(".", "", 1).isdecimal() or len(value) > 5:
        return 0.0
    return min(float(value), 1.0)
