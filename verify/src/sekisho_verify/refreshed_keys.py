"""Keys that are loaded again and again in the background, and shared secrets that rotate."""

from __future__ import annotations

import logging
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, ClassVar, Final
from weakref import WeakMethod

from sekisho_verify import background, steady_clock
from sekisho_verify.background import LOCK, Todo
from sekisho_verify.errors import ConfigurationError, KeyRefused, KeySetUnavailable, SekishoVerifyError
from sekisho_verify.key_sources import KeySource, KeyStatus
from sekisho_verify.keys import HmacKey, VerificationKey, refuse_bad_set
from sekisho_verify.schedule import FEED_THROTTLE, THROTTLE, Schedule

if TYPE_CHECKING:
    from sekisho_verify.key_sources import KeyTaker

Keys = tuple[VerificationKey, ...]

GRACE: Final = 1.0
"""Seconds that a load which bounds itself by the timeout may take to say so, before it is given up on."""

_log: Final = logging.getLogger("sekisho_verify.keys")


class RefreshedKeys(KeySource):
    """A source that is loaded when the first verifier needs it, and from then on in the background.

    The keys in use stay in use while the next are loaded, and when that fails, up to `max_stale`. A subclass
    says where they come from: it writes `load`, and perhaps `keep` and `last_good`.

    Args:
        name: what log lines call it.
        timeout: seconds that the first use waits at most.
        refresh_every: seconds from one good load to the next.
        max_stale: seconds for which keys are used while no load succeeds.
        steady: gives seconds of a clock that never steps.

    Raises:
        ConfigurationError: if a number of seconds is not above 0, or `max_stale` is below `refresh_every`.
    """

    symmetric: ClassVar[bool]
    """Whether the source holds shared secrets: one that does never takes a public key, and vice versa."""

    def __init__(
        self,
        name: str,
        *,
        timeout: float,
        refresh_every: float,
        max_stale: float,
        steady: Callable[[], float] = steady_clock.steady,
    ) -> None:
        given = {"timeout": timeout, "refresh_every": refresh_every, "max_stale": max_stale}
        for argument, seconds in given.items():
            if not 0 < seconds < inf:
                raise ConfigurationError(f"{argument} is a number of seconds above 0; got {seconds!a}")
        if max_stale < refresh_every:
            raise ConfigurationError("max_stale is at least refresh_every: keys would end before the next")
        self._name: Final = name
        self._timeout: Final = timeout
        self._steady: Final = steady
        # All of these change under LOCK only.
        self._schedule = Schedule(every=refresh_every, max_stale=max_stale)
        self._keys: Keys = ()
        self._error: str | None = None
        self._takers: list[WeakMethod[KeyTaker]] = []
        self._loading = False
        self._given_up = False
        self._first: Future[None] | None = None

    @abstractmethod
    def load(self) -> Iterable[VerificationKey]:
        """The keys as they are now. Called on a background thread, never twice at a time; may take long.

        What it raises is logged: a `SekishoVerifyError` by its message, anything else by the name of its
        class alone, since it may quote a secret.
        """

    def last_good(self) -> tuple[Keys, float] | None:
        """Keys from an earlier life, and their age in seconds: asked for while no load has succeeded yet."""
        return None

    def keep(self, keys: Keys) -> None:
        """Called with the keys of each good load, once they are in use; it may take long."""

    @property
    def status(self) -> KeyStatus:
        """How the source stands at this moment."""
        with LOCK:
            now = self._steady()
            age, remaining = self._schedule.age(now), self._schedule.remaining(now)
            kids = tuple(key.kid for key in self._keys) if remaining > 0 else ()
            late = age > self._schedule.every + self._timeout
            return KeyStatus(
                state="none" if not kids else "stale" if late else "fresh",
                kids=kids,
                age=None if age == inf else age,
                last_error=self._error,
            )

    def provide(self, taker: KeyTaker) -> None:
        """See `KeySource.provide`. All threads wait for the same load.

        Raises:
            KeySetUnavailable: if no thread can be had.
        """
        first = self._attach(taker)
        if first is not None:
            with suppress(TimeoutError):
                first.result(self._timeout + 2 * GRACE)

    async def aprovide(self, taker: KeyTaker) -> None:
        """See `KeySource.aprovide`.

        Raises:
            KeySetUnavailable: if no thread can be had.
        """
        first = self._attach(taker)
        if first is not None:
            import asyncio  # noqa: PLC0415 -- a service without an event loop does not pay for one

            await asyncio.wait([asyncio.wrap_future(first)], timeout=self._timeout + 2 * GRACE)

    def withdraw(self, taker: KeyTaker) -> None:
        """See `KeySource.withdraw`."""
        with LOCK:
            known = len(self._takers)
            self._takers = [each for each in self._takers if each() != taker]
            if len(self._takers) < known:
                taker((), 0.0)
        background.wake()

    def key_unknown(self) -> None:
        """See `KeySource.key_unknown`: at most one load in `schedule.THROTTLE` seconds."""
        self._want(THROTTLE)

    def feed_key_unknown(self) -> None:
        """See `KeySource.feed_key_unknown`: at most one load in `schedule.FEED_THROTTLE` seconds.

        A throttle of its own: by naming unknown keys a stranger could otherwise have used up the one load
        that the news of a leaked key is waiting for.
        """
        self._want(FEED_THROTTLE)

    def _want(self, throttle: float) -> None:
        with LOCK:
            before = self._schedule
            if not self._loading:
                self._schedule = before.wanted(self._steady(), throttle=throttle)
            changed = self._schedule != before
        if changed:
            background.wake()

    def _attach(self, taker: KeyTaker) -> Future[None] | None:
        """Hand over what there is, and see to its upkeep; the first load, if that is to be waited for."""
        with LOCK:
            now = self._steady()
            resting = all(each() is None for each in self._takers)
            if all(each() != taker for each in self._takers):
                self._takers.append(WeakMethod(taker, _wake))
            if self._schedule.remaining(now) <= 0:
                self._keys = ()
            if resting and not self._keys:
                self._schedule = self._schedule.at_once(now)
                self._first = Future()
            taker(self._keys, self._schedule.remaining(now))
            try:
                background.look_after(self)
            except RuntimeError as error:
                self.withdraw(taker)
                raise KeySetUnavailable(f"{self._name}: no thread to keep the keys fresh: {error}") from None
            return None if self._keys else self._first

    def step(self) -> Todo | None:
        """See `background.Upkeep`."""
        now = self._steady()
        self._takers = [each for each in self._takers if each() is not None]
        if not self._takers:
            return None
        remaining = self._schedule.remaining(now)
        if self._keys and remaining <= 0:
            self._keys = ()
            self._publish(0.0)
        pauses = [remaining] if self._keys else []
        run: Callable[[], None] | None = None
        if not self._loading:
            if self._schedule.due <= now:
                self._schedule = self._schedule.begun(now)
                self._loading, self._given_up = True, False
                run = self._load
            else:
                pauses.append(self._schedule.due - now)
        if self._loading and not self._given_up:
            patience = self._schedule.tried + self._timeout + GRACE - now
            if patience <= 0:
                self._given_up = True
                run = self._give_up
            else:
                pauses.append(patience)
        return Todo(min(pauses, default=None), run)

    def forked(self) -> None:
        """See `background.Upkeep`: verifiers come back for their keys when they are used, and find them."""
        takers, self._takers = self._takers, []
        self._loading, self._first = False, None
        for each in takers:
            if (taker := each()) is not None:
                taker((), 0.0)

    def _load(self) -> None:
        try:
            keys = self._checked(self.load())
        except SekishoVerifyError as error:
            self._failed(str(error))
        except BaseException as error:  # noqa: BLE001 -- whatever it was, there will be a next time
            self._failed(f"{type(error).__name__} was raised")
        else:
            self._succeeded(keys)
            try:
                self.keep(keys)
            except Exception as error:  # noqa: BLE001 -- a copy that is not kept takes no keys away
                _log.warning("%s: the keys were not kept: %s was raised", self._name, type(error).__name__)

    def _give_up(self) -> None:
        # The thread that hangs is left alone. No other is sent after it: there would be ever more of them.
        self._failed(f"no keys within {self._timeout + GRACE} seconds", given_up=True)

    def _checked(self, loaded: Iterable[VerificationKey]) -> Keys:
        keys = tuple(loaded)
        refuse_bad_set(keys)
        if keys[0].symmetric != self.symmetric:
            raise KeyRefused("shared secrets and public keys do not come from one source")
        return keys

    def _succeeded(self, keys: Keys) -> None:
        with LOCK:
            changed = _names(keys) != _names(self._keys)
            if changed:
                self._keys = keys
            now = self._steady()
            self._schedule = self._schedule.succeeded(now, dice=background.dice())
            self._error, self._loading = None, False
            self._publish(self._schedule.remaining(now))
            self._end_first()
        background.wake()
        if changed:
            _log.info("%s: the keys are now %s", self._name, ", ".join(key.kid for key in keys))

    def _failed(self, reason: str, *, given_up: bool = False) -> None:
        # Only at the very first: later, keys that have had their time do not come back by another clock.
        found = self._found() if self._schedule.loaded == -inf else None
        with LOCK:
            if given_up and not self._loading:
                return  # it has come back in the meantime
            now = self._steady()
            self._schedule = self._schedule.failed(now, dice=background.dice())
            self._error, self._loading = reason, given_up
            if found is not None and not self._keys:
                self._keys, age = found
                self._schedule = self._schedule.restored(now, age=age)
                self._publish(self._schedule.remaining(now))
            kept, age = bool(self._keys), self._schedule.age(now)
            self._end_first()
        background.wake()
        outcome = f"those of {age:.0f} seconds ago stay in use" if kept else "there are none to verify with"
        _log.warning("%s: new keys could not be had, %s: %s", self._name, outcome, reason)

    def _found(self) -> tuple[Keys, float] | None:
        # Whatever it meets must not keep the failure from being noted: no load would follow, ever.
        try:
            found = self.last_good()
            return None if found is None else (self._checked(found[0]), found[1])
        except Exception as error:  # noqa: BLE001 -- see above
            _log.warning("%s: no earlier keys: %s was raised", self._name, type(error).__name__)
            return None

    def _publish(self, remaining: float) -> None:
        for each in self._takers:
            if (taker := each()) is not None:
                taker(self._keys, remaining)

    def _end_first(self) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"


