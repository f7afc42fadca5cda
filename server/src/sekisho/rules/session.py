"""Sessions: one row per login, whatever carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sekisho.rules.access import Rights
from sekisho.rules.account import Account
from sekisho.rules.ids import is_uuid
from sekisho.rules.refresh import Verdict
from sekisho.rules.refusals import Refusal

Mode = Literal["token", "browser", "session"]
Scope = Literal["this", "others", "all"]
#: Why a session ended, as the device list and the security events say it.
Why = Literal["logout", "revoked", "reused", "password_changed", "account_disabled", "account_deleted"]


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from: shown in the device list, compared when a refresh token is replayed."""

    ip: str
    user_agent: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds: of an access token, of a refresh token unused, of a session in all; and the refresh grace."""

    access: float
    refresh: float
    session: float
    grace: float

    def refresh_expiry(self, *, now: float, ends_at: float) -> float:
        """When an unused refresh token dies: idle time-out, never past the session's absolute end (R6)."""
        return min(now + self.refresh, ends_at)


@dataclass(frozen=True, slots=True)
class Session:
    """One line of the device list."""

    id: str
    mode: Mode
    created_at: float
    last_used_at: float
    ip: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Grant:
    """Everything a token is minted from, read in one snapshot."""

    account: Account
    session_id: str
    auth_time: float
    amr: tuple[str, ...]
    refresh_expires_at: float
    rights: Rights


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client is handed at login and at each refresh; lifetimes in whole seconds from now."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(repr=False)
    refresh_expires_in: int
    grant: Grant


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """The refresh token as presented, and the `Idempotency-Key` that the client chose when it received it."""

    refresh_token: str = field(repr=False)
    idempotency_key: str | None = field(repr=False)
    client: Client


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The next pair, and how it came about, for the metrics."""

    tokens: Tokens
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Bearer:
    """The session that a credential names, and the account and the revocation number where it says them."""

    session_id: str
    user_id: str | None
    rv: str = ""

    @classmethod
    def of_access_token(cls, *, sid: str, sub: str, rv: str) -> Bearer:
        """The session and the account that these claims name.

        Raises:
            Refusal: `session_unknown`: they are no ids of ours, so another holder of the key made the token.
        """
        if not (is_uuid(sid) and is_uuid(sub)):
            raise Refusal("session_unknown", "ids that we do not make")
        return cls(sid, sub, rv)


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """The session to log out of, and how far that reaches."""

    bearer: Bearer
    scope: Scope
    client: Client
