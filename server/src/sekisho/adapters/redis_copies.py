"""Copies of sessions in Redis or Valkey, standalone or Cluster (redis-py, asyncio).

It holds nothing that cannot be rebuilt, and nobody waits for it: an answer that does not come in time is
none, and after one that did not come it is left alone for a second. Each copy is sealed, so whoever
writes to Redis cannot make a session, and each carries its age, so one that Redis lost and found again is not
believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Sequence
from contextlib import suppress
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from sekisho.adapters import watching
from sekisho.adapters.redis_reads import SharedReads
from sekisho.adapters.session_lookups import Copy, NoAnswer
from sekisho.ports import Clock
from sekisho.rules.opaque import KEY_ID_BYTES, MAC_BYTES, MacKeys
from sekisho_verify.revocations.entries import Entry

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster

T = TypeVar("T")

#: Seconds that an answer may take: a look-up in the database takes about as long.
PATIENCE: Final = 0.1
#: Seconds for which it is left alone after it did not answer.
REST: Final = 1.0
#: How the names of its keys begin.
PREFIX: Final = b"sekisho:session:"
_LABEL: Final = "session copy"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Copy).decode


class RedisCopies:
    """`session_lookups.SharedCopies`.

    Args:
        url: `redis://`, `rediss://`, `redis+cluster://` or `rediss+cluster://`.
        keys: seal the copies.
        max_age: seconds for which a copy is kept.
        steady: seconds on a clock that only goes forward.
        patience: seconds that an answer may take.

    Raises:
        ModuleNotFoundError: redis-py is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        keys: MacKeys,
        max_age: float,
        steady: Clock,
        patience: float = PATIENCE,
    ) -> None:
        self._client: Final = _client(url, patience)
        self._read: Final = self._value if _is_cluster(url) else SharedReads(self._values).get
        self._keys: Final = keys
        self._milliseconds: Final = int(max_age * 1000)
        self._steady: Final = steady
        self._patience: Final = patience
        self._rests_until = float("-inf")

    async def get(self, key: bytes) -> Copy | None:
        """The copy under that key; none where there is none, or it is not ours.

        Raises:
            NoAnswer: as `put` does.
        """
        sealed = await self._read(_name(key))
        return None if not isinstance(sealed, bytes) else self._unseal(key, sealed)

    async def put(self, key: bytes, copy: Copy) -> None:
        """Keep one, for `max_age`."""
        name, sealed, px = _name(key), self._seal(key, copy), self._milliseconds
        await self._ask("redis.write", self._client.set(name, sealed, px=px), b"SET", name, sealed, b"PX", px)

    async def delete(self, keys: Sequence[bytes]) -> None:
        """Forget some. One command each: in a cluster they lie on different nodes.

        Raises:
            NoAnswer: as `get` does.
        """
        for key in keys:
            name = _name(key)
            await self._ask("redis.write", self._client.delete(name), b"DEL", name)

    async def ended(self, entries: Collection[Entry]) -> None:
        """Forget the sessions that these entries end. What cannot be forgotten just now is not believed."""
        with suppress(NoAnswer):
            await self.delete([entry.key for entry in entries if entry.kind == "session"])

    async def answers(self) -> bool:
        """Whether it is there."""
        try:
            await self._value(PREFIX)
        except NoAnswer:
            return False
        return True

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()

    async def _value(self, name: bytes) -> object:
        return await self._ask("redis.read", self._client.get(name), b"GET", name)

    async def _values(self, names: Sequence[bytes]) -> Sequence[object]:
        # Asked for together, it is told to whoever watches the first of them: there was one command.
        return await self._ask("redis.read", self._client.mget(names), b"MGET", *names)

    async def _ask(self, kind: watching.Kind, command: Awaitable[T], *words: bytes | int) -> T:
        """The answer to a command; `words` are what it is made of, for who watches."""
        began = self._steady()
        if began < self._rests_until:
            close = getattr(command, "close", None)
            if close is not None:
                close()
            raise NoAnswer("left alone for a moment")
        try:
            async with asyncio.timeout(self._patience):
                answer = await command
        except Exception as fault:  # noqa: BLE001 - of whatever kind: the database has the answer
            self._rests_until = self._steady() + REST
            if (watcher := watching.current()) is not None:
                watcher(kind, {"words": words, "silent": type(fault).__name__, "ms": self._since(began)})
            raise NoAnswer(f"{type(fault).__name__}: {fault}") from None
        if (watcher := watching.current()) is not None:
            watcher(kind, {"words": words, "answer": answer, "ms": self._since(began)})
        return answer

    def _since(self, began: float) -> float:
        return round((self._steady() - began) * 1000, 3)

    def _seal(self, key: bytes, copy: Copy) -> bytes:
        body, mac = _encode(copy), self._keys.current
        return mac.id + mac.mac(_LABEL, key + body) + body

    def _unseal(self, key: bytes, sealed: bytes) -> Copy | None:
        mac = self._keys.find(sealed[:KEY_ID_BYTES])
        seal, body = sealed[KEY_ID_BYTES : KEY_ID_BYTES + MAC_BYTES], sealed[KEY_ID_BYTES + MAC_BYTES :]
        if mac is None or not compare_digest(mac.mac(_LABEL, key + body), seal):
            return None
        try:
            return _decode(body)
        except msgspec.DecodeError:
            return None  # of another release


def _name(key: bytes) -> bytes:
    return PREFIX + key.hex().encode()


def _is_cluster(url: str) -> bool:
    return "+cluster" in urlsplit(url).scheme


def _client(url: str, patience: float) -> Redis | RedisCluster:
    # Each command is bounded as a whole by us; a second time-out for each read would cost as much again.
    timeouts: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": patience}
    from redis import asyncio as redis  # noqa: PLC0415 - an optional dependency

    if _is_cluster(url):
        return redis.RedisCluster.from_url(url.replace("+cluster", "", 1), **timeouts)
    client: Redis = redis.Redis.from_url(url, **timeouts)  # pyright: ignore[reportUnknownMemberType] -- its **kwargs
    return client