class HmacKeySource(RefreshedKeys):
    """Shared secrets that rotate, from a callable of yours: a file, a secret manager.

    Args:
        secrets: returns one `HmacKey` or several, whose `kid`s differ. It is called on a background thread,
            never on a request once the first call has returned; it may block, and may raise: the secrets
            before stay in use. While a call hangs there is no other.
        timeout: seconds that the first use waits at most.
        refresh_every: seconds from one good call to the next; an unknown `kid` asks sooner.
        max_stale: seconds for which secrets are used while no call succeeds.
        steady: gives seconds of a clock that never steps.

    Raises:
        ConfigurationError: as for `RefreshedKeys`, or if `secrets` cannot be called.
    """

    symmetric = True

    def __init__(
        self,
        secrets: Callable[[], HmacKey | Iterable[HmacKey]],
        *,
        timeout: float = 5.0,
        refresh_every: float = 300.0,
        max_stale: float = 86400.0,
        steady: Callable[[], float] = steady_clock.steady,
    ) -> None:
        if not callable(secrets):
            raise ConfigurationError(f"secrets is a callable that returns keys; got {type(secrets).__name__}")
        super().__init__(
            "shared secrets",
            timeout=timeout,
            refresh_every=refresh_every,
            max_stale=max_stale,
            steady=steady,
        )
        self._secrets: Final = secrets

    def load(self) -> Iterable[VerificationKey]:
        """Call the callable."""
        keys = self._secrets()
        return (keys,) if isinstance(keys, HmacKey) else keys


def _names(keys: Keys) -> set[tuple[str, str, str]]:
    return {(key.kid, key.alg, key.thumbprint) for key in keys}


def _wake(_: object, at_the_end: Callable[[], bool] = sys.is_finalizing) -> None:
    # An interpreter that ends empties its modules one by one; a verifier that is kept in one may go after
    # `background` is empty, and then nobody is left to wake. Bound here, since this module is emptied too.
    if not at_the_end():
        background.wake()
