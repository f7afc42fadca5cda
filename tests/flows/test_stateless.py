"""The variant that stores no session: what works, what does not, and what it costs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pytest
from msgspec.structs import replace

from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from tests.flows.people import EMAIL, NEW_PASSWORD, PASSWORD, People, refused

if TYPE_CHECKING:
    from sekisho.ports import Store
    from sekisho.rules.session import Tokens


async def test_nothing_is_stored_and_refresh_works(stateless: People) -> None:
    """No session row is written; the refresh token is a signed JWT, handed out again and again."""
    account = await stateless.register()
    tokens = (await stateless.login()).tokens
    assert await stateless.house.store.list_sessions(account.id, now=stateless.clock()) == []
    assert tokens.refresh_token.count(".") == 2
    stateless.clock.now += 86_400
    renewed = (await stateless.refresh(tokens)).tokens
    assert renewed.refresh_token == tokens.refresh_token
    assert renewed.refresh_expires_in == tokens.refresh_expires_in - 86_400
    assert (await stateless.who(renewed)).session_id == tokens.grant.session_id


async def test_its_weakness_is_that_a_copy_is_not_noticed(stateless: People) -> None:
    """A thief and a victim both go on: what the documentation says of this variant is true."""
    await stateless.register()
    tokens = (await stateless.login()).tokens
    for _ in range(3):
        stateless.clock.now += 3600
        assert (await stateless.refresh(tokens)).tokens.refresh_token == tokens.refresh_token


async def test_it_expires_at_its_exact_second(stateless: People) -> None:
    """At `exp` it is expired."""
    await stateless.register()
    tokens = (await stateless.login()).tokens
    stateless.clock.now += tokens.refresh_expires_in - 1
    await stateless.refresh(tokens)
    stateless.clock.now += 1
    assert await refused(stateless.refresh(tokens)) == "refresh_expired"


async def test_a_shorter_lifetime_binds_tokens_that_are_out(stateless: People) -> None:
    """Entries are swept by the lifetime of today, so no token of a longer one may outlive them."""
    await stateless.register()
    tokens = (await stateless.login()).tokens
    shorter = replace(stateless.house, lifetimes=replace(stateless.house.lifetimes, refresh=3600.0))
    later = People(shorter, stateless.clock)
    stateless.clock.now += 3599
    assert (await later.refresh(tokens)).tokens.refresh_expires_in == 1
    stateless.clock.now += 1
    assert await refused(later.refresh(tokens)) == "refresh_expired"
    assert (await stateless.refresh(tokens)).tokens.grant.account.email == EMAIL


async def test_logout_is_an_entry_that_refresh_looks_for(stateless: People) -> None:
    """This session is over; another of the same account goes on."""
    await stateless.register()
    here, there = (await stateless.login()).tokens, (await stateless.login()).tokens
    await stateless.logout(here)
    assert await refused(stateless.refresh(here)) == "session_revoked"
    assert await refused(stateless.who(here)) == "session_revoked"
    assert (await stateless.refresh(there)).tokens.grant.account.email == EMAIL
    await stateless.logout_by_refresh_token(there, "all")
    assert await refused(stateless.refresh(there)) == "session_revoked"
    again = (await stateless.login()).tokens
    assert (await stateless.refresh(again)).tokens.grant.account.email == EMAIL


@pytest.mark.requirement("R7")
async def test_a_dead_token_ends_nothing_more(stateless: People) -> None:
    """Who kept one cannot log the owner out of later sessions with it, nor fill the feed."""
    await stateless.register()
    stolen = (await stateless.login()).tokens
    await stateless.logout(stolen, "all")
    again = (await stateless.login()).tokens
    assert await refused(stateless.logout(stolen, "all")) == "session_revoked"
    assert await refused(stateless.logout_by_refresh_token(stolen, "all")) == "session_revoked"
    await stateless.logout_by_refresh_token(stolen)
    assert (await stateless.who(again)).account.email == EMAIL
    assert again.grant.rights.rv == (await stateless.login()).tokens.grant.rights.rv
    assert len(await stateless.events("session_revoked")) == 1


@pytest.mark.requirement("R7")
@pytest.mark.parametrize("before", ["grant", "revoked_since"])
async def test_a_logout_during_a_refresh_ends_what_is_minted(stateless: People, before: str) -> None:
    """Between any two looks at the database: refused, or handed out under a number below the logout's."""
    account = await stateless.register()
    tokens = (await stateless.login()).tokens
    store = LogoutBefore(before, stateless, tokens)
    meanwhile = People(replace(stateless.house, store=cast("Store", store)), stateless.clock)
    with suppress(Refusal):
        tokens = (await meanwhile.refresh(tokens)).tokens
    ends = [Entry("user", account.id, "revoked")]
    assert await stateless.house.store.revoked_since(ends, tokens.grant.rights.rv)


