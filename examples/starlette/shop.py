"""A shop API on Starlette: one guard in front of everything, a permission for two of its routes.

GET /products    any valid token
GET /customers   needs the permission `customers:read`
GET /secret      needs the permission `secret:read`
GET /healthz     needs no token

With `sekisho serve` running:

    uvicorn --factory --port 8001 shop:make_app

The keys are found by the issuer's name when the application starts, and kept fresh in the background.
`SHOP_ORIGINS` lists the origins whose pages may ask, separated by commas; `../spa` is such a page.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from sekisho_verify import Verifier, require
from sekisho_verify.asgi import BearerGuard, token_of

if TYPE_CHECKING:
    from starlette.requests import Request

PRODUCTS = [
    {"id": 1, "name": "straw sandals", "yen": 480},
    {"id": 2, "name": "paper lantern", "yen": 1200},
    {"id": 3, "name": "sedge hat", "yen": 950},
]
CUSTOMERS = [
    {"id": 1, "name": "Hakone Inn", "city": "Hakone"},
    {"id": 2, "name": "Arai Ferry", "city": "Kosai"},
]


async def products(request: Request) -> JSONResponse:
    """Anybody who is logged in."""
    return JSONResponse({"products": PRODUCTS, "asked_by": token_of(request).sub})


async def customers(request: Request) -> JSONResponse:
    """Whoever may read customers; others are told 403 by the guard."""
    require(token_of(request), permission="customers:read")
    return JSONResponse({"customers": CUSTOMERS})


async def secret(request: Request) -> JSONResponse:
    """Whoever may know."""
    require(token_of(request), permission="secret:read")
    return JSONResponse({"secret": "the gate opens at the sixth bell"})


async def healthz(_request: Request) -> JSONResponse:
    """Everybody."""
    return JSONResponse({"status": "ok"})


def make_app() -> Starlette:
    """The shop, guarded as a whole: a route of tomorrow is not forgotten."""
    verifier = Verifier(
        issuer=os.environ.get("SEKISHO_ISSUER", "http://localhost:8400"),
        audience=os.environ.get("SEKISHO_AUDIENCE", "api"),
    )
    return Starlette(
        routes=[
            Route("/products", products),
            Route("/customers", customers),
            Route("/secret", secret),
            Route("/healthz", healthz),
        ],
        middleware=[
            # Outside of the guard, because a preflight carries no token. Without cookies: tokens are enough.
            Middleware(
                CORSMiddleware,
                allow_origins=os.environ.get("SHOP_ORIGINS", "").split(","),
                allow_headers=["Authorization"],
            ),
            Middleware(BearerGuard, verifier=verifier, public={"/healthz"}),
        ],
    )
