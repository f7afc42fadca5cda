"""`sekisho config`: what is set, where it came from, and whether it works."""

from __future__ import annotations

import click

from sekisho.cli import output
from sekisho.cli.options import Surroundings, as_json, examples, surroundings
from sekisho.settings import SETTINGS


@click.group(
    "config",
    epilog=examples(
        "sekisho config show",
        "sekisho config show --json",
        "sekisho config check",
    ),
)
def command() -> None:
    """What is set, and whether it works."""


@command.command()
@as_json
@surroundings
def show(here: Surroundings, *, as_json: bool) -> None:
    """Show every setting, its value and where it came from. Secrets are references, and shown as such."""
    settings = here.settings
    rows = [(each.name, each.show(settings), settings.sources[each.name]) for each in SETTINGS]
    if as_json:
        output.document({name: {"value": value, "source": source} for name, value, source in rows})
    else:
        output.table(
            ("name", "value", "from"), [(name, value or "-", source) for name, value, source in rows]
        )


@command.command()
@surroundings
def check(here: Surroundings) -> None:
    """Read the settings, the secrets they name and the database; say what is wrong, or that nothing is."""
    from sekisho.cli.operating import operate  # noqa: PLC0415 - `config show` needs none of the house
    from sekisho.compose import standard_features  # noqa: PLC0415 - same

    standard_features(here.settings, clock=here.clock)  # reads the files that pages are made with
    operate(here, lambda house: house.store.ping())
    output.note(here.say("config.good"))
