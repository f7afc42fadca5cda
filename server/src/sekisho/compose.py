"""The only file that knows everyone: settings in, a running server out."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypedDict

from sekisho.adapters import setup_file, system
from sekisho.adapters.addresses import EmailAddresses
from sekisho.adapters.feed_publisher import FeedPublisher
from sekisho.adapters.passwords import HashedPasswords
from sekisho.adapters.session_lookups import SessionLookups
from sekisho.adapters.settings_file import load_settings
from sekisho.feature import Feature
from sekisho.features.browser_client.plug import browser_client
from sekisho.features.pages.plug import pages
from sekisho.flows import stateless
from sekisho.flows.authenticate import (
    authenticate,
    authenticate_cookie,
    identify,
    read_cookie,
    read_refresh_cookie,
)
from sekisho.flows.change_password import change_password
from sekisho.flows.choose_locale import choose_locale
from sekisho.flows.delete_account import delete_account
from sekisho.flows.exchange import ExchangeRequest, exchange
from sekisho.flows.first_steps import first_steps
from sekisho.flows.login import login
from sekisho.flows.logout import bearer_of, logout
from sekisho.flows.open_session import open_session
from sekisho.flows.own_data import own_data
from sekisho.flows.reauthenticate import reauthenticate
from sekisho.flows.refresh import refresh
from sekisho.flows.register import register
from sekisho.flows.sessions import RevokeRequest, list_sessions, revoke_session
from sekisho.flows.setup import set_up, setup_open
from sekisho.house import House, copy_age, entry_horizon, open_house
from sekisho.ports import Clock, Entropy, Opener, Reauthenticate, Store
from sekisho.rules.account import PasswordPolicy
from sekisho.rules.session import (
    Bearer,
    Grant,
    Handed,
    LogoutRequest,
    PresentedCookie,
    Refreshed,
    RefreshRequest,
    Session,
)
from sekisho.settings import Settings
from sekisho.upkeep import sweeping, telling
from sekisho.web.acts import Acts, RevocationFeed
from sekisho.web.app import build_app, closed_app
from sekisho.web.asgi import ASGIApp
from sekisho.web.csrf import Csrf
from sekisho.web.lifespan import Application
from sekisho.web.logs import LOG, Line
from sekisho.web.metrics import FEED_FRAMES, SESSION_LOOKUPS, Metrics
from sekisho_verify import Verifier


def bind(house: House, metrics: Metrics | None = None) -> Acts:
    """The flows, each with what it may touch and nothing else."""
    metrics = metrics or Metrics()
    settings, store = house.settings, house.store
    verifier = _verifier(house)
    stored = settings.refresh_store == "database"
    times = _Times(clock=house.clock, entropy=house.entropy)
    policy = PasswordPolicy(settings.password_minimum, house.passwords.max_bytes, house.passwords.is_common)
    checks = _Checks(accounts=store, throttle=store, passwords=house.passwords)
    newcomers = _Newcomers(addresses=house.addresses, policy=policy, **checks, **times)
    once_more = partial(reauthenticate, events=store, **checks, **times)
    opener, carried = _stored(house, verifier, once_more, metrics) if stored else _stateless(house, verifier)
    return Acts(
        register=partial(register, sign_up=settings.signup, **newcomers),
        setup_open=partial(setup_open, accounts=store, clock=house.clock),
        set_up=partial(set_up, forget_code=partial(setup_file.forget, settings.data), **newcomers),
        login=partial(
            login,
            events=store,
            addresses=house.addresses,
            open_session=opener,
            device_keys=house.keys.device,
            **checks,
            **times,
        ),
        identify=partial(identify, verify=verifier.verify),
        csrf=Csrf(house.keys.csrf, house.entropy),
        change_password=house.tail.after(
            partial(
                change_password,
                accounts=store,
                reauthenticate=once_more,
                passwords=house.passwords,
                mint=house.mint,
                policy=policy,
                stateless=not stored,
                **times,
            )
        ),
        choose_locale=house.tail.after(partial(choose_locale, accounts=store, **times)),
        own_data=partial(own_data, store=store, clock=house.clock),
        first_steps=partial(first_steps, store=store, clock=house.clock),
        delete_account=house.tail.after(
            partial(delete_account, accounts=store, reauthenticate=once_more, **times)
        ),
        claims=lambda grant: house.mint.claims(grant, now=house.clock()),
        jwks=house.signer.jwks,
        admit_to_feed=house.feed_tokens.admit,
        feed=_feed(house, metrics),
        chance=lambda: house.entropy(1)[0] / 255,
        ping=store.ping,
        **carried,
    )


def _verifier(house: House) -> Verifier:
    verifier = Verifier(
        issuer=house.settings.issuer,
        audience=house.settings.audience,
        keys=house.signer.source,
        feed=None,
        clock=house.clock,
    )
    verifier.start()
    return verifier


def _feed(house: House, metrics: Metrics) -> FeedPublisher:
    feed = FeedPublisher(
        house.tail,
        house.signer,
        issuer=house.settings.issuer,
        ttl=entry_horizon(house.settings),
        clock=house.clock,
        steady=system.steady,
        count=partial(metrics.count, FEED_FRAMES),
    )
    metrics.watch(feed)
    return feed


class _Times(TypedDict):
    clock: Clock
    entropy: Entropy


class _Checks(TypedDict):
    accounts: Store
    throttle: Store
    passwords: HashedPasswords


class _Newcomers(_Checks, _Times):
    addresses: EmailAddresses
    policy: PasswordPolicy


class _Carried(TypedDict):
    """The acts that differ with how sessions are kept: as rows, or (`refresh_store = "none"`) not at all."""

    refresh: Callable[[RefreshRequest], Awaitable[Refreshed]]
    bearer_of: Callable[[str], Bearer]
    authenticate: Callable[[str], Awaitable[Grant]]
    read_cookie: Callable[[str], PresentedCookie]
    read_refresh_cookie: Callable[[str], PresentedCookie]
    authenticate_cookie: Callable[[PresentedCookie], Awaitable[Grant]]
    exchange: Callable[[ExchangeRequest], Awaitable[Handed]]
    logout: Callable[[LogoutRequest], Awaitable[None]]
    list_sessions: Callable[[str], Awaitable[list[Session]]]
    revoke_session: Callable[[RevokeRequest], Awaitable[None]]


def _stored(
    house: House, verifier: Verifier, once_more: Reauthenticate, metrics: Metrics
) -> tuple[Opener, _Carried]:
    store, keys, tail = house.store, house.keys.refresh, house.tail
    lookups = SessionLookups(
        store,
        tail,
        shared=house.copies,
        max_age=copy_age(house.settings),
        count=partial(metrics.count, SESSION_LOOKUPS),
    )
    times = _Times(clock=house.clock, entropy=house.entropy)
    opener = partial(
        open_session,
        sessions=store,
        mint=house.mint,
        lifetimes=house.lifetimes,
        entropy=house.entropy,
    )
    return opener, _Carried(
        refresh=partial(
            refresh, sessions=store, mint=house.mint, keys=keys, lifetimes=house.lifetimes, **times
        ),
        bearer_of=partial(bearer_of, keys=keys),
        authenticate=partial(authenticate, verify=verifier.verify, sessions=store, clock=house.clock),
        read_cookie=partial(read_cookie, keys=house.keys.session_cookie),
        read_refresh_cookie=partial(read_refresh_cookie, keys=keys),
        authenticate_cookie=partial(
            authenticate_cookie, sessions=lookups, clock=house.clock, used=house.usage.note
        ),
        exchange=tail.after(
            partial(
                exchange,
                sessions=store,
                reauthenticate=once_more,
                mint=house.mint,
                lifetimes=house.lifetimes,
                **times,
            )
        ),
        logout=tail.after(partial(logout, sessions=store, **times)),
        list_sessions=partial(list_sessions, sessions=store, clock=house.clock),
        revoke_session=tail.after(partial(revoke_session, sessions=store, **times)),
    )


def _stateless(house: House, verifier: Verifier) -> tuple[Opener, _Carried]:
    store, signer = house.store, house.signer
    times = _Times(clock=house.clock, entropy=house.entropy)
    opener = partial(
        stateless.open_session,
        store=store,
        signer=signer,
        mint=house.mint,
        issuer=house.settings.issuer,
        lifetimes=house.lifetimes,
        entropy=house.entropy,
    )
    return opener, _Carried(
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
        read_cookie=stateless.no_session_cookie,
        read_refresh_cookie=stateless.read_refresh_cookie,
        authenticate_cookie=stateless.not_stored,
        exchange=stateless.not_stored,
        logout=partial(stateless.logout, store=store, **times),
        list_sessions=stateless.not_stored,
        revoke_session=stateless.not_stored,
    )


def _tell_of_keys(what: str, about: Mapping[str, str]) -> None:
    LOG.log(logging.WARNING if what == "signing_keys_unread" else logging.INFO, Line(what, about))


@asynccontextmanager
async def _publishing(feed: RevocationFeed, feeds: list[RevocationFeed]) -> AsyncGenerator[None]:
    async with feed.running():
        feeds[:] = [feed]
        yield


def _end_streams(feeds: Sequence[RevocationFeed]) -> None:
    for feed in feeds:
        feed.end()


def _tell_of_feed(trouble: str | None) -> None:
    again = trouble is None
    LOG.warning(Line("feed_read_again", {}) if again else Line("feed_unread", {"detail": trouble}))


def standard_features(settings: Settings, *, clock: Clock) -> list[Feature]:
    """What a server has unless somebody says otherwise."""
    # Without session rows there is no cookie, and so nobody whom a page could know.
    shown = [pages(settings, clock)] if settings.refresh_store == "database" else []
    return [browser_client(), *shown]


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock = system.clock,
    entropy: Entropy = system.entropy,
    steady: Clock = system.steady,
    features: Sequence[Feature] | None = None,
    metrics_directory: Path | None = None,
) -> Application:
    """The auth server as an ASGI application; it mounts under any path of another one.

    Args:
        settings: what `read_settings` gave; read from the environment and `sekisho.toml` if left out.
        clock: POSIX seconds; every instant that the server knows comes from it.
        entropy: random bytes; every secret and id that the server makes comes from it.
        steady: seconds that only go forward; keys that are given by reference are read again by it.
        features: true options, each with what it serves and keeps open; `standard_features` if left out.
        metrics_directory: where the workers of one server leave their counts for each other.

    Raises:
        SettingsRefused: the configuration cannot be used; every fault at once, with its fix.
    """
    chosen = load_settings(os.environ) if settings is None else settings
    plugged = standard_features(chosen, clock=clock) if features is None else features

    feeds: list[RevocationFeed] = []

    @asynccontextmanager
    async def opening() -> AsyncGenerator[ASGIApp]:
        async with AsyncExitStack() as stack:
            held = open_house(chosen, clock=clock, entropy=entropy, steady=steady)
            house = await stack.enter_async_context(held)
            await stack.enter_async_context(sweeping(house))
            await stack.enter_async_context(telling(house))
            await stack.enter_async_context(house.tail.following(_tell_of_feed))
            await stack.enter_async_context(house.keyring.following(_tell_of_keys))
            for feature in plugged:
                await stack.enter_async_context(feature.running())
            metrics = Metrics(
                worker=str(os.getpid()),
                directory=metrics_directory,
                hash_queue=house.passwords.queue,
                keys_age=house.keyring.age,
            )
            acts = bind(house, metrics)
            # Entered last, so that the streams end before anything that they read from.
            await stack.enter_async_context(_publishing(acts.feed, feeds))
            yield build_app(
                acts,
                settings=chosen,
                entropy=entropy,
                metrics=metrics,
                endpoints=[endpoint for feature in plugged for endpoint in feature.endpoints],
                routes=[route for feature in plugged for route in feature.routes],
                pages=[page for feature in plugged for page in feature.pages],
                error_page=next((each.error_page for each in plugged if each.error_page), None),
            )

    closed = closed_app(settings=chosen, entropy=entropy)
    return Application(opening, closed=closed, end_streams=partial(_end_streams, feeds))