class LogoutBefore:
    """The store itself; only somebody logs out everywhere just before one of its verbs is first asked for."""

    def __init__(self, verb: str, people: People, tokens: Tokens) -> None:
        self._verb = verb
        self._people = people
        self._tokens = tokens

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # any verb of the store
        verb = getattr(self._people.house.store, name)
        if name != self._verb:
            return verb
        self._verb = ""

        async def after_logout(*arguments: Any, **more: Any) -> object:  # noqa: ANN401  # the verb's own
            await self._people.logout(self._tokens, "all")
            return await verb(*arguments, **more)

        return after_logout


async def test_what_needs_a_list_cannot_be_done(stateless: People) -> None:
    """The others cannot be told from this one, and there is no device list."""
    account = await stateless.register()
    tokens = (await stateless.login()).tokens
    assert await refused(stateless.logout(tokens, "others")) == "not_stored"

    async def listed() -> object:
        return await stateless.acts.list_sessions(account.id)

    async def revoked() -> None:
        await stateless.revoke(tokens.grant.session_id, by=account)

    assert await refused(listed()) == "not_stored"
    assert await refused(revoked()) == "not_stored"


@pytest.mark.requirement("R7", "X07")
async def test_a_new_password_and_a_disabled_account_end_every_token(stateless: People) -> None:
    """There are no rows to keep one by, so the one that asked ends as well."""
    account = await stateless.register()
    tokens = (await stateless.login()).tokens
    await stateless.change_password(tokens)
    assert await refused(stateless.refresh(tokens)) == "session_revoked"
    assert await refused(stateless.login(EMAIL, PASSWORD)) == "invalid_credentials"
    fresh = (await stateless.login(EMAIL, NEW_PASSWORD)).tokens
    await stateless.disable(account)
    assert await refused(stateless.refresh(fresh)) == "session_revoked"


@pytest.mark.requirement("H7")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sid": "no uuid at all"}, "session_unknown"),
        ({"sub": "'; DROP TABLE users; --"}, "session_unknown"),
        ({"auth_time": None}, "session_unknown"),
        ({"rv": "no number at all"}, "session_revoked"),
        ({"rv": "1." + "9" * 5000}, "session_revoked"),
    ],
)
async def test_a_token_that_we_cannot_have_written_opens_nothing(
    stateless: People, changes: dict[str, str | None], code: str
) -> None:
    """Whoever shares the signing key can seal any claims: they are refused, and never a fault of ours."""
    await stateless.register()
    claims = dict(stateless.verified((await stateless.login()).tokens).claims) | changes
    text = stateless.house.signer.sign({name: claim for name, claim in claims.items() if claim is not None})
    assert await refused(stateless.acts.authenticate(text)) == code


@pytest.mark.requirement("C6")
async def test_no_kind_of_token_passes_for_another(stateless: People) -> None:
    """Access for refresh, refresh for access, device for either: refused, each with its code."""
    await stateless.register()
    logged_in = await stateless.login()
    tokens = logged_in.tokens
    for other in (tokens.access_token, logged_in.device_token):
        swapped = replace(tokens, refresh_token=other)
        assert await refused(stateless.refresh(swapped)) == "refresh_unknown"
    assert await refused(stateless.acts.authenticate(tokens.refresh_token)) == "token_alg_not_allowed"
    assert await refused(stateless.acts.authenticate(logged_in.device_token)) == "token_malformed"
