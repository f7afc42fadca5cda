"""The message catalogue: what a code means, in a sentence, in each language.

Ids are symbolic and are the stable codes themselves, so a code without words is a failing test, not a blank
page. Nothing in a sentence comes from the request; `{seconds}` and `{limit}` are numbers of our own.
"""

from __future__ import annotations

import pkgutil
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, cast, get_args

Language = Literal["en", "ja"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_PACKAGE: Final = "sekisho.words"


@dataclass(frozen=True, slots=True)
class Wording:
    """A problem in words: what happened (`title`, never changing), and what to do about it (`detail`)."""

    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language: problems by code, faults of a field by code, phrases of pages by id."""

    problems: dict[str, Wording]
    fields: dict[str, str]
    phrases: dict[str, str]


@cache
def catalogue(language: Language) -> Catalogue:
    """The catalogue of one language, read from the package when it is first needed."""
    data = cast("bytes", pkgutil.get_data(_PACKAGE, f"{language}.toml"))
    tables = tomllib.loads(data.decode())
    return Catalogue(
        problems={code: Wording(**words) for code, words in tables["problem"].items()},
        fields=dict(tables["field"]),
        phrases=dict(tables["phrase"]),
    )
