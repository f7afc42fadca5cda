"""Trade a refresh token for the next pair."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

import pytest
from msgspec.structs import replace

from sekisho.rules.opaque import MacKey, MacKeys
from sekisho.rules.refresh import Verdict, decode, encode
from tests.flows.conftest import NewPeople
from tests.flows.people import ELSEWHERE, PASSWORD, People, refused

GRACE = 10.0


@pytest.mark.requirement("R2")
async def test_each_refresh_hands_out_the_next_generation(people: People) -> None:
    """The same family and session, one generation on, and the access token is new each time."""
    await people.register()
    tokens = (await people.login()).tokens
    keys = people.house.keys.refresh
    for generation in range(1, 4):
        people.clock.now += GRACE
        renewed = await people.refresh(tokens)
        before, after = (decode(each.refresh_token, keys) for each in (tokens, renewed.tokens))
        assert renewed.verdict is Verdict.ROTATED
        assert after == before.at(generation)
        assert renewed.tokens.access_token != tokens.access_token
        tokens = renewed.tokens


@pytest.mark.requirement("R1")
async def test_the_database_has_nothing_that_could_be_presented(people: People) -> None:
    """Of the 256 bits it keeps a digest: whoever reads the files has no refresh token and cannot make one."""
    account = await people.register()
    tokens = (await people.login()).tokens
    for _ in range(2):
        tokens = (await people.refresh(tokens, key="chosen-on-receipt")).tokens
        people.clock.now += GRACE
    token = decode(tokens.refresh_token, people.house.keys.refresh)
    assert len(token.family) == 32
    database = people.house.settings.sqlite_path
    assert database is not None
    files = b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
    assert account.email.encode() in files, "these are the files"
    assert token.secret_digest in files
    for secret in (token.family, tokens.refresh_token.encode(), b"chosen-on-receipt", PASSWORD.encode()):
        for spelling in (secret, secret.hex().encode(), b64encode(secret), urlsafe_b64encode(secret)):
            assert spelling.rstrip(b"=") not in files


@pytest.mark.requirement("R5")
async def test_a_second_tab_gets_the_same_bytes(people: People) -> None:
    """Successors are computed, so a racing tab is handed the very same refresh token."""
    await people.register()
    tokens = (await people.login()).tokens
    first = await people.refresh(tokens)
    second = await people.refresh(tokens)
    assert second.verdict is Verdict.REPLAYED
    assert second.tokens.refresh_token == first.tokens.refresh_token


@pytest.mark.requirement("R9")
async def test_a_lost_response_is_recovered_by_its_key_days_later(people: People) -> None:
    """The key that was chosen beforehand proves that the client is the one that asked."""
    await people.register()
    tokens = (await people.login()).tokens
    lost = await people.refresh(tokens, key="chosen-on-receipt")
    people.clock.now += 3 * 86_400
    found = await people.refresh(tokens, key="chosen-on-receipt")
    assert found.verdict is Verdict.RECOVERED
    people.clock.now += GRACE
    assert (await people.refresh(found.tokens)).verdict is Verdict.ROTATED
    # Whoever has the response that was lost collides with whoever recovered from it.
    assert await refused(people.refresh(lost.tokens)) == "refresh_reused"


@pytest.mark.requirement("R3")
async def test_a_thief_ends_the_session_for_both(people: People) -> None:
    """A spent token is reuse: the session ends, is published, and an event names the stranger."""
    await people.register()
    tokens = (await people.login()).tokens
    victim = (await people.refresh(tokens)).tokens
    people.clock.now += GRACE
    assert await refused(people.refresh(tokens, client=ELSEWHERE)) == "refresh_reused"
    assert await refused(people.refresh(victim)) == "session_revoked"
    assert await refused(people.who(victim)) == "session_revoked"
    (event,) = await people.events("refresh_reused")
    assert (event.session_id, event.ip, event.about["changed"]) == (
        victim.grant.session_id,
        ELSEWHERE.ip,
        "yes",
    )


@pytest.mark.requirement("R6")
async def test_an_unused_token_expires_and_a_session_ends(new_people: NewPeople) -> None:
    """Idle time counts from the last use; the session's own end comes however busy it was."""
    async with new_people(refresh_ttl="1d", session_idle="1d", session_max="2d") as people:
        await people.register()
        idle = (await people.login()).tokens
        busy = (await people.login()).tokens
        people.clock.now += 86_400 - 1
        busy = (await people.refresh(busy)).tokens
        people.clock.now += 1
        assert await refused(people.refresh(idle)) == "refresh_expired"
        people.clock.now += 86_400 - 2
        busy = (await people.refresh(busy)).tokens
        assert busy.refresh_expires_in == 2
        people.clock.now += 2
        assert await refused(people.refresh(busy)) == "refresh_expired"


@pytest.mark.requirement("R7", "X07")
async def test_a_disabled_account_cannot_refresh(people: People) -> None:
    """Every grant asks whether the account is still enabled."""
    account = await people.register()
    tokens = (await people.login()).tokens
    await people.disable(account)
    assert await refused(people.refresh(tokens)) == "session_revoked"


async def test_a_forged_token_does_not_reach_the_database(people: People) -> None:
    """The seal is checked first: a token under another key cannot set off anybody's reuse detection."""
    await people.register()
    tokens = (await people.login()).tokens
    token = decode(tokens.refresh_token, people.house.keys.refresh)
    people.clock.now += 1
    await people.refresh(tokens)
    people.clock.now += GRACE
    own = MacKeys(MacKey(people.house.keys.refresh.current.id, b"guess" * 8))
    forged = replace(tokens, refresh_token=encode(token, own))
    assert await refused(people.refresh(forged)) == "refresh_unknown"
    assert await people.events("refresh_reused") == []


async def test_rights_are_read_at_each_refresh(people: People) -> None:
    """A role that was given meanwhile is in the next access token."""
    account = await people.register()
    tokens = (await people.login()).tokens
    event = (await people.events("account_created"))[0]
    given = replace(event, kind="role_granted", id=event.id[:-1] + ("0" if event.id[-1] != "0" else "1"))
    assert await people.house.store.grant_role(account.id, "admin", now=people.clock(), event=given)
    renewed = (await people.refresh(tokens)).tokens
    assert (tokens.grant.rights.roles, renewed.grant.rights.roles) == ((), ("admin",))
    assert renewed.grant.rights.rv != tokens.grant.rights.rv
