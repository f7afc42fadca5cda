"""`sekisho serve`: the server."""

from __future__ import annotations

import ipaddress
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Never

import click
from msgspec.structs import replace

from sekisho.adapters.data_directory import write_private
from sekisho.adapters.root_secret import derive_keys, root_secrets
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.adapters.signing_keys import verifies_by_secret
from sekisho.adapters.system import entropy
from sekisho.cli.auth_server import open_once, serve_auth, serve_auth_or_tell
from sekisho.cli.explorer_process import ExplorerProcess
from sekisho.cli.fault import Exit, Fault
from sekisho.cli.first_run import FirstRun
from sekisho.cli.http_server import SIGNALS, run
from sekisho.cli.listening import listen
from sekisho.cli.options import Surroundings, examples, surroundings
from sekisho.cli.output import note
from sekisho.cli.welcome import DataFiles, look, welcome
from sekisho.cli.wording import language
from sekisho.cli.workers import serve_in_workers
from sekisho.feature import Feature
from sekisho.features.explorer.door import door
from sekisho.rules.feed_token import derived_token
from sekisho.setting_urls import issuer_at
from sekisho.settings import FILE, Settings, commented_file
from sekisho_verify.urls import LOOPBACK


@click.command(
    "serve",
    epilog=examples(
        "sekisho serve",
        "sekisho serve --data /var/lib/sekisho --workers 4",
        "SEKISHO_ISSUER=https://id.example.com sekisho serve",
    ),
)
@click.option("--host", default="localhost", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8400, show_default=True, help="0 picks one.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@surroundings
def command(here: Surroundings, *, host: str, port: int, workers: int) -> int:
    """Run the server. The first run makes the data directory, the database and the keys."""
    for number in SIGNALS:
        signal.signal(number, _stop_early)
    _refuse_open_http(here, host)
    sockets = listen(host, port, here.say)
    settings = _at_port(here.settings, sockets[0].getsockname()[1])
    address = f"{f'[{host}]' if ':' in host else host}:{sockets[0].getsockname()[1]}"
    first = FirstRun(settings, here.environ)
    more = _explorer(settings, host) if workers == 1 else []
    announce = partial(_announce, here, settings, address, look(settings), first, explorer=bool(more))
    if workers == 1:
        serve_auth(settings, sockets, ready=announce, signals=SIGNALS, opened=first.offer, more=more)
        return Exit.OK
    run(open_once(settings, first.offer))
    # Theirs alone (0700), and fresh: the counts of a server begin with it.
    with TemporaryDirectory(prefix="sekisho-metrics-") as counts:
        serve = partial(serve_auth_or_tell, Path(counts))
        return serve_in_workers(workers, serve, settings, sockets, ready=announce)


def _stop_early(number: int, frame: FrameType | None) -> Never:  # noqa: ARG001 - the signature of a handler
    """A stop before the server is up is a clean one too: what was begun is a transaction, and is undone."""
    sys.exit(Exit.OK)


def _refuse_open_http(here: Surroundings, host: str) -> None:
    """Tokens and cookies over http are for this machine alone.

    Raises:
        Fault: `http_off_loopback`, unless a proxy is named that may be speaking https in front of us.
    """
    plain = here.settings.issuer.startswith("http://")
    if plain and not _is_loopback(host) and not here.settings.trusted_proxies:
        raise Fault(
            "http_off_loopback",
            here.say("fault.http_off_loopback", host=host, issuer=here.settings.issuer),
            here.say("fix.http_off_loopback"),
        )


def _explorer(settings: Settings, host: str) -> list[Feature]:
    """The way to the explorer, where nobody but a developer on this machine can be meant."""
    # Behind a proxy everybody seems to be on this machine.
    if not settings.loopback or not _is_loopback(host) or settings.trusted_proxies:
        return []
    process = ExplorerProcess(settings.issuer)
    return [door(settings.issuer, process.find, running=process.running)]


def _is_loopback(host: str) -> bool:
    try:
        return host in LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _at_port(settings: Settings, port: int) -> Settings:
    """An issuer that nobody chose is where the server can be reached."""
    if settings.sources["SEKISHO_ISSUER"] != "default":
        return settings
    return replace(settings, issuer=issuer_at(port))


def _announce(
    here: Surroundings,
    settings: Settings,
    address: str,
    before: DataFiles,
    first: FirstRun,
    *,
    explorer: bool,
) -> None:
    if not before.modes and settings.data.is_dir():
        # Somewhere to write settings down, with what each means; nothing in it is set.
        with suppress(FileExistsError):
            text = commented_file(language(here.environ))
            write_private(settings.data / FILE, text.encode())
    shared = settings.refresh_store == "none" and verifies_by_secret(
        settings, secrets=Secrets(sources(here.environ))
    )
    if settings.feed_token is None and not settings.loopback:
        # Apart from the rest: it is a secret, and what is on stdout is often kept.
        note(here.say("serve.feed_token", token=_feed_token(here, settings)))
    after = look(settings)
    welcome(settings, address, before, after, shared=shared, explorer=explorer, first=first, say=here.say)


def _feed_token(here: Surroundings, settings: Settings) -> str:
    roots = root_secrets(
        settings.root_secret,
        settings.root_secret_previous,
        data=settings.data,
        secrets=Secrets(sources(here.environ)),
        entropy=entropy,
    )
    return derived_token(derive_keys(roots.current).feed)
