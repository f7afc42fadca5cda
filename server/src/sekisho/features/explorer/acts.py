"""What a visitor does beside the browser's own requests: the clock, the operator, the forger, the thief.

Everything here is done for real, to the servers of this run and to nothing else; which commands an operator
may give is a closed list.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeVar

import msgspec

from sekisho.features.explorer import deciding, presets, thief
from sekisho.features.explorer.asked import (
    Asked,
    Decide,
    Edit,
    Forge,
    Leak,
    Nothing,
    Operate,
    Skip,
    Steal,
    Summon,
    Turn,
    TurnSecret,
)
from sekisho.features.explorer.crediting import Credits, Doer
from sekisho.features.explorer.events import Actor, Event, Message, actor_of
from sekisho.features.explorer.ledger import Ledger, Origin
from sekisho.features.explorer.stage import Stage
from sekisho.features.explorer.tables import Change
from sekisho.rules.refusals import Refusal, invalid
from sekisho.web.wire import reader

T = TypeVar("T", bound=msgspec.Struct)

Told = Literal["rows", "clock", "server", "operator"]

#: Seconds of the longest skip: a week.
_LONGEST_SKIP: Final = 7 * 86_400
#: Characters of an option's short name.
_OPTION: Final = 2

#: Which command each stands for; what it needs is filled in.
_COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "disable": ("user", "disable", "{email}"),
    "enable": ("user", "enable", "{email}"),
    "grant": ("user", "grant", "{email}", "{role}"),
    "revoke-role": ("user", "revoke-role", "{email}", "{role}"),
    "allow": ("user", "allow", "{email}", "{right}"),
    "deny": ("user", "deny", "{email}", "{right}"),
    "rotate-key": ("key", "rotate", "--now"),
    "retire-key": ("key", "retire", "{kid}", "--compromised"),
}
#: What takes back whatever those gave or took that was not there in the beginning.
_UNDOING: Final[Mapping[str, tuple[str, ...]]] = {
    "grant": ("user", "revoke-role", "{email}", "{role}"),
    "allow": ("user", "clear", "{email}", "{right}"),
    "deny": ("user", "clear", "{email}", "{right}"),
}


class Acts:
    """The acts by their names, each from the bytes of its body to what the page is answered."""

    def __init__(self, stage: Stage, ledger: Ledger) -> None:
        self._stage: Final = stage
        self._ledger: Final = ledger
        self._one_at_a_time: Final = asyncio.Lock()
        #: Commands that take back what the operator did to somebody's rights, each once.
        self._undoing: Final[dict[tuple[str, ...], None]] = {}
        self.credits: Final = Credits()
        self.by_name: Final[Mapping[str, Callable[[bytes], Awaitable[object]]]] = {
            "clock": _act(Skip, self._skip),
            "operate": _act(Operate, self._operate),
            "server": _act(Turn, self._turn),
            "summon": _act(Summon, self._summon),
            "secret": _act(TurnSecret, self._turn_secret),
            "forge": _act(Forge, self._forge),
            "edit": _act(Edit, self._edit),
            "thief": _act(Steal, self._steal),
            "leak": _act(Leak, self._leak),
            "decide": _act(Decide, self._decide),
            "reset": _act(Nothing, self._reset),
        }

    def state(self) -> dict[str, object]:
        """What stands where."""
        stage = self._stage
        return {
            "servers": {name: server.as_row() for name, server in stage.servers().items()},
            "sets": list(stage.sets()),
            "lacking": dict(stage.lacking()),
            "clock": {"now": stage.now(), "offset": stage.offset()},
            "access_ttl": stage.lifetimes.access,
            "refresh_ttl": stage.lifetimes.refresh,
            "session_idle": stage.lifetimes.idle,
            "grace": stage.lifetimes.grace,
            "audience": stage.audience,
            "alg": "HS256",
            "seq": self._ledger.seq,
        }

    def tables(self) -> dict[str, object]:
        """The rows of the sandbox's database."""
        return {"tables": self._stage.tables()}

    def origins(self) -> list[str]:
        """Which origins the page speaks to, those of servers that are still to come included."""
        return sorted(self._stage.origins())

    async def changed(self, of: Asked) -> None:
        """Look for rows that have changed, and tell; `of`: what has changed them."""
        async with self._one_at_a_time:
            changes = await asyncio.to_thread(self._stage.look)
        self._tell_rows(changes, of)

    async def changed_by_requests(self, answers: Sequence[Event]) -> None:
        """The same after these answers: each row is told as the doing of the request that wrote it."""
        async with self._one_at_a_time:
            changes = await asyncio.to_thread(self._stage.look)
        await self._tell_credited(changes, answers)
        self.credits.settle(answers)

    async def changed_beside(self) -> None:
        """The same for what changes by itself: Redis forgets keys.

        It may be the first to see what a request has just written there, which is that request's doing still.
        """
        async with self._one_at_a_time:
            changes = await asyncio.to_thread(self._stage.look_beside)
        if changes:
            await self._tell_credited(changes, ())

    async def _tell_credited(self, changes: Sequence[Change], answers: Sequence[Event]) -> None:
        # A row is there as soon as it is written, and the word of who wrote it some milliseconds later.
        await self._ledger.whole()
        doers = self.credits.doers(changes, answers)
        for doer in dict.fromkeys(doers):
            mine = [change for change, its in zip(changes, doers, strict=True) if its == doer]
            self._tell_rows(mine, doer)

    def _tell_rows(self, changes: Sequence[Change], of: Asked | Doer) -> None:
        for table in dict.fromkeys(change.table for change in changes):
            rows = [change.as_row() for change in changes if change.table == table]
            message = Message("ev.rows", {"table": table, "rows": len(rows)})
            where: Actor = "redis" if table == "redis" else "aws" if table == "secretsmanager" else "db"
            self._tell("rows", where, message, {"table": table, "rows": rows}, of)

    async def _skip(self, skip: Skip) -> object:
        if not 0 < skip.seconds <= _LONGEST_SKIP:
            raise invalid("/seconds", "invalid_value")
        self._stage.forward(skip.seconds)
        now = self._stage.now()
        refs = {"seconds": skip.seconds, "now": now, "offset": self._stage.offset()}
        self._tell("clock", "operator", Message("ev.clock", {"seconds": skip.seconds}), refs, skip)
        return {"now": now, "offset": self._stage.offset()}

    async def _operate(self, order: Operate) -> object:
        if order.what == "rotate-key" and order.at == "auth":
            return await self._replace_secret(order)
        values = {"email": order.email, "role": order.role, "right": order.right, "kid": order.kid}
        command = [_filled(part, values) for part in _COMMANDS[order.what]]
        done = await self._run(command, order)
        if order.at == "auth" and order.what in _UNDOING:
            self._undoing[tuple(_filled(part, values) for part in _UNDOING[order.what])] = None
        return done

    async def _run(self, command: Sequence[str], order: Operate) -> object:
        text = shlex.join(("sekisho", *command))
        self._tell_operator(text, order)
        async with self._one_at_a_time:
            await asyncio.to_thread(self._stage.operate, command, at=order.at)
        await self.changed(order)
        return {"command": text}

    async def _replace_secret(self, order: Operate) -> object:
        """A shared secret is the operator's own file: the new one is put in front of the old one in it."""
        async with self._one_at_a_time:
            kid = await asyncio.to_thread(self._stage.replace_secret)
        text = "shared-secret: [OLD] -> [NEW, OLD]"
        self._tell_operator(text, order)
        return {"command": text, "kid": kid}

    async def _turn(self, turn: Turn) -> object:
        if turn.name not in self._stage.servers():
            raise Refusal("not_found", turn.name)
        async with self._one_at_a_time:
            await asyncio.to_thread(partial(self._stage.turn, turn.name, up=turn.up))
        message = Message("ev.up" if turn.up else "ev.down", {"server": turn.name})
        refs = {"server": turn.name, "up": turn.up}
        self._tell("server", actor_of(turn.name), message, refs, turn)
        return self.state()

    async def _summon(self, summon: Summon) -> object:
        async with self._one_at_a_time:
            await asyncio.to_thread(self._stage.summon, summon.set)
        await self.changed(summon)
        return self.state()

    async def _turn_secret(self, turn: TurnSecret) -> object:
        async with self._one_at_a_time:
            await asyncio.to_thread(partial(self._stage.turn_secret, turn.step, act=turn.act or ""))
            # Before anybody else looks: what has changed is this one's doing.
            changes = await asyncio.to_thread(self._stage.look)
        self._tell_rows(changes, turn)
        return self.state()

    async def _forge(self, forge: Forge) -> object:
        if forge.at not in self._stage.servers():
            raise Refusal("not_found", forge.at)
        keys = await asyncio.to_thread(self._stage.keys, forge.at)
        return await asyncio.to_thread(presets.forge, forge.preset, forge.token, keys, self._subjects())

    async def _edit(self, edit: Edit) -> object:
        token = presets.assembled(edit.header, edit.payload, edit.signature)
        return {"token": token, "authorization": f"Bearer {token}"}

    async def _steal(self, steal: Steal) -> object:
        server = self._stage.servers().get(steal.at)
        if server is None or not server.url:  # Redis speaks no HTTP
            raise Refusal("not_found", steal.at)
        path = "/v1/me" if actor_of(steal.at) == "auth" else steal.path
        origin = Origin("thief", None, steal.lane, steal.act)
        attempt = partial(
            thief.present,
            steal.credential,
            steal.value,
            url=server.url,
            path=path,
            announce=lambda address: self._ledger.expect(address, origin),
        )
        if steal.until_refused:
            return await asyncio.to_thread(thief.until_refused, attempt)
        return (await asyncio.to_thread(attempt)).as_answer()

    async def _leak(self, leak: Leak) -> object:
        keys = await asyncio.to_thread(self._stage.keys, "auth")
        named = {"iss": self._stage.servers()["auth"].url, "aud": self._stage.audience}
        token = presets.minted({**named, **leak.claims}, keys, now=self._stage.now())
        return {"token": token, "authorization": f"Bearer {token}"}

    async def _decide(self, decide: Decide) -> object:
        return deciding.decide(decide.answers)

    async def _reset(self, nothing: Nothing) -> object:
        """Everybody signed out, enabled and with the rights of the beginning; what happened is forgotten."""
        commands = [
            *(["session", "revoke", "--user", email] for email, _ in self._stage.people),
            *(["user", "enable", email] for email, _ in self._stage.people),
            *self._undoing,
            *self._stage.rights(),
        ]
        async with self._one_at_a_time:
            for command in commands:
                await asyncio.to_thread(self._stage.operate, command, at="auth")
        self._undoing.clear()
        self._ledger.clear()
        await self.changed(nothing)
        return self.state()

    def _subjects(self) -> Mapping[str, str]:
        """The ids of the accounts by their addresses."""
        users = next((table for table in self._stage.tables() if table["name"] == "users"), None)
        rows: list[Any] = [] if users is None else users["rows"]  # type: ignore[assignment]  # as `Tables` makes them
        return {row["cells"]["email"]: row["key"] for row in rows}

    def _tell_operator(self, command: str, of: Asked) -> None:
        self._tell("operator", "auth", Message("ev.operator", {"command": command}), {"command": command}, of)

    def _tell(
        self, kind: Told, to: Actor, message: Message, refs: Mapping[str, object], of: Asked | Doer
    ) -> None:
        self._ledger.tell(
            kind,
            **{"from": to if kind == "rows" else "operator"},
            to=to,
            message=message.id,
            values=message.values,
            refs=refs,
            act=of.act,
            lane=of.lane,
        )


def _act(kind: type[T], do: Callable[[T], Awaitable[object]]) -> Callable[[bytes], Awaitable[object]]:
    read = reader(kind)

    async def act(body: bytes) -> object:
        return await do(read(body))

    return act


def _filled(part: str, values: Mapping[str, str | None]) -> str:
    """One word of a command.

    Raises:
        Refusal: `validation_failed`: what it needs is missing, or would be taken for an option.
    """
    if not part.startswith("{"):
        return part
    name = part.strip("{}")
    value = values[name]
    if value is None:
        raise invalid(f"/{name}", "field_missing")
    # One in 64 kids begins with a dash, and none with two; `-h` is none.
    if value.startswith("--" if name == "kid" and len(value) > _OPTION else "-"):
        raise invalid(f"/{name}", "invalid_value")
    return value
