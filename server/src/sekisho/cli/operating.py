"""An operator's commands run the flows on the store itself, beside a server that may be running on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from sekisho.cli.fault import Fault
from sekisho.cli.options import Surroundings
from sekisho.flows.manage_accounts import find_account
from sekisho.flows.manage_rights import Operator
from sekisho.house import House, open_house
from sekisho.rules.account import Account
from sekisho.rules.refusals import Refusal, invalid

T = TypeVar("T")


def operate(here: Surroundings, act: Callable[[House], Awaitable[T]], *, may_make: bool = False) -> T:
    """Run `act` in the opened house. `may_make`: on an empty place, make what a first run makes.

    Raises:
        Fault: `unavailable` where nothing has been set up: a command that looks must not leave files behind.
        Refusal: whatever the flow refused.
    """
    database = here.settings.sqlite_path
    if not may_make and database is not None and not database.exists():
        data = here.settings.data
        raise Fault(
            "unavailable",
            here.say("fault.no_database", path=database.absolute()),
            here.say("fix.no_database", data=data),
        )

    async def run() -> T:
        async with open_house(
            here.settings, environ=here.environ, may_migrate=may_make, clock=here.clock
        ) as house:
            return await act(house)

    return asyncio.run(run())


@contextmanager
def afterwards(done: str, fix: str) -> Generator[None]:
    """What a command still does behind what it has `done`, which stays when this is refused.

    Raises:
        Fault: `partly_done`, in place of the refusal: to run the command again may not be the way on.
    """
    try:
        yield
    except Refusal as refusal:
        # libpq breaks its sentences into lines.
        raise Fault("partly_done", f"{done} ({' '.join(str(refusal).split())})", fix) from refusal


def rights_operator(house: House) -> Operator:
    """What the flows about rights ask for."""
    return Operator(house.store, house.clock, house.entropy)


async def account_of(house: House, email: str) -> Account:
    """The account with that address.

    Raises:
        Refusal: `validation_failed` for what is no address, `not_found`.
    """
    address = house.addresses.normalize(email)
    if address is None:
        raise invalid("/email", "invalid_email")
    return await find_account(address, accounts=house.store)
