"""Where things go: data to stdout, everything else to stderr; the same for every command."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from sekisho.words.catalogue import Say


def document(value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """One JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def note(text: str) -> None:
    """A line for the person, on stderr."""
    click.echo(text, err=True)


def for_a_person() -> bool:
    """Whether stdout is a terminal, and not a pipe or a file for a program."""
    return sys.stdout.isatty()


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows for a person on a terminal; tab-separated and without headings for a pipe."""
    if not for_a_person():
        for row in rows:
            click.echo("\t".join(one_line(cell) for cell in row))
        return
    from rich import box  # noqa: PLC0415 - 45 ms that only a table on a terminal is worth
    from rich.console import Console  # noqa: PLC0415 - same
    from rich.table import Table  # noqa: PLC0415 - same
    from rich.text import Text  # noqa: PLC0415 - same

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        # Nothing is cut off: an id is there to be copied, and what is too wide for the terminal is folded.
        drawn.add_column(heading, no_wrap=heading in {"id", "kid"}, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(one_line(cell)) for cell in row))  # Text: what users wrote is no markup
    Console().print(drawn)


def one_line(cell: str) -> str:
    """The text without control characters: a user agent may not move the operator's cursor."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cell)


def fields(pairs: Mapping[str, str]) -> None:
    """One thing, a line a field."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        click.echo(f"{name:{width}}  {one_line(value)}" if for_a_person() else f"{name}\t{one_line(value)}")


def instant(at: float) -> str:
    """An instant as people compare them: UTC, to the second (RFC 3339)."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def changed(say: Say, *, changed: bool) -> None:
    """Whether a command changed anything: to have it so already is no fault."""
    note(say("changed" if changed else "unchanged"))
