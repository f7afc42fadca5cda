"""Change the way in which a session is carried, without a new login."""

from __future__ import annotations

from sekisho.frozen import Frozen, Hidden
from sekisho.ports import Clock, Entropy, Mint, Reauthenticate, SessionStore
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.opaque import digest
from sekisho.rules.refusals import invalid
from sekisho.rules.session import SECRET_BYTES, Client, Exchange, Grant, Handed, Held, Lifetimes, Mode


class ExchangeRequest(Frozen):
    """The way that is wanted, and the session that asks.

    `held`: the cookie that asks; none for an access token, which every API has seen and which must not be
    turned into something longer-lived, and whose number is `rv`.
    """

    grant: Grant
    mode: Mode
    held: Held | None
    rv: str | None
    password: Hidden[str | None]
    client: Client


async def exchange(
    request: ExchangeRequest,
    *,
    sessions: SessionStore,
    reauthenticate: Reauthenticate,
    mint: Mint,
    lifetimes: Lifetimes,
    clock: Clock,
    entropy: Entropy,
) -> Handed:
    """The new credential; the one that was presented is dead from here on, with the tokens minted for it.

    From one cookie to another it takes nothing more. What a script could read, mode `token`, takes the
    password: a script that runs in a page can never turn an HttpOnly credential into a readable one.

    Raises:
        Refusal: `validation_failed` where the password is missing; `invalid_credentials`, `rate_limited`,
            `unavailable`; `session_unknown`, `session_revoked`, `session_expired`.
    """
    proven = None
    if request.password is not None:
        proven = await reauthenticate(request.grant, request.password, request.client)
    elif request.mode == "token" or request.held is None:
        raise invalid("/password", "field_missing")
    now = clock()
    secret = entropy(SECRET_BYTES)
    grant = await sessions.exchange(
        Exchange(
            session_id=request.grant.session_id,
            user_id=request.grant.account.id,
            mode=request.mode,
            now=now,
            held=request.held,
            rv=request.rv,
            proven=proven,
            digest=digest(secret),
        ),
        lifetimes=lifetimes,
        event=request.client.event(
            "session_exchanged",
            now,
            uuid7(now, entropy(ENTROPY_BYTES)),
            user_id=request.grant.account.id,
            session_id=request.grant.session_id,
            mode=request.mode,
        ),
    )
    return mint.hand(grant, mode=request.mode, secret=secret, now=now)
