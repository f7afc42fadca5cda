"""Cookie sessions that were looked up lately are believed again, unless something has ended them since.

SQL is the truth. What is remembered here, and in Redis where that is configured, is a copy with the number of
the feed that it was read at (`rv`); it counts while no entry for its session, user or groups has a higher
one, which is the rule for access tokens, and with the same bound: what a node was told of half a second ago.
So a copy that a failed-over Redis brings back is as dead as it was, and a role that was taken away is gone.

A copy is believed for `max_age` at most, which is shorter than entries are kept: one that is older than the
oldest entry could have missed its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from sekisho.adapters.feed_tail import FeedTail
from sekisho.frozen import Frozen
from sekisho.ports import SessionReader
from sekisho.rules.refusals import Refusal
from sekisho.rules.session import Grant, Held
from sekisho_verify.errors import SekishoVerifyError
from sekisho_verify.revocations.entries import entry_key
from sekisho_verify.revocations.live import Marks, session_marks

#: Sessions that are remembered in a process, twice over: some 1.5 KiB each, with what they are checked by.
REMEMBERED = 20_000
#: Seconds for which a copy is believed at most.
MAX_AGE: Final = 300.0


class Copy(Frozen):
    """A session as the database had it at `made_at` (POSIX seconds)."""

    grant: Grant
    held: Held
    made_at: float


class _Known:
    """A copy, and its marks once they are asked for: most sessions are looked up once in a while."""

    __slots__ = ("_marks", "copy")

    def __init__(self, copy: Copy) -> None:
        self.copy: Final = copy
        self._marks: Marks | None = None

    @property
    def marks(self) -> Marks:
        if self._marks is None:
            grant = self.copy.grant
            self._marks = session_marks(
                sid=grant.session_id,
                sub=grant.account.id,
                groups=grant.rights.groups,
                rv=grant.rights.rv,
                issued_at=self.copy.made_at,
            )
        return self._marks


class NoAnswer(Exception):
    """The place of the shared copies does not answer just now."""


class SharedCopies(Protocol):
    """Copies that all nodes share. It may lose any of them at any time, and answers in bounded time.

    Each raises `NoAnswer`.
    """

    async def get(self, key: bytes) -> Copy | None:
        """The copy under the key of a session, or none."""
        ...

    async def put(self, key: bytes, copy: Copy) -> None:
        """Keep one."""
        ...

    async def delete(self, keys: Sequence[bytes]) -> None:
        """Forget some."""
        ...


class SessionLookups:
    """`ports.SessionReader` in front of the database. One event loop.

    Args:
        sessions: the database.
        tail: what has ended.
        shared: copies that all nodes share, where there are any.
        max_age: seconds for which a copy is believed.
        count: told where each look-up was answered: `process`, `shared` or `database`; and `fallback` where
            it was the database because the shared copies gave no answer.
    """

    def __init__(
        self,
        sessions: SessionReader,
        tail: FeedTail,
        *,
        shared: SharedCopies | None,
        max_age: float,
        count: Callable[[str], None],
    ) -> None:
        self._sessions: Final = sessions
        self._tail: Final = tail
        self._shared: Final = shared
        self._max_age: Final = max_age
        self._count: Final = count
        # Two generations in the place of a list of who came last: what nobody asked for goes as a whole, when
        # there are too many, or when none of it can be believed any more.
        self._since = 0.0
        self._recent: dict[str, _Known] = {}
        self._older: dict[str, _Known] = {}

    async def live_session(
        self,
        session_id: str,
        *,
        user_id: str | None = None,
        held: Held | None = None,
        rv: str | None = None,
        now: float,
    ) -> Grant:
        """See `ports.SessionReader`."""
        if rv is not None:  # an access token is judged by the feed itself
            return await self._sessions.live_session(session_id, user_id=user_id, held=held, rv=rv, now=now)
        if held is None or user_id is not None or not self._tail.fresh():
            return await self._ask(session_id, user_id, held, now)
        known = self._recent.get(session_id) or self._older.get(session_id)
        if known is not None and self._alive(known, held, now):
            if session_id not in self._recent:
                self._remember(session_id, known, now)
            self._count("process")
            return known.copy.grant
        found, source = await self._shared_copy(session_id)
        if found is not None and self._alive(found, held, now):
            self._remember(session_id, found, now)
            self._count("shared")
            return found.copy.grant
        try:
            return await self._ask(session_id, user_id, held, now, source)
        except Refusal:
            if found is not None:
                await self._forget(session_id)  # Redis found it again after it had been deleted
            raise

    async def _shared_copy(self, session_id: str) -> tuple[_Known | None, str]:
        """The copy that all nodes share, and where the answer comes from if there is none."""
        if self._shared is None:
            return None, "database"
        try:
            copy = await self._shared.get(entry_key("session", session_id))
        except NoAnswer:
            return None, "fallback"
        if copy is None or copy.grant.session_id != session_id:
            return None, "database"
        return _Known(copy), "database"

    async def _ask(
        self, session_id: str, user_id: str | None, held: Held | None, now: float, source: str = "database"
    ) -> Grant:
        grant = await self._sessions.live_session(session_id, user_id=user_id, held=held, now=now)
        self._count(source)
        if held is not None and held.mode == "session":
            copy = Copy(grant, held, now)
            self._remember(session_id, _Known(copy), now)
            if self._shared is not None:
                with suppress(NoAnswer):
                    await self._shared.put(entry_key("session", session_id), copy)
        return grant

    async def _forget(self, session_id: str) -> None:
        if self._shared is not None:
            with suppress(NoAnswer):
                await self._shared.delete([entry_key("session", session_id)])

    def _alive(self, known: _Known, held: Held, now: float) -> bool:
        copy = known.copy
        if copy.held != held or not 0 <= now - copy.made_at < self._max_age:
            return False
        if now >= copy.grant.refresh_expires_at:
            return False  # or it was used meanwhile: the database knows
        try:
            self._tail.revocations.check(known.marks)
        except SekishoVerifyError:
            return False  # whatever it is, the database says what is to be answered
        return True

    def _remember(self, session_id: str, known: _Known, now: float) -> None:
        if len(self._recent) >= REMEMBERED or now - self._since >= self._max_age:
            self._older, self._recent, self._since = self._recent, {}, now
        self._recent[session_id] = known
