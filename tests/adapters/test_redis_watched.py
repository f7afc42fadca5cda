"""What a request asks of Redis is told to its watcher: the commands as they went, and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sekisho.adapters import system, watching
from sekisho.adapters.redis_copies import RedisCopies
from sekisho.adapters.session_lookups import Copy, NoAnswer
from sekisho.rules.access import Rights
from sekisho.rules.account import Account
from sekisho.rules.opaque import MacKey, MacKeys
from sekisho.rules.session import Grant, Held
from tests.parts.redis import RedisServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

pytestmark = pytest.mark.redis

KEY = b"\x01" * 8
NAME = b"sekisho:session:" + KEY.hex().encode()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis of this file's own."""
    with RedisServer() as running:
        yield running


@pytest.fixture
async def copies(server: RedisServer) -> AsyncIterator[RedisCopies]:
    """What is between the auth server and it."""
    server.flush()
    keys = MacKeys(MacKey(b"copy", b"c" * 32))
    made = RedisCopies(server.url, keys=keys, max_age=20, steady=system.steady, patience=5)
    yield made
    await made.close()


def copy() -> Copy:
    """A session as the database had it."""
    account = Account("0190", "aya@example.com", "active", "en", 1.0)
    grant = Grant(account, "0191", 2.0, ("pwd",), 9e9, Rights((), (), (), "1.1"))
    return Copy(grant, Held("session", b"d" * 32), 3.0)


class Seen:
    """A watcher."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Keep it."""
        self.told.append((kind, facts))


async def test_commands_are_told_as_they_went(copies: RedisCopies, server: RedisServer) -> None:
    """A miss, a copy that is put there, a hit and its end: words, answer and time of each."""
    seen = Seen()
    with watching.watched(seen):
        assert await copies.get(KEY) is None
        await copies.put(KEY, copy())
        assert await copies.get(KEY) == copy()
        with server.client() as other:
            sealed = other.get(NAME)
        await copies.delete([KEY])
    await copies.get(KEY)  # which nobody watches
    assert [(kind, facts["words"], facts["answer"]) for kind, facts in seen.told] == [
        ("redis.read", (b"MGET", NAME), [None]),
        ("redis.write", (b"SET", NAME, sealed, b"PX", 20_000), True),
        ("redis.read", (b"MGET", NAME), [sealed]),
        ("redis.write", (b"DEL", NAME), 1),
    ]
    assert all(facts["ms"] > 0 for _, facts in seen.told)


async def test_a_command_without_an_answer_is_told_once(copies: RedisCopies, server: RedisServer) -> None:
    """It was sent; those of the moment in which it is left alone are not, and so nobody hears of them."""
    seen = Seen()
    server.kill()
    try:
        with watching.watched(seen):
            for _ in range(2):
                with pytest.raises(NoAnswer):
                    await copies.get(KEY)
    finally:
        server.start()
    [(kind, facts)] = seen.told
    assert (kind, facts["words"], facts["silent"]) == ("redis.read", (b"MGET", NAME), "ConnectionError")
    assert "answer" not in facts
