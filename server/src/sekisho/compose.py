"""The only file that knows everyone: settings in, a running server out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict

from starlette.types import ASGIApp

from sekisho.adapters import system
from sekisho.adapters.addresses import EmailAddresses
from sekisho.adapters.data_directory import make_directory
from sekisho.adapters.migrations import upgrade
from sekisho.adapters.mint import Minting
from sekisho.adapters.passwords import HashedPasswords, configured_hash
from sekisho.adapters.postgres.store import PostgresStore
from sekisho.adapters.root_secret import ServerKeys, derive_keys, root_secret
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.adapters.settings_file import load_settings
from sekisho.adapters.signer import JwsSigner
from sekisho.adapters.signing_keys import signing_keys
from sekisho.adapters.sqlite import SqliteStore
from sekisho.feature import Feature
from sekisho.flows import stateless
from sekisho.flows.authenticate import authenticate, identify
from sekisho.flows.change_password import change_password
from sekisho.flows.login import login
from sekisho.flows.logout import bearer_of, logout
from sekisho.flows.open_session import open_session
from sekisho.flows.refresh import refresh
from sekisho.flows.register import register
from sekisho.flows.sessions import RevokeRequest, list_sessions, revoke_session
from sekisho.ports import Clock, Entropy, Opener, Store
from sekisho.rules.account import PasswordPolicy
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import horizon
from sekisho.rules.session import (
    Bearer,
    Grant,
    Lifetimes,
    LogoutRequest,
    Refreshed,
    RefreshRequest,
    Session,
)
from sekisho.settings import Settings
from sekisho.web.acts import Acts
from sekisho.web.app import build_app, closed_app
from sekisho.web.application import Application
from sekisho.web.logs import LOG, Line
from sekisho.web.metrics import Metrics
from sekisho_verify import Verifier

#: Seconds between two looks for rows that nobody needs any more, and how many go in one step: short
#: transactions that make nobody wait, and no cron job.
SWEEP_EVERY = 60.0
SWEEP_STEP = 500


@dataclass(frozen=True, slots=True)
class House:
    """What one process holds open: the store, the keys, and what flows ask for by name."""

    settings: Settings
    store: Store
    keys: ServerKeys
    signer: JwsSigner
    mint: Minting
    passwords: HashedPasswords
    addresses: EmailAddresses
    lifetimes: Lifetimes
    clock: Clock
    entropy: Entropy


def lifetimes(settings: Settings) -> Lifetimes:
    """How long tokens and sessions live, and the refresh grace (seconds)."""
    return Lifetimes(
        access=settings.access_ttl,
        refresh=settings.refresh_ttl,
        session=settings.session_max,
        grace=settings.refresh_grace,
    )


def store_for(settings: Settings, *, entropy: Entropy) -> Store:
    """The store behind the database URL, not yet open."""
    if settings.sqlite_path is not None:
        return SqliteStore(settings.database_url)
    return PostgresStore(settings.database_url, entropy=entropy)


@asynccontextmanager
async def open_house(
    settings: Settings,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock = system.clock,
    entropy: Entropy = system.entropy,
    may_migrate: bool = True,
) -> AsyncGenerator[House]:
    """Open everything, making on the first run what a first run makes, and close it at the end.

    `may_migrate`: false for whoever only looks, and is then told where the schema is behind.

    Raises:
        SettingsRefused: the data directory, a secret or a key cannot be used; with the fix.
        Refusal: `unavailable`: the database does not answer.
    """
    secrets = Secrets(sources(os.environ if environ is None else environ))
    if settings.sqlite_path is not None:
        make_directory(settings.data)
    root = root_secret(settings.root_secret, data=settings.data, secrets=secrets, entropy=entropy)
    keys = derive_keys(root)
    current, needed = await asyncio.to_thread(upgrade.status, settings.database_url)
    if may_migrate and (current is None or current < needed):
        # The first node of a release migrates. Nodes of the one before run on the next schema as well, so a
        # schema that is ahead of us is left alone; revisions are numbered, and sort as text.
        await asyncio.to_thread(upgrade.migrate, settings.database_url)
    async with AsyncExitStack() as stack:
        store = store_for(settings, entropy=entropy)
        await store.open()
        stack.push_async_callback(store.close)
        signing = await signing_keys(
            settings, secrets=secrets, store=store, sealing=keys.sealing, now=clock(), entropy=entropy
        )
        signer = JwsSigner(signing, refresh_keys=keys.stateless_refresh, issuer=settings.issuer)
        profile = configured_hash(settings.password_hash, settings.password_profile)
        passwords = HashedPasswords(profile, entropy=entropy)
        stack.callback(passwords.close)
        chosen = lifetimes(settings)
        yield House(
            settings=settings,
            store=store,
            keys=keys,
            signer=signer,
            mint=Minting(settings.issuer, settings.audience, chosen, signer, entropy),
            passwords=passwords,
            addresses=EmailAddresses(),
            lifetimes=chosen,
            clock=clock,
            entropy=entropy,
        )


def bind(house: House) -> Acts:
    """The flows, each with what it may touch and nothing else."""
    settings, store = house.settings, house.store
    verifier = Verifier(
        issuer=settings.issuer,
        audience=settings.audience,
        keys=house.signer.verification_keys(),
        feed=None,
        clock=house.clock,
    )

    stored = settings.refresh_store == "database"
    carried = _stored(house, verifier) if stored else _stateless(house, verifier)
    times = _Times(clock=house.clock, entropy=house.entropy)
    policy = PasswordPolicy(settings.password_minimum, house.passwords.max_bytes, house.passwords.is_common)
    checks = _Checks(accounts=store, throttle=store, passwords=house.passwords)
    return Acts(
        register=partial(
            register,
            addresses=house.addresses,
            sign_up=settings.signup,
            policy=policy,
            **checks,
            **times,
        ),
        login=partial(
            login,
            events=store,
            addresses=house.addresses,
            open_session=carried.open_session,
            device_keys=house.keys.device,
            **checks,
            **times,
        ),
        refresh=carried.refresh,
        identify=partial(identify, verify=verifier.verify),
        bearer_of=carried.bearer_of,
        authenticate=carried.authenticate,
        logout=carried.logout,
        list_sessions=carried.list_sessions,
        revoke_session=carried.revoke_session,
        change_password=partial(
            change_password,
            events=store,
            policy=policy,
            stateless=not stored,
            **checks,
            **times,
        ),
        jwks=house.signer.jwks,
        ping=store.ping,
    )


class _Times(TypedDict):
    clock: Clock
    entropy: Entropy


class _Checks(TypedDict):
    accounts: Store
    throttle: Store
    passwords: HashedPasswords


@dataclass(frozen=True, slots=True)
class _Carried:
    """The acts that differ with how sessions are kept: as rows, or (`refresh_store = "none"`) not at all."""

    open_session: Opener
    refresh: Callable[[RefreshRequest], Awaitable[Refreshed]]
    bearer_of: Callable[[str], Bearer]
    authenticate: Callable[[str], Awaitable[Grant]]
    logout: Callable[[LogoutRequest], Awaitable[None]]
    list_sessions: Callable[[str], Awaitable[list[Session]]]
    revoke_session: Callable[[RevokeRequest], Awaitable[None]]


def _stored(house: House, verifier: Verifier) -> _Carried:
    store, keys = house.store, house.keys.refresh
    times = _Times(clock=house.clock, entropy=house.entropy)
    return _Carried(
        open_session=partial(
            open_session,
            sessions=store,
            mint=house.mint,
            keys=keys,
            lifetimes=house.lifetimes,
            entropy=house.entropy,
        ),
        refresh=partial(
            refresh, sessions=store, mint=house.mint, keys=keys, lifetimes=house.lifetimes, **times
        ),
        bearer_of=partial(bearer_of, keys=keys),
        authenticate=partial(authenticate, verify=verifier.verify, sessions=store, clock=house.clock),
        logout=partial(logout, sessions=store, **times),
        list_sessions=partial(list_sessions, sessions=store, clock=house.clock),
        revoke_session=partial(revoke_session, sessions=store, **times),
    )


def _stateless(house: House, verifier: Verifier) -> _Carried:
    store, signer = house.store, house.signer
    times = _Times(clock=house.clock, entropy=house.entropy)
    return _Carried(
        open_session=partial(
            stateless.open_session,
            store=store,
            signer=signer,
            mint=house.mint,
            issuer=house.settings.issuer,
            lifetimes=house.lifetimes,
            entropy=house.entropy,
        ),
        refresh=partial(
            stateless.refresh,
            store=store,
            signer=signer,
            mint=house.mint,
            lifetimes=house.lifetimes,
            clock=house.clock,
        ),
        bearer_of=partial(stateless.bearer_of, signer=signer, clock=house.clock),
        authenticate=partial(stateless.authenticate, verify=verifier.verify, store=store),
        logout=partial(stateless.logout, store=store, **times),
        list_sessions=stateless.not_stored,
        revoke_session=stateless.not_stored,
    )


def entry_horizon(settings: Settings) -> float:
    """Seconds for which a revocation entry is kept: as long as a token lives that it can hit."""
    ttl = settings.access_ttl if settings.refresh_store == "database" else settings.refresh_ttl
    return horizon(token_ttl=ttl, grace=settings.refresh_grace)


@asynccontextmanager
async def _sweeping(house: House) -> AsyncGenerator[None]:
    sweeper = asyncio.create_task(_sweep_for_ever(house))
    try:
        yield
    finally:
        sweeper.cancel()
        await asyncio.gather(sweeper, return_exceptions=True)


async def _sweep_for_ever(house: House) -> None:
    """Delete what nobody needs any more, a small step at a time, until cancelled."""
    keep = entry_horizon(house.settings)
    while True:
        try:
            swept = await house.store.sweep(now=house.clock(), entry_horizon=keep, limit=SWEEP_STEP)
        except Refusal as refusal:
            # The database is away. Nothing is lost by sweeping later.
            LOG.warning(Line("sweep_failed", {"detail": refusal.detail}))
            swept = 0
        except Exception as fault:  # noqa: BLE001 - a task that ended would be missed when the disk is full
            LOG.error(Line("sweep_failed", {}), exc_info=fault)
            swept = 0
        await asyncio.sleep(0 if swept >= SWEEP_STEP else SWEEP_EVERY)


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock = system.clock,
    entropy: Entropy = system.entropy,
    features: Sequence[Feature] = (),
    metrics_directory: Path | None = None,
) -> Application:
    """The auth server as an ASGI application; it mounts under any path of another one.

    Args:
        settings: what `read_settings` gave; read from the environment and `sekisho.toml` if left out.
        clock: POSIX seconds; every instant that the server knows comes from it.
        entropy: random bytes; every secret and id that the server makes comes from it.
        features: true options, each with what it serves and keeps open.
        metrics_directory: where the workers of one server leave their counts for each other.

    Raises:
        SettingsRefused: the configuration cannot be used; every fault at once, with its fix.
    """
    chosen = load_settings(os.environ) if settings is None else settings

    @asynccontextmanager
    async def opening() -> AsyncGenerator[ASGIApp]:
        async with AsyncExitStack() as stack:
            house = await stack.enter_async_context(open_house(chosen, clock=clock, entropy=entropy))
            await stack.enter_async_context(_sweeping(house))
            for feature in features:
                await stack.enter_async_context(feature.running())
            yield build_app(
                bind(house),
                settings=chosen,
                entropy=entropy,
                metrics=Metrics(
                    worker=str(os.getpid()), directory=metrics_directory, hash_queue=house.passwords.queue
                ),
                endpoints=[endpoint for feature in features for endpoint in feature.endpoints],
                routes=[route for feature in features for route in feature.routes],
            )

    return Application(opening, closed=closed_app(settings=chosen, entropy=entropy))
