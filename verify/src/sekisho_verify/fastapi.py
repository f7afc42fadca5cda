"""The access token of a FastAPI route, as a dependency.

    app = FastAPI()
    install(app, verifier)
    token = current_token(verifier)

    @app.get("/orders")
    def orders(token: Annotated[AccessToken, Depends(token)]): ...

With `session=SessionCookies(issuer)` the same dependency takes a session cookie as well.

/docs shows its Authorize button, openapi.json the requirement of each guarded route.
"""
# Without `from __future__ import annotations`: FastAPI reads those below at run time.

import inspect
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import msgspec
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.requests import HTTPConnection
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase

from sekisho_verify.access_token import AccessToken
from sekisho_verify.asgi import authorization, refusal_handler
from sekisho_verify.bearer import Answer, Answered, BearerCheck
from sekisho_verify.browser_request import of_scope
from sekisho_verify.errors import RightMissing, TokenRefused, VerificationUnavailable
from sekisho_verify.lifespan import start
from sekisho_verify.rights import require
from sekisho_verify.session_cookies import SessionCookies
from sekisho_verify.verifier import Verifier

SCHEME_NAME: Final = "AccessToken"
"""What the security scheme is called in openapi.json."""

_OF_THE_BODY: Final = frozenset({"content-type", "content-length"})


class HTTPTokenRefused(TokenRefused, Answered, HTTPException):
    """A `TokenRefused` that FastAPI can answer by itself, as the `HTTPException` that it is too.

    Its `detail` is FastAPI's, the problem for the caller; what the operator reads is in that of `__cause__`.
    """

    def __init__(self, refused: TokenRefused, told: Answer) -> None:
        HTTPException.__init__(self, told.status, _problem(told), _headers(told))
        self.code = refused.code
        self.answer = told


class HTTPRightMissing(RightMissing, HTTPTokenRefused):
    """The same for a right that the token does not carry."""

    def __init__(self, refused: RightMissing, told: Answer) -> None:
        HTTPTokenRefused.__init__(self, refused, told)
        self.kind = refused.kind
        self.name = refused.name


class HTTPUnavailable(VerificationUnavailable, Answered, HTTPException):
    """The same for a verdict that cannot be given now."""

    def __init__(self, error: VerificationUnavailable, told: Answer) -> None:
        HTTPException.__init__(self, told.status, _problem(told), _headers(told))
        self.code = error.code
        self.answer = told


class CurrentToken(SecurityBase):
    """The dependency that `current_token` makes."""

    def __init__(self, check: BearerCheck, *, scheme_name: str) -> None:
        self._check: Final = check
        self.scheme_name = scheme_name
        self.model = HTTPBearer(
            bearerFormat="at+jwt", description=f"An access token of {check.verifier.issuer} (RFC 9068)."
        )

    async def __call__(self, connection: HTTPConnection, required: SecurityScopes) -> AccessToken:
        """The token of a request or a WebSocket, good and with every right that is required.

        Raises:
            TokenRefused: for everything else; an `HTTPException` too.
            VerificationUnavailable: if no verdict can be given now; an `HTTPException` too.
        """
        scope = connection.scope
        try:
            token = await self._check.atoken(
                authorization(scope["headers"]),
                query=scope.get("query_string", b""),
                browser=lambda: of_scope(scope),
            )
            for name in required.scopes:
                require(token, scope=name)
        except RightMissing as refused:
            raise HTTPRightMissing(refused, self._check.answer(refused)) from refused
        except TokenRefused as refused:
            raise HTTPTokenRefused(refused, self._check.answer(refused)) from refused
        except VerificationUnavailable as error:
            raise HTTPUnavailable(error, self._check.answer(error)) from error
        return token


class CurrentTokenOrSession(CurrentToken):
    """The same where a session cookie will do as well, and openapi.json says so."""

    def __init__(self, check: BearerCheck, session: SessionCookies, *, scheme_name: str) -> None:
        super().__init__(check, scheme_name=scheme_name)
        # FastAPI reads the alternatives of a route from its dependencies, one each, and these from here.
        cookie = Depends(_CookieScheme(session, scheme_name=f"{scheme_name}Cookie"))
        own = inspect.signature(super().__call__)
        last = inspect.Parameter("_", inspect.Parameter.KEYWORD_ONLY, default=cookie)
        self.__signature__ = own.replace(parameters=[*own.parameters.values(), last])

    async def __call__(
        self, connection: HTTPConnection, required: SecurityScopes, *, _: None = None
    ) -> AccessToken:
        """See `CurrentToken`."""
        return await super().__call__(connection, required)


class _CookieScheme(SecurityBase):
    """Names the cookie in openapi.json; what is in it, `CurrentToken` checks."""

    def __init__(self, session: SessionCookies, *, scheme_name: str) -> None:
        self.scheme_name = scheme_name
        self.model = APIKey.model_validate(
            {"in": APIKeyIn.cookie, "name": session.cookie, "description": f"A session of {session.issuer}."}
        )

    async def __call__(self) -> None:
        """Nothing."""


def current_token(
    verifier: Verifier,
    *,
    session: SessionCookies | None = None,
    scope: str | None = None,
    role: str | None = None,
    group: str | None = None,
    permission: str | None = None,
    sensitive: bool = False,
    scheme_name: str = SCHEME_NAME,
) -> CurrentToken:
    """A dependency that gives a route the `AccessToken` of its request, or refuses the request.

    For `Depends`, on a route, a router or the whole application, and for `Security`, whose scopes are
    required in addition. Keep it in a variable if `app.dependency_overrides` is to find it.

    Args:
        verifier: checks the tokens.
        session: checks session cookies, where these are accepted too: routes see no difference.
        scope: a scope that the token must carry.
        role: a role that it must carry.
        group: a group that it must carry.
        permission: a permission that it must carry.
        sensitive: see `BearerCheck`.
        scheme_name: the name of the security scheme in openapi.json; a second verifier needs another one.

    Raises:
        ConfigurationError: if a required right is the empty string, `sensitive` cannot be had, or the cookies
            are those of another issuer.
    """
    check = BearerCheck(
        verifier,
        session=session,
        scope=scope,
        role=role,
        group=group,
        permission=permission,
        sensitive=sensitive,
    )
    if session is not None:
        return CurrentTokenOrSession(check, session, scheme_name=scheme_name)
    return CurrentToken(check, scheme_name=scheme_name)


def install(app: FastAPI, verifier: Verifier) -> None:
    """Start and stop the verifier with the application, and answer refusals as application/problem+json.

    Without it the first request starts the verifier, FastAPI puts the problem into `{"detail": ...}`, and a
    route whose own `require` refuses is answered 500.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        await start(verifier)
        try:
            yield
        finally:
            await verifier.astop()

    answer = cast("Any", refusal_handler(verifier))  # FastAPI's types ask for its own responses; it calls any
    app.add_exception_handler(TokenRefused, answer)
    app.add_exception_handler(VerificationUnavailable, answer)
    # A router has a lifespan that FastAPI joins with the one that the application may have.
    app.include_router(APIRouter(lifespan=lifespan))


def _problem(told: Answer) -> dict[str, object]:
    return msgspec.json.decode(told.body, type=dict[str, object])


def _headers(told: Answer) -> dict[str, str]:
    return {name: value for name, value in told.headers if name not in _OF_THE_BODY}
