"""The live revocations that a verifier holds, and the rule that decides.

A token is dead when an entry for one of its keys has a number above the token's own `rv`. The issuer takes
the number inside the transaction that revokes, and reads `rv` in the same snapshot as the rights that it puts
into the token: so no clocks are compared, and there is one rule for every kind of entry. Pure: no clock, no
input or output. How fresh the entries must be is decided in `freshness`.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from sekisho_verify.claims import EARLY
from sekisho_verify.errors import RevocationsUnavailable, TokenRefused
from sekisho_verify.revocations.entries import LIMIT, Frame, Heartbeat, Snapshot, entry_key, read_rv, write_rv
from sekisho_verify.revocations.freshness import CUT, Freshness, freshness
from sekisho_verify.revocations.packed import PackedEntries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sekisho_verify.claims import AccessClaims
    from sekisho_verify.revocations.entries import Entry

CLOCKS: Final = EARLY + 1.0
"""Seconds by which two times of the issuer may be out of order: `iat` is cut to a whole second, and the
machines that mint are not the one that writes `as_of`."""

_NEVER: Final = -1
# Above every position there can be: what stands here is so whatever `rv` says.
_ALWAYS: Final = LIMIT**2
# Entries forgotten by one step, beyond twice those that came: the steps are short, and never fall behind.
_STEP: Final = 1000


class Applied(Struct, frozen=True):
    """It was taken in; `new` entries were not known before."""

    new: int


class Ignored(Struct, frozen=True):
    """It is older than what is known: a double, a replay, a reader that lags, an epoch that is over."""


class Gap(Struct, frozen=True):
    """Nothing was taken in, since numbers are missing: read on after `head`, or take a snapshot."""

    epoch: int
    head: int


class SnapshotNeeded(Struct, frozen=True):
    """Nothing was taken in: there is nothing yet to add to, or it is of a later epoch. Take a snapshot."""


Outcome = Applied | Ignored | Gap | SnapshotNeeded


class Standing(Enum):
    """How what is held compares with a token that may live."""

    CURRENT = "current"
    BEHIND = "behind"
    """The token knows of numbers that have not come here yet: what is missing should be fetched at once."""


_CURRENT: Final = Standing.CURRENT  # a member looked up by its class costs as much as the whole look-up


class Marks(NamedTuple):
    """What a token can be hit by. Worked out once, when its seal was checked, and remembered with it."""

    keys: tuple[bytes, ...]
    rv: int
    issued_at: float


def marks(claims: AccessClaims, *, kid: str) -> Marks:
    """The marks of a token with these claims, sealed by the key `kid`.

    Raises:
        TokenRefused: `token_malformed`, for an `rv` that no issuer writes.
    """
    found = session_marks(
        sid=claims.sid, sub=claims.subject, groups=claims.groups, rv=claims.rv, issued_at=claims.issued_at
    )
    return found._replace(keys=(*found.keys, _shared_key("key", kid)))


def session_marks(*, sid: str, sub: str, groups: Iterable[str], rv: str, issued_at: float) -> Marks:
    """The marks of what was known of a session at `rv`, with no key behind it: what an issuer remembers.

    Raises:
        TokenRefused: `token_malformed`, for an `rv` that no issuer writes.
    """
    known = read_rv(rv)
    if known is None:
        raise TokenRefused("token_malformed", f"rv is {rv!a}")
    return Marks(
        (
            entry_key("session", sid),
            entry_key("user", sub),
            _EVERYTHING,
            *[_shared_key("group", group) for group in groups],
        ),
        _position(*known),
        issued_at,
    )


# Many tokens have the same few groups, and all of them the same key.
_shared_key: Final = lru_cache(maxsize=1024)(entry_key)
_EVERYTHING: Final = entry_key("everything", "")


class _Seen(NamedTuple):
    head: int
    as_of: float


class _Live:
    """The entries by their keys, each with its position: epoch and number in one int, compared at once.

    `newest` has the last position of each key, whatever its effect. Only keys that a `stale` entry names are
    in `revoked` too, with the last position under which they were revoked; so a session's end, which is
    nearly every entry, is stored once.
    """

    __slots__ = ("newest", "revoked", "seen", "untouched")

    def __init__(self, newest: dict[bytes, int], revoked: dict[bytes, int], seen: _Seen) -> None:
        self.newest: Final = newest
        self.revoked: Final = revoked
        self.untouched: Final = newest.keys().isdisjoint
        self.seen = seen

    def add(self, epoch: int, entries: Iterable[Entry]) -> None:
        if isinstance(entries, PackedEntries):
            self._add_packed(epoch, entries)
        else:
            self._add(epoch, entries)

    def _add_packed(self, epoch: int, entries: PackedEntries) -> None:
        newest, top = self.newest, _position(epoch, entries.head)
        for part in entries.parts():
            # Sessions that ended, each once, are nearly all there is: their order does not matter, and
            # nothing of what is known can be above them.
            if part.plain and newest.keys().isdisjoint(part.keys) and len({*part.keys}) == len(part.keys):
                newest.update(zip(part.keys, [top - below for below in part.below], strict=True))
            else:
                self._add(epoch, part.entries)

    def _add(self, epoch: int, entries: Iterable[Entry]) -> None:
        newest, revoked = self.newest, self.revoked
        for number, kind, key, effect in entries:
            # A forger who holds the key writes any rv he likes.
            at = _ALWAYS if kind == "key" else _position(epoch, number)
            known = newest.get(key, _NEVER)
            # `revoked` first: who reads between the two finds an entry not there yet, never one half there.
            if effect == "stale":
                revoked.setdefault(key, known)
            elif key in revoked:
                revoked[key] = max(revoked[key], at)
            newest[key] = max(known, at)

    def forget(self, key: bytes, *, unless_above: int) -> None:
        if self.newest.get(key, _ALWAYS) <= unless_above:
            del self.newest[key]
            self.revoked.pop(key, None)

    def since_before(self, floor: int, *, seen: _Seen) -> _Live:
        """What no snapshot that begins at `floor` takes back: of earlier epochs, and of leaked keys."""
        newest = {key: at for key, at in self.newest.items() if at < floor or at == _ALWAYS}
        revoked = {key: at for key, at in self.revoked.items() if key in newest}
        # What is stale in this epoch may have been revoked in an earlier one.
        newest |= {key: at for key, at in self.revoked.items() if key not in newest and _NEVER < at < floor}
        return _Live(newest, revoked, seen)

    def judge(self, token: Marks) -> None:
        dead = [key for key in token.keys if self.newest.get(key, _NEVER) > token.rv]
        if not dead:
            return
        if any(self.revoked.get(key, _ALWAYS) > token.rv for key in dead):
            raise TokenRefused("token_revoked")
        raise TokenRefused("token_stale")


class _Batch(NamedTuple):
    """Keys that came together, to be looked at again when they are too old to matter."""

    as_of: float
    last: int
    keys: list[bytes]


class Revocations:
    """The live revocations of one issuer, in memory: asked at every request, fed by one writer.

    One thread or task calls `apply` and `learn_offset`; any number call the rest meanwhile, without a lock.
    That is safe with and without a global interpreter lock: a look-up in a dict, a store into it and the
    store of an attribute are each one indivisible step in both, and a step is never needed together with
    another. What belongs together (head and time, a snapshot's two dicts) is put in place as one object. An
    entry is in its dict before the head says so; so whoever sees the head sees all that is below it.

    An entry is forgotten when `as_of` has moved on by `ttl`, and `CLOCKS` more, since it came. It was
    committed no later than the `as_of` it came with, but for what `CLOCKS` allows, and `ttl` is how long any
    token with a lower `rv` can be accepted after that commit: so whatever it could hit has expired. If the
    feed stands still, nothing is forgotten. Entries of kind `key` stay: who has the key can always mint.
    A snapshot takes the place of what is known of its own epoch. What is known of an earlier one is kept for
    its time: so an issuer that has lost it in a restore revives no token.
    """

    __slots__ = ("_keep", "_live", "_log", "_offset")

    def __init__(self) -> None:
        self._live = _Live({}, {}, _Seen(_NEVER, -inf))
        self._log: deque[_Batch] = deque()
        self._keep = inf
        self._offset: float | None = None

    def check(self, token: Marks) -> Standing:
        """Return how we stand, if the token may live.

        Raises:
            TokenRefused: `token_revoked`; `token_stale`, for rights that changed, and for an `rv` above our
                head although we know of later times: it was minted on a line of history that the issuer has
                lost. A refresh gives one of the present line.
            RevocationsUnavailable: nothing has come from the issuer yet.
        """
        live = self._live
        # One call in C for all keys, and for nearly every token there is nothing more to do.
        if not live.untouched(token.keys):
            live.judge(token)
        head, as_of = live.seen
        if token.rv <= head:
            return _CURRENT
        if head == _NEVER:
            raise RevocationsUnavailable("no snapshot has come from the feed yet")
        if token.issued_at + CLOCKS <= as_of:
            raise TokenRefused("token_stale", f"rv {token.rv} is above the head {head}")
        return Standing.BEHIND

    def leaked(self, kid: str) -> bool:
        """Whether the signing key with that `kid` is known to have leaked: nothing that it seals counts."""
        return entry_key("key", kid) in self._live.newest

    def apply(self, news: Snapshot | Frame | Heartbeat) -> Outcome:
        """Take in what the issuer says; doubles, replays and any order do no harm."""
        head, as_of = self._live.seen
        epoch = head // LIMIT
        if news.epoch < epoch:
            return Ignored()
        if isinstance(news, Snapshot):
            return self._replace(news)
        if news.epoch > epoch or head == _NEVER:
            return SnapshotNeeded()
        if isinstance(news, Frame):
            first, last, entries = news.first, _position(epoch, news.last), news.entries
        else:
            first, last, entries = news.head + 1, _position(epoch, news.head), ()
        if _position(epoch, first) > head + 1:
            return Gap(epoch, head % LIMIT)
        if last < head:
            return Ignored()
        new = [entry for entry in entries if _position(epoch, entry.number) > head]
        self._live.add(epoch, new)
        self._live.seen = _Seen(last, max(as_of, news.as_of))
        if new:
            self._log.append(_Batch(news.as_of, last, [entry.key for entry in new]))
        self._forget(2 * len(new) + _STEP)
        return Applied(len(new))

    def _replace(self, snapshot: Snapshot) -> Outcome:
        old = self._live
        head, as_of = old.seen
        position = _position(snapshot.epoch, snapshot.head)
        if position < head:
            return Ignored()
        floor = _position(snapshot.epoch, 0)
        live = old.since_before(floor, seen=_Seen(position, max(as_of, snapshot.as_of)))
        live.add(snapshot.epoch, snapshot.entries)
        self._keep = snapshot.ttl + CLOCKS
        self._log = deque(batch for batch in self._log if batch.last < floor)
        # The very keys of the dict: a million of their doubles would take 50 MiB. Those of an earlier epoch
        # among them are forgotten by a batch of their own, before.
        self._log.append(_Batch(snapshot.as_of, position, [*live.newest]))
        self._live = live
        if head < floor:
            return Applied(len(snapshot.entries))
        return Applied(_above(head - floor, snapshot.entries))

    def _forget(self, budget: int) -> None:
        live, log = self._live, self._log
        until = live.seen.as_of - self._keep
        while log and log[0].as_of <= until and budget > 0:
            batch = log[0]
            for _ in range(min(budget, len(batch.keys))):
                live.forget(batch.keys.pop(), unless_above=batch.last)
                budget -= 1
            if not batch.keys:
                log.popleft()

    def learn_offset(self, offset: float) -> None:
        """Take over what `freshness.clock_offset` found: issuer's clock minus our steady one, in seconds."""
        self._offset = offset

    def set_back(self, issuer_now: float) -> None:
        """Let times count again that lie before what was heard, if the issuer's clock was put back.

        Only its answer to a question shows that: an old time in the stream may be a replay. What is known
        stays, for as long as by the old time; how old it is is told by what comes next.

        Args:
            issuer_now: the issuer's time, in seconds since 1970, as it was told to us alone.
        """
        head, as_of = self._live.seen
        if as_of > issuer_now + EARLY:
            self._live.seen = _Seen(head, issuer_now - CUT)

    def freshness(self, steady_now: float) -> Freshness:
        """How lately we heard, at `steady_now` on the clock by which the offset was learned."""
        return freshness(self.as_of, offset=self._offset, steady_now=steady_now)

    def age(self, steady_now: float) -> float | None:
        """Seconds since the issuer's database was last read for us; None where that is not known.

        It may be a little below 0: clocks are read to within an exchange of question and answer.
        """
        as_of = self.as_of
        return None if as_of is None or self._offset is None else steady_now + self._offset - as_of

    @property
    def as_of(self) -> float | None:
        """When the issuer's database was last read for us, by its clock; none before the first snapshot."""
        as_of = self._live.seen.as_of
        return None if as_of == -inf else as_of

    @property
    def rv(self) -> str | None:
        """The `rv` of a token minted at what is known here; none before the first snapshot."""
        head = self._live.seen.head
        return None if head == _NEVER else write_rv(*divmod(head, LIMIT))

    @property
    def entry_count(self) -> int:
        """How many sessions, users, groups and keys have an entry that is live."""
        return len(self._live.newest)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rv={self.rv!r}, as_of={self.as_of}, entry_count={self.entry_count})"


def _above(number: int, entries: Iterable[Entry]) -> int:
    if isinstance(entries, PackedEntries):
        return sum(entries.head - below > number for part in entries.parts() for below in part.below)
    return sum(entry.number > number for entry in entries)


def _position(epoch: int, number: int) -> int:
    return epoch * LIMIT + number
