"""The administrator whom the settings name."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING

from sekisho.flows.setup import appoint, offer_setup, setup_open
from sekisho.rules.account import PasswordPolicy
from tests.flows.people import EMAIL, PASSWORD, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sekisho.rules.account import Account
    from tests.flows.people import People


def appointing(people: People) -> Callable[..., Awaitable[Account | None]]:
    """The flow, bound to what it may touch."""
    house = people.house
    policy = PasswordPolicy(8, None, house.passwords.is_common)
    return partial(
        appoint,
        accounts=house.store,
        passwords=house.passwords,
        addresses=house.addresses,
        policy=policy,
        clock=house.clock,
        entropy=os.urandom,
    )


async def test_servers_that_start_at_once_make_one_administrator(people: People) -> None:
    """Each with a code of its own: one makes him, the others find him there; no code is left."""
    made = await asyncio.gather(*(appointing(people)(EMAIL, lambda: PASSWORD) for _ in range(8)))
    (account,) = (each for each in made if each is not None)
    assert await people.house.store.list_accounts() == [account]
    assert (await people.house.store.rights_of(account.id)).roles == ("admin",)
    (event,) = await people.events("role_granted")
    assert (event.user_id, event.about) == (account.id, {"by": "settings", "role": "admin"})
    house = people.house
    assert await offer_setup(accounts=house.store, clock=house.clock, entropy=os.urandom) is None
    assert not await setup_open(accounts=house.store, clock=house.clock)


async def test_the_password_is_asked_for_while_nobody_administers(people: People) -> None:
    """Once, however often the code is taken from us; and not at all by a server that starts later."""
    asked: list[str] = []

    def password() -> str:
        asked.append(PASSWORD)
        return PASSWORD

    for _ in range(3):
        await appointing(people)(EMAIL, password)
    assert asked == [PASSWORD]


async def test_what_nobody_could_choose_is_refused_here_too(people: People) -> None:
    """Address and password at once, and no account comes of it."""
    fault = await refusal(appointing(people)("x", lambda: "password"))
    assert [(each.pointer, each.code) for each in fault.errors] == [
        ("/email", "invalid_email"),
        ("/password", "password_common"),
    ]
    assert await people.house.store.list_accounts() == []
