"""A shop API on Django, in one file: a wall around the site, a permission on two of its views.

GET /products    any valid token
GET /customers   needs the permission `customers:read`
GET /secret      needs the permission `secret:read`
GET /healthz     needs no token

With `sekisho serve` running:

    gunicorn --workers 2 --bind 127.0.0.1:8001 'shop:make_app()'

Or on an event loop: `uvicorn --factory shop:make_asgi_app`, with `--port` as you like.

The first request with a token finds the keys by the issuer's name; from then on they are kept fresh in the
background.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from sekisho_verify.django import token_of, token_required

if TYPE_CHECKING:
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler

PRODUCTS = [
    {"id": 1, "name": "straw sandals", "yen": 480},
    {"id": 2, "name": "paper lantern", "yen": 1200},
    {"id": 3, "name": "sedge hat", "yen": 950},
]
CUSTOMERS = [
    {"id": 1, "name": "Hakone Inn", "city": "Hakone"},
    {"id": 2, "name": "Arai Ferry", "city": "Kosai"},
]


def products(request: HttpRequest) -> JsonResponse:
    """Anybody who is logged in."""
    return JsonResponse({"products": PRODUCTS, "asked_by": token_of(request).sub})


@token_required(permission="customers:read")
def customers(_request: HttpRequest) -> JsonResponse:
    """Whoever may read customers."""
    return JsonResponse({"customers": CUSTOMERS})


@token_required(permission="secret:read")
async def secret(_request: HttpRequest) -> JsonResponse:
    """Whoever may know; views may be async."""
    return JsonResponse({"secret": "the gate opens at the sixth bell"})


def healthz(_request: HttpRequest) -> JsonResponse:
    """Everybody."""
    return JsonResponse({"status": "ok"})


urlpatterns = [
    path("products", products),
    path("customers", customers),
    path("secret", secret),
    path("healthz", healthz, name="healthz"),
]


def configure() -> None:
    """What otherwise stands in settings.py."""
    settings.configure(
        ALLOWED_HOSTS=["localhost", "127.0.0.1"],
        INSTALLED_APPS=["sekisho_verify.django.SekishoConfig"],
        MIDDLEWARE=["sekisho_verify.django.TokenMiddleware"],
        ROOT_URLCONF=__name__,
        SEKISHO={
            "issuer": os.environ.get("SEKISHO_ISSUER", "http://localhost:8400"),
            "audience": os.environ.get("SEKISHO_AUDIENCE", "api"),
            "public": ["healthz"],
        },
    )


def make_app() -> WSGIHandler:
    """The shop as a WSGI application."""
    configure()
    return get_wsgi_application()


def make_asgi_app() -> ASGIHandler:
    """The shop as an ASGI application."""
    configure()
    return get_asgi_application()
