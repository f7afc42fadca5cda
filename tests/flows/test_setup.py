"""The administrator whom the settings name."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sekisho.flows.setup import appoint, offer_setup, setup_open
from sekisho.rules.account import PasswordPolicy
from tests.flows.people import EMAIL, PASSWORD, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sekisho.ports import Store
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


@dataclass(eq=False)
class OutOfStep:
    """The accounts as one of two servers finds them: before its second step the other takes its first."""

    store: Store
    #: Who has taken a first step, one after another; and who is done.
    offered: list[OutOfStep]
    done: set[OutOfStep]
    moved: asyncio.Condition

    async def offer_setup(self, digest: bytes, *, until: float) -> bool:
        """The first step."""
        assert len(self.offered) < 20, "each takes away what the other is about to spend"
        free = await self.store.offer_setup(digest, until=until)
        async with self.moved:
            self.offered.append(self)
            self.moved.notify_all()
        return free

    async def add_first_account(self, *account: Any, **more: Any) -> None:  # noqa: ANN401 - handed on
        """The second, once the other has taken its first behind ours, or is done."""
        async with self.moved:
            await self.moved.wait_for(lambda: self.offered[-1] is not self or self.done)
        await self.store.add_first_account(*account, **more)

    async def finish(self) -> None:
        """Wait for nobody, and let nobody wait."""
        async with self.moved:
            self.done.add(self)
            self.moved.notify_all()


async def test_servers_that_start_out_of_step_are_done_too(people: People) -> None:
    """However the steps of two fall between each other, one makes the administrator at its first try."""
    offered: list[OutOfStep] = []
    done: set[OutOfStep] = set()
    moved = asyncio.Condition()

    async def start() -> Account | None:
        accounts = OutOfStep(people.house.store, offered, done, moved)
        try:
            return await appointing(people)(EMAIL, lambda: PASSWORD, accounts=accounts)
        finally:
            await accounts.finish()

    made = await asyncio.gather(start(), start())
    assert [each.email for each in made if each] == [EMAIL]
    assert len(offered) == 3


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
