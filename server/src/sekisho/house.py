"""What one process holds open: opened here, in order, and closed in the opposite one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from sekisho.adapters import system
from sekisho.adapters.addresses import EmailAddresses
from sekisho.adapters.data_directory import make_directory
from sekisho.adapters.feed_tail import FeedTail
from sekisho.adapters.key_keeper import KeyKeeper
from sekisho.adapters.made_keys import MadeKeys
from sekisho.adapters.migrations import upgrade
from sekisho.adapters.mint import Minting
from sekisho.adapters.passwords import HashedPasswords, configured_hash
from sekisho.adapters.redis_copies import RedisCopies
from sekisho.adapters.referred_keys import ReferredKeys
from sekisho.adapters.root_secret import ServerKeys, derive_keys, root_secrets
from sekisho.adapters.secrets.abandonable import abandonable
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.adapters.secrets.secret import strong
from sekisho.adapters.session_lookups import MAX_AGE
from sekisho.adapters.signer import JwsSigner
from sekisho.adapters.signing_keys import key_origin
from sekisho.adapters.usage import Usage
from sekisho.flows.signing_keys import KeyRoom, upkeep
from sekisho.frozen import Frozen
from sekisho.ports import Clock, Entropy, Store
from sekisho.rules.feed_token import FeedTokens, is_token
from sekisho.rules.opaque import MacKeys
from sekisho.rules.revocation import horizon
from sekisho.rules.session import Lifetimes
from sekisho.setting_words import Words
from sekisho.settings import Settings, refused


class House(Frozen):
    """What one process holds open: the store, the keys, and what flows ask for by name."""

    settings: Settings
    store: Store
    keys: ServerKeys
    signer: JwsSigner
    keyring: KeyKeeper
    #: None where an operator gives the keys.
    key_room: KeyRoom | None
    mint: Minting
    passwords: HashedPasswords
    addresses: EmailAddresses
    lifetimes: Lifetimes
    usage: Usage
    tail: FeedTail
    feed_tokens: FeedTokens
    copies: RedisCopies | None
    clock: Clock
    entropy: Entropy


def lifetimes(settings: Settings) -> Lifetimes:
    """How long tokens and sessions live, and the refresh grace (seconds)."""
    return Lifetimes(
        access=settings.access_ttl,
        refresh=settings.refresh_ttl,
        idle=settings.session_idle,
        session=settings.session_max,
        grace=settings.refresh_grace,
    )


def store_for(settings: Settings, *, entropy: Entropy) -> Store:
    """The store behind the database URL, not yet open."""
    if settings.sqlite_path is not None:
        from sekisho.adapters.sqlite import SqliteStore  # noqa: PLC0415 - who has PostgreSQL does without

        return SqliteStore(settings.database_url)
    from sekisho.adapters.postgres.store import PostgresStore  # noqa: PLC0415 - and who has SQLite without this

    return PostgresStore(settings.database_url, entropy=entropy)


def shared_copies(settings: Settings, keys: MacKeys, *, max_age: float) -> RedisCopies | None:
    """The copies of sessions that all nodes share, where a place for them is configured."""
    if settings.session_store_url is None:
        return None
    return RedisCopies(settings.session_store_url, keys=keys, max_age=max_age, steady=system.steady)


def copy_age(settings: Settings) -> float:
    """Seconds for which a copy of a session is believed: less than an entry is kept that could end it."""
    return min(MAX_AGE, settings.access_ttl)


def feed_tokens(settings: Settings, keys: MacKeys, *, secrets: Secrets) -> FeedTokens:
    """Who may read the revocation feed: on loopback anybody, unless a token was configured.

    Raises:
        SettingsRefused: the token cannot be read, is short, or guessable.
    """
    if settings.feed_token is None:
        return FeedTokens(keys=None if settings.loopback else keys)
    found = secrets.versions(settings.feed_token, setting="SEKISHO_FEED_TOKEN")
    pending = () if found.pending is None else (found.pending,)
    given = [
        strong(each, settings.feed_token).reveal() for each in (found.current, *pending, *found.previous)
    ]
    if not all(map(is_token, given)):
        raise refused(
            settings.feed_token,
            Words("holds what cannot stand in an HTTP header", "HTTP ヘッダーに書けない文字が入っています"),
            Words("make one with: openssl rand -hex 32", "openssl rand -hex 32 で作ってください"),
        )
    return FeedTokens(given=tuple(given))


def entry_horizon(settings: Settings) -> float:
    """Seconds for which a revocation entry is kept: as long as a token lives that it can hit."""
    ttl = settings.access_ttl if settings.refresh_store == "database" else settings.refresh_ttl
    return horizon(token_ttl=ttl, grace=settings.refresh_grace)


async def _prepare(
    settings: Settings, secrets: Secrets, *, entropy: Entropy, may_migrate: bool, now: float
) -> ServerKeys:
    """The directory, the root secret and the schema, as they have to be before anything is opened."""
    if settings.sqlite_path is not None:
        make_directory(settings.data)
    # A store of secrets may take seconds to answer; whoever we are mounted in goes on meanwhile.
    roots = await abandonable(
        lambda: root_secrets(
            settings.root_secret,
            settings.root_secret_previous,
            data=settings.data,
            secrets=secrets,
            entropy=entropy,
        )
    )
    current, needed = await asyncio.to_thread(upgrade.status, settings.database_url)
    if may_migrate and (current is None or current < needed):
        # The first node of a release migrates. Nodes of the one before run on the next schema as well, so a
        # schema that is ahead of us is left alone; revisions are numbered, and sort as text.
        await asyncio.to_thread(upgrade.migrate, settings.database_url, epoch=int(now))
    return derive_keys(roots.current, roots.others)


def _own_keys(
    origin: MadeKeys | ReferredKeys, store: Store, clock: Clock, entropy: Entropy
) -> tuple[KeyRoom | None, Callable[[], Awaitable[bool]] | None]:
    """What can be done to the keys that the server makes, and what does what is due."""
    if isinstance(origin, ReferredKeys):
        return None, None
    room = KeyRoom(store, origin.make, origin.forget, origin.times, clock, entropy)

    async def upkept() -> bool:
        if origin.keyless:
            await origin.revive(now=clock())
            return True
        due = origin.upkeep_due(now=clock())
        if due:
            await upkeep(room)
        return due

    return room, upkept


def _tail(settings: Settings, store: Store, clock: Clock, copies: RedisCopies | None) -> FeedTail:
    return FeedTail(
        store,
        ttl=entry_horizon(settings),
        clock=clock,
        steady=system.steady,
        ended=copies.ended if copies is not None else None,
    )


@asynccontextmanager
async def open_house(
    settings: Settings,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock = system.clock,
    entropy: Entropy = system.entropy,
    steady: Clock = system.steady,
    may_migrate: bool = True,
) -> AsyncGenerator[House]:
    """Open everything, making on the first run what a first run makes, and close it at the end.

    `steady`: seconds that only go forward, by which keys that are given by reference are read again.
    `may_migrate`: false for whoever only looks, and is then told where the schema is behind.

    Raises:
        SettingsRefused: the data directory, a secret or a key cannot be used; with the fix.
        Refusal: `unavailable`: the database does not answer.
    """
    secrets = Secrets(sources(os.environ if environ is None else environ))
    keys = await _prepare(settings, secrets, entropy=entropy, may_migrate=may_migrate, now=clock())
    async with AsyncExitStack() as stack:
        store = store_for(settings, entropy=entropy)
        await store.open()
        stack.push_async_callback(store.close)
        origin = key_origin(
            settings, secrets=secrets, store=store, sealing=keys.sealing, entropy=entropy, steady=steady
        )
        reading = await origin.open(now=clock())
        signer = JwsSigner(reading.keys, refresh_keys=keys.stateless_refresh, issuer=settings.issuer)
        profile = configured_hash(settings.password_hash, settings.password_profile)
        passwords = HashedPasswords(profile, entropy=entropy)
        stack.callback(passwords.close)
        chosen = lifetimes(settings)
        copies = shared_copies(settings, keys.session_copy, max_age=copy_age(settings))
        if copies is not None:
            stack.push_async_callback(copies.close)
        room, upkept = _own_keys(origin, store, clock, entropy)
        yield House(
            settings=settings,
            store=store,
            keys=keys,
            signer=signer,
            keyring=KeyKeeper(origin, reading, signer=signer, clock=clock, upkeep=upkept),
            key_room=room,
            mint=Minting(
                settings.issuer, settings.audience, chosen, signer, keys.refresh, keys.session_cookie, entropy
            ),
            passwords=passwords,
            addresses=EmailAddresses(),
            lifetimes=chosen,
            usage=Usage(chosen.idle),
            tail=_tail(settings, store, clock, copies),
            feed_tokens=await abandonable(lambda: feed_tokens(settings, keys.feed, secrets=secrets)),
            copies=copies,
            clock=clock,
            entropy=entropy,
        )
