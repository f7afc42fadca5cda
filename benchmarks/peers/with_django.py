"""Django as its documentation builds it: with its sessions, or with REST framework and simplejwt.

`PEER_CARRIES` says what a login gives: `session` is Django's session in the database, `redis` the same in
its Redis cache, `token` the pair of simplejwt with rotation and blacklist. Of the seven middlewares of a
new project only the three are there that sessions take, and for tokens its common one (which sends Content-
Length). Connections are kept, as its documentation says: by psycopg's pool under ASGI, one for each thread
under WSGI and on SQLite.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

from benchmarks.peers import as_ours

_WSGI = "PEER_WSGI" in os.environ
_TOKENS = as_ours.CARRIES == "token"


def _database() -> dict[str, Any]:
    url = urlsplit(as_ours.DATABASE_URL)
    if url.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.path[1:],
            "CONN_MAX_AGE": None,
            "OPTIONS": {"init_command": ";".join(as_ours.PRAGMAS), "transaction_mode": "IMMEDIATE"},
        }
    kept: dict[str, Any] = (
        {"CONN_MAX_AGE": None} if _WSGI else {"OPTIONS": {"pool": {"min_size": 2, "max_size": 10}}}
    )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": url.hostname,
        "PORT": url.port,
        "USER": url.username,
        "PASSWORD": url.password,
        "NAME": url.path[1:],
        **kept,
    }


def _hashers() -> list[str]:
    if as_ours.CHEAPLY_HASHED:
        return ["benchmarks.peers.django_hash.CheapArgon2"]
    return ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]


_APPLICATIONS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
_MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
if _TOKENS:
    _APPLICATIONS += ["rest_framework", "rest_framework_simplejwt.token_blacklist"]
else:
    _MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        *_MIDDLEWARE,
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]

settings.configure(
    SECRET_KEY=as_ours.SECRET,
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF="benchmarks.peers." + ("django_token_views" if _TOKENS else "django_views"),
    INSTALLED_APPS=_APPLICATIONS,
    MIDDLEWARE=_MIDDLEWARE,
    DATABASES={"default": _database()},
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ.get("PEER_REDIS_URL", "redis://"),
        }
    },
    SESSION_ENGINE="django.contrib.sessions.backends." + ("cache" if as_ours.CARRIES == "redis" else "db"),
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    PASSWORD_HASHERS=_hashers(),
    USE_TZ=True,
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    },
    SIMPLE_JWT={
        "ACCESS_TOKEN_LIFETIME": timedelta(hours=1),
        "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
        "ROTATE_REFRESH_TOKENS": True,
        "BLACKLIST_AFTER_ROTATION": True,
    },
)
django.setup()
if not as_ours.READY:
    call_command("migrate", verbosity=0)
application = get_wsgi_application() if _WSGI else get_asgi_application()
