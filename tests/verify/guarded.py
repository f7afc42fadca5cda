"""One small API behind each guard there is, asked as a server hands a request over: header by header.

`/` tells who asks, by GET and by POST; `/keeper` does so for those with the role `keeper`.
"""
# Without `from __future__ import annotations`: FastAPI reads those of its routes at run time.

import asyncio
import io
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any, Final, NamedTuple

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.urls import path
from fastapi import Depends, FastAPI
from flask import Flask

from sekisho_verify import AccessToken, SessionCookies, Verifier, require
from sekisho_verify import asgi as asgi_guard
from sekisho_verify import flask as flask_guard
from sekisho_verify import wsgi as wsgi_guard
from sekisho_verify.django import token_of, token_required
from sekisho_verify.fastapi import current_token, install
from tests.verify.django_site import CSRF, GUARD  # which sets Django up

Header = tuple[str, str]
Ask = Callable[..., "Heard"]
Guarded = Callable[[Verifier, SessionCookies], Any]


class Heard(NamedTuple):
    """An answer: its status, its headers by lower-case names, and the JSON of its body."""

    status: int
    headers: dict[str, str]
    json: Any

    @property
    def code(self) -> tuple[int, str]:
        """Status, and the code of a problem, in FastAPI's place for it too."""
        problem = self.json.get("detail") if isinstance(self.json.get("detail"), dict) else self.json
        return self.status, problem.get("code", "")


def told(token: AccessToken) -> dict[str, Any]:
    """What the routes answer."""
    return {"sub": token.sub, "sid": token.sid, "roles": sorted(token.roles)}


def by_asgi(app: Any, prefix: str = "") -> Ask:  # noqa: ANN401 -- any application
    """Ask an ASGI application."""

    async def ask(method: str, at: str, headers: tuple[Header, ...]) -> Heard:
        sent: list[Any] = []
        scope = {
            "type": "http",
            "method": method,
            "path": prefix + at,
            "query_string": b"",
            "headers": [
                (b"host", b"testserver"),
                *((name.lower().encode(), value.encode("latin-1")) for name, value in headers),
            ],
        }
        inbox = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:  # noqa: ANN401 -- ASGI
            return inbox.pop() if inbox else await asyncio.Future[Any]()

        async def send(message: Any) -> None:  # noqa: ANN401 -- ASGI
            sent.append(message)

        await app(scope, receive, send)
        found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return Heard(sent[0]["status"], found, json.loads(b"".join(part["body"] for part in sent[1:])))

    def run(method: str, *headers: Header, at: str = "/") -> Heard:
        return asyncio.run(ask(method, at, headers))

    return run


def by_wsgi(app: Any, prefix: str = "") -> Ask:  # noqa: ANN401 -- any application
    """Ask a WSGI application; a header that comes twice is joined by a comma, as every server does it."""

    def ask(method: str, *headers: Header, at: str = "/") -> Heard:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": prefix + at,
            "QUERY_STRING": "",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in headers:
            key = f"HTTP_{name.upper().replace('-', '_')}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        started: list[Any] = []

        def start(status: str, fields: list[Header], _: object = None) -> None:
            started[:] = [int(status.partition(" ")[0]), {name.lower(): value for name, value in fields}]

        body = b"".join(app(environ, start))
        return Heard(started[0], started[1], json.loads(body))

    return ask


@contextmanager
def fastapi(verifier: Verifier, session: SessionCookies) -> Generator[Ask]:
    """A dependency on each route."""
    app = FastAPI()
    install(app, verifier)
    anyone = current_token(verifier, session=session)
    keeper = current_token(verifier, session=session, role="keeper")

    @app.api_route("/", methods=["GET", "POST"])
    def whoami(token: Annotated[AccessToken, Depends(anyone)]) -> dict[str, Any]:
        return told(token)

    @app.get("/keeper")
    async def keepers(token: Annotated[AccessToken, Depends(keeper)]) -> dict[str, Any]:
        return told(token)

    yield by_asgi(app)


@contextmanager
def asgi(verifier: Verifier, session: SessionCookies) -> Generator[Ask]:
    """One guard in front of an application that knows no framework."""

    async def app(scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI
        token = asgi_guard.token_of(scope)
        if scope["path"] == "/keeper":
            require(token, role="keeper")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(told(token)).encode()})

    yield by_asgi(asgi_guard.BearerGuard(app, verifier=verifier, session=session))


@contextmanager
def wsgi(verifier: Verifier, session: SessionCookies) -> Generator[Ask]:
    """The same under WSGI."""

    def app(environ: Any, start: Any) -> list[bytes]:  # noqa: ANN401 -- WSGI
        token = wsgi_guard.token_of(environ)
        if environ["PATH_INFO"] == "/keeper":
            require(token, role="keeper")
        start("200 OK", [])
        return [json.dumps(told(token)).encode()]

    yield by_wsgi(wsgi_guard.BearerGuard(app, verifier=verifier, session=session))


@contextmanager
def flask(verifier: Verifier, session: SessionCookies) -> Generator[Ask]:
    """A decorator on each view."""
    app, guard = Flask(__name__), flask_guard.BearerGuard()
    guard.init_app(app, verifier, session=session)

    @app.route("/", methods=["GET", "POST"])
    @guard.token_required()
    def whoami() -> dict[str, Any]:
        return told(flask_guard.current_token)

    @app.get("/keeper")
    @guard.token_required(role="keeper")
    async def keepers() -> dict[str, Any]:
        return told(flask_guard.current_token)

    yield by_wsgi(app)


def whoami(request: HttpRequest) -> JsonResponse:
    """Who asks."""
    return JsonResponse(told(token_of(request)))


async def awhoami(request: HttpRequest) -> JsonResponse:
    """The same, on the event loop."""
    return whoami(request)


urlpatterns: Final = [
    path("", whoami),
    path("keeper", token_required(role="keeper")(whoami)),
    path("async/", awhoami),
    path("async/keeper", token_required(role="keeper")(awhoami)),
]


@contextmanager
def _django(verifier: Verifier, session: SessionCookies) -> Generator[None]:
    # Django makes a verifier of its own, from the settings: with the same keys, as it finds them.
    options = {"issuer": verifier.issuer, "audience": verifier.audience, "feed": None, "session": session}
    with override_settings(SEKISHO=options, MIDDLEWARE=[GUARD, CSRF], ROOT_URLCONF=__name__):
        yield


@contextmanager
def django_wsgi(verifier: Verifier, session: SessionCookies) -> Generator[Ask]:
    """A middleware, and a decorator on plain views."""
    with _django(verifier, session):
        yield by_wsgi(WSGIHandler())


@contextmanager
def django_asgi(verifier: Verifier, session: SessionCookies) -> Generator[Ask]:
    """The same with views on the event loop."""
    with _django(verifier, session):
        yield by_asgi(ASGIHandler(), "/async")


@contextmanager
def drf(verifier: Verifier, session: SessionCookies) -> Generator[Ask]:
    """Authentication and permission classes of Django REST framework."""
    options = {"issuer": verifier.issuer, "audience": verifier.audience, "feed": None, "session": session}
    with override_settings(SEKISHO=options, MIDDLEWARE=[], ROOT_URLCONF="tests.verify.guarded_drf"):
        yield by_wsgi(WSGIHandler())


GUARDS: Final = (fastapi, asgi, wsgi, flask, django_wsgi, django_asgi, drf)
