"""The variant that stores no session (`refresh_store = "none"`): what each act is without a row.

The refresh token is a signed JWT, good until it expires. It is not rotated, so a copy of it is not noticed;
it is on no device list; its end, when somebody asks for one, is a revocation entry kept for as long as the
token could live. That is the price of not storing, and the server says so when it starts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Never

from msgspec.structs import replace

from sekisho.ports import Clock, Entropy, Mint, Signer, StatelessStore
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.opaque import digest
from sekisho.rules.refresh import Verdict
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho.rules.session import (
    Bearer,
    Grant,
    Held,
    Lifetimes,
    LogoutRequest,
    Opening,
    PresentedCookie,
    Refreshed,
    RefreshRequest,
    Tokens,
)
from sekisho_verify import AccessToken


def not_stored(*_: object) -> Never:
    """What needs a list of sessions cannot be done.

    Raises:
        Refusal: `not_stored`, always.
    """
    raise Refusal("not_stored")


def no_session_cookie(_: str) -> Never:
    """Mode `session` hands out no cookie here, so none is ours.

    Raises:
        Refusal: `session_unknown`, always.
    """
    raise Refusal("session_unknown", "sessions are not stored")


def read_refresh_cookie(text: str) -> PresentedCookie:
    """What a CSRF token can be bound to where the refresh token is a JWT: the token itself, not verified."""
    return PresentedCookie("", Held("browser", digest(text.encode())))


async def open_session(
    opening: Opening,
    *,
    store: StatelessStore,
    signer: Signer,
    mint: Mint,
    issuer: str,
    lifetimes: Lifetimes,
    entropy: Entropy,
) -> Tokens | None:
    """Sign a refresh token iff the password is still the one that was checked, and mint the first pair.

    Raises:
        Refusal: `not_stored`: mode `session` needs a row.
    """
    if opening.mode == "session":
        raise Refusal("not_stored", "mode session needs stored sessions")
    session_id = uuid7(opening.now, entropy(ENTROPY_BYTES))
    found = await store.grant(
        opening.user_id,
        checked=opening.checked_hash,
        forgive=opening.forgive,
        event=replace(opening.event, session_id=session_id),
    )
    if found is None:
        return None
    account, rights = found
    expires_at = opening.now + lifetimes.refresh
    grant = Grant(account, session_id, opening.now, opening.amr, expires_at, rights)
    refresh_token = signer.sign(
        {
            "iss": issuer,
            "aud": issuer,
            "sub": account.id,
            "sid": session_id,
            "iat": int(opening.now),
            "exp": int(expires_at),
            "auth_time": int(opening.now),
            "amr": list(opening.amr),
            "rv": rights.rv,
        },
        typ="rt+jwt",
    )
    return mint.tokens(grant, refresh_token, now=opening.now)


async def refresh(
    request: RefreshRequest,
    *,
    store: StatelessStore,
    signer: Signer,
    mint: Mint,
    lifetimes: Lifetimes,
    clock: Clock,
) -> Refreshed:
    """A fresh access token, and the same refresh token again.

    Raises:
        Refusal: `refresh_unknown`, `refresh_expired`, `session_revoked`.
    """
    now = clock()
    claims = signer.verify_refresh(request.refresh_token, now=now)
    # Entries are swept by today's lifetime: a token of a longer one could outlive the entry that ended it.
    expires_at = min(claims["exp"], claims["iat"] + lifetimes.refresh)
    if now >= expires_at:
        raise Refusal("refresh_expired", "the lifetime was shortened meanwhile")
    grant = await _grant(
        claims["sub"],
        claims["sid"],
        rv=claims["rv"],
        auth_time=claims["auth_time"],
        amr=claims["amr"],
        expires_at=expires_at,
        store=store,
    )
    return Refreshed(mint.tokens(grant, request.refresh_token, now=now), Verdict.CURRENT)


async def authenticate(
    access_token: str, *, verify: Callable[[str], AccessToken], store: StatelessStore
) -> Grant:
    """The account behind an access token: not revoked, enabled, with the rights it has now.

    Raises:
        TokenRefused: the token is not valid.
        Refusal: `session_unknown`: another holder of the key made it; `session_revoked`.
    """
    token = verify(access_token)
    Bearer.of_access_token(sid=token.sid, sub=token.sub, rv=token.rv)
    if token.auth_time is None:
        raise Refusal("session_unknown", "without `auth_time`, which we always write")
    return await _grant(
        token.sub,
        token.sid,
        rv=token.rv,
        auth_time=token.auth_time,
        amr=token.amr,
        expires_at=token.expires_at,
        store=store,
    )


async def _grant(
    user_id: str,
    session_id: str,
    *,
    rv: str,
    auth_time: float,
    amr: tuple[str, ...],
    expires_at: float,
    store: StatelessStore,
) -> Grant:
    found = await store.grant(user_id, checked=None, forgive=(), event=None)
    if found is None:
        raise Refusal("session_revoked", "the account is gone or disabled")
    # After the rights: a logout between the two is seen here, and one that comes later has a higher number
    # than the token that is minted from them.
    if await store.revoked_since(_ends(session_id, user_id), rv):
        raise Refusal("session_revoked")
    account, rights = found
    return Grant(account, session_id, auth_time, amr, expires_at, rights)


def _ends(session_id: str, user_id: str) -> list[Entry]:
    """The entries that end a session."""
    return [Entry("session", session_id, "revoked"), Entry("user", user_id, "revoked")]


def bearer_of(refresh_token: str, *, signer: Signer, clock: Clock) -> Bearer:
    """The session that a refresh token of ours names.

    Raises:
        Refusal: `refresh_unknown`, `refresh_expired`.
    """
    claims = signer.verify_refresh(refresh_token, now=clock())
    return Bearer(claims["sid"], claims["sub"], claims["rv"])


async def logout(request: LogoutRequest, *, store: StatelessStore, clock: Clock, entropy: Entropy) -> None:
    """Publish the end of this session, or of everything the account holds; being logged out is no fault.

    Raises:
        Refusal: `not_stored` for `others`: without rows the others cannot be told from this one;
            `session_revoked` for `all`: only a living session may end others.
    """
    bearer = request.bearer
    session_id, user_id = bearer.session_id, bearer.user_id
    if request.scope == "others" or user_id is None or bearer.rv is None:
        not_stored()
    this, everything = _ends(session_id, user_id)
    if await store.revoked_since([this, everything], bearer.rv):
        # Or whoever keeps a dead token could go on ending the owner's sessions, and fill the feed.
        if request.scope == "this":
            return
        raise Refusal("session_revoked")
    now = clock()
    event = request.client.event(
        "session_revoked",
        now,
        uuid7(now, entropy(ENTROPY_BYTES)),
        user_id=user_id,
        session_id=session_id,
        why="logout",
        scope=request.scope,
    )
    await store.publish([this if request.scope == "this" else everything], now=now, event=event)
