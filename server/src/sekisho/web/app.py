"""The ASGI application: envelope, CORS where browser applications are listed, dispatcher, endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from sekisho.ports import Entropy
from sekisho.rules.refusals import Refusal
from sekisho.settings import Settings
from sekisho.version import VERSION
from sekisho.web import (
    routes_account,
    routes_discovery,
    routes_forward_auth,
    routes_operating,
    routes_problems,
    routes_revocations,
    routes_session,
)
from sekisho.web.acts import Acts
from sekisho.web.asgi import ASGIApp, Receive, Scope, Send
from sekisho.web.client import Clients
from sekisho.web.cookies import SESSION, CookieNames
from sekisho.web.cross_site import CrossSiteGate
from sekisho.web.dispatch import Dispatcher
from sekisho.web.endpoint import Endpoint, Site
from sekisho.web.envelope import Envelope
from sekisho.web.metrics import Metrics
from sekisho.web.openapi import openapi
from sekisho.web.pages import Asset, ErrorPage, Page
from sekisho.web.problems import problem
from sekisho.web.request_context import context_of
from sekisho.web.wire import encode

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from sekisho.web.feature_routes import FeatureRoutes

CORE: Final[tuple[Endpoint[Any], ...]] = (
    *routes_session.ENDPOINTS,
    *routes_account.ENDPOINTS,
    *routes_forward_auth.ENDPOINTS,
    *routes_revocations.ENDPOINTS,
    *routes_discovery.ENDPOINTS,
    *routes_problems.ENDPOINTS,
    *routes_operating.ENDPOINTS,
)


def build_app(
    acts: Acts,
    *,
    settings: Settings,
    entropy: Entropy,
    metrics: Metrics | None = None,
    endpoints: Iterable[Endpoint[Any]] = (),
    routes: Iterable[BaseRoute] = (),
    pages: Iterable[Page | Asset] = (),
    error_page: ErrorPage | None = None,
) -> ASGIApp:
    """The application that serves `acts`, and what features bring beside them.

    It needs no lifespan of its own: whoever opened what lies behind `acts` closes it.

    Raises:
        ValueError: two endpoints claim one method of one path.
    """
    base_path = _base_path(settings)
    served, pages = (*CORE, *endpoints), tuple(pages)
    found = _found_by_starlette(tuple(routes))
    metrics = metrics or Metrics()

    @cache
    def document() -> bytes:
        return encode(
            openapi(
                served,
                issuer=settings.issuer,
                version=VERSION,
                session_cookie=cookies.wire_name(SESSION),
            )
        )

    cookies = CookieNames(https=settings.issuer.startswith("https:"))
    site = Site(
        acts=acts,
        metrics=metrics,
        issuer=settings.issuer,
        base_path=base_path,
        cookies=cookies,
        gate=CrossSiteGate(settings.origin, settings.allowed_origins),
        session_max=int(settings.session_max),
        document=document,
        beside=frozenset({*(each.path for each in pages), *(found.paths if found else ())}),
    )
    endpoints = (*served, *_below_the_origin(served, base_path))
    app: ASGIApp = Dispatcher(site, endpoints, found, pages=pages, error_page=error_page)
    if settings.allowed_origins:
        from sekisho.web.cors import Cors  # noqa: PLC0415 - as above

        app = Cors(app, origins=settings.allowed_origins, base_path=base_path)
    return _enveloped(app, settings=settings, entropy=entropy, metrics=metrics)


def _found_by_starlette(routes: Sequence[BaseRoute]) -> FeatureRoutes | None:
    if not routes:
        return None
    # Starlette is 1 MiB and 14 ms of every start. Most servers bring no routes and let in no other origin.
    from sekisho.web.feature_routes import FeatureRoutes  # noqa: PLC0415 - as it says

    return FeatureRoutes(routes)


def closed_app(*, settings: Settings, entropy: Entropy) -> ASGIApp:
    """What answers while nothing can be opened: `unavailable`, to everybody, in the ordinary envelope."""
    base_path = _base_path(settings)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - the shape of ASGI
        context = context_of(scope)
        reply = problem(
            Refusal("unavailable"),
            language=context.language,
            request_id=context.client.request_id,
            base_path=base_path,
        )
        await reply.send(send, head=scope["method"] == "HEAD")

    return _enveloped(answer, settings=settings, entropy=entropy, metrics=Metrics())


def _enveloped(app: ASGIApp, *, settings: Settings, entropy: Entropy, metrics: Metrics) -> Envelope:
    return Envelope(
        app,
        clients=Clients(settings.trusted_proxies, entropy),
        metrics=metrics,
        base_path=_base_path(settings),
        https=settings.issuer.startswith("https:"),
    )


def _base_path(settings: Settings) -> str:
    return urlsplit(settings.issuer).path.rstrip("/")


def _below_the_origin(served: Iterable[Endpoint[Any]], base_path: str) -> Iterable[Endpoint[Any]]:
    """The metadata once more where RFC 8414 section 3.1 looks for it when the issuer has a path."""
    path = routes_discovery.METADATA_PATH
    return [replace(each, path=f"{path}{base_path}") for each in served if base_path and each.path == path]
