"""What a shop's verifier says of a token, check by check, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import Any, Final

from sekisho.ports import Clock
from sekisho_verify import SekishoVerifyError, Verifier
from sekisho_verify.explain import Check, explain
from sekisho_verify.key_sources import KeySource
from sekisho_verify.keys import VerificationKey


class Examiner:
    """Judges beside the guard, by the same verifier, keys and clock.

    Args:
        verifier: the shop's.
        source: the keys that it was given.
        clock: the one that it was given.
        steady: gives seconds to measure by.
    """

    def __init__(self, verifier: Verifier, source: KeySource, *, clock: Clock, steady: Clock) -> None:
        self._verifier: Final = verifier
        self._source: Final = source
        self._clock: Final = clock
        self._steady: Final = steady
        self._keys: tuple[VerificationKey, ...] = ()
        self._there: Final = Event()

    def start(self, *, patience: float) -> bool:
        """Take the keys, now and whenever they change; whether there are any within that many seconds.

        A source that could not be reached at once is tried again, which is longer than it waits by itself.
        """
        self._source.provide(self._take)
        return self._there.wait(patience)

    def examine(self, token: str) -> Mapping[str, Any]:
        """The `refs` of a `token.check`; `ms` is what the verifier itself took."""
        began = self._steady()
        code: str | None = None
        try:
            self._verifier.verify(token)
        except SekishoVerifyError as refused:
            code = getattr(refused, "code", None)
        ms = round((self._steady() - began) * 1000, 4)
        return {
            "token": token,
            "code": code,
            "checks": [_told(each) for each in self._checks(token)],
            "ms": ms,
        }

    def _checks(self, token: str) -> tuple[Check, ...]:
        try:
            return explain(
                token,
                keys=self._keys,
                issuer=self._verifier.issuer,
                audience=self._verifier.audience,
                feed=self._verifier.feed,
                now=self._clock(),
            )
        except SekishoVerifyError:
            return ()  # without keys nothing can be said of a token

    def _take(self, keys: tuple[VerificationKey, ...], remaining: float) -> None:  # noqa: ARG002 - the shape of a `KeyTaker`
        self._keys = keys
        if keys:
            self._there.set()


def _told(check: Check) -> dict[str, str | None]:
    return {
        "name": check.name,
        "verdict": check.verdict,
        "code": check.code,
        "detail": check.detail or None,
    }
