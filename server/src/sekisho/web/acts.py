"""What the web may do: the flows, bound by `compose.py` to what each may touch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sekisho.flows.change_password import ChangePasswordRequest
from sekisho.flows.exchange import ExchangeRequest
from sekisho.flows.login import LoggedIn, LoginRequest
from sekisho.flows.register import RegisterRequest
from sekisho.flows.sessions import RevokeRequest
from sekisho.rules.account import Account
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


@dataclass(frozen=True, slots=True)
class Acts:
    """One callable a thing a person does; each raises `Refusal`, or `TokenRefused` for an access token.

    `identify` reads an access token by its seal alone; `bearer_of` does the same for a refresh token,
    `read_cookie` and `read_refresh_cookie` for the cookies. `authenticate` and `authenticate_cookie` also ask
    the database; with one of them every account endpoint begins. `claims` is what an access token of a
    session would say now.
    """

    register: Callable[[RegisterRequest], Awaitable[Account]]
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
    claims: Callable[[Grant], Mapping[str, Any]]
    jwks: Callable[[], Mapping[str, Any]]
    ping: Callable[[], Awaitable[None]]
