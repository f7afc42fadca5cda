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
#: Seconds between two looks into what changes by itself.
_EVERY = 1.0


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
    told = _Told(stage, words("sekisho.features.demo", lang), browser=browser)
    run(_serve(stage, ledger, told, until_stdin_ends=until_stdin_ends))
    return Exit.OK


@dataclass(frozen=True, slots=True)
class _Told:
    """What a person is told: where the page is, as soon as there is one; the rest when everything is up."""

    stage: DemoStage
    say: Say
    browser: bool

    @property
    def _explorer(self) -> str:
        return f"{self.stage.explorer}{PATH}"

    def page(self) -> None:
        """It can be opened, and shows that the servers are to come."""
        say = self.say
        click.echo("\n".join([say("scene.title"), "", say("wait.explorer"), f"  {self._explorer}", ""]))
        if self.browser and sys.stdout.isatty() and _has_display():
            # A thread: some browsers return only when they are closed.
            threading.Thread(target=webbrowser.open, args=(self._explorer,), daemon=True).start()

    def everything(self) -> None:
        """The servers and the accounts are there."""
        say, stage = self.say, self.stage
        servers = stage.servers()
        aya, ken = stage.people
        login = f'{{"email":"{aya[0]}","password":"{aya[1]}","mode":"token"}}'
        read = "python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])'"
        lines = [
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
            say("wait.ready"),
        ]
        click.echo("\n".join(lines))


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
    run_up = _RunUp(stage, ledger, explorer, told, _Looks(acts))
    if until_stdin_ends:
        _end_with_stdin()
    try:
        await serve_http(
            explorer,
            stage.take_explorer_sockets(),
            lifespan="off",
            ready=run_up.begin,
            signals=SIGNALS,
            stopping=explorer.end_streams,
        )
    finally:
        await run_up.end()


class _RunUp:
    """From the moment at which there is a page: the stage is set behind it, and then what happens is told."""

    def __init__(
        self, stage: DemoStage, ledger: Ledger, explorer: Explorer, told: _Told, looks: _Looks
    ) -> None:
        self._stage = stage
        self._ledger = ledger
        self._explorer = explorer
        self._told = told
        self._looks = looks
        self._setting: asyncio.Task[None] | None = None
        self._running: list[asyncio.Task[None]] = []
        self._ended = False

    def begin(self) -> None:
        """The page is there."""
        # Before the rest: while commands run on a thread, what is printed is theirs.
        self._told.page()
        self._setting = asyncio.ensure_future(self._set())

    async def _set(self) -> None:
        try:
            await asyncio.to_thread(self._stage.prepare)
        except Exception:
            if not self._ended:
                _stop()
            raise
        self._ledger.given = self._looks.given
        # What was done to set the stage is no part of what is shown.
        self._ledger.release(until=system.steady())
        self._ledger.clear()
        always = self._ledger.run(), self._looks.beside(self._stage)
        self._running = [asyncio.ensure_future(each) for each in always]
        self._explorer.is_up()
        self._told.everything()

    async def end(self) -> None:
        """Nobody watches any more.

        Raises:
            Fault: the stage could not be set.
        """
        self._ended = True
        for each in self._running:
            each.cancel()
        if self._setting is None:
            return
        if self._setting.done():
            self._setting.result()
            return
        # Whoever did not wait for it does not ask what became of it.
        await asyncio.to_thread(self._stage.close)
        await asyncio.gather(self._setting, return_exceptions=True)


class _Looks:
    """Looks for changed rows after every answer of the auth server; once for several that come together."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._answers: list[Event] = []
        self._looking: asyncio.Task[Any] | None = None

    def given(self, event: Event) -> None:
        """An event was given out: a write says whose a row is; after an answer it is there."""
        self._acts.credits.take(event)
        if event.kind == "http.response" and event.source == "auth":
            self._answers.append(event)
            if self._looking is None or self._looking.done():
                self._looking = asyncio.ensure_future(self._look())

    async def beside(self, stage: DemoStage) -> None:
        """Look now and then into what changes by itself, until cancelled: Redis lets keys expire."""
        while True:
            await asyncio.sleep(_EVERY)
            if "redis" in stage.sets():
                await self._acts.changed_beside()

    async def _look(self) -> None:
        while self._answers:
            answers, self._answers = self._answers, []
            await self._acts.changed_by_requests(answers)


def _client() -> Client:
    newest = next(each for each in browser_client().pages if isinstance(each, Asset))
    return Client(newest.media_type, newest.body)


def _end_with_stdin() -> None:
    """Stop, in good order, when the program that started us closes our stdin or ends."""

    def wait() -> None:
        sys.stdin.buffer.read()
        _stop()

    threading.Thread(target=wait, name="demo-stdin", daemon=True).start()


def _stop() -> None:
    """Stop as on a signal from outside: what is under way is finished."""
    os.kill(os.getpid(), SIGNALS[1])
