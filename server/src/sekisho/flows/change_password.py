"""Old password for new; every other session ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from sekisho.ports import AccountStore, Clock, Entropy, EventStore, Passwords, ThrottleStore
from sekisho.rules.account import PasswordPolicy
from sekisho.rules.events import Event, EventKind
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho.rules.session import Client, Grant
from sekisho.rules.throttle import Bucket


@dataclass(frozen=True, slots=True)
class ChangePasswordRequest:
    """Both passwords as typed, and the session in which they were."""

    grant: Grant
    current: str = field(repr=False)
    new: str = field(repr=False)
    client: Client


async def change_password(
    request: ChangePasswordRequest,
    *,
    accounts: AccountStore,
    throttle: ThrottleStore,
    events: EventStore,
    passwords: Passwords,
    policy: PasswordPolicy,
    stateless: bool,
    clock: Clock,
    entropy: Entropy,
) -> None:
    """Replace the hash and end every other session in one act.

    `stateless`: there are no rows to tell the other sessions by, so every token of the account ends, the one
    that asked included.

    Raises:
        Refusal: `invalid_credentials`, `validation_failed`, `rate_limited`, `unavailable`.
    """
    now = clock()
    account = request.grant.account
    new = policy.admit(request.new, email=account.email, pointer="/new_password")

    # A stolen access token must not become a machine for guessing the password (W5).
    bucket = Bucket("password", account.id)
    await throttle.attempt([bucket], now=now)
    credentials = await accounts.find_credentials(id=account.id)
    checked = await passwords.check(request.current, credentials.password_hash if credentials else None)

    def event(kind: EventKind) -> Event:
        return Event(
            kind,
            now,
            uuid7(now, entropy(ENTROPY_BYTES)),
            user_id=account.id,
            session_id=request.grant.session_id,
            ip=request.client.ip,
            request_id=request.client.request_id,
        )

    if credentials is None or not checked.correct:
        await events.record(event("password_change_failed"))
        raise Refusal("invalid_credentials")
    changed = await accounts.change_password(
        account.id,
        checked=credentials.password_hash,
        new=await passwords.hash(new),
        keep_session=request.grant.session_id,
        now=now,
        forgive=[bucket],
        also=[Entry("user", account.id, "revoked")] if stateless else [],
        event=event("password_changed"),
    )
    if not changed:
        raise Refusal("invalid_credentials", "the password was changed by somebody else meanwhile")
