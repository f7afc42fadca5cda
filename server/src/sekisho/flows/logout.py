"""Log out: this session, every other one, or all."""

from __future__ import annotations

from sekisho.ports import Clock, Entropy, SessionStore
from sekisho.rules.events import Event
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.opaque import MacKeys
from sekisho.rules.refresh import decode
from sekisho.rules.session import Bearer, Held, LogoutRequest


def bearer_of(refresh_token: str, *, keys: MacKeys) -> Bearer:
    """The session that a refresh token of ours belongs to, whatever its generation.

    Logging out of its own session is the one thing that a spent token may still do: whoever holds it could
    end the session by presenting it anyway, since that is reuse.

    Raises:
        Refusal: `refresh_unknown`.
    """
    token = decode(refresh_token, keys)
    return Bearer(token.session_id, None, held=Held("token", token.secret_digest))


async def logout(request: LogoutRequest, *, sessions: SessionStore, clock: Clock, entropy: Entropy) -> None:
    """End what the scope says, publishing each end. Being logged out already is no fault.

    Raises:
        Refusal: `session_unknown`, `session_revoked`, `session_expired` where the scope reaches further than
            the session itself: only a living session may end others, and only by the credential that carries
            it now, not by one that was replaced because it may be in other hands.
    """
    now = clock()
    session_id, user_id = request.bearer.session_id, request.bearer.user_id

    def event(user_id: str | None) -> Event:
        return request.client.event(
            "session_revoked",
            now,
            uuid7(now, entropy(ENTROPY_BYTES)),
            user_id=user_id,
            session_id=session_id,
            why="logout",
            scope=request.scope,
        )

    if request.scope == "this":
        await sessions.end_session(session_id, user_id=user_id, why="logout", now=now, event=event(user_id))
        return
    held, rv = request.bearer.held, request.bearer.rv
    grant = await sessions.live_session(session_id, user_id=user_id, held=held, rv=rv, now=now)
    await sessions.end_sessions(
        grant.account.id,
        except_session=session_id if request.scope == "others" else None,
        why="logout",
        now=now,
        event=event(grant.account.id),
    )
