"""How each server is spoken to: the same acts, in the words of each, and what its answers have to say.

Every answer that is measured goes through one of these; one that does not say what it should ends the run.
"""

from __future__ import annotations

import urllib.parse
from base64 import urlsafe_b64decode
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import msgspec

from benchmarks.load import Reply

_decode = msgspec.json.Decoder(dict[str, Any]).decode

PASSWORD = "a password of the benchmark, not of anybody"  # noqa: S105 - as it says


class WrongAnswerError(RuntimeError):
    """A server said something else than it should have; what is measured then is worth nothing."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a login gave."""

    user_id: str
    access: str = ""
    refresh: str = ""
    cookie: str = ""
    csrf: str = ""


class Dialect(Protocol):
    """How a client of one server speaks, and what it listens for."""

    def register(self, email: str) -> bytes:
        """Make an account."""
        ...

    def registered(self, reply: Reply) -> str:
        """The id of the account."""
        ...

    def login(self, email: str) -> bytes:
        """Log in."""
        ...

    def opened(self, reply: Reply, user_id: str) -> Ticket:
        """What the login gave."""
        ...

    def me(self, ticket: Ticket) -> bytes:
        """Ask who is asking."""
        ...

    def named(self, reply: Reply) -> str:
        """The id of the account that was told."""
        ...

    def refresh(self, ticket: Ticket) -> bytes:
        """Trade the refresh token."""
        ...

    def refreshed(self, reply: Reply, ticket: Ticket) -> Ticket:
        """What it was traded for."""
        ...

    def logout(self, ticket: Ticket) -> bytes:
        """End the session."""
        ...

    def ended(self, reply: Reply) -> None:
        """Whether it was ended."""
        ...

    def after(self, ticket: Ticket) -> bytes | None:
        """What whoever kept a copy of the ticket asks then, to be refused; none where nobody would."""
        ...


