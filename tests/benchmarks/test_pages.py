"""Tables and plots of the results: ratios first, the same in both languages, and those that are committed."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.matrix import pages, plots, ratios
from benchmarks.matrix.plots import Bar
from benchmarks.matrix.starts import MEASURED
from benchmarks.matrix.targets import targets
from benchmarks.matrix.words import LANGUAGES, Language, said
from sekisho.adapters import password_hashes
from sekisho.settings import read_settings
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
    assert "times less than fastapi-users | >= 25 | 1.5 (1.5 - 1.5) | MISSED |" in pages.page(told, "en")


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([0.9, 0.95, 1.0], "0.95 (0.9 - 1) | yes |"),
        ([0.9, 0.95, 1.002], "0.95 (0.9 - 1.002) | yes, by the median alone |"),
        ([1.0, 1.002, 1.003], "1.002 (1 - 1.003) | MISSED |"),
    ],
)
def test_a_target_that_only_the_median_reaches_is_told_as_such(found: list[float], verdict: str) -> None:
    """And what is just above one is not shown as one; the peer it is beside is named."""
    target = {"name": "idle memory, beside the best of Python's", "wanted": 1.0, "at_least": False}
    told = {**RESULTS, "targets": [{**target, "found": found, "holds": found[1] <= 1.0}]}
    assert f"| idle memory, resident, by Django's, the best peer | <= 1 | {verdict}" in pages.page(told, "en")


def test_on_equal_terms_the_ratio_is_within_a_round_too() -> None:
    """Beside ours that asks each time; of a run that kept no rounds there is the ratio of both medians."""
    sides: list[dict[str, Any]] = [
        {"name": "sekisho, cookie", "ratio": None, "server_us": [1.0, 1.0, 1.0]},
        {"name": ratios.ASKING, "ratio": [2.0, 2.0, 2.0], "server_us": [2.0, 2.0, 2.0]},
        {"name": "Django", "ratio": [9.0, 9.0, 9.0], "server_us": [8.0, 9.0, 10.0]},
    ]
    acts = [{"act": "session check", "where": "PostgreSQL", "sides": sides}]
    as_served, asking = ratios.compared(acts)
    assert as_served[2]["Django"] == [9.0, 9.0, 9.0]
    assert asking == ("session check, sekisho, asking each time", "PostgreSQL", {"Django": [4.5]})
    for side, rounds in zip(sides, ([1.0] * 3, [2.0, 6.0, 2.0], [8.0, 24.0, 8.0]), strict=True):
        side["rounds_us"] = rounds
    assert [*ratios.compared(acts)][1][2] == {"Django": [4.0, 4.0, 4.0]}


def test_default_hashes_are_named_and_no_ratio_is_made_of_them() -> None:
    """A hash that asks less of a thief is no merit; ours is called what the setting's default is."""
    page = pages.page(RESULTS, "en")
    profile = password_hashes.PROFILES[read_settings({}).password_profile]
    ours = f"Argon2id, {profile.memory_cost // 1024} MiB, {profile.time_cost} passes"
    assert f"| sekisho ({ours}) |" in page
    assert "| Django (PBKDF2 with SHA-256, 1,000,000 rounds) |" in page
    assert "default hash" not in page.partition("## Every act")[0]


def test_the_short_form_says_how_many_came_at_once_and_what_was_asked() -> None:
    """A crowd shares statements and a copy is asked of nobody: neither is to be taken for the other."""
    short = pages.short(RESULTS, "en")
    assert "| refresh, 8 at once |" in short
    assert "| refresh, one at a time |" in short
    assert "| session check, all ask each time |" in short
    assert "| session check, as served, from memory |" in short
    assert "| bearer GET, token seen before, ours in FastAPI | fastapi-users " in short
    checks = next(
        each for each in RESULTS["servers"] if (each["act"], each["where"]) == ("session check", "PostgreSQL")
    )
    ours, theirs = (checks["memory_mib"][name] for name in ("sekisho, cookie", "fastapi-users"))
    kept = f"sekisho {ours:.0f}; fastapi-users {theirs:.0f}; "
    assert f"| memory at work (session checks, PostgreSQL), MiB | {kept}" in short


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
