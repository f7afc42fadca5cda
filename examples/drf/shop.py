"""A shop API on Django REST framework, in one file and without a database: a permission on two of its views.

GET /products    any valid token
GET /customers   needs the permission `customers:read`
GET /secret      needs the permission `secret:read`
GET /healthz     needs no token

With `sekisho serve` running:

    gunicorn --workers 2 --bind 127.0.0.1:8001 'shop:make_app()'

In each worker the first request with a token finds the keys by the issuer's name; from then on they are kept
fresh in the background.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    INSTALLED_APPS=["sekisho_verify.django.SekishoConfig"],
    ROOT_URLCONF=__name__,
    SEKISHO={
        "issuer": os.environ.get("SEKISHO_ISSUER", "http://localhost:8400"),
        "audience": os.environ.get("SEKISHO_AUDIENCE", "api"),
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["sekisho_verify.drf.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["sekisho_verify.drf.HasToken"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "EXCEPTION_HANDLER": "sekisho_verify.drf.exception_handler",
        "UNAUTHENTICATED_USER": None,  # Django's AnonymousUser would want django.contrib.auth
    },
)

# REST framework reads the settings when it is imported; settings.py would have come before.
from rest_framework.decorators import api_view, authentication_classes, permission_classes  # noqa: E402 -- see above
from rest_framework.response import Response  # noqa: E402 -- same

from sekisho_verify.django import token_of  # noqa: E402 -- same
from sekisho_verify.drf import HasPermission  # noqa: E402 -- same

if TYPE_CHECKING:
    from django.core.handlers.wsgi import WSGIHandler
    from rest_framework.request import Request

PRODUCTS = [
    {"id": 1, "name": "straw sandals", "yen": 480},
    {"id": 2, "name": "paper lantern", "yen": 1200},
    {"id": 3, "name": "sedge hat", "yen": 950},
]
CUSTOMERS = [
    {"id": 1, "name": "Hakone Inn", "city": "Hakone"},
    {"id": 2, "name": "Arai Ferry", "city": "Kosai"},
]


@api_view(["GET"])
def products(request: Request) -> Response:
    """Anybody who is logged in."""
    return Response({"products": PRODUCTS, "asked_by": token_of(request).sub})


@api_view(["GET"])
@permission_classes([HasPermission("customers:read")])
def customers(_request: Request) -> Response:
    """Whoever may read customers."""
    return Response({"customers": CUSTOMERS})


@api_view(["GET"])
@permission_classes([HasPermission("secret:read")])
def secret(_request: Request) -> Response:
    """Whoever may know."""
    return Response({"secret": "the gate opens at the sixth bell"})


@api_view(["GET"])
@authentication_classes([])
@permission_classes([])
def healthz(_request: Request) -> Response:
    """Everybody."""
    return Response({"status": "ok"})


urlpatterns = [
    path("products", products),
    path("customers", customers),
    path("secret", secret),
    path("healthz", healthz),
]


def make_app() -> WSGIHandler:
    """The shop as a WSGI application."""
    return get_wsgi_application()
