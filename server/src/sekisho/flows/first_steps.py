"""What the administrator of a new server has still to do, as the database knows it."""

from __future__ import annotations

from typing import Final, Protocol

from sekisho.frozen import Frozen
from sekisho.ports import AccountStore, Clock, EventStore

#: Days after which a backup is an old one.
OLD_BACKUP: Final = 7
_DAY: Final = 86_400.0


class FirstSteps(Frozen):
    """What has happened: a login beside the first, another account, a backup that is not old."""

    logged_in_again: bool
    others: bool
    backed_up: bool


class _Rows(AccountStore, EventStore, Protocol):
    """What is read."""


async def first_steps(*, store: _Rows, clock: Clock) -> FirstSteps:
    """Look, now."""
    logins = await store.list_events(kind="login_succeeded", limit=2)
    accounts = await store.list_accounts(limit=2)
    backups = await store.list_events(kind="database_backed_up", limit=1)
    return FirstSteps(
        logged_in_again=len(logins) > 1,
        others=len(accounts) > 1,
        backed_up=bool(backups) and clock() - backups[0].at < OLD_BACKUP * _DAY,
    )
