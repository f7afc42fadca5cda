"""A bearer guard for any ASGI application (RFC 6750), free of every framework.

    app = BearerGuard(app, verifier=verifier)                            # any valid token
    app = BearerGuard(app, verifier=verifier, permission="orders:read")  # and this right
    app = BearerGuard(app, verifier=verifier, session=SessionCookies(issuer))  # or a session cookie

Behind it `token_of(request)` is the `AccessToken`, `scope["state"]["token"]` too; `scope["user"]` and
`scope["auth"]` have the shape that Starlette's `request.user` and `@requires(...)` read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sekisho_verify.access_token import AccessToken
from sekisho_verify.bearer import BearerCheck
from sekisho_verify.browser_request import of_scope
from sekisho_verify.errors import ConfigurationError, TokenRefused, VerificationUnavailable
from sekisho_verify.lifespan import live

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping

    from sekisho_verify.bearer import Answer
    from sekisho_verify.lifespan import Application, Receive, Scope, Send
    from sekisho_verify.session_cookies import SessionCookies
    from sekisho_verify.verifier import Verifier

POLICY_VIOLATION: Final = 1008
"""Close code for a WebSocket where the server cannot answer with a status (RFC 6455 section 7.4.1)."""


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

    Of tokens only `Authorization: Bearer` counts: one in a query or a form is not seen, since URLs are
    logged. CORS belongs outside of the guard, because a preflight carries no token.

    Args:
        app: the application to guard. It also gets the lifespan.
        verifier: checks the tokens. It is started and stopped with the application; where a server gives no
            lifespan, the first request starts it.
        session: checks session cookies, where these are accepted too.
        scope: a scope that the token must carry.
        role: a role that it must carry.
        group: a group that it must carry.
        permission: a permission that it must carry.
        sensitive: see `BearerCheck`.
        public: paths, compared as they are with `scope["path"]`, that need no token, for example `/healthz`.

    Raises:
        ConfigurationError: if a required right is the empty string, `sensitive` cannot be had, or the cookies
            are those of another issuer.
    """

    __slots__ = ("_app", "_check", "_public")

    def __init__(
        self,
        app: Application,
        *,
        verifier: Verifier,
        session: SessionCookies | None = None,
        scope: str | None = None,
        role: str | None = None,
        group: str | None = None,
        permission: str | None = None,
        sensitive: bool = False,
        public: Collection[str] = (),
    ) -> None:
        if isinstance(public, str):
            raise ConfigurationError("public is a collection of paths, not one path")
        self._app: Final = app
        self._check: Final = BearerCheck(
            verifier,
            session=session,
            scope=scope,
            role=role,
            group=group,
            permission=permission,
            sensitive=sensitive,
        )
        self._public: Final = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI 3 asks."""
        kind = scope["type"]
        if kind not in {"http", "websocket"}:
            if kind != "lifespan":
                raise ConfigurationError(f"cannot guard a connection of type {kind!a}")
            await live(self._app, self._check.verifier, scope, receive, send)
            return
        if scope["path"] in self._public:
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            token = await self._check.atoken(
                authorization(scope["headers"]),
                query=scope.get("query_string", b""),
                browser=lambda: of_scope(scope),
            )
            await self._app(_with_token(scope, token), receive, watched)
        except (TokenRefused, VerificationUnavailable) as error:
            # From the check above, or from a `require` in the application that has not answered yet.
            if started:
                raise
            await Refusal(self._check.answer(error))(scope, receive, send)


class Refusal:
    """The answer to a refused token: an ASGI application that sends status, challenge and problem+json."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, told: Answer) -> None:
        self.status: Final = told.status
        self.headers: Final = [(name.encode(), value.encode()) for name, value in told.headers]
        self.body: Final = told.body

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
    check = BearerCheck(verifier)

    # Not async for its own sake: frameworks run plain functions in a thread.
    async def handle(_request: object, error: Exception) -> Refusal:
        if not isinstance(error, TokenRefused | VerificationUnavailable):
            raise error
        return Refusal(check.answer(error))

    return handle


def token_of(connection: Mapping[str, Any]) -> AccessToken:
    """The token of a request behind a guard; what `request.state.token` is too, but known to type checkers.

    Args:
        connection: the scope, or what reads like one: Starlette's `Request` and `WebSocket` do.

    Raises:
        ConfigurationError: if there is none, because nothing guards this path.
    """
    token = connection.get("state", {}).get("token")
    if not isinstance(token, AccessToken):
        raise ConfigurationError("no token here: the path is public, or no BearerGuard is in front of it")
    return token


def authorization(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The value of the one `Authorization` header of a connection, or None where there is none.

    Args:
        headers: as ASGI has them, names in lower case.

    Raises:
        TokenRefused: `invalid_request` for two of them: proxies disagree on which one counts.
    """
    found: bytes | None = None
    for name, value in headers:
        if name == b"authorization":
            if found is not None:
                raise TokenRefused("invalid_request", "two Authorization headers")
            found = value
    # Latin-1 takes every byte; what is not ASCII is then refused as malformed.
    return None if found is None else found.decode("latin-1")


def _with_token(scope: Scope, token: AccessToken) -> dict[str, Any]:
    # A copy, as ASGI asks of whoever changes a scope: what is outside of the guard never sees the token.
    return {
        **scope,
        "state": {**scope.get("state", {}), "token": token},
        "user": BearerUser(token),
        "auth": BearerCredentials(token),
    }
