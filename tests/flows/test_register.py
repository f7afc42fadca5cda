"""Make an account."""

from __future__ import annotations

import pytest

from sekisho.flows.register import RegisterRequest
from sekisho.rules.throttle import POLICIES
from tests.flows.conftest import NewPeople
from tests.flows.people import EMAIL, HOME, PASSWORD, People, refusal, refused


async def test_an_account_is_made_once(people: People) -> None:
    """The address is kept in one spelling, the hash and not the password, and one event says so."""
    account = await people.register("Aya@Example.COM")
    assert (account.email, account.status, account.locale) == (EMAIL, "active", "und")
    credentials = await people.house.store.find_credentials(email=EMAIL)
    assert credentials is not None
    assert credentials.password_hash.startswith("$argon2id$")
    assert PASSWORD not in credentials.password_hash
    (event,) = await people.events("account_created")
    assert event.user_id == account.id
    assert await refused(people.register("ＡＹＡ@example.com")) == "email_taken"


async def test_every_fault_is_named_at_once(people: People) -> None:
    """Address, password and locale are judged together, so that nobody corrects them one by one."""
    fault = await refusal(people.acts.register(RegisterRequest("not an address", "short", "fr", HOME)))
    assert fault.code == "validation_failed"
    assert [(error.pointer, error.code, error.limit) for error in fault.errors] == [
        ("/email", "invalid_email", None),
        ("/password", "password_too_short", 8),
        ("/locale", "invalid_locale", None),
    ]
    assert await people.house.store.list_accounts() == []


@pytest.mark.requirement("W2")
@pytest.mark.parametrize("password", ["password1", "qwertyuiop", "12345678", "aya@example.com"])
async def test_what_a_guesser_tries_first_is_refused(people: People, password: str) -> None:
    """Common passwords and one's own address, with a code that says so."""
    fault = await refusal(people.register(password=password))
    assert [(error.pointer, error.code) for error in fault.errors] == [("/password", "password_common")]


@pytest.mark.parametrize("policy", ["closed", "invite"])
async def test_a_closed_house_takes_nobody_but_the_operators_people(
    new_people: NewPeople, policy: str
) -> None:
    """The sign-up policy binds the public, not the command line."""
    async with new_people(signup=policy) as people:
        assert await refused(people.register()) == "signup_closed"
        account = await people.acts.register(RegisterRequest(EMAIL, PASSWORD, "ja", HOME, operator=True))
        assert account.locale == "ja"


@pytest.mark.requirement("W5")
async def test_one_network_cannot_fill_the_table_at_once(people: People) -> None:
    """After a hundred the next has to wait, whether they succeeded or not."""
    for _ in range(POLICIES["signup"].free):
        assert await refused(people.register("not an address")) == "validation_failed"
    waiting = await refusal(people.register())
    assert (waiting.code, waiting.retry_after) == ("rate_limited", 1.0)
    people.clock.now += 1.0
    assert (await people.register()).email == EMAIL
