"""Back up and restore: one file that holds the whole database, taken while servers run on it.

The keys are not in it. Whoever has both can act as every user; whoever has the file alone has password hashes
and addresses, which is bad enough: it is made 0600.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from sekisho.adapters.data_directory import sync_directory
from sekisho.adapters.migrations import upgrade
from sekisho.adapters.postgres import dump
from sekisho.adapters.sql import restored
from sekisho.adapters.sql.schema import REVISION
from sekisho.adapters.sqlite import connect, create_file, keep_write_ahead_log, sqlite_path, unavailable
from sekisho.ports import Entropy
from sekisho.rules.events import Event
from sekisho.rules.keyring import RetiredKey
from sekisho.rules.refusals import Refusal

_EPOCH: Final = "SELECT epoch FROM feed_head WHERE shard = 0"
_KNOWS_RETIRED: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'retired_keys'"


class NotABackup(Exception):
    """The file cannot be restored; the message says why."""


def back_up(url: str, file: Path, *, entropy: Entropy) -> None:
    """Write the database behind `url` to `file`, which appears when it is complete, 0600.

    One snapshot: nothing is in it half. Servers go on reading and writing meanwhile.

    Raises:
        FileExistsError: there is a file already; it is left alone.
        OSError: the file cannot be written.
        Refusal: `unavailable`: the database does not answer, or is of a later release, whose tables on
            PostgreSQL would not all be in the file.
    """
    if not url.startswith("sqlite:") and (later := upgrade.ahead(url)):
        raise Refusal("unavailable", f"schema {later} is of a later release: back it up by that one")
    draft = _draft_beside(file, entropy)
    create_file(draft)  # 0600 from its first instant; both engines keep the mode of a file that is there
    try:
        if url.startswith("sqlite:"):
            _copy_snapshot(sqlite_path(url), draft)
        else:
            dump.write(url, draft)
        _make_durable(draft)
        file.hardlink_to(draft)  # unlike a rename, this fails where a file is in the way
        sync_directory(file.parent)
    finally:
        draft.unlink()


def restore(url: str, file: Path, *, keep_sessions: bool, event: Event, entropy: Entropy) -> None:
    """Put what `file` holds in the place of the database behind `url`, in one transaction.

    Servers that run on it see the old database until then and the new one afterwards. The feed begins a new
    epoch, and unless `keep_sessions` every session ends: see `sql.restored`.

    Raises:
        NotABackup: the file is none of ours, or is damaged. Nothing was changed.
        OSError: the file cannot be read.
        Refusal: `unavailable`: the database does not answer. Nothing was changed.
    """
    with file.open("rb"):
        pass  # a file that cannot be read is told as that, not as one that is damaged
    if not url.startswith("sqlite:"):
        try:
            dump.read(url, file, keep_sessions=keep_sessions, event=event)
        except dump.DumpRefused as fault:
            raise NotABackup(str(fault)) from fault
        return
    path = sqlite_path(url)
    draft = _draft_beside(path, entropy)
    create_file(draft)
    try:
        _take_over(file, draft)
        epoch = restored.next_epoch(_epoch_of(path), now=event.at)
        retired = _retired_in(path)
        with closing(connect(draft)) as connection:
            afterwards = [*restored.statements(epoch=epoch, keep_sessions=keep_sessions, event=event)]
            if connection.execute(_KNOWS_RETIRED).fetchall():
                afterwards += restored.locked_out(retired, now=event.at)
            connection.execute("BEGIN")
            for statement in afterwards:
                connection.execute(statement.sql, dict(statement.parameters))
            connection.execute("COMMIT")
            _put_in_place(connection, path)
    finally:
        draft.unlink()


def _draft_beside(file: Path, entropy: Entropy) -> Path:
    return file.with_name(f".{file.name}.{entropy(8).hex()}")


def _copy_snapshot(path: Path, target: Path) -> None:
    # One read transaction from beginning to end, and a file without what deleted rows have left in it.
    try:
        with closing(connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as fault:
        raise unavailable(fault) from fault


def _take_over(file: Path, draft: Path) -> None:
    """Copy the backup, which is never opened for writing, and look whether it is one.

    Raises:
        NotABackup: it is not, or is damaged.
    """
    try:
        uri = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
        with (
            closing(sqlite3.connect(uri, uri=True)) as source,
            closing(connect(draft)) as copy,
        ):
            source.backup(copy)
            ((verdict,),) = copy.execute("PRAGMA integrity_check(1)").fetchall()
            if verdict != "ok":
                raise NotABackup(verdict)
            copy.execute(REVISION).fetchall()
            copy.execute(_EPOCH).fetchall()
    except sqlite3.Error as fault:
        raise NotABackup(str(fault)) from fault


def _epoch_of(path: Path) -> int | None:
    """The epoch of the database that is replaced; none where there is none that can be read."""
    with suppress(sqlite3.Error), closing(connect(path)) as connection:
        for (epoch,) in connection.execute(_EPOCH):
            return int(epoch)
    return None


def _retired_in(path: Path) -> list[RetiredKey]:
    """The keys that were retired in the database that is replaced; none where it cannot be read."""
    with suppress(sqlite3.Error), closing(connect(path)) as connection:
        rows = connection.execute(restored.RETIRED).fetchall()
        return [RetiredKey(kid, alg, name, at, bool(leaked)) for kid, alg, name, at, leaked in rows]
    return []


def _put_in_place(draft: sqlite3.Connection, path: Path) -> None:
    try:
        create_file(path)
        with closing(connect(path)) as live:
            keep_write_ahead_log(live)
            draft.backup(live)  # one write transaction of the live file, which waits for its turn
    except sqlite3.Error as fault:
        raise unavailable(fault) from fault
    except OSError as fault:
        raise Refusal("unavailable", f"sqlite: {fault}") from fault


def _make_durable(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
