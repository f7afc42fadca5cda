"""People who log out, at an even pace, at whichever node answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from benchmarks.revocation.node import Node

#: Seconds that one waits for a node before one asks the next, as a browser's patience is long.
_PATIENCE = 20.0
_PAUSE = 0.05
#: Seconds that verifiers are told ahead, and for how many at once.
_AHEAD, _FEW = 0.3, 5


class Logouts:
    """Sessions that are to end, and when their people were told that they had.

    Args:
        nodes: asked in turns; where one does not answer, the next is.
        tokens: the access tokens, by their numbers.
        expect: told of tokens shortly before they end.
    """

    def __init__(
        self, nodes: Sequence[Node], tokens: Mapping[int, str], expect: Callable[[Mapping[int, str]], None]
    ) -> None:
        self._nodes = nodes
        self.tokens = tokens
        self._expect = expect
        self._begun: set[asyncio.Task[None]] = set()
        #: When each was answered, and what was answered that is not 204.
        self.answered: dict[int, float] = {}
        self.other: list[str] = []

    async def at_pace(self, numbers: Sequence[int], *, every: float) -> None:
        """Begin one every so many seconds, whether or not others are answered; wait for all at the end."""
        began = time.monotonic()
        # Verifiers learn a little ahead whom to expect, a few at a time: that is no part of what counts.
        ahead = round(_AHEAD / every)
        for turn in range(-ahead, len(numbers)):
            if turn % _FEW == 0:
                coming = numbers[turn + ahead : turn + ahead + _FEW]
                self._expect({number: self.tokens[number] for number in coming})
            await asyncio.sleep(began + (turn + ahead) * every - time.monotonic())
            if turn >= 0:
                self.begin(numbers[turn])
        await self.done()

    def begin(self, number: int) -> None:
        """Log out one, and do not wait."""
        task = asyncio.create_task(self._log_out(number))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def done(self) -> None:
        """Wait until all that were begun are answered."""
        while self._begun:
            await asyncio.gather(*self._begun)

    async def _log_out(self, number: int) -> None:
        turn = number
        while True:
            node = self._nodes[turn % len(self._nodes)]
            status = await _post_logout(node.port, self.tokens[number])
            if status == 204:
                self.answered[number] = time.time()
                return
            if status:
                self.other.append(f"token {number}: {status}")
            turn += 1
            await asyncio.sleep(_PAUSE)


async def _post_logout(port: int, token: str) -> int:
    """The status of the answer; 0 where there was none."""
    request = (
        f"POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        "User-Agent: sekisho-benchmarks\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        "Connection: close\r\n\r\n{}"
    )
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request.encode())
                head = await reader.readuntil(b"\r\n\r\n")
                return int(head.split(b" ", 2)[1])
            finally:
                writer.close()
    return 0
