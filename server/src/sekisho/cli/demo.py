"""`sekisho demo`: the auth server and two shops on a temporary directory that is gone afterwards."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from socket import socket
from types import FrameType
from typing import Never

import click

from sekisho.adapters import system
from sekisho.adapters.data_directory import write_private
from sekisho.adapters.settings_file import load_settings
from sekisho.cli import output
from sekisho.cli.demo_folder import temporary_folder
from sekisho.cli.demo_servers import Shop, serve_demo_alone, serve_demo_auth, serve_demo_shop
from sekisho.cli.fault import Exit, Fault
from sekisho.cli.http_server import SIGNALS
from sekisho.cli.listening import listen
from sekisho.cli.main import run
from sekisho.cli.options import Given, examples
from sekisho.cli.processes import Child, stop_all
from sekisho.cli.wording import language, wording
from sekisho.features.demo.clock import ClockHand, MovedClock
from sekisho.features.demo.scene import Scene, cast
from sekisho.features.demo.story import tell
from sekisho.features.demo.transcript import Transcript
from sekisho.features.demo.two_servers import SecondServers
from sekisho.settings import Settings
from sekisho.words.catalogue import Say, words

ALGS = ("HS256", "ES256", "EdDSA", "RS256", "PS256")

#: Seconds for three servers to start on a machine that is busy with other things.
_PATIENCE = 60.0
_SECRET_BYTES = 32
_LOG_LINES = 20


@click.command(
    "demo",
    epilog=examples(
        "sekisho demo",
        "sekisho demo --once",
        "sekisho demo --once --alg ES256 --lang ja",
        "sekisho demo --port 8400",
    ),
)
@click.option("--once", is_flag=True, help="Tell the whole story, and exit 0 only if every step behaved.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_532),
    default=0,
    show_default="free ones",
    help="Port of the auth server; the shops and the explorer take the next three.",
)
@click.option(
    "--alg",
    type=click.Choice(ALGS),
    default="HS256",
    show_default=True,
    help="How tokens are signed with --once.",
)
@click.option("--lang", type=click.Choice(["en", "ja"]), help="Language of the story.  [default: from LANG]")
@click.option(
    "--host",
    type=click.Choice(["localhost", "127.0.0.1"]),
    default="localhost",
    show_default=True,
    help="Name of this machine in every URL of the explorer.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the explorer in a browser.")
@click.option("--until-stdin-ends", is_flag=True, hidden=True, help="For a program that started it.")
def command(
    *,
    once: bool,
    port: int,
    alg: str,
    lang: str | None,
    host: str,
    no_browser: bool,
    until_stdin_ends: bool,
) -> int:
    """Run everything on a temporary directory, to be watched: the auth server, shops A and B, the explorer.

    The explorer shows every request that really happens between them; --once tells a story of them instead.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")}
    environ["SEKISHO_LANG"] = lang or language(os.environ)
    with _signals_interrupt(), temporary_folder() as folder, ExitStack() as stack:
        if once:
            stage = _set_up(stack, folder, environ, port=port, alg=alg)
            return _tell_once(stage, _second_servers(stage))
        # The explorer and its parts are nothing that the story needs.
        from sekisho.cli.demo_explorer import explore  # noqa: PLC0415 - see above

        return explore(
            stack,
            folder,
            environ,
            host=host,
            port=port,
            browser=not (no_browser or until_stdin_ends),
            until_stdin_ends=until_stdin_ends,
        )


@contextmanager
def _signals_interrupt() -> Generator[None]:
    """Ended by whoever started it, it cleans up as after Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> Never:  # noqa: ARG001 - the signature of a handler
        raise KeyboardInterrupt

    # Both, as `serve`: a shell without job control starts what runs in the background with SIGINT ignored.
    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, slots=True)
class _Stage:
    """The servers, up and running, and what moves them."""

    settings: Settings
    environ: dict[str, str]
    shops: tuple[str, str]
    servers: list[Child]
    clock: Path
    hand: ClockHand
    folder: Path
    say: Say

    def scene(self, transcript: Transcript) -> Scene:
        return Scene(
            auth=self.settings.issuer,
            shop_a=self.shops[0],
            shop_b=self.shops[1],
            grace=self.settings.refresh_grace,
            people=cast(system.entropy),
            forward=self.hand.forward,
            steady=system.steady,
            operate=self._operate,
            entropy=system.entropy,
            say=self.say,
            transcript=transcript,
        )

    def _operate(self, command: list[str]) -> None:
        """Run a command of ours on the demo's data directory, beside the server that is running on it."""
        with redirect_stderr(StringIO()) as said:
            code = run(command, Given(self.environ, MovedClock(self.clock, system.clock)))
        if code != Exit.OK:
            raise Fault("demo_failed", f"sekisho {' '.join(command)}: {said.getvalue().strip()}")


