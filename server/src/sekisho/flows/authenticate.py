"""Who is asking: every account endpoint begins here.

The access token alone is not believed: in HS256 mode every API server holds the key and could mint one. The
session row must be alive, and rights are those the database holds now.
"""

from __future__ import annotations

from collections.abc import Callable

from sekisho.ports import Clock, SessionReader, SessionStore
from sekisho.rules import refresh, session_cookie
from sekisho.rules.opaque import MacKeys
from sekisho.rules.session import Bearer, Grant, Held, PresentedCookie
from sekisho_verify import AccessToken


def identify(access_token: str, *, verify: Callable[[str], AccessToken]) -> Bearer:
    """The session and the account that a valid access token names.

    Raises:
        TokenRefused: the token is not valid.
        Refusal: `session_unknown`: it names what is no id of ours, so another holder of the key made it.
    """
    token = verify(access_token)
    return Bearer.of_access_token(sid=token.sid, sub=token.sub, rv=token.rv)


async def authenticate(
    access_token: str,
    *,
    verify: Callable[[str], AccessToken],
    sessions: SessionStore,
    clock: Clock,
) -> Grant:
    """The session behind the token, with its account and rights.

    A session lives on when it is exchanged, and the access tokens from before do not: so their number counts.

    Raises:
        TokenRefused: the token is not valid.
        Refusal: `session_unknown`, `session_expired`, `session_revoked`.
    """
    bearer = identify(access_token, verify=verify)
    return await sessions.live_session(bearer.session_id, user_id=bearer.user_id, rv=bearer.rv, now=clock())


def read_cookie(text: str, *, keys: MacKeys) -> PresentedCookie:
    """What a session cookie says, by its seal alone.

    Raises:
        Refusal: `session_unknown`.
    """
    cookie = session_cookie.decode(text, keys)
    return PresentedCookie(cookie.session_id, Held("session", cookie.secret_digest))


def read_refresh_cookie(text: str, *, keys: MacKeys) -> PresentedCookie:
    """What a refresh token in a cookie says, by its seal alone.

    Raises:
        Refusal: `refresh_unknown`.
    """
    token = refresh.decode(text, keys)
    return PresentedCookie(token.session_id, Held("browser", token.secret_digest, token.generation))


async def authenticate_cookie(
    cookie: PresentedCookie,
    *,
    sessions: SessionReader,
    clock: Clock,
    used: Callable[[str, float], None],
) -> Grant:
    """The session behind a cookie whose seal was right, with its account and rights.

    `used` is told of a session and the instant, and keeps it from dying of idleness.

    Raises:
        Refusal: `session_unknown`, `session_expired`, `session_revoked`.
    """
    now = clock()
    grant = await sessions.live_session(cookie.session_id, held=cookie.held, now=now)
    if cookie.held.mode == "session":
        used(cookie.session_id, now)
    return grant
