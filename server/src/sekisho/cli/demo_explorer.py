"""`sekisho demo` without `--once`: the stage, and the explorer that shows what happens on it."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import webbrowser
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sekisho.adapters import system
from sekisho.cli.demo_stage import DemoStage
from sekisho.cli.fault import Exit
from sekisho.cli.http_server import SIGNALS, run, serve_http
from sekisho.cli.wording import language, wording
from sekisho.features.browser_client.plug import browser_client
from sekisho.features.demo.scene import cast
from sekisho.features.explorer.acts import Acts
from sekisho.features.explorer.app import Client, Explorer
from sekisho.features.explorer.door import PATH
from sekisho.features.explorer.events import Event
from sekisho.features.explorer.ledger import Ledger
from sekisho.web.pages import Asset
from sekisho.words.catalogue import Say, words

_KEY_BYTES = 32


def explore(
    stack: ExitStack,
    folder: Path,
    environ: dict[str, str],
    *,
    host: str,
    port: int,
    browser: bool,
    until_stdin_ends: bool,
) -> int:
    """Set the stage up, serve the explorer until somebody presses Ctrl-C, and take everything down.

    Raises:
        Fault: `demo_failed`, or a port that cannot be had.
    """
    lang = language(environ)
    ledger = Ledger(steady=system.steady)
    stage = DemoStage(
        folder,
        environ,
        host=host,
        port=port,
        people=cast(system.entropy),
        join=ledger.join,
        say=wording(lang),
    )
    stack.callback(stage.close)
    stage.begin()
    stage.prepare()
    told = _Told(stage, words("sekisho.features.demo", lang), browser=browser)
    run(_serve(stage, ledger, told, until_stdin_ends=until_stdin_ends))
    return Exit.OK


@dataclass(frozen=True, slots=True)
class _Told:
    """What a person is told when everything is up."""

    stage: DemoStage
    say: Say
    browser: bool

    def __call__(self) -> None:
        say, stage = self.say, self.stage
        servers = stage.servers()
        aya, ken = stage.people
        login = f'{{"email":"{aya[0]}","password":"{aya[1]}","mode":"token"}}'
        read = "python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])'"
        explorer = f"{stage.explorer}{PATH}"
        lines = [
            say("scene.title"),
            "  " + say("scene.auth", url=servers["auth"].url, data=stage.settings.data),
            *("  " + say("scene.shop", name=name.upper(), url=servers[name].url) for name in ("a", "b")),
            "",
            say("wait.people"),
            *(f"  {email}  {password}" for email, password in (aya, ken)),
            "",
            say("wait.try"),
            f"  TOKEN=$(curl -s {servers['auth'].url}/v1/login -H 'Content-Type: application/json' \\",
            f"    -d '{login}' | {read})",
            f'  curl -i {servers["a"].url}/customers -H "Authorization: Bearer $TOKEN"',
            f'  curl -i {servers["b"].url}/secret -H "Authorization: Bearer $TOKEN"',
            "",
            say("wait.explorer"),
            f"  {explorer}",
            "",
            say("wait.ready"),
        ]
        click.echo("\n".join(lines))
        if self.browser and sys.stdout.isatty() and _has_display():
            # A thread: some browsers return only when they are closed.
            threading.Thread(target=webbrowser.open, args=(explorer,), daemon=True).start()


def _has_display() -> bool:
    """Whether there is a screen to open a browser on; elsewhere a text browser would take the terminal."""
    unix = sys.platform.startswith(("linux", "freebsd"))
    return not unix or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


async def _serve(stage: DemoStage, ledger: Ledger, told: _Told, *, until_stdin_ends: bool) -> None:
    acts = Acts(stage, ledger)
    explorer = Explorer(
        origin=stage.explorer,
        key=system.entropy(_KEY_BYTES).hex(),
        stage=stage,
        ledger=ledger,
        acts=acts,
        client=_client(),
    )
    looks = _Looks(acts)
    ledger.answered = looks.after
    # What was done to set the stage is no part of what is shown.
    ledger.release(until=system.steady())
    ledger.clear()
    running = asyncio.ensure_future(ledger.run())
    if until_stdin_ends:
        _end_with_stdin()
    try:
        await serve_http(
            explorer,
            stage.take_explorer_sockets(),
            lifespan="off",
            ready=told,
            signals=SIGNALS,
            stopping=explorer.end_streams,
        )
    finally:
        running.cancel()


class _Looks:
    """Looks for changed rows after every answer of the auth server; once for several that come together."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._next: Event | None = None
        self._looking: asyncio.Task[Any] | None = None

    def after(self, answer: Event) -> None:
        """An answer was given out. Of several that come together the first is taken for the cause."""
        self._next = self._next or answer
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        while self._next is not None:
            answer, self._next = self._next, None
            await self._acts.changed(answer)


def _client() -> Client:
    newest = next(each for each in browser_client().pages if isinstance(each, Asset))
    return Client(newest.media_type, newest.body)


def _end_with_stdin() -> None:
    """Stop, in good order, when the program that started us closes our stdin or ends."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), SIGNALS[1])

    threading.Thread(target=wait, name="demo-stdin", daemon=True).start()
