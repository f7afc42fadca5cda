"""What the processes of the stage tell, put in order, joined, and handed to whoever watches.

Every record carries the time of the machine's one steady clock. It is held back until every process has said
that it has told all that happened there before; so the order is that of the events, however busy the machine.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Any, Final

from sekisho.features.explorer.events import (
    OPERATIONS,
    REQUESTS,
    SHOPS,
    Actor,
    Event,
    Kind,
    Lane,
    Message,
    actor_of,
)
from sekisho.features.explorer.telling import Record, Source
from sekisho.ports import Clock

#: Seconds between two questions, and those for which a process that gives no answer is waited for.
_EVERY: Final = 0.02
_AT_MOST: Final = 1.0
#: Events that are kept for a page that comes later, or comes back.
KEPT: Final = 500
#: Seconds after which a port says nothing any more of who asks from it.
_SOON: Final = 5.0
#: How many announced requests are waited for; some never come.
_ORIGINS: Final = 1000


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sends a request, and what for."""

    actor: Actor
    server: str | None = None
    lane: Lane | None = None
    act: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose answer is still to come."""

    origin: Origin
    server: str
    method: str
    path: str
    cookie: str | None = field(repr=False)


class Ledger:
    """Takes records on any thread; gives events in one event loop.

    Args:
        steady: gives seconds on the clock of the records.
    """

    def __init__(self, *, steady: Clock) -> None:
        self.began: Final = steady()
        self._steady: Final = steady
        #: Told of every event, once it has been given out.
        self.given: Callable[[Event], None] = _nobody
        self._held: Final[list[tuple[float, int, Record]]] = []
        self._arrivals: Final = count()
        self._lock: Final = Lock()
        self._sources: Final[list[Source]] = []
        self._origins: Final[dict[tuple[str, int], tuple[float, Origin]]] = {}
        self._asked: Final[dict[str, _Asked]] = {}
        self._ring: Final[deque[Event]] = deque(maxlen=KEPT)
        self._more = asyncio.Event()
        self._released = asyncio.Event()
        self._whole_until = self._wanted_until = float("-inf")
        self.seq = 0

    def take(self, record: Record) -> None:
        """Put one in its place. On any thread."""
        with self._lock:
            heapq.heappush(self._held, (record["at"], next(self._arrivals), record))

    def tell(self, kind: Kind, **facts: object) -> None:
        """The same for what the manager does itself, now."""
        self.take({"kind": kind, "server": "", "at": self._steady(), **facts})

    def expect(self, client: tuple[str, int], origin: Origin) -> None:
        """Say beforehand who sends the next request from that address."""
        self.expect_at(client, origin, at=self._steady())

    def join(self, source: Source) -> None:
        """Listen to one more process, as long as it lives."""
        self._sources.append(source)
        source.listen(self.take)

    async def run(self) -> None:
        """Give out what is known to be whole, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            if self._held or self._whole_until < self._wanted_until:
                self._sources[:] = [source for source in self._sources if not source.gone]
                for source in self._sources:
                    source.ask()
                now = self._steady()
                known = min((source.known_until for source in self._sources), default=now)
                self.release(until=max(known, now - _AT_MOST))

    async def whole(self) -> None:
        """Return when what has happened up to now has been given out: within a second, whoever is silent."""
        now = self._wanted_until = self._steady()
        while self._whole_until < now:
            await self._released.wait()

    def release(self, *, until: float) -> None:
        """Give out what happened up to then."""
        self._whole_until = until
        released, self._released = self._released, asyncio.Event()
        released.set()
        due: list[Record] = []
        with self._lock:
            while self._held and self._held[0][0] <= until:
                due.append(heapq.heappop(self._held)[2])
        for record in due:
            self._give(record)

    def clear(self) -> None:
        """Forget what has happened; numbers go on."""
        self._ring.clear()

    def after(self, seq: int) -> list[Event]:
        """Every event with a higher number, of those that are kept."""
        return [event for event in self._ring if event.seq > seq]

    async def wait(self, seq: int) -> None:
        """Return when there is an event with a higher number."""
        while self.seq <= seq:
            await self._more.wait()

    def _give(self, record: Record) -> None:
        if record["kind"] == "outgoing":
            server = record["server"]
            self.expect_at(_address(record), Origin(actor_of(server), server), at=record["at"])
            return
        event = self._event(record)
        if event is None:
            return
        self._ring.append(event)
        more, self._more = self._more, asyncio.Event()
        more.set()
        self.given(event)

    def expect_at(self, client: tuple[str, int], origin: Origin, *, at: float) -> None:
        """The same as `expect`, from then on."""
        self._origins[client] = at, origin
        while len(self._origins) > _ORIGINS:
            del self._origins[next(iter(self._origins))]

    def _event(self, record: Record) -> Event | None:
        kind = record["kind"]
        if kind in {"http.request", "feed.request"}:
            return self._request(record)
        if kind in {"http.response", "feed.response"}:
            return self._response(record)
        if kind == "gone":
            self._asked.pop(record["id"], None)
            return None
        return self._during(record) if "for" in record else self._own(record)

    def _request(self, record: Record) -> Event:
        origin = self._origin(record)
        server, method, path = record["server"], record["method"], record["path"]
        self._asked[record["id"]] = _Asked(origin, server, method, path, record["cookie"])
        named = {
            "preflight": record["preflight"] or None,
            "credential": record["credential"],
            "server": server if server != actor_of(server) else None,
            "by": origin.server if origin.server != origin.actor else None,
            "operation": record.get("operation"),
            "stage": record.get("stage"),
        }
        name = REQUESTS.get((method, path), "ev.request")
        if server == "aws":
            name = OPERATIONS.get(record["operation"], name)
        elif record["kind"] == "feed.request":
            name = "ev.feed"
        elif record["preflight"]:
            name = "ev.preflight"
        return self._numbered(
            record,
            (origin.actor, actor_of(server)),
            Message(name, {"method": method, "path": path}),
            origin,
            refs=_present(named),
            raw=record["raw"],
            id=record["id"],
        )

    def _origin(self, record: Record) -> Origin:
        if "asker" in record:  # known by its credential
            server = record["asker"]
            actor: Actor = "operator" if server == "operator" else actor_of(server)
            return Origin(actor, server, record["lane"], record["act"])
        client = _address(record)
        at, origin = self._origins.pop(client, (float("-inf"), None))
        if origin is None or not 0 <= record["at"] - at < _SOON:
            origin = Origin("browser")
        cause = self._cause(record, origin) if origin.actor in SHOPS else None
        lane = origin.lane or (cause.origin.lane if cause else record["lane"])
        act = origin.act or (cause.origin.act if cause else record["act"])
        return Origin(origin.actor, origin.server, lane, act)

    def _cause(self, record: Record, origin: Origin) -> _Asked | None:
        """The request for the sake of which a shop asks: the one with the same cookie that waits there."""
        if record["cookie"] is None:
            return None
        waiting = (asked for asked in self._asked.values() if asked.server == origin.server)
        return next((asked for asked in waiting if asked.cookie == record["cookie"]), None)

    def _response(self, record: Record) -> Event | None:
        asked = self._asked.pop(record["id"], None)
        if asked is None:
            return None
        status, code = record["status"], record["code"]
        values = {"status": status, "code": code, "method": asked.method, "path": asked.path}
        return self._numbered(
            record,
            (actor_of(asked.server), asked.origin.actor),
            Message(_answer(asked, record), _present(values)),
            asked.origin,
            refs=_present({"server": asked.server if asked.server != actor_of(asked.server) else None}),
            raw=record["raw"],
            status=status,
            code=code,
            ms=record["ms"],
            id=record["id"],
        )

    def _during(self, record: Record) -> Event | None:
        """What happened inside a server for the sake of a request."""
        asked = self._asked.get(record["for"])
        server: str = record["server"]
        here = actor_of(server)
        facts: Mapping[str, Any] = record.get("facts", {})
        ms = facts.get("ms")
        refs = {name: value for name, value in facts.items() if name != "ms"} | {"for": record["for"]}
        if server != here:
            refs["server"] = server
        origin = asked.origin if asked else Origin("browser")
        to: Actor = here
        if record["kind"] == "feed.entry":
            to, refs = origin.actor, {**refs, "by": origin.server}
        elif record["kind"] in {"db.read", "db.write"}:
            to = "shop_db" if facts.get("database") == "shop" else "db"
        elif record["kind"] in {"redis.read", "redis.write"}:
            to = "redis"
        message = Message(_inside(record["kind"], to, facts), _values(facts))
        return self._numbered(record, (here, to), message, origin, refs=refs, ms=ms, raw=record.get("raw"))

    def _own(self, record: Record) -> Event:
        """What the manager did itself."""
        message = Message(record["message"], record.get("values", {}))
        origin = Origin("operator", None, record.get("lane"), record.get("act"))
        between = record["from"], record["to"]
        return self._numbered(record, between, message, origin, refs=record.get("refs", {}))

    def _numbered(
        self,
        record: Record,
        between: tuple[Actor, Actor],
        message: Message,
        origin: Origin,
        **more: Any,  # noqa: ANN401 - the other members of an event
    ) -> Event:
        self.seq += 1
        return Event(
            seq=self.seq,
            t=round(record["at"] - self.began, 4),
            kind=record["kind"],
            source=between[0],
            to=between[1],
            msg=message,
            lane=origin.lane,
            act=origin.act,
            **more,
        )


