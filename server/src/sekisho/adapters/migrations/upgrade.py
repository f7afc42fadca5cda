"""Bring a database to the schema of this release. Alembic and SQLAlchemy are imported to upgrade one only."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from sekisho.adapters.sql.schema import NEEDED
from sekisho.rules.refusals import Refusal

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SCRIPTS = "sekisho.adapters:migrations"


class _Engine(Protocol):
    """What the two databases have each in a module of their own."""

    def revision(self, url: str) -> str | None:
        """The revision that it is at, or none."""
        ...

    def create(self, url: str, *, epoch: int) -> bool:
        """Make the schema where there is none, in one transaction; whether there was none."""
        ...

    def exclusive(self, url: str) -> AbstractContextManager[Connection]:
        """A transaction in which nobody else migrates."""
        ...


def status(url: str) -> tuple[str | None, str]:
    """The revision a database is at (none: it is empty or absent) and the one this release needs.

    Raises:
        Refusal: `unavailable`: the database does not answer.
    """
    return _engine(url).revision(url), NEEDED


def migrate(url: str, *, epoch: int = 1) -> None:
    """Create or upgrade the schema in one transaction; no effect where it is current, or of a later release.

    Nodes that do this at the same time take turns, and all but the first find nothing left to do.

    `epoch`: where the revocation feed of a new database begins. The second counts (since 1970): verifiers may
    still know a database of this issuer that was thrown away, and would take an epoch that they have seen,
    and its low numbers, for old news.

    Raises:
        Refusal: `unavailable`: the database does not answer.
    """
    engine = _engine(url)
    if engine.revision(url) is None and engine.create(url, epoch=epoch):
        return
    # Asked again: another node may have been faster, and may be of an older release.
    if (engine.revision(url) or "") < NEEDED:
        _upgrade(engine, url)


def ahead(url: str) -> str:
    """The revision of a database that a later release has migrated, which holds more than we know; or ""."""
    current = _engine(url).revision(url) or ""
    return current if current > NEEDED else ""


def _upgrade(engine: _Engine, url: str) -> None:
    from alembic import command  # noqa: PLC0415 - a second, and 24 MiB, for what one start in many needs
    from alembic.config import Config  # noqa: PLC0415 - same
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415 - same

    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    try:
        with engine.exclusive(url) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as fault:
        raise Refusal("unavailable", str(fault.orig)) from fault


def _engine(url: str) -> _Engine:
    if url.startswith("sqlite:"):
        from sekisho.adapters.migrations import on_sqlite  # noqa: PLC0415 - who has PostgreSQL does without

        return on_sqlite
    from sekisho.adapters.migrations import on_postgres  # noqa: PLC0415 - and who has SQLite without this

    return on_postgres
