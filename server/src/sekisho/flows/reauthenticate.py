"""Ask for the password once more, before something that a stolen session must not be enough for."""

from __future__ import annotations

from sekisho.ports import AccountStore, Clock, Entropy, EventStore, Passwords, ThrottleStore
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.refusals import Refusal
from sekisho.rules.session import Client, Grant, Reauthenticated
from sekisho.rules.throttle import Bucket


async def reauthenticate(
    grant: Grant,
    password: str,
    client: Client,
    *,
    accounts: AccountStore,
    throttle: ThrottleStore,
    events: EventStore,
    passwords: Passwords,
    clock: Clock,
    entropy: Entropy,
) -> Reauthenticated:
    """The hash that the password is right for, and the attempts to give back once what follows is done.

    Raises:
        Refusal: `invalid_credentials`, `rate_limited`, `unavailable`.
    """
    now = clock()
    account = grant.account
    # A stolen credential must not become a machine for guessing the password (W5).
    bucket = Bucket("password", account.id)
    await throttle.attempt([bucket], now=now)
    credentials = await accounts.find_credentials(id=account.id)
    checked = await passwords.check(password, credentials.password_hash if credentials else None)
    if credentials is None or not checked.correct:
        await events.record(
            client.event(
                "reauthentication_failed",
                now,
                uuid7(now, entropy(ENTROPY_BYTES)),
                user_id=account.id,
                session_id=grant.session_id,
            )
        )
        raise Refusal("invalid_credentials")
    return Reauthenticated(credentials.password_hash, (bucket,))
