"""Every catalogue says the same in each language, and all that it says is said somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sekisho.cli.click_words import TABLE
from sekisho.words.catalogue import FORMS, SHARED
from tests.house import tree
from tests.words.reading import (
    PACKAGES,
    asked,
    forms,
    matches,
    placeholders,
    said,
    sentences,
    speakers,
    texts,
)

#: Nothing in it is a word, or it is a command that is the same in every language.
LATIN = {
    "sekisho.cli": {"fix.usage", "fix.no_driver"},
    "sekisho.cli.checkup": {"permissions.bad_fix", "schema.bad_fix"},
    "sekisho.features.explorer": {"expiry.call", "actor.a_es256", "actor.redis", "actor.aws"},
}
NAME = "関所"  # of the project, in every language
JAPANESE = re.compile(r"[\u3001-\u30ff\u4e00-\u9fff\uff01-\uff9f]")
#: Asked for in another way: by what comes behind `?` in a URL; by Click, with the English text.
ELSEWHERE = {
    "sekisho.features.pages": re.compile(r"(?:done|why)\.[a-z_]+"),
    "sekisho.cli": re.compile(r"click\.[a-z_]+"),
}

each_package = pytest.mark.parametrize("package", PACKAGES.values())


def test_every_catalogue_is_found() -> None:
    """Each is there in both languages, and in no other; the surfaces that people use are among them."""
    for folder in PACKAGES:
        assert {file.name for file in folder.glob("words.*.toml")} == {"words.en.toml", "words.ja.toml"}
    assert {SHARED, "sekisho.cli", "sekisho.cli.checkup", "sekisho.features.pages"} <= set(PACKAGES.values())


@each_package
def test_both_languages_say_the_same(package: str) -> None:
    """The same ids, and in each sentence the same values: a translation that lost one is noticed."""
    english, japanese = texts(package, "en"), texts(package, "ja")
    assert english.keys() == japanese.keys()
    for key, text in english.items():
        wanted = {name for sentence in forms(text).values() for name in placeholders(sentence)}
        used = {name for sentence in forms(japanese[key]).values() for name in placeholders(sentence)}
        # Click gives every value to every form, and names its own types in English.
        assert used <= wanted if key.startswith(TABLE) else used == wanted, key


@each_package
def test_forms_are_those_of_the_language(package: str) -> None:
    """English has two, and both are needed only where the number is; Japanese has one."""
    for key, text in texts(package, "en").items():
        if not isinstance(text, str):
            assert text.keys() == FORMS, key
            assert "count" in placeholders(text["other"]) or key.startswith(TABLE), key
            assert text["one"] != text["other"], key
    for key, text in texts(package, "ja").items():
        assert isinstance(text, str), key


@each_package
def test_each_file_is_in_its_language(package: str) -> None:
    """None is empty, none is left over from the other; English that goes into headers is ASCII."""
    for key, sentence in sentences(package, "en").items():
        assert sentence.strip(), key
        assert not JAPANESE.search(sentence.replace(NAME, "")), key
        assert sentence.isascii() or package != SHARED, key
    for key, sentence in sentences(package, "ja").items():
        assert bool(JAPANESE.search(sentence)) != (key in LATIN.get(package, set())), key


@pytest.mark.parametrize("folder", PACKAGES, ids=PACKAGES.values())
def test_every_text_is_asked_for(folder: Path) -> None:
    """Words that no code asks for are not kept."""
    package = PACKAGES[folder]
    # Problems are told everywhere.
    files = tree.python_files(tree.SERVER) if package == SHARED else speakers(folder)
    ids = {each for file in files for each in asked(file)}
    elsewhere = ELSEWHERE.get(package, re.compile("(?!)"))
    unasked = [
        key
        for key in texts(package, "en")
        if not elsewhere.fullmatch(key) and not any(matches(key, each) for each in ids)
    ]
    assert unasked == []


@pytest.mark.parametrize("folder", PACKAGES, ids=PACKAGES.values())
def test_every_text_that_is_asked_for_is_there(folder: Path) -> None:
    """What code names by its whole id exists, and of what it puts together something does."""
    found = texts(PACKAGES[folder], "en").keys() | texts(SHARED, "en").keys()
    tables = "|".join(sorted({key.partition(".")[0] for key in found}))
    an_id = re.compile(rf"(?:{tables})(?:\.[a-z0-9_\0]+)+(?<!\.html)(?<!\.toml)(?<!\.js)(?<!\.css)")
    missing = {
        f"{tree.place(file)}: {each}"
        for file in speakers(folder)
        for each in asked(file)
        if an_id.fullmatch(each) and not any(matches(key, each) for key in found)
    }
    assert missing == set()


def test_nothing_is_said_that_is_no_id() -> None:
    """What is passed to `say` is an id of a package that the module speaks for, whatever it looks like."""
    speaks_for: dict[Path, set[str]] = {}
    for folder, package in PACKAGES.items():
        for file in speakers(folder):
            speaks_for.setdefault(file, set(texts(SHARED, "en"))).update(texts(package, "en"))
    wrong = {
        f"{tree.place(file)}: {each}"
        for file, found in speaks_for.items()
        for each in said(file)
        if not any(matches(key, each) for key in found)
    }
    assert wrong == set()
