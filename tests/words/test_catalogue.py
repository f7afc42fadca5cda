"""The catalogues say the same things in each language, and everything that has a code."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from sekisho.rules.refusals import CODES, FIELD_CODES
from sekisho.web.wire import STATUS
from sekisho.words.catalogue import LANGUAGES, Catalogue, Language, catalogue
from sekisho_verify.errors import SENTENCES, UNAVAILABLE

#: What a sentence may ask the server to put in.
NUMBERS = {"seconds", "limit"}


def sentences(words: Catalogue) -> dict[str, str]:
    """Every sentence of a catalogue by its id."""
    found = {f"field.{code}": text for code, text in words.fields.items()}
    found |= {f"phrase.{name}": text for name, text in words.phrases.items()}
    for code, wording in words.problems.items():
        found |= {f"problem.{code}.title": wording.title, f"problem.{code}.detail": wording.detail}
    return found


def placeholders(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words(language: Language) -> None:
    """A title and a detail for each problem, a sentence for each fault of a field, and nothing else."""
    words = catalogue(language)
    assert words.problems.keys() == CODES | SENTENCES.keys() | UNAVAILABLE.keys() == STATUS.keys()
    assert words.fields.keys() == FIELD_CODES


def test_the_languages_have_the_same_ids_and_numbers() -> None:
    """A translation that lost a sentence, or a number in one, is noticed."""
    english, japanese = (sentences(catalogue(language)) for language in ("en", "ja"))
    assert english.keys() == japanese.keys()
    for name, text in english.items():
        assert placeholders(text) == placeholders(japanese[name]), name
        assert placeholders(text) <= NUMBERS, name


def test_each_file_is_in_its_language() -> None:
    """English is ASCII, so that its titles fit into WWW-Authenticate; Japanese is not English left over."""
    for name, text in sentences(catalogue("en")).items():
        assert re.fullmatch(r"[ -!#-\[\]-~]+", text), name
    for name, text in sentences(catalogue("ja")).items():
        assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text), name


def test_titles_never_change() -> None:
    """A title is the same for every occurrence of a problem (RFC 9457 section 3.1.4)."""
    for language in LANGUAGES:
        for code, wording in catalogue(language).problems.items():
            assert placeholders(wording.title) == set(), code
