"""What is sent and answered: the types that read and write JSON, and from which OpenAPI is generated."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from sekisho.rules.account import Account
from sekisho.rules.events import Event
from sekisho.rules.session import CookieSession, Grant, Mode, Scope, Session, Tokens

Email = Annotated[str, msgspec.Meta(max_length=320, description="The e-mail address is the user name.")]
Password = Annotated[str, msgspec.Meta(extra_json_schema={"format": "password"})]
Locale = Annotated[str, msgspec.Meta(description="`en` or `ja`; if left out `und`, nobody chose.")]
Instant = Annotated[datetime, msgspec.Meta(description="UTC, RFC 3339.")]


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The root of them all: never printed, because most of them hold a secret."""

    def __repr__(self) -> str:
        """The name of the type alone."""
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Nothing beside the name: Rich, which prints the locals of tracebacks, asks msgspec past `repr`."""
        return []


class Input(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller sends. A member that nobody reads is a mistake of the caller, and is named."""


class NewAccount(Input, frozen=True, kw_only=True):
    """An account to make."""

    email: Email
    password: Password
    locale: Locale | None = None


class Login(Input, frozen=True, kw_only=True):
    """What was typed, how the session is to be carried, and the device secret of an earlier login."""

    email: Email
    password: Password
    mode: Mode
    device_token: str | None = None


class Refresh(Input, frozen=True, kw_only=True):
    """The refresh token that was handed out last, where it is not in a cookie."""

    refresh_token: str | None = None


class Logout(Input, frozen=True, kw_only=True):
    """How far it reaches; and the refresh token, where no access token is presented."""

    scope: Scope = "this"
    refresh_token: str | None = None


class ModeChange(Input, frozen=True, kw_only=True):
    """How the session is to be carried; the password for what a script could read."""

    mode: Mode
    password: Password | None = None


class PasswordChange(Input, frozen=True, kw_only=True):
    """Old for new."""

    current_password: Password
    new_password: Password


class Setup(Input, frozen=True, kw_only=True):
    """The code of the link that `serve` printed, and who is to be the administrator."""

    code: Annotated[str, msgspec.Meta(max_length=2048, description="The code, or the whole link.")]
    email: Email
    password: Password
    locale: Locale | None = None


class AccountRemoval(Input, frozen=True, kw_only=True):
    """The password, before everything is gone."""

    password: Password


class LocaleChoice(Input, frozen=True, kw_only=True):
    """The language in which one is written to."""

    locale: str


class AccountMade(Body, frozen=True, kw_only=True):
    """An account that was made just now."""

    id: str
    email: str
    locale: str
    created_at: Instant

    @classmethod
    def of(cls, account: Account) -> AccountMade:
        """The account as its owner sees it."""
        return cls(
            id=account.id,
            email=account.email,
            locale=account.locale,
            created_at=instant(account.created_at),
        )


class User(Body, frozen=True, kw_only=True):
    """Who logged in, and what they may do."""

    id: str
    email: str
    locale: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    entitlements: tuple[str, ...]


