"""Back up and restore on PostgreSQL, by its own `pg_dump`, `pg_restore` and `psql`.

Only our own tables, whatever else the database holds. The password goes to them in the environment: what
stands on a command line can be read by everybody on the machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from sekisho.adapters.postgres.connecting import driver, target
from sekisho.adapters.postgres.parameters import numbered
from sekisho.adapters.sql import restored
from sekisho.adapters.sql.operation import Statement
from sekisho.adapters.sql.schema import VERSION_TABLE
from sekisho.rules.events import Event
from sekisho.rules.keyring import RetiredKey
from sekisho.rules.refusals import Refusal

#: Every table of ours, of any release up to this one.
TABLES: Final = (
    VERSION_TABLE,
    "users",
    "user_roles",
    "groups",
    "group_members",
    "user_permissions",
    "group_permissions",
    "sessions",
    "feed_head",
    "feed",
    "feed_read",
    "throttle",
    "security_events",
    "signing_keys",
    "retired_keys",
    "setup_code",
)
_EPOCH: Final = "SELECT epoch FROM feed_head WHERE shard = 0"
#: Begins what only a dump of revision 0002 or later has a place for; psql itself asks.
_KNOWS_RETIRED: Final = "SELECT to_regclass('retired_keys') IS NOT NULL AS known \\gset\n\\if :known\n"
_PLACE: Final = re.compile(r"\$(\d+)")
_LINES: Final = 5


class DumpRefused(Exception):
    """`pg_restore` cannot read the file; the message is its own."""


def write(url: str, file: Path) -> None:
    """Dump our tables to `file`, in one snapshot.

    Raises:
        Refusal: `unavailable`: PostgreSQL does not answer, or `pg_dump` is missing or older than the server.
    """
    tables = [f"--table={table}" for table in TABLES]
    _run(url, ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", *tables, f"--file={file}"])


def read(url: str, file: Path, *, keep_sessions: bool, event: Event) -> None:
    """Put our tables back as they are in `file`, with what has to be true afterwards, in one transaction.

    Raises:
        DumpRefused: `file` is no dump.
        Refusal: `unavailable`: PostgreSQL does not answer, or a program is missing.
    """
    before_it, retired = _replaced(url)
    epoch = restored.next_epoch(before_it, now=event.at)
    afterwards = restored.statements(epoch=epoch, keep_sessions=keep_sessions, event=event)
    locked_out = restored.locked_out(retired, now=event.at)
    with tempfile.TemporaryDirectory(prefix="sekisho-restore-") as folder:
        script = Path(folder) / "script.sql"
        # To a script first: a dump that is cut short is noticed before anything is dropped.
        command = ["pg_restore", "--no-owner", "--no-privileges"]
        done = _started([*command, f"--file={script}", str(file)], dict(os.environ))
        if done.returncode:
            raise DumpRefused(_last_lines(done.stderr))
        # All of them, also those that are younger than the dump: its release is what has to be there.
        before = "".join(f"DROP TABLE IF EXISTS {table} CASCADE;\n" for table in TABLES)
        # The dump's script empties the search path.
        after = f"RESET search_path;\n{_script(afterwards)}{_KNOWS_RETIRED}{_script(locked_out)}\\endif\n"
        files = (_written(folder, "before.sql", before), script, _written(folder, "after.sql", after))
        once = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
        _run(url, ["psql", *once, *(f"--file={each}" for each in files)])


def _written(folder: str, name: str, text: str) -> Path:
    file = Path(folder) / name
    file.write_text(text, "utf-8")
    return file


def _replaced(url: str) -> tuple[int | None, list[RetiredKey]]:
    """The epoch of the database that is replaced, and the keys retired in it; none where it is new."""
    psycopg = driver()
    epoch: int | None = None
    try:
        with psycopg.connect(target(url).conninfo, autocommit=True) as connection:
            for (number,) in connection.execute(_EPOCH):
                epoch = int(number)
            rows = connection.execute(restored.RETIRED).fetchall()
    except psycopg.errors.UndefinedTable:
        return epoch, []
    except psycopg.OperationalError as fault:
        raise Refusal("unavailable", str(fault)) from fault
    return epoch, [RetiredKey(kid, alg, name, at, bool(leaked)) for kid, alg, name, at, leaked in rows]


def _script(statements: Iterable[Statement]) -> str:
    return "".join(f"{_spelled(each)};\n" for each in statements)


def _spelled(statement: Statement) -> str:
    """The statement with its parameters written out, quoted by the driver, since a script has no others."""
    from psycopg.sql import Literal  # noqa: PLC0415 - an optional dependency

    text, names = numbered(statement.sql)
    values = [Literal(statement.parameters[name]).as_string() for name in names]
    return _PLACE.sub(lambda place: values[int(place[1]) - 1], text.decode())


def _run(url: str, command: Sequence[str]) -> None:
    psycopg = driver()
    known = psycopg.conninfo.conninfo_to_dict(target(url).conninfo)
    password = known.pop("password", None)
    environ = {**os.environ, **({} if password is None else {"PGPASSWORD": str(password)})}
    place = psycopg.conninfo.make_conninfo(**known)
    done = _started([*command, f"--dbname={place}"], environ)
    if done.returncode:
        raise Refusal("unavailable", f"{command[0]}: {_last_lines(done.stderr)}")


def _started(command: Sequence[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - a list and no shell: programs of PostgreSQL's, a file by its name
            command, env=environ, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as missing:
        raise Refusal(
            "unavailable", f"{command[0]} is not on PATH: install PostgreSQL's client programs"
        ) from missing


def _last_lines(said: str) -> str:
    return " / ".join(line for line in said.strip().splitlines()[-_LINES:] if line)
