"""One thing has one name in every text that people read, and the tone is the same everywhere."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sekisho.words.catalogue import LANGUAGES, Language
from tests.house import tree
from tests.words.reading import everything

if TYPE_CHECKING:
    from collections.abc import Iterator

GLOSSARY = tomllib.loads((Path(__file__).parent / "glossary.toml").read_text("utf-8"))
HOLE = re.compile(r"\{[^{}]*\}")
#: How a polite sentence ends, before its full stop and what stands in brackets or behind a colon.
POLITE = re.compile(r"(?:(?:です|ます|ません|でした|ました|でしょう)か?|ください)$")
BEHIND = re.compile(r"(?: ?\([^()]*\)|: ?\{\w+\})$")
#: A field's fault is put into it, which is a sentence of its own.
FILLED_IN = "sekisho.features.pages: field.fault"


def in_code(language: Language) -> Iterator[tuple[str, str]]:
    """What `Words(en, ja)` says beside a check of the settings, with where it stands."""
    for file in tree.python_files(tree.SERVER):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Words":
                text = node.args[LANGUAGES.index(language)]
                if told := "".join(_parts(text)):
                    yield tree.place(file, node.lineno), told


def _parts(text: ast.expr) -> Iterator[str]:
    """The text of a constant, an f-string or a format; what is filled in, by its name in the code."""
    if isinstance(text, ast.Constant):
        yield str(text.value)
    elif isinstance(text, ast.JoinedStr):
        for part in text.values:
            yield from _parts(part)
    elif isinstance(text, ast.FormattedValue):
        yield "{" + re.sub(r"\W", "_", ast.unparse(text.value)) + "}"
    elif isinstance(text, ast.Call) and isinstance(text.func, ast.Attribute):
        yield from _parts(text.func.value)
    elif isinstance(text, ast.Attribute):
        return  # filled in here, and read where it is written
    else:
        pytest.fail(f"Words takes texts, not {ast.unparse(text)}")


def in_verifier(language: Language) -> Iterator[tuple[str, str]]:
    """What the attack of the verifier says, which stands alone and has words of its own."""
    for file in sorted(tree.VERIFIER.rglob("*.toml")):
        tables: list[tuple[str, Any]] = [("", tomllib.loads(file.read_text("utf-8")))]
        while tables:
            above, table = tables.pop()
            for key, value in table.items():
                if isinstance(value, dict):
                    tables.append((f"{above}{key}.", value))
                elif isinstance(value, str) and language in f"{above}{key}".split("."):
                    yield f"{file.name}: {above}{key}", value


def all_texts(language: Language) -> Iterator[tuple[str, str]]:
    """Every sentence, in a catalogue or beside a check."""
    yield from everything(language)
    yield from in_code(language)
    yield from in_verifier(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_thing_has_one_name(language: Language) -> None:
    """The words of `glossary.toml`, and no others for the same thing."""
    wrong = [
        f"{where}: {found[0]!r} instead of {entry['say']!r}"
        for where, text in all_texts(language)
        for entry in GLOSSARY[language]
        if (found := re.search(entry["never"], HOLE.sub("", text)))
    ]
    assert wrong == []


def test_japanese_sentences_are_polite() -> None:
    """What ends with a full stop ends with です or ます; headings and labels end without one."""
    rude = [
        f"{where}: {sentence}"
        for where, text in everything("ja")
        if where != FILLED_IN
        for sentence in re.findall(r"[^。\n]+(?=。)", text)
        if not POLITE.search(BEHIND.sub("", sentence))
    ]
    assert rude == []


def test_japanese_does_not_order_about() -> None:
    """No two sentences that follow each other say 「ください」."""
    chains = [
        where
        for where, text in all_texts("ja")
        for one, next_one in zip(text.split("。"), text.split("。")[1:], strict=False)
        if one.endswith("ください") and next_one.endswith("ください")
    ]
    assert chains == []


def test_japanese_and_latin_stand_apart() -> None:
    """A space between Japanese and Latin letters or digits, as the pages of the documentation have it."""
    japanese = r"\u3041-\u30ff\u4e00-\u9fff"
    together = re.compile(rf"[{japanese}][A-Za-z0-9(`]|[A-Za-z0-9)`][{japanese}]")
    wrong = [
        f"{where}: {found[0]}"
        for where, text in all_texts("ja")
        if (found := together.search(HOLE.sub("", re.sub("[・ー]", "", text))))
    ]
    assert wrong == []


def test_words_beside_a_check_say_the_same() -> None:
    """What one language shows of a value, the other shows too."""
    english, japanese = dict(in_code("en")), dict(in_code("ja"))
    assert english.keys() == japanese.keys()
    for where, text in english.items():
        # Where a value has a name a language, that is what they differ in.
        shown = {re.sub(r"_ja\}$", "}", hole) for hole in HOLE.findall(japanese[where])}
        assert set(HOLE.findall(text)) == shown, where
