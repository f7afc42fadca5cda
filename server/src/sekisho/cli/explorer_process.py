"""The explorer beside a `serve` on loopback: one `sekisho demo` of its own, from the first visit to the end.

It shares nothing with the server: directory, keys, issuer and ports are the sandbox's, and it is found under
the other name of this machine, so that the two never see each other's cookies.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from sekisho.rules.refusals import Refusal

#: Seconds until the stage is set up, on a machine that is busy with other things, and until it is taken down.
_PATIENCE = 60.0
#: Variables that it is given, and beginnings of such names. Others may be secrets, of us or of anybody.
_GIVEN = frozenset(
    {"HOME", "LANG", "LANGUAGE", "PATH", "SEKISHO_LANG", "TEMP", "TMP", "TMPDIR", "VIRTUAL_ENV"}
)
_GIVEN_KINDS = ("LC_", "PYTHON")
_URL = re.compile(rb"http://[^ /]+/explore")


class ExplorerProcess:
    """Started by whoever asks first.

    Args:
        issuer: of the server beside which it runs.
    """

    def __init__(self, issuer: str) -> None:
        self._host = "127.0.0.1" if urlsplit(issuer).hostname == "localhost" else "localhost"
        self._process: Process | None = None
        self._attempt: asyncio.Future[str] | None = None

    async def find(self) -> str:
        """The address of its page. Whoever comes while it starts shares that start, and what becomes of it.

        Raises:
            Refusal: `unavailable`: it does not start.
        """
        if self._attempt is None or (self._attempt.done() and not self._is_up()):
            self._attempt = asyncio.ensure_future(self._bring_up())
            # A failure is for those who wait; where all of them have gone, for nobody.
            self._attempt.add_done_callback(_seen)
        # One who goes away takes nothing from the others.
        return await asyncio.shield(self._attempt)

    def _is_up(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _bring_up(self) -> str:
        self._process = await self._start()
        try:
            return await self._told(self._process)
        except BaseException:
            await _end(self._process)
            raise

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """It ends with the server."""
        try:
            yield
        finally:
            if self._attempt is not None and not self._attempt.done():
                self._attempt.cancel()
                await asyncio.wait([self._attempt])
            if self._process is not None:
                await _end(self._process)

    async def _start(self) -> Process:
        # It ends when its stdin does: then it ends even where this process is killed. A session of its own,
        # so that Ctrl-C reaches it by us alone. And `-P`: with `-m` alone a package of our name that lies
        # where we were started would run in the place of ours (CWE-427).
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "sekisho", "demo", "--until-stdin-ends", "--host", self._host),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            start_new_session=True,
            env={
                name: value
                for name, value in os.environ.items()
                if name in _GIVEN or name.startswith(_GIVEN_KINDS)
            },
        )

    async def _told(self, process: Process) -> str:
        """What it says when it is up."""
        if process.stdout is None:
            raise RuntimeError("it was started with a pipe")
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                async for line in process.stdout:
                    found = _URL.search(line)
                    if found is not None:
                        return found[0].decode()
        raise Refusal("unavailable", "the explorer does not start: see `sekisho demo`")


def _seen(attempt: asyncio.Future[str]) -> None:
    if not attempt.cancelled():
        attempt.exception()


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    except TimeoutError:
        process.kill()
