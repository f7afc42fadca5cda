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
from benchmarks.matrix.targets import targets
from benchmarks.matrix.words import LANGUAGES
from tests.house import tree

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = tree.ROOT / "benchmarks" / "results"
RESULTS: dict[str, Any] = json.loads((FOLDER / "results.json").read_text())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_committed_pages_are_those_of_the_committed_results(tmp_path: Path, language: str) -> None:
    """Nobody has touched up a table or a plot by hand."""
    pages.write(RESULTS, tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in FOLDER.iterdir())
    for name in (name for name in made if f".{language}." in name):
        assert (tmp_path / name).read_text() == (FOLDER / name).read_text(), name


def test_ratios_come_first_and_both_languages_hold_the_same_numbers() -> None:
    """The first table is that of ratios, and a translation changes words only."""
    english, japanese = (pages.page(RESULTS, language) for language in LANGUAGES)
    assert english.index("## Times the server CPU") < english.index("### ")
    # Cells of numbers alone: words have digits of their own, and there are others in the other language.
    numbers = [re.findall(r"(?<=\| )[\d.,x() -]*\d[\d.,x() -]*(?= \|)", page) for page in (english, japanese)]
    assert len(numbers[0]) > 300
    assert numbers[0] == numbers[1]


def test_a_missed_target_is_told_as_missed() -> None:
    """The verdict is that of the numbers, whoever likes it."""
    slow = copy.deepcopy(RESULTS["servers"])
    for each in slow:
        for side in each["sides"]:
            side["ratio"] = side["ratio"] and [1.5, 1.5, 1.5]
    verdicts = {each["name"]: each["holds"] for each in targets(slow, RESULTS["starts"])}
    assert verdicts["bearer check, beside fastapi-users"] is False
    told = {**RESULTS, "targets": targets(slow, RESULTS["starts"])}
    assert "| bearer GET, times less than fastapi-users | >= 25 | 1.5 (1.5 - 1.5) | MISSED |" in pages.page(
        told, "en"
    )


def test_a_plot_is_xml_whose_bars_are_as_long_as_their_values() -> None:
    """Tenfold is one step of the scale further, each time; text stays text."""
    drawing = plots.bars(
        "A & B", [("of <one>", [Bar("ten", 9, 10, 11), Bar("hundred", 90, 100, 110), Bar("one", 1, 1, 1)])]
    )
    root = ET.fromstring(drawing)  # noqa: S314 -- made here
    widths = [float(each.attrib["width"]) for each in root.iter() if each.attrib.get("class") == "bar"]
    texts = [each.text for each in root.iter() if each.tag.endswith("text")]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.01)
    assert widths[2] == 1.0
    assert {"A & B", "of <one>", "ten", "100"} <= set(texts)
