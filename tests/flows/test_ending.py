"""Log out, the device list, and a new password: how sessions end."""

from __future__ import annotations

import pytest

from sekisho.rules.revocation import Entry
from sekisho.rules.session import LogoutRequest
from sekisho.rules.throttle import POLICIES
from tests.flows.people import ELSEWHERE, EMAIL, HOME, NEW_PASSWORD, PASSWORD, People, refusal, refused


async def test_logout_ends_this_session_and_publishes_it(people: People) -> None:
    """Refresh is refused at once, and an entry above the token's number is in the feed."""
    await people.register()
    tokens = (await people.login()).tokens
    entry = Entry("session", tokens.grant.session_id, "revoked")
    assert not await people.house.store.revoked_since([entry], tokens.grant.rights.rv)
    await people.logout(tokens)
    assert await refused(people.refresh(tokens)) == "session_revoked"
    assert await people.house.store.revoked_since([entry], tokens.grant.rights.rv)


async def test_logging_out_twice_is_no_fault(people: People) -> None:
    """The second time there is nothing to end, to publish or to record."""
    await people.register()
    tokens = (await people.login()).tokens
    await people.logout(tokens)
    await people.logout(tokens)
    await people.logout_by_refresh_token(tokens)
    assert len(await people.events("session_revoked")) == 1


async def test_logout_by_a_refresh_token_of_any_generation(people: People) -> None:
    """A client that lost its access token can still log out."""
    await people.register()
    old = (await people.login()).tokens
    new = (await people.refresh(old)).tokens
    await people.logout_by_refresh_token(old)
    assert await refused(people.refresh(new)) == "session_revoked"


async def test_the_scope_says_how_far_it_reaches(people: People) -> None:
    """`others` leaves this one alive, `all` none."""
    account = await people.register()
    phone, laptop, tablet = [(await people.login()).tokens for _ in range(3)]
    await people.logout(phone, "others")
    (left,) = await people.acts.list_sessions(account.id)
    assert left.id == phone.grant.session_id
    assert await refused(people.who(laptop)) == "session_revoked"
    await people.logout(phone, "all")
    assert await people.acts.list_sessions(account.id) == []
    # A session that is dead has no say over others.
    assert await refused(people.logout_by_refresh_token(tablet, "all")) == "session_revoked"


@pytest.mark.requirement("X24")
async def test_one_account_never_ends_anothers(people: People) -> None:
    """Somebody else's session is as unknown as one that never was."""
    await people.register()
    ken = await people.register("ken@example.com")
    tokens = (await people.login()).tokens
    assert await refused(people.revoke(tokens.grant.session_id, by=ken)) == "not_found"
    assert await refused(people.revoke("01a1fbf8-c2e0-7de6-a3eb-80a17335b103", by=ken)) == "not_found"
    assert await refused(people.revoke("../../etc/passwd", by=ken)) == "not_found"
    assert (await people.who(tokens)).session_id == tokens.grant.session_id


async def test_a_line_of_the_device_list_is_ended(people: People) -> None:
    """The other device is out, this one is not, and doing it again finds nothing."""
    account = await people.register()
    here, there = (await people.login()).tokens, (await people.login(client=ELSEWHERE)).tokens
    await people.revoke(there.grant.session_id, by=account)
    assert await refused(people.who(there)) == "session_revoked"
    assert (await people.who(here)).account == account
    assert await refused(people.revoke(there.grant.session_id, by=account)) == "not_found"


@pytest.mark.requirement("SE6")
async def test_a_new_password_ends_every_other_session(people: People) -> None:
    """This session stays, the others are published as revoked, and only the new password opens another."""
    account = await people.register()
    here, there = (await people.login()).tokens, (await people.login()).tokens
    await people.change_password(here)
    assert (await people.who(here)).account.id == account.id
    assert await refused(people.refresh(there)) == "session_revoked"
    assert await refused(people.login(EMAIL, PASSWORD)) == "invalid_credentials"
    assert (await people.login(EMAIL, NEW_PASSWORD)).tokens.grant.account.id == account.id


@pytest.mark.requirement("W5")
async def test_a_stolen_access_token_is_no_guessing_machine(people: People) -> None:
    """The current password is counted as every other guess is, and the session goes on."""
    await people.register()
    tokens = (await people.login()).tokens
    for _ in range(POLICIES["password"].free):
        guess = people.change_password(tokens, current="guess")
        assert await refused(guess) == "invalid_credentials"
    assert await refused(people.change_password(tokens)) == "rate_limited"
    events = await people.events("reauthentication_failed")
    assert len(events) == POLICIES["password"].free
    assert {event.session_id for event in events} == {tokens.grant.session_id}
    people.clock.now += 1
    await people.change_password(tokens)


async def test_a_weak_new_password_changes_nothing(people: People) -> None:
    """The fault names the member, before anything was counted or changed."""
    await people.register()
    tokens = (await people.login()).tokens
    for new, code in (("short", "password_too_short"), (EMAIL, "password_common")):
        fault = await refusal(people.change_password(tokens, new=new))
        assert [(error.pointer, error.code) for error in fault.errors] == [("/new_password", code)]
    assert (await people.login()).tokens.grant.account.email == EMAIL


@pytest.mark.requirement("R7", "SE6")
async def test_disabling_ends_everything_at_once(people: People) -> None:
    """Sessions end, and one entry for the account covers all of its tokens."""
    account = await people.register()
    tokens = (await people.login()).tokens
    await people.disable(account)
    assert await refused(people.who(tokens)) == "session_revoked"
    entry = Entry("user", account.id, "revoked")
    assert await people.house.store.revoked_since([entry], tokens.grant.rights.rv)


async def test_a_token_for_another_audience_is_not_believed(people: People) -> None:
    """Account endpoints go through the published verifier first."""
    assert await refused(people.acts.authenticate("not.a.token")) == "token_malformed"
    await people.register()
    tokens = (await people.login()).tokens
    people.clock.now += 900
    assert await refused(people.who(tokens)) == "token_expired"
    with pytest.raises(Exception, match="token_expired"):
        people.acts.identify(tokens.access_token)
    bearer = people.acts.bearer_of(tokens.refresh_token)
    await people.acts.logout(LogoutRequest(bearer, "this", HOME))
    assert await refused(people.refresh(tokens)) == "session_revoked"
