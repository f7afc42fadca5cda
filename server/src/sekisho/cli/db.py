"""`sekisho db`: the schema, and rows that nobody needs any more."""

from __future__ import annotations

import click

from sekisho.adapters.data_directory import make_directory
from sekisho.adapters.migrations.upgrade import migrate as run_migrations
from sekisho.adapters.migrations.upgrade import status as revision_of
from sekisho.cli import output
from sekisho.cli.operating import operate
from sekisho.cli.options import Surroundings, as_json, examples, surroundings
from sekisho.compose import SWEEP_STEP
from sekisho.house import House, entry_horizon
from sekisho.setting_values import without_password


@click.group(
    "db",
    epilog=examples(
        "sekisho db status",
        "sekisho db migrate",
        "sekisho db prune",
    ),
)
def command() -> None:
    """The database: schema and leftovers."""


@command.command()
@as_json
@surroundings
def status(here: Surroundings, *, as_json: bool) -> None:
    """Show which schema the database has, and which one this release needs."""
    current, needed = revision_of(here.settings.database_url)
    shown = {"database": without_password(here.settings.database_url), "revision": current, "needed": needed}
    if as_json:
        output.document(shown)
    else:
        output.fields({name: value or "-" for name, value in shown.items()})
    if current is None or current < needed:
        output.note(here.say("db.behind"))


@command.command()
@surroundings
def migrate(here: Surroundings) -> None:
    """Make the schema, or bring it to this release. Servers of the previous release go on running."""
    settings = here.settings
    if settings.sqlite_path is not None:
        make_directory(settings.data)
    before, _ = revision_of(settings.database_url)
    run_migrations(settings.database_url)
    after, _ = revision_of(settings.database_url)
    click.echo(after)
    output.note(here.say("db.current" if before == after else "db.migrated", revision=after))


@command.command()
@as_json
@surroundings
def prune(here: Surroundings, *, as_json: bool) -> None:
    """Delete rows that nobody needs any more. The server does this by itself; this does it now."""

    async def act(house: House) -> int:
        deleted, step = 0, 1
        while step:
            step = await house.store.sweep(
                now=house.clock(), entry_horizon=entry_horizon(house.settings), limit=SWEEP_STEP
            )
            deleted += step
        return deleted

    deleted = operate(here, act)
    if as_json:
        output.document({"deleted": deleted})
    else:
        click.echo(deleted)
