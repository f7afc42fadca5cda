"""Tables and plots of the results: ratios first, the same in both languages, and those that are committed."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.matrix import pages, plots
from benchmarks.matrix.plots import Bar
from benchmarks.matrix.starts import MEASURED
from benchmarks.matrix.targets import targets
from benchmarks.matrix.words import LANGUAGES, Language, said
from tests.house import tree

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = tree.ROOT / "benchmarks" / "results"
RESULTS: dict[str, Any] = json.loads((FOLDER / "results.json").read_text())
STARTS: list[dict[str, Any]] = [
    {"name": "sekisho", "ratio": None},
    {"name": "Django", "ratio": {what: [0.8, 0.9, 1.25] for what in MEASURED}},
    {"name": "simplejwt", "ratio": {what: [1.5, 1.6, 1.7] for what in MEASURED}},
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_committed_pages_are_those_of_the_committed_results(tmp_path: Path, language: str) -> None:
    """Nobody has touched up a table or a plot by hand."""
    pages.write(RESULTS, tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in FOLDER.iterdir())
    for name in (name for name in made if f".{language}." in name):
        assert (tmp_path / name).read_text() == (FOLDER / name).read_text(), name


@pytest.mark.parametrize(("language", "readme"), [("en", "README.md"), ("ja", "README.ja.md")])
def test_the_readme_shows_the_committed_results(language: str, readme: str) -> None:
    """Its table is the short form of the last run that was committed, as that run wrote it."""
    shown = (tree.ROOT / readme).read_text().partition("<!-- benchmarks -->\n\n")[2]
    assert shown.startswith((FOLDER / f"short.{language}.md").read_text() + "\n")


def test_ratios_come_first_and_both_languages_hold_the_same_numbers() -> None:
    """The first table is that of ratios, and a translation changes words only."""
    english, japanese = (pages.page(RESULTS, language) for language in LANGUAGES)
    assert english.index("## Times the server CPU") < english.index("### ")
    # Cells of numbers alone: words have digits of their own, and there are others in the other language.
    numbers = [re.findall(r"(?<=\| )[\d.,x() -]*\d[\d.,x() -]*(?= \|)", page) for page in (english, japanese)]
    assert len(numbers[0]) > 300
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_quick_run_leaves_out_is_left_out_of_the_pages(language: Language) -> None:
    """No revocations were waited for, and not every act was measured."""
    known = {"refresh", "session check"}
    servers = [each for each in RESULTS["servers"] if each["act"] in known]
    quick = {**RESULTS, "servers": servers, "revocation": None}
    head = said("revocation", language)
    assert f"## {head}" in pages.page(RESULTS, language)
    assert f"## {head}" not in pages.page(quick, language)
    short = pages.short(quick, language)
    assert said("session check", language) in short
    assert said("login", language) not in short


def test_a_missed_target_is_told_as_missed() -> None:
    """The verdict is that of the numbers, whoever likes it."""
    slow = copy.deepcopy(RESULTS["servers"])
    for each in slow:
        for side in each["sides"]:
            side["ratio"] = side["ratio"] and [1.5, 1.5, 1.5]
    verdicts = {each["name"]: each["holds"] for each in targets(slow, STARTS)}
    assert verdicts["bearer check, beside fastapi-users"] is False
    told = {**RESULTS, "targets": targets(slow, STARTS)}
    assert "| bearer GET, times less than fastapi-users | >= 25 | 1.5 (1.5 - 1.5) | MISSED |" in pages.page(
        told, "en"
    )


def test_the_best_peer_is_the_one_that_takes_least() -> None:
    """By the median of its pairs; what is told is ours by its, so that the quartiles change places."""
    (start,) = (each for each in targets([], STARTS) if each["name"].startswith("start CPU"))
    assert start["found"] == pytest.approx([0.8, 1 / 0.9, 1.25])
    assert start["holds"] is False


def drawn(drawing: str) -> tuple[list[tuple[float, float]], list[str | None]]:
    """Where its bars begin and how long they are, and its texts."""
    root = ET.fromstring(drawing)  # noqa: S314 -- made here
    bars = [each.attrib for each in root.iter() if each.attrib.get("class") == "bar"]
    texts = [each.text for each in root.iter() if each.tag.endswith("text")]
    return [(float(bar["x"]), float(bar["width"])) for bar in bars], texts


def test_ratios_are_drawn_from_one_to_both_sides() -> None:
    """Tenfold is one step, each time, and whoever takes a tenth goes as far to the left. Text stays text."""
    group = [Bar("ten", 9, 10, 11), Bar("hundred", 90, 100, 110), Bar("a tenth", 0.1, 0.1, 0.1)]
    (ten, hundred, tenth), texts = drawn(plots.ratios("A & B", [("of <one>", group)]))
    assert hundred[1] == pytest.approx(2 * ten[1], rel=0.01)
    assert tenth[1] == pytest.approx(ten[1], rel=0.01)
    assert tenth[0] + tenth[1] == pytest.approx(ten[0], abs=0.2)
    assert {"A & B", "of <one>", "ten", "100x"} <= set(texts)


def test_amounts_are_drawn_from_zero() -> None:
    """Twice as much is twice as long."""
    (one, two), texts = drawn(plots.amounts("CPU", [("refresh", [Bar("a", 1, 40, 50), Bar("b", 1, 80, 90)])]))
    assert one[0] == two[0]
    assert two[1] == pytest.approx(2 * one[1], rel=0.01)
    assert {"0", "90", "80"} <= set(texts)