def _request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    head = {"Host": "localhost", "User-Agent": "sekisho-benchmarks", **headers}
    if method == "POST":
        head["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def _json(path: str, body: dict[str, Any], **headers: str) -> bytes:
    content = {"Content-Type": "application/json", "Accept": "application/json"}
    return _request("POST", path, content | headers, msgspec.json.encode(body))


def _form(path: str, body: dict[str, str], **headers: str) -> bytes:
    content = {"Content-Type": "application/x-www-form-urlencoded"}
    return _request("POST", path, content | headers, urllib.parse.urlencode(body).encode())


def _accepted(reply: Reply) -> Reply:
    if reply.status // 100 != 2:
        raise WrongAnswerError(f"{reply.head.decode()}\n{reply.body.decode()[:2000]}")
    return reply


def _there(value: str, what: str) -> str:
    if not value:
        raise WrongAnswerError(f"no {what} in an answer")
    return value


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says, its seal unread: whether it holds is its server's business."""
    _, found, rest = token.partition(".")
    payload = rest.partition(".")[0]
    if not found or not payload:
        raise WrongAnswerError(f"no JWT: {token[:100]}")
    return _decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class _Ordinary:
    """What most of them speak: a JSON API and a bearer token, or one cookie."""

    register_path = "/auth/register"
    login_path = "/auth/login"
    logout_path = "/auth/logout"
    refresh_path = "/auth/refresh"
    me_path = "/me"
    #: The name of the session's cookie; empty where a login gives tokens.
    cookie_name: ClassVar[str] = ""
    #: The claim of an access token that says whose it is; empty where it is no JWT.
    subject: ClassVar[str] = ""

    def register(self, email: str) -> bytes:
        return _json(self.register_path, {"email": email, "password": PASSWORD})

    def registered(self, reply: Reply) -> str:
        return str(_accepted(reply).json["id"])

    def login(self, email: str) -> bytes:
        return _form(self.login_path, {"username": email, "password": PASSWORD})

    def opened(self, reply: Reply, user_id: str) -> Ticket:
        return Ticket(user_id, cookie=_there(_accepted(reply).cookie(self.cookie_name), "session cookie"))

    def me(self, ticket: Ticket) -> bytes:
        return _request("GET", self.me_path, self._carried(ticket))

    def named(self, reply: Reply) -> str:
        return str(_accepted(reply).json["id"])

    def refresh(self, ticket: Ticket) -> bytes:
        return _json(self.refresh_path, {"refresh": ticket.refresh})

    def refreshed(self, reply: Reply, ticket: Ticket) -> Ticket:
        answer = _accepted(reply).json
        return self._traded(ticket, str(answer["access"]), str(answer["refresh"]))

    def logout(self, ticket: Ticket) -> bytes:
        return _form(self.logout_path, {}, **self._carried(ticket))

    def ended(self, reply: Reply) -> None:
        _accepted(reply)

    def after(self, ticket: Ticket) -> bytes | None:
        return self.refresh(ticket) if ticket.refresh else self.me(ticket)

    def _carried(self, ticket: Ticket) -> dict[str, str]:
        if ticket.cookie:
            return {"Cookie": f"{self.cookie_name}={ticket.cookie}"}
        return {"Authorization": f"Bearer {ticket.access}"}

    def _traded(self, ticket: Ticket, access: str, refresh: str) -> Ticket:
        if access == ticket.access or refresh == ticket.refresh:
            raise WrongAnswerError("a refresh that gave what was there before")
        if self.subject and (whose := str(_claims(access).get(self.subject))) != ticket.user_id:
            raise WrongAnswerError(f"an access token of {whose} in the place of {ticket.user_id}")
        return replace(
            ticket, access=_there(access, "access token"), refresh=_there(refresh, "refresh token")
        )


class SekishoTokens(_Ordinary):
    """Ours, and whoever answers as we do: an access token and a refresh token."""

    register_path, me_path, subject = "/v1/accounts", "/v1/me", "sub"

    def login(self, email: str) -> bytes:
        """As a script does."""
        return _json("/v1/login", {"email": email, "password": PASSWORD, "mode": "token"})

    def opened(self, reply: Reply, user_id: str) -> Ticket:
        """Both tokens."""
        answer = _accepted(reply).json
        if answer["user"]["id"] != user_id:
            raise WrongAnswerError(f"{answer['user']} is not {user_id}")
        return Ticket(user_id, answer["access_token"], answer["refresh_token"])

    def refresh(self, ticket: Ticket) -> bytes:
        """By the body."""
        return _json("/v1/refresh", {"refresh_token": ticket.refresh})

    def refreshed(self, reply: Reply, ticket: Ticket) -> Ticket:
        """Both tokens, neither of them as before."""
        answer = _accepted(reply).json
        return self._traded(ticket, answer["access_token"], answer["refresh_token"])

    def logout(self, ticket: Ticket) -> bytes:
        """By the refresh token."""
        return _json("/v1/logout", {"refresh_token": ticket.refresh})


class SekishoCookie(SekishoTokens):
    """Ours, with the session cookie.

    Args:
        csrf: the token and its cookie from before a login, which any number of logins may show.
    """

    cookie_name = "sekisho"

    def __init__(self, csrf: tuple[str, str] = ("", "")) -> None:
        self._csrf = csrf

    def login(self, email: str) -> bytes:
        """As a page does."""
        token, cookie = self._csrf
        headers = {"Sekisho-CSRF": token, "Cookie": f"sekisho-csrf={cookie}"}
        return _json("/v1/login", {"email": email, "password": PASSWORD, "mode": "session"}, **headers)

    def opened(self, reply: Reply, user_id: str) -> Ticket:
        """The cookie, and what has to be shown beside it."""
        answer = _accepted(reply).json
        cookie = _there(reply.cookie(self.cookie_name), "session cookie")
        return Ticket(user_id, cookie=cookie, csrf=answer["csrf_token"])

    def logout(self, ticket: Ticket) -> bytes:
        """By the cookie."""
        return _json("/v1/logout", {}, **self._carried(ticket), **{"Sekisho-CSRF": ticket.csrf})


class SekishoApi(SekishoTokens):
    """An API that checks our access tokens; a login is one at our server."""

    me_path = "/"

    def named(self, reply: Reply) -> str:
        """By the claim."""
        return str(_accepted(reply).json["sub"])


class FastapiUsersCookie(_Ordinary):
    """fastapi-users with a session, in SQL or in Redis."""

    cookie_name = "fastapiusersauth"


class FastapiUsersToken(_Ordinary):
    """fastapi-users with a JWT; there is no refresh in it."""

    def opened(self, reply: Reply, user_id: str) -> Ticket:
        """The JWT."""
        return Ticket(user_id, access=_accepted(reply).json["access_token"])


class DjangoSession(_Ordinary):
    """Django's session."""

    cookie_name = "sessionid"

    def register(self, email: str) -> bytes:
        """By a form."""
        return _form(self.register_path, {"username": email, "password": PASSWORD})


class Simplejwt(DjangoSession):
    """Django REST framework with simplejwt."""

    subject = "user_id"

    def login(self, email: str) -> bytes:
        """By JSON."""
        return _json(self.login_path, {"username": email, "password": PASSWORD})

    def opened(self, reply: Reply, user_id: str) -> Ticket:
        """Its pair."""
        answer = _accepted(reply).json
        return Ticket(user_id, answer["access"], answer["refresh"])

    def logout(self, ticket: Ticket) -> bytes:
        """Blacklist the refresh token."""
        return _json(self.logout_path, {"refresh": ticket.refresh})


class FlaskSecuritySession(_Ordinary):
    """Flask-Security with its session."""

    cookie_name = "session"
    login_path, logout_path = "/login", "/logout"

    def login(self, email: str) -> bytes:
        """By JSON."""
        return _json(self.login_path, {"email": email, "password": PASSWORD})

    def logout(self, ticket: Ticket) -> bytes:
        """By JSON."""
        return _json(self.logout_path, {}, **self._carried(ticket))

    def after(self, ticket: Ticket) -> bytes | None:
        """Nothing: Flask's session is the cookie, which a browser is asked to forget, and a copy goes on."""
        return super().after(ticket) if ticket.refresh else None


class FlaskSecurityToken(FlaskSecuritySession):
    """Flask-Security with its authentication token and a refresh token."""

    cookie_name = ""

    def login(self, email: str) -> bytes:
        """By JSON, and asking for a token."""
        return _json("/login?include_auth_token", {"email": email, "password": PASSWORD})

    def opened(self, reply: Reply, user_id: str) -> Ticket:
        """Both tokens."""
        user = _accepted(reply).json["response"]["user"]
        return Ticket(user_id, user["authentication_token"], user["refresh_token"])

    def refresh(self, ticket: Ticket) -> bytes:
        """By the body."""
        return _json("/refresh-token", {"refresh_token": ticket.refresh})

    def refreshed(self, reply: Reply, ticket: Ticket) -> Ticket:
        """Both tokens."""
        user = _accepted(reply).json["response"]["user"]
        return self._traded(ticket, user["authentication_token"], user["refresh_token"])

    def logout(self, ticket: Ticket) -> bytes:
        """Revoke the refresh token."""
        return _json(self.logout_path, {"refresh_token": ticket.refresh}, **self._carried(ticket))

    def _carried(self, ticket: Ticket) -> dict[str, str]:
        return {"Authentication-Token": ticket.access}


class OidcProvider(_Ordinary):
    """oidc-provider on Node: an OAuth client that has a refresh token already."""

    subject = "sub"

    def login(self, email: str) -> bytes:
        """A grant as a login ends in, by its own models: the pages before are not what is measured."""
        return _json("/grant", {"account": email})

    def opened(self, reply: Reply, user_id: str) -> Ticket:
        """The refresh token."""
        return Ticket(user_id, refresh=_accepted(reply).json["refresh_token"])

    def refresh(self, ticket: Ticket) -> bytes:
        """RFC 6749 section 6, as a public client."""
        asked = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": ticket.refresh}
        return _form("/token", asked)

    def refreshed(self, reply: Reply, ticket: Ticket) -> Ticket:
        """Both tokens."""
        answer = _accepted(reply).json
        return self._traded(ticket, answer["access_token"], answer["refresh_token"])

    def logout(self, ticket: Ticket) -> bytes:
        """RFC 7009."""
        return _form("/token/revocation", {"client_id": "app", "token": ticket.refresh})
