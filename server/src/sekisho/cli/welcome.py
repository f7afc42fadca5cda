"""What `serve` prints when it is up: where to go, what it made, what it found, and what to beware of."""

from __future__ import annotations

import stat
from pathlib import Path

import click

from sekisho.cli.first_run import FirstRun
from sekisho.frozen import Frozen
from sekisho.rules.setup_code import LIFETIME
from sekisho.settings import Settings
from sekisho.version import VERSION
from sekisho.words.catalogue import Say

_FOR_PEOPLE = (("login", "/login"), ("api", "/docs/api"))
_FOR_PROGRAMS = (
    ("metadata", "/.well-known/oauth-authorization-server"),
    ("jwks", "/.well-known/jwks.json"),
)


class DataFiles(Frozen):
    """The files of the data directory that a person is told about, with their modes."""

    modes: dict[Path, int]


def look(settings: Settings) -> DataFiles:
    """What is there now: the database and every private file (not what SQLite keeps beside it)."""
    folder = settings.data.absolute()
    database = settings.sqlite_path.absolute() if settings.sqlite_path else None
    found = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".db-wal", ".db-shm"}
    )
    if database is not None and database.exists() and database not in found:
        found.append(database)
    return DataFiles({path: stat.S_IMODE(path.stat().st_mode) for path in found})


def welcome(
    settings: Settings,
    address: str,
    before: DataFiles,
    after: DataFiles,
    *,
    shared: bool,
    explorer: bool,
    first: FirstRun,
    say: Say,
) -> None:
    """Print it, on stdout: whoever started the server on port 0 reads here where it is.

    Args:
        settings: what it runs on.
        address: host and port that it listens on; a proxy may have the issuer's.
        before: the files before this start.
        after: the files now.
        shared: whether whoever verifies a token of this issuer could also make one.
        explorer: whether there is a way to the flow explorer.
        first: what is done while nobody administers: a link that is to be opened, or an administrator made.
        say: the words.
    """
    lines = [click.style(say("serve.title", version=VERSION), bold=True), ""]
    lines.append(f"  {say('serve.listening')}  {address}")
    # Without session rows there are no pages: nobody has a cookie to be known by.
    people = _FOR_PEOPLE if settings.refresh_store == "database" else (("api", "/openapi.json"),)
    if explorer:
        people = (*people, ("explorer", "/explore"))
    lines += [
        f"  {say(f'serve.{name}')}  {settings.issuer}{path}" for name, path in (*people, *_FOR_PROGRAMS)
    ]
    lines.append("")
    for path, mode in after.modes.items():
        made = say("serve.made" if path not in before.modes else "serve.found")
        lines.append(f"  {made}  {path}  {mode:04o}")
    if settings.signing_key is not None:
        lines.append(f"  {say('serve.given_key', reference=settings.signing_key)}")
    if settings.sqlite_path is None:
        lines.append(f"  {say('serve.database')}  PostgreSQL")
    if settings.refresh_store == "none":
        lines += ["", click.style(say("serve.stateless"), fg="yellow")]
        if shared:
            lines.append(click.style(say("serve.stateless_shared"), fg="yellow"))
    if first.appointed is not None:
        lines += ["", f"  {say('serve.appointed', email=first.appointed)}"]
    if first.link is not None:
        lines += ["", f"  {say('serve.setup', minutes=int(LIFETIME // 60))}", f"  {first.link}"]
    if settings.loopback:
        lines += ["", f"  {say('serve.development')}"]
    lines += [f"  {say('serve.stop')}", ""]
    click.echo("\n".join(lines))