class AccessTokenOnly(Body, frozen=True, kw_only=True):
    """Mode `browser`: an access token; the refresh token is in an HttpOnly cookie. Lifetimes in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_expires_in: int
    session_id: str
    user: User


class TokenPair(AccessTokenOnly, frozen=True, kw_only=True):
    """Mode `token`: an access token and the refresh token that follows it."""

    refresh_token: str


class LoginDone(TokenPair, frozen=True, kw_only=True):
    """The pair, and the device secret to send with the next login from here."""

    device_token: str


class SessionMade(Body, frozen=True, kw_only=True):
    """Mode `session`: the cookie is all there is to keep; seconds until it dies if it is not used."""

    session_id: str
    expires_in: int
    csrf_token: str
    user: User


class CsrfToken(Body, frozen=True, kw_only=True):
    """To be sent as `Sekisho-CSRF` with what changes something, as long as the cookies stay the same."""

    csrf_token: str


class Me(User, frozen=True, kw_only=True):
    """Who is asking, by the database and not by the token."""

    session_id: str
    auth_time: Instant
    amr: tuple[str, ...]
    created_at: Instant


class SessionClaims(Body, frozen=True, kw_only=True):
    """What an access token of the session would say (RFC 9068), for an API that asks; instants since 1970."""

    iss: str
    sub: str
    aud: str
    exp: float
    iat: int
    jti: str
    client_id: str
    sid: str
    auth_time: int
    amr: list[str]
    scope: str
    roles: list[str]
    groups: list[str]
    entitlements: list[str]
    rv: str


class SessionLine(Body, frozen=True, kw_only=True):
    """One line of the device list."""

    id: str
    mode: Mode
    created_at: Instant
    last_used_at: Instant
    ip: str
    user_agent: str
    current: bool

    @classmethod
    def of(cls, session: Session, *, current: str) -> SessionLine:
        """The session as its owner sees it; `current` is the id of the one that asks."""
        return cls(
            id=session.id,
            mode=session.mode,
            created_at=instant(session.created_at),
            last_used_at=instant(session.last_used_at),
            ip=session.ip,
            user_agent=session.user_agent,
            current=session.id == current,
        )


class SessionList(Body, frozen=True, kw_only=True):
    """Where an account is signed in, newest first."""

    sessions: list[SessionLine]


class EventLine(Body, frozen=True, kw_only=True):
    """A security event as the one whom it is about sees it."""

    kind: str
    at: Instant
    session_id: str | None
    ip: str
    request_id: str
    about: dict[str, str]

    @classmethod
    def of(cls, event: Event) -> EventLine:
        """The event, without what only the database calls it by."""
        return cls(
            kind=event.kind,
            at=instant(event.at),
            session_id=event.session_id,
            ip=event.ip,
            request_id=event.request_id,
            about=dict(event.about),
        )


class AccountData(Body, frozen=True, kw_only=True):
    """What is kept of somebody, to take along; hashes and digests are not among it."""

    made_at: Instant
    issuer: str
    account: Me
    sessions: list[SessionLine]
    security_events: list[EventLine]


class ServerMetadata(Body, frozen=True, kw_only=True):
    """RFC 8414, as far as this server has what it names; empty lists are left out, as section 3.2 asks."""

    issuer: str
    jwks_uri: str
    sekisho_revocations_uri: str


class ProblemExplained(Body, frozen=True, kw_only=True):
    """What a code means: the constant parts of a problem, in the language of Accept-Language."""

    type: str
    code: str
    status: int
    title: str
    detail: str


class ProblemList(Body, frozen=True, kw_only=True):
    """Every code, by its name."""

    problems: list[ProblemExplained]


class State(Body, frozen=True, kw_only=True):
    """The server answers."""

    status: Literal["ok"]


def instant(seconds: float) -> datetime:
    """POSIX seconds as an instant in UTC, to the second: ids and rows tell finer times to nobody."""
    return datetime.fromtimestamp(int(seconds), UTC)


def access_token_only(tokens: Tokens) -> AccessTokenOnly:
    """What a script may read in mode `browser`."""
    return AccessTokenOnly(
        access_token=tokens.access_token,
        token_type="Bearer",  # noqa: S106 - the scheme's name
        expires_in=tokens.expires_in,
        refresh_expires_in=tokens.refresh_expires_in,
        session_id=tokens.grant.session_id,
        user=user(tokens.grant),
    )


def token_pair(tokens: Tokens) -> TokenPair:
    """What a refresh answers in mode `token`."""
    shown = msgspec.structs.asdict(access_token_only(tokens))
    return TokenPair(refresh_token=tokens.refresh_token, **shown)


def login_done(tokens: Tokens, device_token: str) -> LoginDone:
    """What a login answers in mode `token`."""
    pair = token_pair(tokens)
    return LoginDone(device_token=device_token, **msgspec.structs.asdict(pair))


def session_made(session: CookieSession, csrf_token: str) -> SessionMade:
    """What a login answers in mode `session`."""
    return SessionMade(
        session_id=session.grant.session_id,
        expires_in=session.expires_in,
        csrf_token=csrf_token,
        user=user(session.grant),
    )


def user(grant: Grant) -> User:
    """The person behind a grant."""
    return User(
        id=grant.account.id,
        email=grant.account.email,
        locale=grant.account.locale,
        roles=grant.rights.roles,
        groups=grant.rights.groups,
        entitlements=grant.rights.entitlements,
    )


def me(grant: Grant) -> Me:
    """The person who asks, and in which session."""
    account, rights = grant.account, grant.rights
    return Me(
        id=account.id,
        email=account.email,
        locale=account.locale,
        roles=rights.roles,
        groups=rights.groups,
        entitlements=rights.entitlements,
        session_id=grant.session_id,
        auth_time=instant(grant.auth_time),
        amr=grant.amr,
        created_at=instant(account.created_at),
    )
