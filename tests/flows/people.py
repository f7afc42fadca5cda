"""Short words for what people do in the tests of the flows."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

import pytest

from sekisho.compose import bind
from sekisho.flows.change_password import ChangePasswordRequest
from sekisho.flows.login import LoginRequest
from sekisho.flows.register import RegisterRequest
from sekisho.flows.sessions import RevokeRequest
from sekisho.house import House
from sekisho.rules.account import Account
from sekisho.rules.events import Event, EventKind
from sekisho.rules.refusals import Refusal
from sekisho.rules.session import (
    Bearer,
    Client,
    Grant,
    LogoutRequest,
    Refreshed,
    RefreshRequest,
    Scope,
    Tokens,
)
from sekisho_verify import AccessToken, TokenRefused, Verifier
from tests.web.served import Clock

EMAIL = "aya@example.com"
PASSWORD = "a checkpoint on the road to Edo"
NEW_PASSWORD = "fifty-three stations of the Tokaido"
HOME = Client(ip="192.0.2.1", user_agent="a browser at home", request_id="req-home")
ELSEWHERE = Client(ip="198.51.100.9", user_agent="a stranger's curl", request_id="req-else")


@dataclass(frozen=True)
class WithTokens:
    """What a login in mode `token` hands out."""

    tokens: Tokens
    device_token: str


class People:
    """A house, its acts, and who lives in it."""

    def __init__(self, house: House, clock: Clock) -> None:
        self.house = house
        self.clock = clock
        self.acts = bind(house)

    async def register(self, email: str = EMAIL, password: str = PASSWORD) -> Account:
        """Sign up."""
        return await self.acts.register(RegisterRequest(email, password, None, HOME))

    async def login(
        self,
        email: str = EMAIL,
        password: str = PASSWORD,
        *,
        client: Client = HOME,
        device_token: str | None = None,
    ) -> WithTokens:
        """Log in, in mode `token`."""
        done = await self.acts.login(LoginRequest(email, password, "token", client, device_token))
        assert isinstance(done.handed, Tokens)
        return WithTokens(done.handed, done.device_token)

    async def refresh(self, tokens: Tokens, *, key: str | None = None, client: Client = HOME) -> Refreshed:
        """Present the refresh token."""
        return await self.acts.refresh(RefreshRequest(tokens.refresh_token, "token", key, client))

    async def logout(self, tokens: Tokens, scope: Scope = "this") -> None:
        """Log out by the access token."""
        bearer = self.acts.identify(tokens.access_token)
        await self.acts.logout(LogoutRequest(bearer, scope, HOME))

    async def logout_by_refresh_token(self, tokens: Tokens, scope: Scope = "this") -> Bearer:
        """Log out by the refresh token."""
        bearer = self.acts.bearer_of(tokens.refresh_token)
        await self.acts.logout(LogoutRequest(bearer, scope, HOME))
        return bearer

    def verified(self, tokens: Tokens) -> AccessToken:
        """The access token as an API server with the keys of this house reads it."""
        settings, keys = self.house.settings, self.house.signer.verification_keys()
        verifier = Verifier(
            issuer=settings.issuer, audience=settings.audience, keys=keys, feed=None, clock=self.clock
        )
        return verifier.verify(tokens.access_token)

    async def who(self, tokens: Tokens) -> Grant:
        """What an account endpoint knows of the caller."""
        return await self.acts.authenticate(tokens.access_token)

    async def revoke(self, session_id: str, *, by: Account) -> None:
        """End a line of one's own device list."""
        await self.acts.revoke_session(RevokeRequest(session_id, by.id, HOME))

    async def change_password(
        self, tokens: Tokens, *, current: str = PASSWORD, new: str = NEW_PASSWORD
    ) -> None:
        """Old password for new, in the session of these tokens."""
        grant = await self.who(tokens)
        await self.acts.change_password(ChangePasswordRequest(grant, current, new, HOME))

    async def disable(self, account: Account) -> None:
        """As an operator does."""
        event = Event("account_disabled", self.clock(), "01a1fbf8-c2e0-7de6-a3eb-80a17335b103", account.id)
        assert await self.house.store.set_status(account.id, "disabled", now=self.clock(), event=event)

    async def events(self, kind: EventKind) -> list[Event]:
        """What is on record of one kind, newest first."""
        return [event for event in await self.house.store.list_events(limit=1000) if event.kind == kind]


async def refusal(act: Awaitable[object]) -> Refusal:
    """What the caller was refused with."""
    with pytest.raises(Refusal) as caught:
        await act
    return caught.value


async def refused(act: Awaitable[object]) -> str:
    """The code the caller was refused with, by us or by the verifier."""
    with pytest.raises((Refusal, TokenRefused)) as caught:
        await act
    fault = caught.value
    assert isinstance(fault, (Refusal, TokenRefused))
    return fault.code
