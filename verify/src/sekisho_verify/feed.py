"""An issuer's revocations, followed over the network by one thread, and shared by the verifiers of a process.

The thread is one for asyncio too, for the reasons in docs/decisions/0004: a verifier's event loop never waits
for the feed, and never holds it up.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakMethod, WeakSet, WeakValueDictionary

from sekisho_verify import steady_clock
from sekisho_verify.background import LOCK
from sekisho_verify.errors import ConfigurationError, RevocationsUnavailable
from sekisho_verify.feed_line import feed_place
from sekisho_verify.feed_reader import FeedReader, Setup
from sekisho_verify.feed_sources import Cooler, FeedSource, FeedStatus, status_of
from sekisho_verify.issuer_metadata import metadata_place
from sekisho_verify.jwks import shared_issuer_keys
from sekisho_verify.key_sources import KeySource
from sekisho_verify.keys import refuse_bad_set
from sekisho_verify.revocations.following import THROTTLE
from sekisho_verify.revocations.freshness import Freshness
from sekisho_verify.revocations.live import Revocations
from sekisho_verify.snapshot_file import SnapshotFile
from sekisho_verify.urls import safe_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sekisho_verify.keys import VerificationKey
    from sekisho_verify.urls import Place

THREAD_NAME: Final = "sekisho-feed"
TOKEN_SETTING: Final = "SEKISHO_FEED_TOKEN"  # noqa: S105 -- the name of a setting

_GRACE: Final = 1.0
_MAX_TOKEN: Final = 4096


class IssuerFeed(FeedSource):
    """The revocations of an issuer, followed in the background.

    `Verifier(issuer=..., audience=...)` makes one by itself, and all those of one issuer and the same keys
    share it; make it yourself to name its URLs, to have a snapshot file, or to give it a token.

    Args:
        issuer: the `iss` of the tokens.
        token: the feed token, or a callable that returns it and is asked at each connection, so that it may
            change. By default what the environment's `SEKISHO_FEED_TOKEN` refers to (`file:PATH` or
            `env:NAME`), read anew each time; none where that is not set.
        urls: the feed's URLs, for more than one node: the next is tried at once when one is lost. By default
            the one that the issuer's metadata name.
        keys: what the feed's seals are checked by: those of the verifiers. By default the issuer's public
            keys.
        snapshot_file: where the last snapshot is kept, for a start while the issuer is down. It is read only
            if the first attempt fails, and counts as cut until the issuer is heard.
        timeout: seconds for each small answer, and for what the first use waits.
        clock: gives seconds since 1970, for the age of the snapshot file.
        steady: gives seconds of a clock that never steps, for everything else.

    Raises:
        ConfigurationError: for a URL off this machine that is not https, a reference that is none, keys that
            are no set, or a timeout that is not above 0.
    """

    def __init__(
        self,
        issuer: str,
        *,
        token: str | Callable[[], str] | None = None,
        urls: Iterable[str] = (),
        keys: Iterable[VerificationKey] | KeySource | None = None,
        snapshot_file: str | os.PathLike[str] | None = None,
        timeout: float = 5.0,
        clock: Callable[[], float] = time.time,  # noqa: TID251 -- a file outlives every other clock
        steady: Callable[[], float] = steady_clock.steady,
    ) -> None:
        if not 0 < timeout < inf:
            raise ConfigurationError(f"timeout is a number of seconds above 0; got {timeout!a}")
        self.issuer: str = issuer
        self.revocations: Revocations = Revocations()
        self.steady: Callable[[], float] = steady
        places = tuple(map(_place, urls))
        if not places:
            metadata_place(issuer)
        self._setup = Setup(
            issuer=issuer,
            revocations=self.revocations,
            writing=threading.Lock(),
            keys=_keys(keys, issuer),
            token=_token(token),
            places=places,
            timeout=timeout,
            file=None if snapshot_file is None else SnapshotFile(snapshot_file),
            clock=clock,
            steady=steady,
        )
        # These change under LOCK only.
        self._coolers: list[WeakMethod[Cooler]] = []
        self._reader: FeedReader | None = None
        self._hurried_at = -inf
        _feeds.add(self)

    @property
    def status(self) -> FeedStatus:
        """How the feed stands at this moment."""
        reader, now = self._reader, self.steady()
        if reader is None:
            return status_of(self.revocations, steady_now=now)
        return status_of(
            self.revocations,
            steady_now=now,
            gaps=reader.following.gaps,
            refused=reader.refused,
            url=reader.url,
            last_error=reader.last_error,
        )

    def attach(self, cool: Cooler) -> None:
        """See `FeedSource.attach`.

        Raises:
            RevocationsUnavailable: if no thread can be had.
        """
        with LOCK:
            if all(each() != cool for each in self._coolers):
                self._coolers.append(WeakMethod(cool, self._look_around()))
            if self._reader is not None:
                return
            reader = FeedReader(self._setup)
            # A daemon: it holds nothing that an interpreter at its end would have to wait for.
            thread = threading.Thread(target=self._run, args=(reader,), name=THREAD_NAME, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                self._coolers.clear()
                raise RevocationsUnavailable(f"no thread to follow the feed with: {error}") from None
            self._reader = reader

    def wait(self) -> None:
        """See `FeedSource.wait`."""
        reader = self._reader
        if reader is not None and not self._fresh():
            with suppress(TimeoutError):
                reader.first.result(self._setup.timeout + _GRACE)

    async def await_first(self) -> None:
        """See `FeedSource.await_first`."""
        reader = self._reader
        if reader is not None and not self._fresh():
            import asyncio  # noqa: PLC0415 -- a service without an event loop does not pay for one

            await asyncio.wait([asyncio.wrap_future(reader.first)], timeout=self._setup.timeout + _GRACE)

    def detach(self, cool: Cooler) -> None:
        """See `FeedSource.detach`. Without anybody left, the thread ends."""
        with LOCK:
            known = len(self._coolers)
            self._coolers = [each for each in self._coolers if each() != cool]
            if len(self._coolers) < known:
                cool()
            if not self._needed():
                self._end()

    def behind(self) -> None:
        """See `FeedSource.behind`: at most once in `following.THROTTLE` seconds."""
        now = self.steady()
        # Two threads may both pass: a second fetch now and then, and no lock on the way of a request.
        if now - self._hurried_at < THROTTLE:
            return
        self._hurried_at = now
        reader = self._reader
        if reader is not None:
            reader.behind(now)

    def forked(self) -> None:
        """This process is a child now, without the thread: verifiers come back when they are used."""
        coolers, self._coolers = self._coolers, []
        self._reader = None
        # The thread that is not here may have held it.
        self._setup = self._setup._replace(writing=threading.Lock())
        for each in coolers:
            if (cool := each()) is not None:
                cool()

    def _run(self, reader: FeedReader) -> None:
        reader.run(self._needed)
        with LOCK:
            if self._reader is reader:
                self._reader = None
                # Somebody may have come between its last look and now.
                for each in self._coolers:
                    if (cool := each()) is not None:
                        cool()
                self._coolers.clear()

    def _end(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.stop()

    def _needed(self) -> bool:
        return any(each() is not None for each in self._coolers)

    def _fresh(self) -> bool:
        return self.revocations.freshness(self.steady()) is Freshness.FRESH

    def _look_around(self) -> Callable[[object], None]:
        def gone(_: object, at_the_end: Callable[[], bool] = sys.is_finalizing) -> None:
            reader = self._reader
            if reader is not None and not at_the_end():
                reader.wake()

        return gone

    def __repr__(self) -> str:
        return f"IssuerFeed({self.issuer!r})"


_feeds: Final[WeakSet[IssuerFeed]] = WeakSet()
_shared: Final[WeakValueDictionary[object, IssuerFeed]] = WeakValueDictionary()


def shared_issuer_feed(issuer: str, keys: tuple[VerificationKey, ...] | KeySource) -> IssuerFeed:
    """The one `IssuerFeed` of this process for an issuer and its keys, for all who name nothing else.

    Raises:
        ConfigurationError: as `IssuerFeed` does.
    """
    # By id, which is nobody else's as long as the feed, and with it the source, is there.
    named = id(keys) if isinstance(keys, KeySource) else frozenset((k.kid, k.thumbprint) for k in keys)
    with LOCK:
        feed = _shared.get((issuer, named))
        if feed is None:
            feed = _shared[issuer, named] = IssuerFeed(issuer, keys=keys)
        return feed


def _keys(
    keys: Iterable[VerificationKey] | KeySource | None, issuer: str
) -> KeySource | tuple[VerificationKey, ...]:
    if keys is None:
        return shared_issuer_keys(issuer)
    if not isinstance(keys, KeySource):
        held = tuple(keys)
        refuse_bad_set(held)
        return held
    if keys.issuer not in {None, issuer}:
        raise ConfigurationError(f"the keys are those of {keys.issuer!a}, not of {issuer!a}")
    return keys


def _place(url: str) -> Place:
    try:
        return feed_place(safe_place(url))
    except ValueError as error:
        raise ConfigurationError(f"urls: {error}; give it as https://id.example.com/v1/revocations") from None


def _token(token: str | Callable[[], str] | None) -> Callable[[], str | None]:
    if token is None:
        _reference()  # a mistake is said where the feed is made
        return _referred_token
    if isinstance(token, str):
        checked = _checked(token)
        return lambda: checked
    return lambda: _checked(token())


def _reference() -> tuple[str, str] | None:
    """Scheme and name of the reference in the environment, if there is one.

    Raises:
        ConfigurationError: it is no reference. It is not repeated: it may be the token itself.
    """
    reference = os.environ.get(TOKEN_SETTING)
    if not reference:
        return None
    scheme, _, name = reference.partition(":")
    if scheme not in {"file", "env"} or not name:
        raise ConfigurationError(f"{TOKEN_SETTING} says where the token is: file:PATH or env:NAME")
    return scheme, name


def _referred_token() -> str | None:
    """What it refers to, read anew: a feed is shared, and may outlive what was set when it was made."""
    match _reference():
        case None:
            return None
        case "env", name:
            return _checked(os.environ[name])
        case _, name:
            return _checked(_first_bytes(name))


def _first_bytes(path: str) -> str:
    with Path(path).open("rb") as file:
        return file.read(_MAX_TOKEN + 2).decode()


def _checked(token: str) -> str:
    """The token, without the newline that an editor leaves at the end of a file.

    Raises:
        ConfigurationError: it could not stand in a header.
    """
    token = token.removesuffix("\n").removesuffix("\r")
    if not 0 < len(token) <= _MAX_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError("a feed token is printable ASCII without spaces")
    return token


def _after_fork_in_child() -> None:
    for feed in tuple(_feeds):
        feed.forked()


if sys.platform != "win32":
    # After `background`, whose LOCK is free again by then: it was imported, and registered, before.
    os.register_at_fork(after_in_child=_after_fork_in_child)
