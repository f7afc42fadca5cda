"""Old password for new; every other session ends, and the one that stays gets another secret where it can."""

from __future__ import annotations

from sekisho.frozen import Frozen, Hidden
from sekisho.ports import AccountStore, Clock, Entropy, Mint, Passwords, Reauthenticate
from sekisho.rules.account import PasswordPolicy
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.opaque import digest
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from sekisho.rules.session import SECRET_BYTES, Client, Grant, Handed, Held, Renewal


class ChangePasswordRequest(Frozen):
    """Both passwords as typed, and the session in which they were.

    `carried`: the cookie of that session which the request carried, where it did: then the answer can bring
    another one.
    """

    grant: Grant
    current: Hidden[str]
    new: Hidden[str]
    client: Client
    carried: Held | None = None


async def change_password(
    request: ChangePasswordRequest,
    *,
    accounts: AccountStore,
    reauthenticate: Reauthenticate,
    passwords: Passwords,
    mint: Mint,
    policy: PasswordPolicy,
    stateless: bool,
    clock: Clock,
    entropy: Entropy,
) -> Handed | None:
    """Replace the hash and end every other session in one act; what the browser is to hold from now on.

    In mode `token` nothing is handed out: the refresh token stays, and a copy of it lives until it collides.

    `stateless`: there are no rows to tell the other sessions by, so every token of the account ends, the one
    that asked included.

    Raises:
        Refusal: `invalid_credentials`, `validation_failed`, `rate_limited`, `unavailable`; `session_unknown`
            where the cookie was replaced meanwhile.
    """
    now = clock()
    grant, account = request.grant, request.grant.account
    new = policy.admit(request.new, email=account.email, pointer="/new_password")
    proven = await reauthenticate(grant, request.current, request.client)
    carried, renewed = None if stateless else request.carried, entropy(SECRET_BYTES)
    changed = await accounts.change_password(
        account.id,
        checked=proven.checked_hash,
        new=await passwords.hash(new),
        keep_session=grant.session_id,
        renew=None if carried is None else Renewal(carried, digest(renewed)),
        now=now,
        forgive=proven.forgive,
        also=[Entry("user", account.id, "revoked")] if stateless else [],
        event=request.client.event(
            "password_changed",
            now,
            uuid7(now, entropy(ENTROPY_BYTES)),
            user_id=account.id,
            session_id=grant.session_id,
        ),
    )
    if not changed:
        raise Refusal("invalid_credentials", "the password was changed by somebody else meanwhile")
    return None if carried is None else mint.hand(grant, mode=carried.mode, secret=renewed, now=now)
