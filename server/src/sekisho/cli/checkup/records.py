"""The database: whether it answers, has the schema of this release, keys that sign, and was backed up."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from sekisho.adapters import system
from sekisho.adapters.made_keys import MadeKeys
from sekisho.adapters.migrations import upgrade
from sekisho.adapters.redis_copies import RedisCopies
from sekisho.adapters.referred_keys import ReferredKeys
from sekisho.adapters.root_secret import FILE, ServerKeys, derive_keys, root_secrets
from sekisho.adapters.secrets.references import Secrets
from sekisho.adapters.secrets.secret import MINIMUM_BYTES, Secret
from sekisho.adapters.signing_keys import key_origin
from sekisho.cli.checkup.findings import Finding, bad, good, skipped, warning
from sekisho.flows.first_steps import OLD_BACKUP
from sekisho.house import copy_age, feed_tokens, shared_copies, store_for
from sekisho.ports import Store
from sekisho.rules.refusals import Refusal
from sekisho.settings import Settings

_DAY = 86_400.0


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


async def look_inside(settings: Settings, secrets: Secrets) -> list[Finding]:
    """The keys that sign, the last backup, and whether the store of cookie sessions answers.

    Only the database is opened, not the house: what a start of the server would make, seal anew or put on
    record must not come of a look.

    Raises:
        SettingsRefused: a secret or a key cannot be used as the server would; with the fix.
        Refusal: `unavailable`: the database does not answer.
    """
    keys = await asyncio.to_thread(_server_keys, settings, secrets)
    feed_tokens(settings, keys.feed, secrets=secrets)
    copies = shared_copies(settings, keys.session_copy, max_age=copy_age(settings))
    async with AsyncExitStack() as stack:
        if copies is not None:
            stack.push_async_callback(copies.close)
        store = store_for(settings, entropy=system.entropy)
        await store.open()
        stack.push_async_callback(store.close)
        origin = key_origin(
            settings,
            secrets=secrets,
            store=store,
            sealing=keys.sealing,
            entropy=system.entropy,
            steady=system.steady,
        )
        return [await _backup(store), await _copies(copies), await _signing_keys(origin, store)]


def _server_keys(settings: Settings, secrets: Secrets) -> ServerKeys:
    if settings.root_secret is None and not (settings.data / FILE).exists():
        return derive_keys(
            Secret(system.entropy(MINIMUM_BYTES))
        )  # opens nothing, and nothing is sealed by it
    roots = root_secrets(
        settings.root_secret,
        settings.root_secret_previous,
        data=settings.data,
        secrets=secrets,
        entropy=system.entropy,
    )
    return derive_keys(roots.current, roots.others)


async def _signing_keys(origin: MadeKeys | ReferredKeys, store: Store) -> Finding:
    now = system.clock()
    if isinstance(origin, ReferredKeys):
        reading = await origin.open(now=now)
    elif (await store.signing_keys()).keys:
        reading = await origin.read(now=now)
    else:
        return skipped("signing_keys", "signing_keys.none")
    return bad("signing_keys") if reading.keys is None else good("signing_keys", count=len(reading.known))


async def _backup(store: Store) -> Finding:
    made = await store.list_events(kind="database_backed_up", limit=1)
    if not made:
        return warning("backup")
    days = int((system.clock() - made[0].at) // _DAY)
    file = made[0].about.get("file", "-")
    if days >= OLD_BACKUP:
        return warning("backup", "backup.old", count=days, file=file)
    return good("backup", count=days, file=file)


async def _copies(copies: RedisCopies | None) -> Finding:
    if copies is None:
        return good("session_store", "session_store.database")
    if await copies.answers():
        return good("session_store")
    return bad("session_store")
