"""A bearer guard for any WSGI application (RFC 6750, PEP 3333), free of every framework.

    app = BearerGuard(app, verifier=verifier)                            # any valid token
    app = BearerGuard(app, verifier=verifier, permission="orders:read")  # and this right
    app = BearerGuard(app, verifier=verifier, session=SessionCookies(issuer))  # or a session cookie

Behind it `token_of(environ)` is the `AccessToken`, `environ["sekisho.token"]` too.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from sekisho_verify.access_token import AccessToken
from sekisho_verify.bearer import BearerCheck
from sekisho_verify.browser_request import of_environ
from sekisho_verify.errors import ConfigurationError, TokenRefused, VerificationUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from types import TracebackType
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from sekisho_verify.session_cookies import SessionCookies
    from sekisho_verify.verifier import Verifier

    Raised = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

TOKEN: Final = "sekisho.token"  # noqa: S105 -- the name of a place, no secret
"""Where in `environ` the token is."""


class BearerGuard:
    """Lets requests through that carry a valid access token, and answers the others (RFC 6750 section 3).

    Of tokens only `Authorization: Bearer` counts: one in a query or a form is not seen, since URLs are
    logged. CORS belongs outside of the guard, because a preflight carries no token.

    Args:
        app: the application to guard.
        verifier: checks the tokens. The first request that brings one starts it, so in each of the processes
            that a server may have forked.
        session: checks session cookies, where these are accepted too; by asking over HTTP.
        scope: a scope that the token must carry.
        role: a role that it must carry.
        group: a group that it must carry.
        permission: a permission that it must carry.
        sensitive: see `BearerCheck`.
        public: paths, compared as they are with `PATH_INFO`, that need no token, for example `/healthz`.

    Raises:
        ConfigurationError: if a required right is the empty string, `sensitive` cannot be had, or the cookies
            are those of another issuer, or checked in an event loop.
    """

    __slots__ = ("_app", "_check", "_public")

    def __init__(
        self,
        app: WSGIApplication,
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
        if session is not None:
            session.expect_waiting()
        self._check: Final = BearerCheck(
            verifier,
            session=session,
            scope=scope,
            role=role,
            group=group,
            permission=permission,
            sensitive=sensitive,
        )
        # PEP 3333: text in environ is bytes in disguise, one character each.
        self._public: Final = frozenset(path.encode().decode("latin-1") for path in public)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO", "") in self._public:
            return self._app(environ, start_response)
        started = False

        def watched(
            status: str, headers: list[tuple[str, str]], exc_info: Raised | None = None
        ) -> Callable[[bytes], object]:
            nonlocal started
            started = True
            return start_response(status, headers, exc_info)

        try:
            query = environ.get("QUERY_STRING", "")
            environ[TOKEN] = self._check.token(
                environ.get("HTTP_AUTHORIZATION"), query=query, browser=lambda: of_environ(environ)
            )
            body = self._app(environ, watched)
            # A generator runs, and may `require`, only when it is read. Whoever has started already is handed
            # on untouched: it may be the server's own file wrapper.
            return body if started else _Begun(body)
        except (TokenRefused, VerificationUnavailable) as error:
            told = self._check.answer(error)
            status = f"{told.status} {HTTPStatus(told.status).phrase}"
            # From the check above, or from a `require` in the application. With exc_info a server replaces
            # headers that it has not sent yet, and otherwise raises this error.
            start_response(status, list(told.headers), sys.exc_info())
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [told.body]


class _Begun:
    """The body of an answer whose first part has been made, so that what failed in it is known."""

    __slots__ = ("_body", "_parts")

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body: Final = body
        try:
            parts = iter(body)
            self._parts: Final = chain(list(islice(parts, 1)), parts)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        """PEP 3333: the server closes what it was given, whole or not."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


def token_of(environ: WSGIEnvironment) -> AccessToken:
    """The token of a request behind a guard.

    Raises:
        ConfigurationError: if there is none, because nothing guards this path.
    """
    token = environ.get(TOKEN)
    if not isinstance(token, AccessToken):
        raise ConfigurationError("no token here: the path is public, or no BearerGuard is in front of it")
    return token
