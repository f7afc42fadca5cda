"""Where you are signed in: the device list, ending one line of it, or all."""

from __future__ import annotations

from sekisho.frozen import Frozen
from sekisho.ports import Clock, Entropy, SessionStore
from sekisho.rules.events import Event
from sekisho.rules.ids import ENTROPY_BYTES, is_uuid, uuid7
from sekisho.rules.refusals import Refusal
from sekisho.rules.session import Client, Session


async def list_sessions(user_id: str, *, sessions: SessionStore, clock: Clock) -> list[Session]:
    """The living sessions of an account, newest first."""
    return await sessions.list_sessions(user_id, now=clock())


class RevokeRequest(Frozen):
    """A line of the device list, and whose list it is; no `user_id` for an operator."""

    session_id: str
    user_id: str | None
    client: Client


async def revoke_session(
    request: RevokeRequest, *, sessions: SessionStore, clock: Clock, entropy: Entropy
) -> None:
    """End that session and publish it.

    Raises:
        Refusal: `not_found` where it is not on that account's list; the same for one that belongs to somebody
            else as for one that never was.
    """
    now = clock()
    event = request.client.event(
        "session_revoked",
        now,
        uuid7(now, entropy(ENTROPY_BYTES)),
        user_id=request.user_id,
        session_id=request.session_id,
        why="revoked",
    )
    if not is_uuid(request.session_id) or not await sessions.end_session(
        request.session_id, user_id=request.user_id, why="revoked", now=now, event=event
    ):
        raise Refusal("not_found", "no such living session")


async def revoke_sessions(user_id: str, *, sessions: SessionStore, clock: Clock, entropy: Entropy) -> int:
    """End every session of an account for an operator, all or none, and publish each; how many were alive."""
    now = clock()
    event = Event(
        "session_revoked",
        now,
        uuid7(now, entropy(ENTROPY_BYTES)),
        user_id=user_id,
        about={"why": "revoked", "scope": "all"},
    )
    return await sessions.end_sessions(user_id, except_session=None, why="revoked", now=now, event=event)
