"""What an operator does to an account: look, disable, enable, delete."""

from __future__ import annotations

from sekisho.ports import AccountStore, Clock, Entropy
from sekisho.rules.account import Account, Status
from sekisho.rules.events import Event, EventKind
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.refusals import Refusal


async def find_account(email: str, *, accounts: AccountStore) -> Account:
    """The account with that address.

    Raises:
        Refusal: `not_found`.
    """
    account = await accounts.find_account(email=email)
    if account is None:
        raise Refusal("not_found", f"no account {email}")
    return account


async def set_status(
    account: Account, status: Status, *, accounts: AccountStore, clock: Clock, entropy: Entropy
) -> None:
    """Enable it, or disable it and end every session and every token of it.

    Raises:
        Refusal: `not_found` if it has been deleted meanwhile.
    """
    now = clock()
    kind: EventKind = "account_enabled" if status == "active" else "account_disabled"
    event = Event(kind, now, uuid7(now, entropy(ENTROPY_BYTES)), user_id=account.id)
    if not await accounts.set_status(account.id, status, now=now, event=event):
        raise Refusal("not_found", f"no account {account.email}")


async def delete_account(account: Account, *, accounts: AccountStore, clock: Clock, entropy: Entropy) -> None:
    """Remove it with everything it owns; its tokens are published as revoked.

    Raises:
        Refusal: `not_found` if it has been deleted meanwhile.
    """
    now = clock()
    event = Event("account_deleted", now, uuid7(now, entropy(ENTROPY_BYTES)), user_id=account.id)
    if not await accounts.delete_account(account.id, now=now, event=event):
        raise Refusal("not_found", f"no account {account.email}")
