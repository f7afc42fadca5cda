"""Settings of the Django site for the tests of the guards: one set for a process, overridden by tests."""

from __future__ import annotations

import threading
from typing import Any

from tests.verify.tokens import AUDIENCE, HMAC, ISSUER, NOW

#: The threads in which tokens were verified; tests clear it.
VERIFIED_IN: list[int] = []


def clock() -> float:
    """A clock that stands still, and notes who looks at it."""
    VERIFIED_IN.append(threading.get_ident())
    return NOW


GUARD = "sekisho_verify.django.TokenMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"

SECRET_KEY = "of a test, and protects nothing"
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "tests.verify.django_site"
MIDDLEWARE = [GUARD, CSRF]
INSTALLED_APPS = ["sekisho_verify.django.SekishoConfig"]
LOGGING_CONFIG = None
USE_TZ = True
SEKISHO: dict[str, Any] = {
    "issuer": ISSUER,
    "audience": AUDIENCE,
    "keys": [HMAC],
    "feed": None,
    "clock": clock,
    "public": ["healthz", "open", "shop:index", "admin:"],
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["sekisho_verify.drf.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["sekisho_verify.drf.HasToken"],
    "EXCEPTION_HANDLER": "sekisho_verify.drf.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}
