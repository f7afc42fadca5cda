"""What the web may do: the flows, bound by `compose.py` to what each may touch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

from sekisho.flows.change_password import ChangePasswordRequest
from sekisho.flows.choose_locale import LocaleRequest
from sekisho.flows.delete_account import DeleteRequest
from sekisho.flows.exchange import ExchangeRequest
from sekisho.flows.first_steps import FirstSteps
from sekisho.flows.login import LoggedIn, LoginRequest
from sekisho.flows.own_data import OwnData
from sekisho.flows.register import RegisterRequest
from sekisho.flows.sessions import RevokeRequest
from sekisho.flows.setup import SetupRequest
from sekisho.frozen import Frozen
from sekisho.rules.account import Account
from sekisho.rules.revocation import SealedSnapshot
from sekisho.rules.session import (
    Bearer,
    Grant,
    Handed,
    LogoutRequest,
    PresentedCookie,
    Refreshed,
    RefreshRequest,
    Session,
)
from sekisho.web.csrf import Csrf
from sekisho.web.event_stream import EventReader


class RevocationFeed(Protocol):
    """The revocation feed, for verifiers: each piece sealed once for all of them.

    All raise `Refusal("unavailable")` where nothing has been read yet, or there is no key to sign with.
    """

    async def snapshot(self) -> SealedSnapshot:
        """Every entry that is needed."""
        ...

    def time(self, nonce: str) -> str:
        """The time, sealed for the one who asked with that nonce."""
        ...

    async def ready(self) -> None:
        """Return when a stream may begin."""
        ...

    def stream(self, after: tuple[int, int] | None) -> AbstractContextManager[EventReader]:
        """A stream of what comes behind that epoch and number where it is still known, else from now on."""
        ...

    def running(self) -> AbstractAsyncContextManager[None]:
        """Send meanwhile; every stream ends with it."""
        ...

    def end(self) -> None:
        """End every stream, and begin no other."""
        ...


class Acts(Frozen):
    """One callable a thing a person does; each raises `Refusal`, or `TokenRefused` for an access token.

    `identify` reads an access token by its seal alone; `bearer_of` does the same for a refresh token,
    `read_cookie` and `read_refresh_cookie` for the cookies. `authenticate` and `authenticate_cookie` also ask
    the database; with one of them every account endpoint begins. `claims` is what an access token of a
    session would say now. `admit_to_feed` looks at the token that verifiers present; `chance` is a number
    from 0 to 1, at random.
    """

    register: Callable[[RegisterRequest], Awaitable[Account]]
    setup_open: Callable[[], Awaitable[bool]]
    set_up: Callable[[SetupRequest], Awaitable[Account]]
    login: Callable[[LoginRequest], Awaitable[LoggedIn]]
    refresh: Callable[[RefreshRequest], Awaitable[Refreshed]]
    identify: Callable[[str], Bearer]
    bearer_of: Callable[[str], Bearer]
    authenticate: Callable[[str], Awaitable[Grant]]
    read_cookie: Callable[[str], PresentedCookie]
    read_refresh_cookie: Callable[[str], PresentedCookie]
    authenticate_cookie: Callable[[PresentedCookie], Awaitable[Grant]]
    csrf: Csrf
    exchange: Callable[[ExchangeRequest], Awaitable[Handed]]
    logout: Callable[[LogoutRequest], Awaitable[None]]
    list_sessions: Callable[[str], Awaitable[list[Session]]]
    revoke_session: Callable[[RevokeRequest], Awaitable[None]]
    change_password: Callable[[ChangePasswordRequest], Awaitable[Handed | None]]
    choose_locale: Callable[[LocaleRequest], Awaitable[None]]
    own_data: Callable[[Grant], Awaitable[OwnData]]
    first_steps: Callable[[], Awaitable[FirstSteps]]
    delete_account: Callable[[DeleteRequest], Awaitable[None]]
    claims: Callable[[Grant], Mapping[str, Any]]
    jwks: Callable[[], Mapping[str, Any]]
    admit_to_feed: Callable[[str | None], None]
    feed: RevocationFeed
    chance: Callable[[], float]
    ping: Callable[[], Awaitable[None]]
