"""Who is asking: account endpoints believe a session row, never a token alone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sekisho.rules.session import Grant
from tests.flows.people import People, refused


def forged(people: People, grant: Grant, **changes: object) -> str:
    """An access token that somebody else who holds the signing key has made."""
    mint = people.house.mint
    return mint.tokens(replace(grant, **changes), "", now=people.clock()).access_token


@pytest.mark.requirement("H7")
async def test_a_token_by_another_holder_of_the_key_opens_nothing(people: People) -> None:
    """In HS256 mode every API server could mint one: a made-up session, or somebody else's, is unknown."""
    aya = await people.register()
    ken = await people.register("ken@example.com")
    grant = (await people.login()).tokens.grant
    for changes in (
        {"session_id": "01a1fbf8-c2e0-7de6-a3eb-80a17335b103"},
        {"session_id": "no uuid at all"},
        {"session_id": "'; DROP TABLE users; --"},
        {"account": ken},
        {"account": replace(aya, id="nobody")},
    ):
        text = forged(people, grant, **changes)
        assert await refused(people.acts.authenticate(text)) == "session_unknown", changes


@pytest.mark.requirement("H7", "X21")
async def test_rights_come_from_the_database_and_not_from_the_token(people: People) -> None:
    """Whoever writes themselves a role into a token does not have it here."""
    await people.register()
    grant = (await people.login()).tokens.grant
    text = forged(people, grant, rights=replace(grant.rights, roles=("admin",)))
    assert (await people.acts.authenticate(text)).rights.roles == ()


@pytest.mark.requirement("R6")
async def test_an_access_token_does_not_outlive_its_session(people: People) -> None:
    """Minted just before the session's end, it ends with it."""
    await people.register()
    tokens = (await people.login()).tokens
    for _ in range(29):
        people.clock.now += 86_400
        tokens = (await people.refresh(tokens)).tokens
    people.clock.now += 86_400 - 60
    tokens = (await people.refresh(tokens)).tokens
    assert (tokens.expires_in, tokens.refresh_expires_in) == (60, 60)
    people.clock.now += 60
    assert await refused(people.who(tokens)) == "token_expired"
