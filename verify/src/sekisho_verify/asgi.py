"""A bearer guard for any ASGI application (RFC 6750), free of every framework.

    app = BearerGuard(app, verifier=verifier)                            # any valid token
    app = BearerGuard(app, verifier=verifier, permission="orders:read")  # and this right

Behind it `scope["state"]["token"]` is the `AccessToken`; `scope["user"]` and `scope["auth"]` have the shape
that Starlette's `request.user` and `@requires(...)` read.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sekisho_verify.errors import PROBLEM_TYPE, SENTENCES, ConfigurationError, RightMissing, TokenRefused
from sekisho_verify.rights import require

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, MutableMapping

    from sekisho_verify.errors import RefusalCode
    from sekisho_verify.verifier import AccessToken, Verifier

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY_VIOLATION: Final = 1008
"""Close code for a WebSocket where the server cannot answer with a status (RFC 6455 section 7.4.1)."""

_RENEW: Final = "Refresh it and try again."
_ADVICE: Final[dict[RefusalCode, str]] = {
    "token_missing": "Send it as Authorization: Bearer, and nowhere else.",
    "invalid_request": "Send one, as Authorization: Bearer, and nowhere else.",
    "token_expired": _RENEW,
    "token_stale": _RENEW,
    "token_revoked": "Log in again.",
}
_log: Final = logging.getLogger("sekisho_verify.asgi")


class BearerUser:
    """The user of a request, as Starlette's `request.user` is expected to be."""

    __slots__ = ("token",)
    is_authenticated: Final = True

    def __init__(self, token: AccessToken) -> None:
        self.token = token

    @property
    def identity(self) -> str:
        """The user's id."""
        return self.token.sub

    @property
    def display_name(self) -> str:
        """The user's id too: a token carries no name (RFC 9068 section 6)."""
        return self.token.sub


class BearerCredentials:
    """What the request was granted, as Starlette's `request.auth` is expected to be."""

    __slots__ = ("token",)

    def __init__(self, token: AccessToken) -> None:
        self.token = token

    @property
    def scopes(self) -> list[str]:
        """`authenticated`, and the token's scope. Other rights are no scopes: `require` asks for those."""
        return ["authenticated", *sorted(self.token.scope)]


