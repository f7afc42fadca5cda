"""Choose the language in which one is written to."""

from __future__ import annotations

from sekisho.frozen import Frozen
from sekisho.ports import AccountStore, Clock, Entropy
from sekisho.rules.account import locale
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.session import Client, Grant


class LocaleRequest(Frozen):
    """Whose, and which."""

    grant: Grant
    locale: str
    client: Client


async def choose_locale(
    request: LocaleRequest, *, accounts: AccountStore, clock: Clock, entropy: Entropy
) -> None:
    """Keep it; nothing happens where it was that one already.

    Raises:
        Refusal: `validation_failed` for a language that is not spoken here.
    """
    now = clock()
    chosen = locale(request.locale, "/locale")
    event = request.client.event(
        "locale_changed",
        now,
        uuid7(now, entropy(ENTROPY_BYTES)),
        user_id=request.grant.account.id,
        session_id=request.grant.session_id,
        locale=chosen,
    )
    await accounts.set_locale(request.grant.account.id, chosen, now=now, event=event)