def _set_up(stack: ExitStack, folder: Path, environ: dict[str, str], *, port: int, alg: str) -> _Stage:
    """Start the three servers, and stop them with the stack."""
    say = words("sekisho.features.demo", language(environ))
    cli_say = wording(language(environ))
    listening = [listen("localhost", port and port + place, cli_say) for place in range(3)]
    urls = [_url(sockets) for sockets in listening]
    secret = folder / "shared-secret" if alg.startswith("HS") else None
    environ |= {"SEKISHO_DATA": str(folder / "auth"), "SEKISHO_ISSUER": urls[0]}
    environ["SEKISHO_ROOT_SECRET"] = _made_secret(folder / "root-secret")
    if secret is None:
        environ["SEKISHO_SIGNING_ALG"] = alg
    else:
        environ["SEKISHO_SIGNING_KEY"] = _made_secret(secret)
    settings = load_settings(environ)
    clock = folder / "clock"
    hand = ClockHand(clock)
    servers = [Child(serve_demo_auth, settings, clock, folder / "auth.log", listening[0])]
    for name, sockets in zip("AB", listening[1:], strict=True):
        shop = Shop(name, folder / f"shop-{name}.db", urls[0], settings.audience, secret)
        servers.append(Child(serve_demo_shop, shop, clock, folder / f"shop-{name}.log", sockets))
    stack.callback(stop_all, servers)
    _close(listening)
    _wait_for(servers, folder, cli_say)
    return _Stage(settings, environ, (urls[1], urls[2]), servers, clock, hand, folder, say)


def _second_servers(stage: _Stage) -> SecondServers:
    """Start two servers B while the story is told, and give what waits for them and tells their URLs."""
    cli_say = wording(language(stage.environ))
    alone, sharing = listening = [listen("localhost", 0, cli_say) for _ in range(2)]
    servers = [
        Child(serve_demo_alone, stage.settings, stage.clock, stage.folder / "auth-alone.log", alone),
        Child(serve_demo_auth, stage.settings, stage.clock, stage.folder / "auth-sharing.log", sharing),
    ]
    stage.servers.extend(servers)
    places = _url(alone), _url(sharing)
    _close(listening)

    def urls() -> tuple[str, str]:
        _wait_for(servers, stage.folder, cli_say)
        return places

    return urls


def _made_secret(file: Path) -> str:
    """The reference of a secret that is made here."""
    # As text: the server drops one trailing newline of a secret file, which random bytes could end with.
    write_private(file, system.entropy(_SECRET_BYTES).hex().encode())
    return f"file:{file}"


def _url(sockets: list[socket]) -> str:
    return f"http://localhost:{sockets[0].getsockname()[1]}"


def _wait_for(servers: list[Child], folder: Path, say: Say) -> None:
    if not all(server.is_ready(within=_PATIENCE) for server in servers):
        raise Fault("demo_failed", say("fault.demo_start"), _logs(folder))


def _close(listening: list[list[socket]]) -> None:
    """The children have them now; a parent that kept them open would keep dead servers' callers waiting."""
    for sockets in listening:
        for opened in sockets:
            opened.close()


def _logs(folder: Path) -> str:
    lines = [line for log in sorted(folder.glob("*.log")) for line in log.read_text("utf-8").splitlines()]
    return "\n".join(lines[-_LOG_LINES:])


def _heading(stage: _Stage) -> list[str]:
    say = stage.say
    shops = [say("scene.shop", name=name, url=url) for name, url in zip("AB", stage.shops, strict=True)]
    signed = say(
        "scene.hs256" if stage.settings.signing_key else "scene.pair", alg=stage.settings.signing_alg
    )
    auth = say("scene.auth", url=stage.settings.issuer, data=stage.settings.data)
    return [auth, *shops, "", signed]


def _tell_once(stage: _Stage, second_servers: SecondServers) -> int:
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    transcript = Transcript(click.echo, colour=colour)
    transcript.heading(
        stage.say("scene.title"), [*_heading(stage), stage.say("scene.shown"), stage.say("scene.clock")]
    )
    if tell(stage.scene(transcript), second_servers):
        return Exit.OK
    output.note(_logs(stage.folder))
    return Exit.FAILED
