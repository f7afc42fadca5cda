"""Django as its documentation builds it, with sessions in the database.

Of the seven middlewares of a new project only the three are there that this takes: its common one (which
sends Content-Length), sessions and authentication. Its connections are kept, as its documentation says: by
psycopg's pool under ASGI, one for each thread under WSGI. Its hash is the cheapest, since every client has to
log in before anything is measured.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

_WSGI = "PEER_WSGI" in os.environ
_URL = urlsplit(os.environ["PEER_DATABASE_URL"])
_KEPT: dict[str, Any] = (
    {"CONN_MAX_AGE": None} if _WSGI else {"OPTIONS": {"pool": {"min_size": 2, "max_size": 10}}}
)
settings.configure(
    SECRET_KEY="a key of the benchmark, which protects nothing",
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF="benchmarks.peers.django_views",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": _URL.hostname,
            "PORT": _URL.port,
            "USER": _URL.username,
            "PASSWORD": _URL.password,
            "NAME": _URL.path[1:],
            **_KEPT,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    USE_TZ=True,
)
django.setup()
call_command("migrate", verbosity=0)
application = get_wsgi_application() if _WSGI else get_asgi_application()
