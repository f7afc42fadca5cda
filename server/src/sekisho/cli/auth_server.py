"""The auth server on sockets that are already there: what `serve`, its workers and the demo run."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from socket import socket

from sekisho.adapters import system
from sekisho.cli.http_server import run, serve_http
from sekisho.cli.telling import tell
from sekisho.compose import create_app, standard_features
from sekisho.feature import Feature
from sekisho.ports import Clock
from sekisho.settings import Settings
from sekisho.web import logs
from sekisho.web.asgi import ASGIApp


async def _nothing_more() -> None:
    """What most servers do once they are open."""


def _as_it_is(app: ASGIApp) -> ASGIApp:
    """Around most servers there is nothing."""
    return app


def serve_auth(
    settings: Settings,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
    clock: Clock = system.clock,
    steady: Clock = system.steady,
    metrics_directory: Path | None = None,
    opened: Callable[[], Awaitable[None]] = _nothing_more,
    more: Sequence[Feature] = (),
    around: Callable[[ASGIApp], ASGIApp] = _as_it_is,
) -> None:
    """Open everything, serve until a signal asks to stop, and close it.

    `opened` is awaited when everything is open and nobody is served yet. `more` are features beside those
    that every server has; `around` gives what answers in the place of the server and lets it answer.
    Several processes that serve together share `metrics_directory`: any of them then tells the counts of all.

    Raises:
        SettingsRefused, Refusal: it cannot be opened, with the fix.
    """

    async def serve() -> None:
        features = [*standard_features(settings, clock=clock), *more]
        app = create_app(
            settings, clock=clock, steady=steady, features=features, metrics_directory=metrics_directory
        )
        # Not by the lifespan protocol: what that reports of a fault is a text without its fix.
        await app.open()
        try:
            await opened()
            await serve_http(
                around(app), sockets, lifespan="off", ready=ready, signals=signals, stopping=app.end_streams
            )
        finally:
            await app.close()

    logs.configure(settings.log_format)
    # Alembic tells its whole inner life at this level.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    run(serve())


async def open_once(settings: Settings, opened: Callable[[], Awaitable[None]]) -> None:
    """Make what a first run makes and meet every fault: once and here, not once in each worker."""
    app = create_app(settings)
    await app.open()
    try:
        await opened()
    finally:
        await app.close()


def serve_auth_or_tell(
    metrics_directory: Path,
    settings: Settings,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
) -> None:
    """The same in a process of its own, with nobody above it to report a fault to."""
    try:
        serve_auth(settings, sockets, ready=ready, signals=signals, metrics_directory=metrics_directory)
    except Exception as error:  # noqa: BLE001 - what is not an expected fault is raised again by `tell`
        sys.exit(tell(error, as_json=False))
