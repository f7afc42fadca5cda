"""The demo's servers, each in a process of its own, all on the demo's clock."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from socket import socket
from types import FrameType
from typing import Final

from sekisho.adapters import system
from sekisho.cli.telling import tell
from sekisho.features.demo.clock import MovedClock
from sekisho.settings import Settings

#: Seconds that a shop waits for the auth server, which may still be making its database.
_PATIENCE = 30.0
#: Seconds between two looks at whether a signal came that woke nobody.
_GLANCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Shop:
    """What one shop is told: its name and database, whose tokens it takes, and the shared secret if any."""

    name: str
    database: Path
    issuer: str
    audience: str
    secret: Path | None


def serve_demo_auth(
    settings: Settings,
    clock: Path,
    log: Path,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
) -> None:
    """The real auth server; only its clock is the demo's."""
    from sekisho.cli.auth_server import serve_auth  # noqa: PLC0415 - the shops need none of the server

    write_to(log)
    try:
        serve_auth(settings, sockets, ready=ready, signals=signals, clock=MovedClock(clock, system.clock))
    except Exception as error:  # noqa: BLE001 - what is not an expected fault is raised again by `tell`
        sys.exit(tell(error, as_json=False))


def serve_demo_alone(
    settings: Settings,
    clock: Path,
    log: Path,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
) -> None:
    """The same server, for teaching, with a memory of its own."""
    from sekisho.features.demo.own_memory import own_memory  # noqa: PLC0415 - as above

    with own_memory(settings) as its_own:
        serve_demo_auth(its_own, clock, log, sockets, ready=ready, signals=signals)


def serve_demo_shop(
    shop: Shop,
    clock: Path,
    log: Path,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
) -> None:
    """A shop: keys once, and from then on nothing is asked; revocations are pushed to it."""
    from sekisho.cli.http_server import run, serve_http  # noqa: PLC0415 - as above, for the demo's own process
    from sekisho.features.demo.shop import create_database, shop_app  # noqa: PLC0415 - same
    from sekisho_verify import HmacKey, Verifier, fetch_key_set  # noqa: PLC0415 - same

    write_to(log)
    create_database(shop.database)
    if shop.secret is None:
        keys = fetch_key_set(shop.issuer, timeout=_PATIENCE).keys
    else:
        keys = (HmacKey(shop.secret.read_bytes()),)
    verifier = Verifier(
        issuer=shop.issuer,
        audience=shop.audience,
        keys=keys,
        clock=MovedClock(clock, system.clock),
    )
    app = shop_app(shop.name, database=shop.database, verifier=verifier)
    run(serve_http(app, sockets, lifespan="on", ready=ready, signals=signals))


class Stop:
    """That a process is to end, told by a signal or by a thread.

    A handler interrupts whoever waits in the main thread, perhaps while he holds the lock of a
    `threading.Event`, which the handler would then wait for in vain. A `SimpleQueue` may be put into then.
    And a signal that comes just before he blocks wakes nobody: so he looks up now and then.
    """

    def __init__(self) -> None:
        self._told: Final[SimpleQueue[None]] = SimpleQueue()

    def tell(self) -> None:
        """End."""
        self._told.put(None)

    def told(self, *, within: float) -> bool:
        """Wait that many seconds at most; whether it was told."""
        try:
            self._told.get(timeout=within)
        except Empty:
            return False
        self._told.put(None)  # and it stays so
        return True

    def wait(self) -> None:
        """Wait until it was told."""
        while not self.told(within=_GLANCE):
            pass


def told_to_stop(signals: Sequence[signal.Signals]) -> Stop:
    """What is told as soon as one of these comes: for a process whose loop is none of ours."""
    over = Stop()

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        over.tell()

    for each in signals:
        signal.signal(each, stop)
    return over


def write_to(log: Path) -> None:
    """Whatever the server says goes to its own file: the terminal belongs to the story."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
