"""A bearer guard for Flask (RFC 6750): a decorator for views, a wall around applications and blueprints.

guard = BearerGuard()

@app.get("/customers")
@guard.token_required(permission="customers:read")
def customers():
return {"asked_by": current_token.sub}

guard.init_app(app, verifier)
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, cast

from flask import Response, current_app, has_request_context, request
from werkzeug.local import LocalProxy

from sekisho_verify.bearer import BearerCheck, DeferredCheck
from sekisho_verify.browser_request import of_environ
from sekisho_verify.errors import ConfigurationError, TokenRefused, VerificationUnavailable
from sekisho_verify.wsgi import TOKEN, token_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from flask import Blueprint, Flask

    from sekisho_verify.access_token import AccessToken
    from sekisho_verify.session_cookies import SessionCookies
    from sekisho_verify.verifier import Verifier

_P = ParamSpec("_P")
_EXTENSION: Final = "sekisho"
_SESSION: Final = "sekisho-session"


class BearerGuard:
    """Lets requests through that carry a valid access token, and answers the others (RFC 6750 section 3).

    One guard may serve many applications, each with a verifier of its own: views can be decorated where no
    application exists yet. What it refuses, and what a `require(...)` in a view refuses, is raised as
    `TokenRefused` or `VerificationUnavailable`, and answered by the error handlers that `init_app` registers.

    Of tokens only `Authorization: Bearer` counts: one in a query or a form is not seen, since URLs are
    logged.
    """

    def init_app(self, app: Flask, verifier: Verifier, *, session: SessionCookies | None = None) -> None:
        """Let `verifier` check the tokens of an application, and answer for it what is refused.

        The first request that brings a token starts the verifier, so in each of the processes that a server
        may have forked. With `session` a session cookie is accepted too; it asks over HTTP.

        Raises:
            ConfigurationError: if the cookies are those of another issuer, or checked in an event loop.
        """
        if session is not None:
            session.expect_waiting()
        check = BearerCheck(verifier, session=session)

        def refuse(error: Exception) -> Response:
            if not isinstance(error, TokenRefused | VerificationUnavailable):
                raise error
            told = check.answer(error)
            return Response(told.body, told.status, list(told.headers))

        app.extensions[_EXTENSION] = verifier
        app.extensions[_SESSION] = session
        app.register_error_handler(TokenRefused, refuse)
        app.register_error_handler(VerificationUnavailable, refuse)

    def token_required(
        self,
        *,
        scope: str | None = None,
        role: str | None = None,
        group: str | None = None,
        permission: str | None = None,
        sensitive: bool = False,
    ) -> Callable[[Callable[_P, object]], Callable[_P, Any]]:
        """A decorator: the view, plain or async, runs only for a token with every right that is named.

        For class-based views it goes into their `decorators`. It stands below `@app.route`, which would
        otherwise be given the unguarded view.

        Raises:
            ConfigurationError: if a required right is the empty string.
        """
        required = DeferredCheck(
            scope=scope, role=role, group=group, permission=permission, sensitive=sensitive
        )

        def decorate(view: Callable[_P, object]) -> Callable[_P, Any]:
            @wraps(view)
            def guarded(*args: _P.args, **kwargs: _P.kwargs) -> object:
                _admit(required)
                return current_app.ensure_sync(view)(*args, **kwargs)

            return guarded

        return decorate

    def protect(
        self,
        where: Flask | Blueprint,
        *,
        scope: str | None = None,
        role: str | None = None,
        group: str | None = None,
        permission: str | None = None,
        sensitive: bool = False,
        public: Collection[str] = (),
    ) -> None:
        """Guard every view of an application or a blueprint: a view of tomorrow is not forgotten.

        A path that leads nowhere is refused to strangers like any other. Where Flask itself answers OPTIONS
        with the methods of a route, and no view runs, no token is asked for: a CORS preflight has none.

        Args:
            where: what to guard.
            scope: a scope that the token must carry.
            role: a role that it must carry.
            group: a group that it must carry.
            permission: a permission that it must carry.
            sensitive: see `BearerCheck`.
            public: endpoints, as `url_for` knows them, that need no token, for example `healthz`, `static`
                or `shop.index`. Endpoints and not paths: nobody can spell one differently.

        Raises:
            ConfigurationError: if a required right is the empty string, or `public` is one name.
        """
        if isinstance(public, str):
            raise ConfigurationError("public is a collection of endpoints, not one endpoint")
        required = DeferredCheck(
            scope=scope, role=role, group=group, permission=permission, sensitive=sensitive
        )
        exempt = frozenset(public)

        def guard() -> None:
            rule = request.url_rule
            if rule is not None:
                # The same question that Flask asks before it answers by itself.
                automatic = getattr(rule, "provide_automatic_options", False) is True
                if (automatic and request.method == "OPTIONS") or rule.endpoint in exempt:
                    return
            _admit(required)

        where.before_request(guard)


def _admit(required: DeferredCheck) -> None:
    """Let the current request pass, and put its token where `current_token` finds it.

    Raises:
        TokenRefused: for everything else.
        VerificationUnavailable: if no verdict can be given now.
        ConfigurationError: if nobody called `init_app`, or `sensitive` cannot be had.
    """
    verifier = current_app.extensions.get(_EXTENSION)
    if verifier is None:
        raise ConfigurationError("call guard.init_app(app, verifier) where the application is made")
    environ = request.environ
    query = environ.get("QUERY_STRING", "")
    # In the request's environ, not in `g`: that may be shared by requests, where a test or a command has
    # pushed an application context of its own.
    check = required.by(verifier, current_app.extensions.get(_SESSION))
    environ[TOKEN] = check.token(
        environ.get("HTTP_AUTHORIZATION"), query=query, browser=lambda: of_environ(environ)
    )


def _current_token() -> AccessToken:
    if not has_request_context():
        raise ConfigurationError("no token here: current_token is for the time of a request")
    return token_of(request.environ)


current_token: Final = cast("AccessToken", LocalProxy(_current_token))
"""The token of the current request, in a view that is guarded; elsewhere each use raises ConfigurationError.

A proxy, as `flask.request` is one: hand `current_token.sub` to another thread, not `current_token`.
"""
