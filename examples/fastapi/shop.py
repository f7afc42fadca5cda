"""A shop API on FastAPI: a dependency on each route, shown by /docs with its Authorize button.

GET /products    any valid token
GET /customers   needs the permission `customers:read`
GET /secret      needs the permission `secret:read`
GET /healthz     needs no token

With `sekisho serve` running:

    uvicorn --factory --port 8001 shop:make_app

The keys are found by the issuer's name when the application starts, and kept fresh in the background.
"""

import os
from typing import Annotated

from fastapi import Depends, FastAPI

from sekisho_verify import AccessToken, Verifier
from sekisho_verify.fastapi import current_token, install

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


def make_app() -> FastAPI:
    """The shop, each route with the right that it needs."""
    verifier = Verifier(
        issuer=os.environ.get("SEKISHO_ISSUER", "http://localhost:8400"),
        audience=os.environ.get("SEKISHO_AUDIENCE", "api"),
    )
    app = FastAPI(title="Shop")
    install(app, verifier)
    anyone = current_token(verifier)
    clerk = current_token(verifier, permission="customers:read")
    keeper = current_token(verifier, permission="secret:read")

    @app.get("/products")
    async def products(token: Annotated[AccessToken, Depends(anyone)]) -> dict[str, list[Row] | str]:
        """Anybody who is logged in."""
        return {"products": PRODUCTS, "asked_by": token.sub}

    @app.get("/customers", dependencies=[Depends(clerk)])
    async def customers() -> dict[str, list[Row]]:
        """Whoever may read customers."""
        return {"customers": CUSTOMERS}

    @app.get("/secret", dependencies=[Depends(keeper)])
    async def secret() -> dict[str, str]:
        """Whoever may know."""
        return {"secret": "the gate opens at the sixth bell"}

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Everybody."""
        return {"status": "ok"}

    return app