class BearerGuard:
    """Lets requests through that carry a valid access token, and answers the others (RFC 6750 section 3).

    Only `Authorization: Bearer` counts: a token in a query or a form is not seen, since URLs are logged. CORS
        belongs
    outside of the guard, because a preflight carries no token.

    Args:
        app: the application to guard. It also gets the lifespan.
        verifier: checks the tokens.
        scope: a scope that the token must carry.
        role: a role that it must carry.
        group: a group that it must carry.
        permission: a permission that it must carry.
        public: paths, compared as they are with `scope["path"]`, that need no token, for example `/healthz`.

    Raises:
        ConfigurationError: if a required right is the empty string.
    """

    __slots__ = ("_app", "_public", "_rights", "_verifier")

    def __init__(
        self,
        app: Application,
        *,
        verifier: Verifier,
        scope: str | None = None,
        role: str | None = None,
        group: str | None = None,
        permission: str | None = None,
        public: Collection[str] = (),
    ) -> None:
        rights = {"scope": scope, "role": role, "group": group, "permission": permission}
        self._rights: Final = {kind: name for kind, name in rights.items() if name is not None}
        if "" in self._rights.values():
            raise ConfigurationError("an empty right requires nothing: name it, or leave it out")
        if isinstance(public, str):
            raise ConfigurationError("public is a collection of paths, not one path")
        self._app: Final = app
        self._verifier: Final = verifier
        self._public: Final = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI 3 asks."""
        kind = scope["type"]
        if kind == "lifespan" or (kind in {"http", "websocket"} and scope["path"] in self._public):
            await self._app(scope, receive, send)
            return
        if kind not in {"http", "websocket"}:
            raise ConfigurationError(f"cannot guard a connection of type {kind!a}")
        started = False

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            token = self._verifier.verify(_bearer_text(scope))
            if self._rights:
                require(token, **self._rights)
            await self._app(_with_token(scope, token), receive, watched)
        except TokenRefused as refused:
            # From the check above, or from a `require` in the application that has not answered yet.
            if started:
                raise
            _log.info("refused %s: %s", refused.code, refused.detail)
            await Refusal(refused, issuer=self._verifier.issuer)(scope, receive, send)


class Refusal:
    """The answer to a refused token: an ASGI application that sends status, challenge and problem+json.

    RFC 6750 section 3 and RFC 9457. Nothing of the token, and nothing of the operator's detail, is in it.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, refused: TokenRefused, *, issuer: str) -> None:
        code = refused.code
        self.status: Final = {"insufficient_scope": 403, "invalid_request": 400}.get(code, 401)
        detail = _ADVICE.get(code, "Get a new one from the issuer.")
        if isinstance(refused, RightMissing):
            detail = f"It needs the {refused.kind} {refused.name}."
        problem = {
            "type": f"{PROBLEM_TYPE}{code}",
            "title": SENTENCES[code],
            "status": self.status,
            "detail": detail,
            "code": code,
            "help": f"{issuer}/problems/{code}",
        }
        self.body: Final = msgspec.json.encode(problem)
        self.headers: Final = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(self.body)).encode()),
            (b"cache-control", b"no-store"),
            (b"www-authenticate", _challenge(refused).encode()),
        ]

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request, or refuse the handshake of one WebSocket."""
        kind = "http"
        if scope["type"] == "websocket":
            if "websocket.http.response" not in scope.get("extensions", {}):
                await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
                return
            kind = "websocket.http"
        await send({"type": f"{kind}.response.start", "status": self.status, "headers": self.headers})
        await send({"type": f"{kind}.response.body", "body": self.body})


def refusal_handler(verifier: Verifier) -> Callable[[object, Exception], Awaitable[Refusal]]:
    """How Starlette, FastAPI and their like answer a `TokenRefused` that a route raised.

    Given as `exception_handlers={TokenRefused: refusal_handler(verifier)}`. Those frameworks answer 500
    to an exception that reaches them, so the guard around them never sees what a route's `require` raised.
    """

    # Not async for its own sake: frameworks run plain functions in a thread.
    async def handle(_request: object, error: Exception) -> Refusal:
        if not isinstance(error, TokenRefused):
            raise error
        _log.info("refused %s: %s", error.code, error.detail)
        return Refusal(error, issuer=verifier.issuer)

    return handle


def _bearer_text(scope: Scope) -> str:
    found: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found is not None:
                raise TokenRefused("invalid_request", "two Authorization headers")
            found = value
    if found is None:
        raise TokenRefused("token_missing", "no Authorization header")
    scheme, _, text = found.partition(b" ")
    if scheme.lower() != b"bearer":
        raise TokenRefused("token_missing", "another scheme than Bearer")
    if b"access_token=" in scope.get("query_string", b""):
        raise TokenRefused("invalid_request", "one token in the header, another in the query")
    # Latin-1 takes every byte; what is not ASCII is then refused as malformed.
    return text.decode("latin-1")


def _with_token(scope: Scope, token: AccessToken) -> dict[str, Any]:
    # A copy, as ASGI asks of whoever changes a scope: what is outside of the guard never sees the token.
    return {
        **scope,
        "state": {**scope.get("state", {}), "token": token},
        "user": BearerUser(token),
        "auth": BearerCredentials(token),
    }


def _challenge(refused: TokenRefused) -> str:
    code = refused.code
    if code == "token_missing":
        return "Bearer"  # RFC 6750 section 3.1: no error code where no token was sent
    error = code if code in {"insufficient_scope", "invalid_request"} else "invalid_token"
    challenge = f'Bearer error="{error}", error_description="{SENTENCES[code]}"'
    if isinstance(refused, RightMissing) and refused.kind == "scope":
        challenge += f', scope="{_quotable(refused.name)}"'
    return challenge


def _quotable(text: str) -> str:
    # The characters of a scope (RFC 6749 section 3.3); none of them can end the quotation or the header.
    return "".join(
        character if "!" <= character <= "~" and character not in '"\\' else "?" for character in text
    )
