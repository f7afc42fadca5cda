"""What was made of a secret, kept until a newer reading succeeds: what a source gave, it cannot take away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from sekisho.adapters.secrets.abandonable import abandonable
from sekisho.ports import Clock
from sekisho.settings import Fault, SettingsRefused

T = TypeVar("T")


class Kept(Generic[T]):
    """The last good value of a blocking reading, and how old it is.

    `read` reads the secret and makes of it what is used (a keyring, derived keys). It raises
    `SettingsRefused` where the source does not answer or holds something that cannot be used; either way
    the value before it stays. The first reading happens here, and its refusal is the caller's.

    `steady` gives seconds that never jump.
    """

    def __init__(self, read: Callable[[], T], *, steady: Clock) -> None:
        self._read = read
        self._steady = steady
        self._since = steady()
        self._reading = asyncio.Lock()
        self._value = read()
        self._faults: tuple[Fault, ...] = ()

    @property
    def value(self) -> T:
        """What the last reading that succeeded gave."""
        return self._value

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Why the last reading failed, empty if it did not: names of references, nothing of the content."""
        return self._faults

    def age(self) -> float:
        """Seconds since the last reading that succeeded had begun."""
        return self._steady() - self._since

    async def reread(self) -> T:
        """Read again, off the event loop; one reading at a time, however many ask.

        Cancelled it ends at once, whatever the source does.

        Raises:
            SettingsRefused: it failed. The value from before stays, and ages.
        """
        async with self._reading:
            begun = self._steady()
            try:
                value = await abandonable(self._read)
            except SettingsRefused as fault:
                # Not the exception: its traceback would keep the locals of the reading alive.
                self._faults = fault.faults
                raise
            self._value, self._since, self._faults = value, begun, ()
            return value
