"""What is said to people: `words.{language}.toml` beside the code that says it, read by this one loader.

Ids are symbolic (`problem.forbidden.title`), in each language the same ones. A text is filled in by name,
`{seconds}`. One that depends on a number has two forms in English, chosen by `{count}`:

    [backup]
    good = { one = "made {count} day ago", other = "made {count} days ago" }

Why these are TOML tables, and no gettext catalogues: docs/decisions/0009-words-in-toml.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, Literal, TypeAlias, cast, get_args

Language = Literal["en", "ja"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

#: The package whose words every surface shares: problems and faults of fields, by their codes.
SHARED: Final = "sekisho.words"

#: The forms of a text that depends on `{count}`, as CLDR names them. Japanese has one, and needs no table.
FORMS: Final = frozenset({"one", "other"})
Text: TypeAlias = "str | Mapping[str, str]"


class Say:
    """The texts of one package in one language. Called with an id and what is to be filled in, it says it."""

    __slots__ = ("language", "texts")

    def __init__(self, language: Language, texts: Mapping[str, Text]) -> None:
        self.language = language
        self.texts = texts

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of `key`, filled in. A value that it does not name is left out: a sentence may need less.

        Raises:
            KeyError: nobody wrote that text, or it names a value that is not given. There is no text in its
                place, in whatever language: the tests find every id that code can ask for.
        """
        text = self.texts[key]
        if not isinstance(text, str):
            text = text["one" if values["count"] == 1 else "other"]
        return text.format_map(values)

    def __contains__(self, key: str) -> bool:
        """Whether there is such a text, for an id that comes from outside."""
        return key in self.texts


@cache
def words(package: str, language: Language) -> Say:
    """The words of a package, read when they are first needed: 1 ms a file, and 3 ms for the first."""
    # Not above: to know the languages takes no words, and `sekisho --help` in English needs none.
    import pkgutil  # noqa: PLC0415 - see above
    import tomllib  # noqa: PLC0415 - same

    data = cast("bytes", pkgutil.get_data(package, f"words.{language}.toml"))
    return Say(language, dict(_texts(tomllib.loads(data.decode()))))


def _texts(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Text]]:
    for key, value in table.items():
        if isinstance(value, str) or value.keys() == FORMS:
            yield above + key, value
        else:
            yield from _texts(value, f"{above}{key}.")
