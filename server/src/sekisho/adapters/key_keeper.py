"""Follows the signing keys while the server runs: each new set is put in place in one step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

from sekisho.adapters.key_reading import KeyOrigin, Reading
from sekisho.adapters.signer import JwsSigner
from sekisho.ports import Clock
from sekisho.rules.refusals import Refusal
from sekisho.settings import SettingsRefused

#: Takes a line for the log: what happened, and about what.
Tell: TypeAlias = Callable[[str, Mapping[str, str]], None]

#: Seconds between two looks: a key that somebody has stolen is refused here within this time.
EVERY: Final = 0.5


class KeyKeeper:
    """Keeps a signer at the keys of an origin.

    A look that fails leaves the keys that there are: a database that is away, or a secret that cannot be
    read, ends no login. It is told once, and its age grows.

    Args:
        origin: where the keys come from.
        reading: what it has given at start.
        signer: is told what to use.
        clock: POSIX seconds.
        upkeep: adds the next key and drops the last when their time has come, if this server makes them.
    """

    def __init__(
        self,
        origin: KeyOrigin,
        reading: Reading,
        *,
        signer: JwsSigner,
        clock: Clock,
        upkeep: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self.age: Final = origin.age
        self._origin: Final = origin
        self._reading = reading
        self._signer: Final = signer
        self._clock: Final = clock
        self._upkeep: Final = upkeep
        self._trouble = ""

    @property
    def reading(self) -> Reading:
        """What is in use."""
        return self._reading

    async def look(self, tell: Tell | None = None) -> Reading:
        """Look now, and use what there is.

        Raises:
            SettingsRefused, Refusal: the keys cannot be read; those from before stay in use.
        """
        reading = await self._origin.read(now=self._clock())
        if reading is not self._reading:
            before, self._reading = self._reading, reading
            self._signer.use(reading.keys)
            if tell is not None:
                _tell_change(before, reading, tell)
        return reading

    @asynccontextmanager
    async def following(self, tell: Tell) -> AsyncGenerator[None]:
        """Look again and again meanwhile."""
        follower = asyncio.create_task(self._follow(tell))
        try:
            yield
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)

    async def _follow(self, tell: Tell) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.step(tell)

    async def step(self, tell: Tell) -> None:
        """Look, take what step is due, and tell of trouble when it begins and when it ends."""
        try:
            trouble = (await self.look(tell)).trouble
            if self._upkeep is not None and await self._upkeep():
                await self.look(tell)
        except (Refusal, SettingsRefused) as fault:
            trouble = " ".join(str(fault).split())
        except Exception as fault:  # noqa: BLE001 - a task that ended would be missed when a key has leaked
            trouble = f"{type(fault).__name__} was raised"
        if trouble and not self._trouble:
            tell("signing_keys_unread", {"detail": trouble, "age": f"{self.age():.0f}"})
        if self._trouble and not trouble:
            tell("signing_keys_read", {"kids": _kids(self._reading)})
        self._trouble = trouble


def _tell_change(before: Reading, reading: Reading, tell: Tell) -> None:
    signing = "" if reading.keys is None else reading.keys.signing.kid
    if signing != ("" if before.keys is None else before.keys.signing.kid):
        tell("signing_key_current", {"kid": signing})
    if [key.kid for key in before.known] != [key.kid for key in reading.known]:
        tell("signing_keys_changed", {"kids": _kids(reading)})


def _kids(reading: Reading) -> str:
    return " ".join(key.kid for key in reading.known)
