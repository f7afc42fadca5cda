"""`sekisho db`: the schema, and rows that nobody needs any more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from sekisho.adapters import backup as backups
from sekisho.adapters import system
from sekisho.adapters.data_directory import make_directory
from sekisho.adapters.migrations.upgrade import migrate as run_migrations
from sekisho.adapters.migrations.upgrade import status as revision_of
from sekisho.cli import output
from sekisho.cli.fault import Fault
from sekisho.cli.operating import afterwards, operate
from sekisho.cli.options import Surroundings, as_json, examples, surroundings
from sekisho.house import House, entry_horizon
from sekisho.rules.events import Event, EventKind
from sekisho.rules.ids import uuid7
from sekisho.setting_urls import without_password
from sekisho.upkeep import SWEEP_STEP


@click.group(
    "db",
    epilog=examples(
        "sekisho db status",
        "sekisho db migrate",
        "sekisho db backup sekisho-2026-11-21.backup",
        "sekisho db restore sekisho-2026-11-21.backup",
        "sekisho db prune",
    ),
)
def command() -> None:
    """The database: schema, backups and leftovers."""


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
    run_migrations(settings.database_url, epoch=int(here.clock()))
    after, _ = revision_of(settings.database_url)
    click.echo(after)
    output.note(here.say("db.current" if before == after else "db.migrated", revision=after))


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@surroundings
def backup(here: Surroundings, file: Path) -> None:
    """Write the whole database to a new FILE (0600), in one snapshot, while servers run on it.

    Signing keys in files and the root secret are not in it: keep them elsewhere.
    """

    async def act(house: House) -> None:
        await asyncio.to_thread(backups.back_up, house.settings.database_url, file, entropy=house.entropy)
        # Afterwards: so `doctor` believes in a backup that there is.
        with afterwards(here.say("fault.not_recorded", file=file), here.say("fix.not_recorded")):
            await house.store.record(_event("database_backed_up", file))

    try:
        operate(here, act)
    except FileExistsError:
        raise Fault(
            "conflict", here.say("fault.backup_exists", file=file), here.say("fix.backup_exists")
        ) from None
    except OSError as fault:
        raise _unusable(here, file, fault) from None
    output.note(here.say("db.backed_up", file=file, size=file.stat().st_size))
    output.note(here.say("db.keys_apart"))


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--keep-sessions",
    is_flag=True,
    help="Let sessions live that lived at the backup, also those that were ended since.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@surroundings
def restore(here: Surroundings, file: Path, *, keep_sessions: bool, yes: bool) -> None:
    """Put FILE in the place of the database. Servers may run on it; everybody logs in again.

    Since the backup people have logged out and were locked out, and a restore undoes that: so every session
    ends, and every access token is revoked within a second.
    """
    settings = here.settings
    shown = without_password(settings.database_url)
    if not yes:
        click.confirm(here.say("db.restore_confirm", database=shown, file=file), abort=True, err=True)
    if settings.sqlite_path is not None:
        make_directory(settings.data)
    try:
        backups.restore(
            settings.database_url,
            file,
            keep_sessions=keep_sessions,
            event=_event("database_restored", file),
            entropy=system.entropy,
        )
    except backups.NotABackup as fault:
        what = here.say("fault.no_backup", file=file, reason=str(fault))
        raise Fault("input_unreadable", what, here.say("fix.no_backup")) from None
    except OSError as fault:
        raise _unusable(here, file, fault) from None
    run_migrations(settings.database_url)  # the backup may be of an earlier release
    output.note(here.say("db.restored_keeping" if keep_sessions else "db.restored", database=shown))


def _event(kind: EventKind, file: Path) -> Event:
    now = system.clock()
    return Event(kind=kind, at=now, id=uuid7(now, system.entropy(10)), about={"file": file.name})


def _unusable(here: Surroundings, file: Path, fault: OSError) -> Fault:
    what = here.say("fault.input_failed", source=file, reason=fault.strerror or fault)
    return Fault("input_unreadable", what, here.say("fix.backup_file"))


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
