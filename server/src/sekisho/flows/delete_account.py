"""Delete one's own account: the password once more, and then everything it owns is gone."""

from __future__ import annotations

from sekisho.frozen import Frozen, Hidden
from sekisho.ports import AccountStore, Clock, Entropy, Reauthenticate
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.refusals import Refusal
from sekisho.rules.session import Client, Grant


class DeleteRequest(Frozen):
    """The session in which it was asked for, and the password as typed."""

    grant: Grant
    password: Hidden[str]
    client: Client


async def delete_account(
    request: DeleteRequest,
    *,
    accounts: AccountStore,
    reauthenticate: Reauthenticate,
    clock: Clock,
    entropy: Entropy,
) -> None:
    """Remove the account, its rights and its sessions in one act, and publish its tokens as revoked.

    Raises:
        Refusal: `invalid_credentials`, `rate_limited`, `unavailable`; `last_administrator` where the server
            would be without one.
    """
    now = clock()
    grant = request.grant
    proven = await reauthenticate(grant, request.password, request.client)
    event = request.client.event(
        "account_deleted",
        now,
        uuid7(now, entropy(ENTROPY_BYTES)),
        user_id=grant.account.id,
        session_id=grant.session_id,
        by="owner",
    )
    # Whoever changed the password meanwhile has shut out the one who asked.
    if not await accounts.delete_account(grant.account.id, checked=proven.checked_hash, now=now, event=event):
        raise Refusal("invalid_credentials", "the account or its password was changed meanwhile")
