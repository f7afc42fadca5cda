"""The pages say the same things in each language, and all that they say is said somewhere."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from sekisho.features.pages.words import words
from sekisho.words.catalogue import LANGUAGES
from tests.house import tree

FOLDER = tree.SERVER / "features" / "pages"
TABLES = "|".join(sorted({key.partition(".")[0] for key in words("en")}))
ID = re.compile(rf"""["']((?:{TABLES})\.(?!html|toml)[a-z_]*[a-z])["']""")
#: Looked up by a name that is put together: by the code of a refusal, by what was done, by a theme or a unit.
COMPOSED = re.compile(r"(?:refused|why|done|time)\.[a-z_]+|(?:tag|who|operation)\.[a-z_]+|site\.theme_[a-z]+")


#: Nothing in it is a word.
LATIN = {"field.fault"}


def placeholders(text: str) -> set[str]:
    """What a sentence asks to be put in."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_say_the_same() -> None:
    """The same ids, and in each sentence the same values."""
    english, japanese = words("en"), words("ja")
    assert english.keys() == japanese.keys()
    for key, text in english.items():
        assert placeholders(text) == placeholders(japanese[key]), key


def test_each_file_is_in_its_language() -> None:
    """English is ASCII; Japanese is not English left over."""
    for key, text in words("en").items():
        assert re.fullmatch(r"[ -~]+", text), key
    for key, text in words("ja").items():
        assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text) or key in LATIN, key


def test_every_sentence_is_used_and_none_is_missing() -> None:
    """What templates and code name exists, and what exists is named, or put together from a code."""
    sources = [*FOLDER.glob("templates/*.html"), *FOLDER.glob("*.py")]
    named = {key for path in sources for key in ID.findall(path.read_text())}
    assert sorted(named - words("en").keys()) == []
    assert [key for key in sorted(words("en").keys() - named) if not COMPOSED.fullmatch(key)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_those_of_the_glossary(language: str) -> None:
    """One thing, one name; no exclamation marks, and Japanese as it is spoken to guests."""
    for key, text in words("ja" if language == "ja" else "en").items():
        assert not re.search(
            "[!！]|サインイン|サインアウト|サインアップ|[Ss]ign(?:ed)? (?:in|out)\\b|Login\\b", text
        ), key
