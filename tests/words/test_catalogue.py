"""The one loader of words, and the words that every surface shares."""

from __future__ import annotations

import pytest

from sekisho.rules.refusals import CODES, FIELD_CODES
from sekisho.web.wire import STATUS
from sekisho.words.catalogue import LANGUAGES, SHARED, Language, words
from sekisho_verify.errors import SENTENCES, UNAVAILABLE
from tests.words.reading import placeholders, sentences, texts


def test_a_text_is_filled_in_by_name() -> None:
    """What the sentence names is put in; what it has no use for is left out."""
    say = words(SHARED, "en")
    assert say("field.password_too_short", limit=8) == "must have at least 8 characters"
    assert say("problem.not_found.title", limit=8) == "There is nothing here"


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 seconds"), (1, "1 second."), (2, "2 seconds"), ("N", "N seconds")],
)
def test_a_number_chooses_the_form(count: object, told: str) -> None:
    """English has one form for one, and another for every other number."""
    assert told in words(SHARED, "en")("problem.unavailable.detail", count=count)


def test_japanese_has_one_form() -> None:
    """The sentence is the same for each number."""
    say = words(SHARED, "ja")
    assert "1 秒後" in say("problem.unavailable.detail", count=1)
    assert "2 秒後" in say("problem.unavailable.detail", count=2)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_nobody_wrote_is_an_error(language: Language) -> None:
    """No id in its place, no other language, no empty line; and no sentence with a hole."""
    say = words(SHARED, language)
    assert "problem.nonsense.title" not in say
    with pytest.raises(KeyError, match=r"problem\.nonsense\.title"):
        say("problem.nonsense.title")
    with pytest.raises(KeyError, match="limit"):
        say("field.password_too_short")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words(language: Language) -> None:
    """A title and a detail for each problem, a sentence for each fault of a field, and nothing else."""
    found = {key for key in texts(SHARED, language) if not key.startswith("phrase.")}
    assert CODES | SENTENCES.keys() | UNAVAILABLE.keys() == STATUS.keys()
    expected = {f"problem.{code}.{part}" for code in STATUS for part in ("title", "detail")}
    assert found == expected | {f"field.{code}" for code in FIELD_CODES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_titles_never_change(language: Language) -> None:
    """A title is the same for every occurrence of a problem (RFC 9457 section 3.1.4)."""
    for key, sentence in sentences(SHARED, language).items():
        wanted = placeholders(sentence)
        if key.endswith(".title"):
            assert wanted == set(), key
        # More than these the server does not put in; nothing in a sentence comes from the request.
        assert wanted <= {"count", "limit"}, key