def _nobody(_: Event) -> None:
    pass


def _address(record: Record) -> tuple[str, int]:
    host, port = record["client"]
    return host, port


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _answer(asked: _Asked, record: Record) -> str:
    if record["kind"] == "feed.response":
        return "ev.feed.ok"
    if record["code"] == "ResourceNotFoundException":
        return "ev.aws.none"
    if record["status"] >= 400:
        return "ev.refused"
    if asked.server == "aws":
        return "ev.aws.ok"
    name = REQUESTS.get((asked.method, asked.path))
    if name == "ev.login":
        return "ev.login.session" if asked.origin.lane == "session" else "ev.login.token"
    return f"{name}.ok" if name in {"ev.refresh", "ev.logout"} else "ev.ok"


def _inside(kind: str, to: Actor, facts: Mapping[str, Any]) -> str:
    if kind == "token.check":
        return "ev.check.refused" if facts.get("code") else "ev.check.ok"
    if to == "shop_db":
        return "ev.db.shop"
    if to == "redis":
        outcome = "silent" if "silent" in facts else "hit" if facts["found"] else "miss"
        return "ev.redis.write" if outcome != "silent" and kind == "redis.write" else f"ev.redis.{outcome}"
    return {"hash.verify": "ev.hash", "token.sign": "ev.sign", "feed.entry": "ev.feed.entries"}.get(
        kind, f"ev.{kind}"
    )


def _values(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in ("alg", "kid", "rows", "ms", "code") if facts.get(name) is not None}
