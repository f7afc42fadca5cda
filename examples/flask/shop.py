"""A shop API on Flask: one guard in front of everything, a permission on two of its views.

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

from flask import Flask

from sekisho_verify import Verifier
from sekisho_verify.flask import BearerGuard, current_token

Row = dict[str, str | int]

PRODUCTS: list[Row] = [
    {"id": 1, "name": "straw sandals", "yen": 480},
    {"id": 2, "name": "paper lantern", "yen": 1200},
    {"id": 3, "name": "sedge hat", "yen": 950},
]
CUSTOMERS: list[Row] = [
    {"id": 1, "name": "Hakone Inn", "city": "Hakone"},
    {"id": 2, "name": "Arai Ferry", "city": "Kosai"},
]


def make_app() -> Flask:
    """The shop, guarded as a whole: a view of tomorrow is not forgotten."""
    verifier = Verifier(
        issuer=os.environ.get("SEKISHO_ISSUER", "http://localhost:8400"),
        audience=os.environ.get("SEKISHO_AUDIENCE", "api"),
    )
    app, guard = Flask(__name__), BearerGuard()
    guard.init_app(app, verifier)
    guard.protect(app, public={"healthz"})

    @app.get("/products")
    def products() -> dict[str, list[Row] | str]:
        """Anybody who is logged in."""
        return {"products": PRODUCTS, "asked_by": current_token.sub}

    @app.get("/customers")
    @guard.token_required(permission="customers:read")
    def customers() -> dict[str, list[Row]]:
        """Whoever may read customers."""
        return {"customers": CUSTOMERS}

    @app.get("/secret")
    @guard.token_required(permission="secret:read")
    def secret() -> dict[str, str]:
        """Whoever may know."""
        return {"secret": "the gate opens at the sixth bell"}

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """Everybody."""
        return {"status": "ok"}

    return app
