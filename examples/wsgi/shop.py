"""A shop API on WSGI alone: one guard in front of everything, a permission for two of its routes.

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

import json
import os
from http import HTTPStatus
from typing import TYPE_CHECKING

from sekisho_verify import Verifier, require
from sekisho_verify.wsgi import BearerGuard, token_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

PRODUCTS = [
    {"id": 1, "name": "straw sandals", "yen": 480},
    {"id": 2, "name": "paper lantern", "yen": 1200},
    {"id": 3, "name": "sedge hat", "yen": 950},
]
CUSTOMERS = [
    {"id": 1, "name": "Hakone Inn", "city": "Hakone"},
    {"id": 2, "name": "Arai Ferry", "city": "Kosai"},
]


def answer(environ: WSGIEnvironment) -> tuple[HTTPStatus, dict[str, object]]:
    """What a request gets; where the caller lacks the right, `require` has the guard answer 403."""
    match environ["PATH_INFO"]:
        case "/products":
            return HTTPStatus.OK, {"products": PRODUCTS, "asked_by": token_of(environ).sub}
        case "/customers":
            require(token_of(environ), permission="customers:read")
            return HTTPStatus.OK, {"customers": CUSTOMERS}
        case "/secret":
            require(token_of(environ), permission="secret:read")
            return HTTPStatus.OK, {"secret": "the gate opens at the sixth bell"}
        case "/healthz":
            return HTTPStatus.OK, {"status": "ok"}
        case _:
            return HTTPStatus.NOT_FOUND, {"error": "there is nothing here"}


def shop(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The application behind the guard."""
    status, content = answer(environ)
    body = json.dumps(content).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def make_app() -> BearerGuard:
    """The shop, guarded as a whole: a path of tomorrow is not forgotten."""
    verifier = Verifier(
        issuer=os.environ.get("SEKISHO_ISSUER", "http://localhost:8400"),
        audience=os.environ.get("SEKISHO_AUDIENCE", "api"),
    )
    return BearerGuard(shop, verifier=verifier, public={"/healthz"})
