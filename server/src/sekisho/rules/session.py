"""Sessions: one row per login, whatever carries it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from sekisho.frozen import Frozen, Hidden
from sekisho.rules.access import Rights
from sekisho.rules.account import Account
from sekisho.rules.events import Event, EventKind
from sekisho.rules.ids import is_uuid
from sekisho.rules.refresh import Verdict
from sekisho.rules.refusals import Refusal
from sekisho.rules.throttle import Bucket

Mode = Literal["token", "browser", "session"]
#: Those of them that have a refresh token.
RefreshMode = Literal["token", "browser"]
#: Random bytes behind every credential; the row keeps a digest of them.
SECRET_BYTES = 32
Scope = Literal["this", "others", "all"]
#: Why a session ended, as the device list and the security events say it.
Why = Literal["logout", "revoked", "reused", "password_changed", "account_disabled", "account_deleted"]


class Client(Frozen):
    """Where a request came from: shown in the device list, compared when a refresh token is replayed."""

    ip: str
    user_agent: str
    request_id: str = ""

    def event(
        self,
        kind: EventKind,
        at: float,
        event_id: str,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        **about: str,
    ) -> Event:
        """The record of what was done for this request."""
        return Event(kind, at, event_id, user_id, session_id, self.ip, self.request_id, about)


class Lifetimes(Frozen):
    """Seconds: of an access token, of a refresh token and of a cookie session unused, of a session in all.

    And the refresh grace.
    """

    access: float
    refresh: float
    idle: float
    session: float
    grace: float

    def unused(self, mode: Mode) -> float:
        """Seconds after which a session dies if its credential is not used."""
        return self.idle if mode == "session" else self.refresh

    def settling(self, mode: Mode) -> float:
        """Seconds for which a refresh token that was just handed out is not rotated.

        In a cookie for twice the grace: an answer of the last moment of the grace, should it be late by up to
        another one, then still brings the newest cookie, and does not put the browser back by a generation,
        which later would look like reuse.
        """
        return 2 * self.grace if mode == "browser" else self.grace

    def expiry(self, mode: Mode, *, now: float, ends_at: float) -> float:
        """When the credential dies unused: never past the session's absolute end (R6, SE4)."""
        return min(now + self.unused(mode), ends_at)


class Session(Frozen):
    """One line of the device list."""

    id: str
    mode: Mode
    created_at: float
    last_used_at: float
    ip: str
    user_agent: str


class Grant(Frozen):
    """Everything a token is minted from, read in one snapshot."""

    account: Account
    session_id: str
    auth_time: float
    amr: tuple[str, ...]
    refresh_expires_at: float
    rights: Rights


class Tokens(Frozen):
    """What a client is handed at login and at each refresh; lifetimes in whole seconds from now."""

    access_token: Hidden[str]
    expires_in: int
    refresh_token: Hidden[str]
    refresh_expires_in: int
    grant: Grant


class NewSession(Frozen):
    """A session about to be opened: the row, and where it is seen from."""

    id: str
    user_id: str
    mode: Mode
    client: Client
    now: float
    ends_at: float
    refresh_expires_at: float
    amr: tuple[str, ...]
    family_digest: Hidden[bytes]


class Opening(Frozen):
    """A login whose password was right: what it takes to open its session."""

    user_id: str
    mode: Mode
    client: Client
    now: float
    amr: tuple[str, ...]
    forgive: Sequence[Bucket]
    event: Event
    checked_hash: Hidden[str]


class CookieSession(Frozen):
    """What a browser is handed in mode `session`; `expires_in` is seconds from now, if it is not used.

    `csrf_binding` is what CSRF tokens of this session are bound to.
    """

    cookie: Hidden[str]
    csrf_binding: Hidden[bytes]
    expires_in: int
    grant: Grant


class Reauthenticated(Frozen):
    """A password that was right a moment ago: its hash, and the attempts to give back."""

    checked_hash: Hidden[str]
    forgive: Sequence[Bucket]


#: What a login hands out, by its mode.
Handed: TypeAlias = Tokens | CookieSession


class Held(Frozen):
    """What a cookie says of its session's row: the mode, the digest of its secret, the generation."""

    mode: Mode
    digest: Hidden[bytes]
    generation: int | None = None


class Renewal(Frozen):
    """Another secret for a cookie: what the row has to confirm of the old one, and the digest of the new."""

    held: Held
    digest: Hidden[bytes]


class PresentedCookie(Frozen):
    """A cookie of ours whose seal was right: the session that it names, and what the row has to confirm."""

    session_id: str
    held: Held


class Exchange(Frozen):
    """Another way to carry a session that is alive, and what has to be true still when its row is ours.

    `held`: what the cookie said, where one asked; `rv`: the revocation number of the access token, where one
    asked. `proven`: the password that was right, and the attempts to give back.
    """

    session_id: str
    user_id: str
    mode: Mode
    now: float
    held: Held | None
    rv: str | None
    proven: Reauthenticated | None
    digest: Hidden[bytes]


class Rotation(Frozen):
    """A refresh token that was accepted: what to mint from, and the generation to hand out."""

    grant: Grant
    verdict: Verdict
    generation: int


class RefreshRequest(Frozen):
    """The refresh token as presented, and the `Idempotency-Key` that the client chose when it received it.

    `mode`: `browser` where it came in a cookie, else `token`; that of the one is nothing to the other (C6).
    """

    refresh_token: Hidden[str]
    mode: RefreshMode
    idempotency_key: Hidden[str | None]
    client: Client


class Refreshed(Frozen):
    """The next pair, and how it came about, for the metrics."""

    tokens: Tokens
    verdict: Verdict


class Bearer(Frozen):
    """The session that a credential names, and the account, the number or the secret that it says of it."""

    session_id: str
    user_id: str | None
    rv: str | None = None
    held: Held | None = None

    @classmethod
    def of_access_token(cls, *, sid: str, sub: str, rv: str) -> Bearer:
        """The session and the account that these claims name.

        Raises:
            Refusal: `session_unknown`: they are no ids of ours, so another holder of the key made the token.
        """
        if not (is_uuid(sid) and is_uuid(sub)):
            raise Refusal("session_unknown", "ids that we do not make")
        return cls(sid, sub, rv)


class LogoutRequest(Frozen):
    """The session to log out of, and how far that reaches."""

    bearer: Bearer
    scope: Scope
    client: Client
