"""Lines of requests are written together, and nothing is lost or out of order for it."""

from __future__ import annotations

import asyncio
import io
import logging
from typing import TYPE_CHECKING

import pytest

from sekisho.web.log_stream import LATE, Together

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = logging.getLogger("tests.requests")
OTHERS = logging.getLogger("tests.others")


class Stream(io.StringIO):
    """A stream that tells when it is written to, and what."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: asyncio.Queue[str] = asyncio.Queue()

    def write(self, text: str) -> int:
        """Keep it apart as well."""
        self.writes.put_nowait(text)
        return super().write(text)


@pytest.fixture
def stream() -> Iterator[Stream]:
    """What both loggers write to, by one handler."""
    stream = Stream()
    handler = Together(stream, patient=REQUESTS)
    for logger in (REQUESTS, OTHERS):
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    yield stream
    for logger in (REQUESTS, OTHERS):
        logger.removeHandler(handler)
    handler.close()


async def test_requests_are_written_together(stream: Stream) -> None:
    """In one write, soon, and again for those that come afterwards."""
    for expected in ("a\nb\n", "c\n"):
        for line in expected.split():
            REQUESTS.info(line)
        assert stream.writes.empty()
        assert await asyncio.wait_for(stream.writes.get(), timeout=100 * LATE) == expected
    assert stream.getvalue() == "a\nb\nc\n"


async def test_every_other_line_is_written_at_once(stream: Stream) -> None:
    """And with it the requests that came before it, in their order."""
    REQUESTS.info("first")
    OTHERS.info("second")
    assert stream.getvalue() == "first\nsecond\n"


def test_without_a_loop_nothing_waits(stream: Stream) -> None:
    """Nobody would come back to write it."""
    REQUESTS.info("a")
    assert stream.getvalue() == "a\n"


def test_a_loop_that_has_ended_keeps_nothing_back(stream: Stream) -> None:
    """What it was to write is written by the next one, and at the end of the process by nobody's loop."""

    async def leave(line: str) -> None:
        REQUESTS.info(line)

    async def stay(line: str) -> str:
        REQUESTS.info(line)
        return await asyncio.wait_for(stream.writes.get(), timeout=100 * LATE)

    asyncio.run(leave("a"))
    assert asyncio.run(stay("b")) == "a\nb\n"
    asyncio.run(leave("c"))
    REQUESTS.handlers[0].flush()
    assert stream.getvalue() == "a\nb\nc\n"


def test_a_stream_that_is_gone_stops_no_work(stream: Stream, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever logs does not see the error."""
    stream.close()
    OTHERS.info("a")
    assert "--- Logging error ---" in capsys.readouterr().err
