"""One palette: what stands in the style sheet below all is written in no other, and reaches every page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from sekisho.features.explorer import page
from sekisho.features.pages.assets import STYLE
from sekisho.web.styles import on_base
from tests.house import tree

if TYPE_CHECKING:
    from pathlib import Path

BASE: Final = tree.SERVER / "web" / "static" / "base.css"
OWN: Final = sorted(path for path in tree.SERVER.glob("features/*/static/*.css"))
_SET: Final = re.compile(r"(--[a-z-]+):\s*([^;]+);")
_RULE: Final = re.compile(r"([^{};]+)\{([^{}]+)\}")


def properties(path: Path) -> set[str]:
    """The custom properties that a style sheet sets."""
    return {name for name, _ in _SET.findall(path.read_text("utf-8"))}


def rules(path: Path) -> set[tuple[str, str]]:
    """Its rules, each with what it declares, whatever the white space."""
    return {
        (" ".join(which.split()), " ".join(what.split()))
        for which, what in _RULE.findall(path.read_text("utf-8"))
    }


@pytest.mark.parametrize("own", OWN, ids=lambda path: path.stem)
def test_nothing_of_the_base_is_written_twice(own: Path) -> None:
    """No colour, font or measure is set again, no rule repeated, and no colour used that has no name."""
    assert {"--ground", "--accent", "--good", "--bad", "--radius", "--mono"} <= properties(BASE)
    assert properties(own) & properties(BASE) == set()
    assert rules(own) & rules(BASE) == set()
    unnamed = [
        line
        for line in own.read_text("utf-8").splitlines()
        if re.search(r"#[0-9a-f]{6}\b|(?:font|font-family):[^;]*(?:system-ui|monospace)", line)
        and not re.match(r" +--", line)
    ]
    assert unnamed == []


def test_no_two_features_share_what_is_not_in_the_base() -> None:
    """What both would set belongs below both."""
    assert [path.stem for path in OWN] == ["explorer", "pages"]
    one, other = OWN
    assert properties(one) & properties(other) == set()
    assert rules(one) & rules(other) == set()


def test_every_page_is_sent_the_base_and_its_own_as_one_file() -> None:
    """In that order, so that a feature's rules of the same layer win."""
    sent = {"explorer": page.files()[f"{page.folder()}/explorer.css"].body, "pages": STYLE.body}
    for own in OWN:
        assert sent[own.stem] == on_base(own.read_bytes())
        assert sent[own.stem].index(BASE.read_bytes()) == 0
        assert sent[own.stem].endswith(own.read_bytes())
