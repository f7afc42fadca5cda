"""Who is asking: every account endpoint begins here.

The access token alone is not believed: in HS256 mode every API server holds the key and could mint one. The
session row must be alive, and rights are those the database holds now.
"""

from __future__ import annotations

from collections.abc import Callable

from sekisho.ports import Clock, SessionStore
from sekisho.rules.session import Grant
from sekisho_verify import AccessToken


async def authenticate(
    access_token: str,
    *,
    verify: Callable[[str], AccessToken],
    sessions: SessionStore,
    clock: Clock,
) -> Grant:
    """The session behind the token, with its account and rights.

    Raises:
        TokenRefused: the token is not valid.
        Refusal: `session_unknown`, `session_expired`, `session_revoked`.
    """
    token = verify(access_token)
    return await sessions.live_session(token.sid, user_id=token.sub, now=clock())
