"""The ledger: the order of what happened, and who did it for whose sake."""

from __future__ import annotations

import asyncio
from multiprocessing import Pipe
from typing import Any

import pytest

from sekisho.features.explorer.events import Event
from sekisho.features.explorer.ledger import KEPT, Ledger, Origin
from sekisho.features.explorer.telling import Source, printable, telling


class Clock:
    """Stands still until it is moved."""

    now = 50.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def asked(server: str, name: str, at: float, **more: object) -> dict[str, Any]:
    """A request as a tap tells it."""
    return {
        "kind": "http.request",
        "server": server,
        "id": name,
        "at": at,
        "client": ["127.0.0.1", 1],
        "method": "GET",
        "path": "/products",
        "preflight": False,
        "lane": None,
        "act": None,
        "cookie": None,
        "credential": None,
        "raw": "GET /products HTTP/1.1\r\n\r\n",
        **more,
    }


def answered(server: str, name: str, at: float) -> dict[str, Any]:
    """Its answer."""
    return {
        "kind": "http.response",
        "server": server,
        "id": name,
        "at": at,
        "status": 200,
        "code": None,
        "ms": 1.0,
        "raw": "HTTP/1.1 200 OK\r\n\r\n",
    }


def released(ledger: Ledger) -> list[Event]:
    """Everything, in the order in which it is given out."""
    ledger.release(until=1000.0)
    return ledger.after(0)


def test_what_happened_earlier_comes_first_whoever_told_it() -> None:
    """Records of several processes arrive in any order; the time on each decides."""
    ledger = Ledger(steady=Clock())
    for record in (answered("a", "a-1", 50.4), asked("b", "b-1", 50.2), asked("a", "a-1", 50.1)):
        ledger.take(record)
    events = released(ledger)
    assert [(event.kind, event.to, event.t) for event in events] == [
        ("http.request", "a", 0.1),
        ("http.request", "b", 0.2),
        ("http.response", "browser", 0.4),
    ]
    assert [event.seq for event in events] == [1, 2, 3]


def test_a_shops_question_belongs_to_the_call_with_the_same_cookie() -> None:
    """The shop is known by its address; act and lane are those of whoever waits for it."""
    ledger = Ledger(steady=Clock())
    ledger.take(asked("b", "b-1", 50.1, cookie="of aya", act="s1", lane="session"))
    ledger.take(asked("b", "b-2", 50.1, cookie="of ken", act="s2", lane="session"))
    ledger.take({"kind": "outgoing", "server": "b", "at": 50.2, "client": ["127.0.0.1", 7]})
    ledger.take(asked("auth", "auth-1", 50.3, cookie="of ken", client=["127.0.0.1", 7], path="/v1/session"))
    ledger.take({"kind": "db.read", "server": "auth", "at": 50.4, "for": "auth-1", "facts": {"rows": 1}})
    ledger.take(answered("auth", "auth-1", 50.5))
    question, read, answer = released(ledger)[2:]
    assert (question.source, question.to, question.act, question.lane) == ("b", "auth", "s2", "session")
    assert question.msg.id == "ev.ask"
    assert (read.source, read.to, read.act, read.refs["for"]) == ("auth", "db", "s2", "auth-1")
    assert (answer.source, answer.to, answer.act) == ("auth", "b", "s2")


def test_an_address_tells_of_one_request_only() -> None:
    """Ports are used again: the next request from it is a browser's, and an old word counts for nothing."""
    ledger = Ledger(steady=Clock())
    ledger.expect(("127.0.0.1", 1), Origin("thief", act="t1"))
    ledger.take(asked("a", "a-1", 50.1))
    ledger.take(asked("a", "a-2", 50.2))
    ledger.take({"kind": "outgoing", "server": "b", "at": 50.3, "client": ["127.0.0.1", 1]})
    ledger.take(asked("a", "a-3", 60.0))
    assert [(event.source, event.act) for event in released(ledger)] == [
        ("thief", "t1"),
        ("browser", None),
        ("browser", None),
    ]


def test_another_process_stands_where_its_kind_stands() -> None:
    """`b_alone` is a B; the record says which process it was."""
    ledger = Ledger(steady=Clock())
    ledger.take(asked("b_alone", "x", 50.1))
    event = released(ledger)[0]
    assert (event.to, event.refs["server"]) == ("b", "b_alone")


def test_a_page_that_comes_back_gets_what_is_kept() -> None:
    """The last 500; their numbers go on, also when the rest is forgotten."""
    ledger = Ledger(steady=Clock())
    for number in range(KEPT + 20):
        ledger.take(asked("a", f"a-{number}", 50.0 + number / 1000))
    events = released(ledger)
    assert [events[0].seq, events[-1].seq, len(events)] == [21, KEPT + 20, KEPT]
    ledger.clear()
    assert ledger.after(0) == []
    ledger.take(asked("a", "later", 60.0))
    assert [event.seq for event in released(ledger)] == [KEPT + 21]


async def test_nothing_is_given_out_before_every_process_has_told() -> None:
    """A slow process holds the order back until it answers; one that has ended holds back nothing."""
    clock = Clock()
    ledger = Ledger(steady=clock)
    quick, slow = Pipe(), Pipe()
    tell = telling(quick[1], steady=clock)
    for ours in (quick[0], slow[0]):
        ledger.join(Source(ours))
    running = asyncio.ensure_future(ledger.run())
    try:
        tell(asked("a", "a-1", 49.9))
        assert await asyncio.to_thread(slow[1].recv_bytes) == b"?"
        assert ledger.after(0) == []
        slow[1].close()
        await asyncio.wait_for(ledger.wait(0), 30)
        assert [event.id for event in ledger.after(0)] == ["a-1"]
    finally:
        running.cancel()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(b"\x00\xff", "x'00ff'"), (b"a" * 65, f"x'{'61' * 64}…'"), ("text", "text"), (None, None), (1.5, 1.5)],
)
def test_bytes_are_shown_in_hexadecimal(value: object, shown: object) -> None:
    """A digest in a row is no text, and a long one is cut."""
    assert printable(value) == shown
