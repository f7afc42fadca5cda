"""The database: whether it answers, has the schema of this release, and was backed up."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.adapters.migrations import upgrade
from sekisho.cli.checkup.findings import Finding, bad, good, skipped, warning
from sekisho.house import House
from sekisho.rules.refusals import Refusal
from sekisho.settings import Settings

_DAY = 86_400.0
#: Days after which a backup is told as old.
OLD_BACKUP = 7


def look_at_schema(settings: Settings) -> Finding:
    """Whether the database is there and has the schema that this release needs."""
    path = settings.sqlite_path
    if path is not None and not path.exists():
        return skipped("schema", "schema.absent", path=path)
    try:
        current, needed = upgrade.status(settings.database_url)
    except Refusal as refusal:
        return bad("schema", "schema.away", reason=refusal.detail)
    if current is None or current < needed:
        return bad("schema", current=current or "-", needed=needed)
    return good("schema", current=current)


async def look_at_record(house: House) -> Iterator[Finding]:
    """When it was last backed up by us, and whether the store of cookie sessions answers."""
    return iter((await _backup(house), await _copies(house)))


async def _backup(house: House) -> Finding:
    made = await house.store.list_events(kind="database_backed_up", limit=1)
    if not made:
        return warning("backup")
    days = int((house.clock() - made[0].at) // _DAY)
    file = made[0].about.get("file", "-")
    if days >= OLD_BACKUP:
        return warning("backup", "backup.old", days=days, file=file)
    return good("backup", days=days, file=file)


async def _copies(house: House) -> Finding:
    if house.copies is None:
        return good("session_store", "session_store.database")
    if await house.copies.answers():
        return good("session_store")
    return bad("session_store")
