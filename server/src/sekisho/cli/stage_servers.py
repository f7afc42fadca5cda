"""The servers of the explorer's stage: those of the demo, each with a tap around it."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Literal

from sekisho.adapters import system
from sekisho.cli.demo_servers import write_to
from sekisho.cli.telling import tell
from sekisho.features.demo.clock import MovedClock
from sekisho.settings import Settings

if TYPE_CHECKING:
    from sekisho_verify import HmacKey, IssuerFeed
    from sekisho_verify.key_sources import KeySource

#: Seconds between two readings of the shared secret, which the operator may replace.
_SECRET_EVERY = 1.0
#: Seconds for the auth server to hand out its keys, on a machine that is busy with other things.
_PATIENCE = 50.0


@dataclass(frozen=True, slots=True)
class Watched:
    """What every server of the stage is told: its name, the clock, where it logs, the explorer's origin."""

    name: str
    clock: Path
    log: Path
    explorer: str


@dataclass(frozen=True, slots=True)
class StageShop:
    """A shop: whose tokens it takes, and whom it asks about a cookie.

    `secret` is the file of the shared secret; without one the keys are found by the issuer's name. With
    `deaf` it has no feed; otherwise it follows the issuer's, at the server `follows` if one is named.
    """

    database: Path
    issuer: str
    audience: str
    secret: Path | None
    sessions: str
    deaf: bool = False
    follows: str | None = None


def serve_stage_auth(
    settings: Settings,
    watched: Watched,
    pipe: Connection,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
) -> None:
    """The real auth server, and the way to the explorer."""
    from sekisho.cli.auth_server import serve_auth  # noqa: PLC0415 - the shops need none of the server
    from sekisho.features.explorer.door import PATH, door  # noqa: PLC0415 - same
    from sekisho.features.explorer.tap import Tap  # noqa: PLC0415 - same
    from sekisho.features.explorer.telling import telling  # noqa: PLC0415 - same

    async def page() -> str:
        return f"{watched.explorer}{PATH}"

    write_to(watched.log)
    told = telling(pipe, steady=system.steady)
    try:
        serve_auth(
            settings,
            sockets,
            ready=ready,
            signals=signals,
            clock=MovedClock(watched.clock, system.clock),
            # A skipped minute is one for the keys too: those of a store of secrets are read every minute.
            steady=MovedClock(watched.clock, system.steady),
            more=[door(settings.issuer, page)],
            around=lambda app: Tap(app, server=watched.name, tell=told, steady=system.steady),
        )
    except Exception as error:  # noqa: BLE001 - what is not an expected fault is raised again by `tell`
        sys.exit(tell(error, as_json=False))


def serve_stage_alone(
    settings: Settings,
    watched: Watched,
    pipe: Connection,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
) -> None:
    """The same server, for teaching, with a memory of its own."""
    from sekisho.features.demo.own_memory import own_memory  # noqa: PLC0415 - as above

    with own_memory(settings) as its_own:
        serve_stage_auth(its_own, watched, pipe, sockets, ready=ready, signals=signals)


def serve_stage_shop(
    shop: StageShop,
    watched: Watched,
    pipe: Connection,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
) -> None:
    """A shop that takes both: a token, which it checks by itself, and a cookie, about which it asks."""
    from starlette.middleware.cors import CORSMiddleware  # noqa: PLC0415 - for this process alone

    from sekisho.cli.http_server import run, serve_http  # noqa: PLC0415 - same
    from sekisho.features.demo.shop import create_database, shop_app  # noqa: PLC0415 - same
    from sekisho.features.explorer.examining import Examiner  # noqa: PLC0415 - same
    from sekisho.features.explorer.outgoing import tell_outgoing  # noqa: PLC0415 - same
    from sekisho.features.explorer.tap import Tap  # noqa: PLC0415 - same
    from sekisho.features.explorer.telling import telling  # noqa: PLC0415 - same
    from sekisho_verify import HmacKeySource, IssuerKeys, Verifier  # noqa: PLC0415 - same
    from sekisho_verify.session_cookies import SessionCookies  # noqa: PLC0415 - same

    write_to(watched.log)
    told = telling(pipe, steady=system.steady)
    tell_outgoing(watched.name, tell=told, steady=system.steady)
    if not shop.database.exists():
        create_database(shop.database)
    secret = shop.secret
    clock = MovedClock(watched.clock, system.clock)
    source = (
        IssuerKeys(shop.issuer)
        if secret is None
        else HmacKeySource(lambda: _shared(secret), refresh_every=_SECRET_EVERY)
    )
    verifier = Verifier(
        issuer=shop.issuer,
        audience=shop.audience,
        keys=source,
        feed=_feed(shop, source),
        clock=clock,
    )
    # Not remembered, so that every call shows what it costs.
    sessions = SessionCookies(shop.issuer, url=shop.sessions, remember=0)
    examiner = Examiner(verifier, source, clock=clock, steady=system.steady)
    # Before it says that it is ready: without keys it could say nothing of a token, check by check.
    if not examiner.start(patience=_PATIENCE):
        sys.exit(f"no keys of {shop.issuer}: {source.status.last_error}")
    name = watched.name.partition("_")[0].upper()
    guarded = shop_app(name, database=shop.database, verifier=verifier, session=sessions)
    # Starlette's types ask for its own; what stands outside of the guard gets its preflights.
    app = CORSMiddleware(
        guarded,
        allow_origins=[watched.explorer],
        allow_methods=["GET"],
        allow_headers=["Authorization"],
        allow_credentials=True,
        expose_headers=["WWW-Authenticate"],
    )
    tapped = Tap(app, server=watched.name, tell=told, steady=system.steady, examine=examiner.examine)
    run(serve_http(tapped, sockets, lifespan="on", ready=ready, signals=signals))


def _feed(shop: StageShop, keys: KeySource) -> IssuerFeed | Literal["issuer"] | None:
    """Where it hears what was revoked.

    From the server that it asks, where that is one of several: one that nobody has asked for a while lets the
    feed be, and its next look-up is one in the database, whatever stands before that.
    """
    from sekisho_verify import IssuerFeed  # noqa: PLC0415 - as above

    if shop.deaf or shop.follows is None:
        return None if shop.deaf else "issuer"
    return IssuerFeed(shop.issuer, urls=[f"{shop.follows}/v1/revocations"], keys=keys)


def _shared(file: Path) -> list[HmacKey]:
    """The keys in the file that the shop shares with the auth server: one secret, or a set of them."""
    from sekisho_verify import HmacKey, key_from_jwk  # noqa: PLC0415 - as above

    content = file.read_bytes()
    if not content.startswith(b"{"):
        return [HmacKey(content)]
    found = [key_from_jwk(each) for each in json.loads(content)["keys"]]
    return [key for key in found if isinstance(key, HmacKey)]
