"""Verifiers that watch for revocations, several in a process, each with a feed of its own.

A pass over them begins every few milliseconds. It asks of each token whose session is about to end what
`Verifier.verify` asks of one that it has seen before: whether `Revocations.check` lets it live. The first
pass in which it does not is when the token is refused, to the length of a pass, and never too early. To open
the seal of each token in each verifier would take the machine a whole core, and say nothing more: that is
done at the end with some of them.
"""

from __future__ import annotations

import logging
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final

from sekisho_verify import IssuerFeed, RevocationsUnavailable, TokenRefused, Verifier, key_set_from_jwks
from sekisho_verify.claims import read_claims
from sekisho_verify.jws import CompactVerifier
from sekisho_verify.keys import VerificationKey
from sekisho_verify.revocations.live import Marks, marks

#: Seconds from one pass to the next.
TICK: Final = 0.01
#: Seconds between two passes over the tokens that nothing ever happens to.
_CONTROL: Final = 0.1


@dataclass(frozen=True, slots=True)
class Setup:
    """Whom the verifiers of a process trust, and where its feeds are."""

    issuer: str
    audience: str
    jwks: Mapping[str, Any]
    #: Verifiers begin at one or the other in turns.
    urls: Sequence[str]
    count: int
    #: A token of a session that lives on.
    control: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the verifiers of one process have seen."""

    #: For each token, by its number, when each verifier refused it (POSIX seconds).
    refused: Mapping[int, Sequence[float]]
    #: Verdicts that were wrong: the control was refused, or a token was for another reason than its end.
    false: Sequence[str]
    #: How many verifiers are in each state.
    states: Mapping[str, int]
    #: How many refuse a sensitive route at this moment, since what they know is too old.
    careful: int
    #: How often numbers were missing, and how often something came that did not hold.
    gaps: int
    unsealed: int
    #: Seconds of CPU of the process, and those of them that the watching took and not the following.
    cpu: float
    watching: float
    #: Seconds that the longest pass was late.
    late: float


@dataclass
class _Watcher:
    verifier: Verifier
    feed: IssuerFeed
    #: Up to where the feed had come at the last pass.
    rv: str | None = None
    #: Tokens that live so far, and those that came since the last pass.
    waiting: dict[int, Marks] = field(default_factory=dict[int, Marks])
    new: bool = False

    def look(self, saw: Callable[[int, str], None]) -> None:
        """Ask for every token whose end is awaited, if anything can have changed."""
        rv = self.feed.revocations.rv
        if rv == self.rv and not self.new:
            return
        self.rv, self.new = rv, False
        for number, token in [*self.waiting.items()]:
            try:
                self.feed.revocations.check(token)
            except TokenRefused as refused:
                saw(number, refused.code)
                del self.waiting[number]


class Watch:
    """The verifiers of one process."""

    def __init__(self, setup: Setup) -> None:
        keys = key_set_from_jwks(setup.jwks).keys
        self._watchers = [_watcher(setup, keys, turn) for turn in range(setup.count)]
        self._seals = CompactVerifier(keys, typ="at+jwt")
        self._control = setup.control
        self._tokens: dict[int, str] = {}
        self._refused: dict[int, list[float]] = {}
        self._false: list[str] = []
        self._late = 0.0
        for each in self._watchers:
            each.verifier.start()
            each.verifier.verify(setup.control)

    def expect(self, tokens: Mapping[int, str]) -> None:
        """From now on await the end of these tokens, which must be good as yet."""
        for number, text in tokens.items():
            claims = read_claims(self._seals.open(text))
            found = marks(claims, kid=self._seals.kid_of(text))
            self._tokens[number] = text
            for each in self._watchers:
                each.waiting[number] = found
                each.new = True

    def run(self, pipe: Connection) -> None:
        """Watch, and answer what comes through the pipe, until it says None."""
        controlled = 0.0
        while True:
            began = time.monotonic()
            while pipe.poll():
                asked = pipe.recv()
                if asked is None:
                    return
                if asked == "report":
                    pipe.send(self.report())
                elif asked == "sample":
                    pipe.send(self.sample())
                else:
                    self.expect(asked)
            for each in self._watchers:
                each.look(self._saw)
            if began - controlled >= _CONTROL:
                controlled = began
                self._look_at_control()
            took = time.monotonic() - began
            self._late = max(self._late, took - TICK)
            time.sleep(max(0.0, TICK - took))

    def report(self) -> Report:
        """How it stands."""
        statuses = [each.feed.status for each in self._watchers]
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Report(
            refused=self._refused,
            false=self._false,
            states=Counter(status.state for status in statuses),
            careful=sum(map(self._is_careful, self._watchers)),
            gaps=sum(status.gaps for status in statuses),
            unsealed=sum(status.refused for status in statuses),
            cpu=used.ru_utime + used.ru_stime,
            watching=time.thread_time(),
            late=self._late,
        )

    def sample(self) -> Counter[str]:
        """What `verify` says of each tenth of the tokens, in every verifier: another tenth in each."""
        said: Counter[str] = Counter()
        for turn, each in enumerate(self._watchers):
            for number, text in self._tokens.items():
                if number % 10 == turn % 10:
                    said[_verdict(each.verifier, text)] += 1
        return said

    def _saw(self, number: int, code: str) -> None:
        if code == "token_revoked":
            self._refused.setdefault(number, []).append(time.time())
        else:
            self._false.append(f"token {number} was told {code}")

    def _look_at_control(self) -> None:
        for each in self._watchers:
            if (said := _verdict(each.verifier, self._control)) != "accepted":
                self._false.append(f"a session that lives on was told {said}")

    def _is_careful(self, watcher: _Watcher) -> bool:
        try:
            watcher.verifier.verify(self._control, sensitive=True)
        except RevocationsUnavailable:
            return True
        return False


def watch(pipe: Connection, setup: Setup) -> None:
    """Be a process of verifiers: say when they are ready, then do as the pipe says."""
    logging.disable()  # that lines are lost is what they are here for; the report counts it
    verifiers = Watch(setup)
    pipe.send("ready")
    verifiers.run(pipe)
    pipe.close()
    # Their threads are in the middle of a read, which nobody waits for.
    os._exit(0)


def _watcher(setup: Setup, keys: tuple[VerificationKey, ...], turn: int) -> _Watcher:
    first = turn % len(setup.urls)
    urls = [*setup.urls[first:], *setup.urls[:first]]
    feed = IssuerFeed(setup.issuer, urls=urls, keys=keys)
    # Its memory of tokens is for the control alone.
    verifier = Verifier(issuer=setup.issuer, audience=setup.audience, keys=keys, feed=feed, cache_size=8)
    return _Watcher(verifier, feed)


def _verdict(verifier: Verifier, text: str) -> str:
    try:
        verifier.verify(text)
    except TokenRefused as refused:
        return refused.code
    return "accepted"
