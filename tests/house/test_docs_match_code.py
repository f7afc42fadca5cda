"""The reference is complete and true: all that the code offers, in both languages, and no more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest

from sekisho.cli.fault import OWN_CODES
from sekisho.cli.main import tree as command_tree
from sekisho.rules.events import EVENT_KINDS
from sekisho.rules.refusals import CODES, FIELD_CODES
from sekisho.settings import SETTINGS
from sekisho.web.metrics import FAMILIES
from sekisho_verify.errors import SENTENCES, UNAVAILABLE
from tests.house import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = tree.ROOT / "docs"
LANGUAGES = ("en", "ja")

# A name is documented where it stands in backticks at the start of a heading or of a table's row.
ENTRY = re.compile(r"^(?:\|\s*|#+ )`([^`\s]+(?: [^`\s]+)*)`", re.MULTILINE)


def commands(name: str, command: click.Command) -> Iterator[str]:
    """Yield the whole name of every verb below a command."""
    if not isinstance(command, click.Group):
        yield name
        return
    context = click.Context(command)
    for verb in command.list_commands(context):
        below = command.get_command(context, verb)
        assert below is not None, f"{name} {verb} is listed and does not exist"
        yield from commands(f"{name} {verb}", below)


def entries(text: str, shape: str) -> set[str]:
    """Return the names of a shape that a page documents, without the arguments after a command's name."""
    return {found[0] for name in ENTRY.findall(text) if (found := re.match(shape, name))}


# Page: what the code offers, and how such a name looks.
PAGES = {
    "settings": ({setting.name for setting in SETTINGS}, r"SEKISHO_[A-Z_]+$"),
    "errors": (CODES | FIELD_CODES | OWN_CODES | set(SENTENCES) | set(UNAVAILABLE), r"[a-z]+(?:_[a-z]+)*$"),
    "events": (EVENT_KINDS, r"[a-z]+(?:_[a-z]+)*_(?:[a-z]+ed|set|up)$"),  # kinds, not columns of the table
    "metrics": ({family.name for family in FAMILIES}, r"sekisho_[a-z_]+$"),
    "cli": (set(commands("sekisho", command_tree)), r"sekisho(?: [a-z][a-z-]*)+"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_the_reference_lists_what_the_code_offers(page: str, language: str) -> None:
    """Every setting, code, event, metric and verb has its entry, and no entry outlives what it described."""
    offered, shape = PAGES[page]
    documented = entries((DOCS / language / "reference" / f"{page}.md").read_text(), shape)
    assert sorted(offered - documented) == [], "offered by the code, not documented"
    assert sorted(documented - offered) == [], "documented, not offered by the code"


def test_every_page_exists_in_both_languages() -> None:
    """Whoever reads Japanese finds what whoever reads English finds."""
    pages = [
        {path.relative_to(DOCS / language).as_posix() for path in (DOCS / language).rglob("*.md")}
        for language in LANGUAGES
    ]
    assert pages[0], "there are no pages"
    assert pages[0] == pages[1]


def test_the_scan_reads_entries_not_mentions() -> None:
    """Rows and headings count, arguments are left off, running text that mentions a name does not count."""
    page = "| `SEKISHO_DATA` | where |\n### `sekisho user create EMAIL`\nSee `SEKISHO_ISSUER`.\n| a | `b` |\n"
    assert entries(page, PAGES["settings"][1]) == {"SEKISHO_DATA"}
    assert entries(page, PAGES["cli"][1]) == {"sekisho user create"}


def test_the_scan_walks_the_whole_tree_of_commands() -> None:
    """Verbs are found below nouns, at any depth."""
    noun = click.Group(
        "noun", {"verb": click.Command("verb"), "deep": click.Group("deep", {"er": click.Command("er")})}
    )
    assert set(commands("app", noun)) == {"app verb", "app deep er"}
