"""A shop and its auth server in one process: log in with a cookie or for a token, every route takes either.

POST /auth/...   sekisho, mounted: accounts, login, logout
GET  /products   anybody who is logged in, in a browser or by a program
POST /orders     the same; a browser from a page of this site only

With nothing else running:

    env SEKISHO_ISSUER=http://localhost:8001/auth uvicorn --factory --port 8001 one_site:make_app

A cookie is checked in this process, a token by the public keys; who is asked for what, the routes do not see.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI

from sekisho.compose import create_app
from sekisho_verify import AccessToken, SessionCookies, Verifier
from sekisho_verify.fastapi import current_token, install


def make_app() -> FastAPI:
    """The site."""
    issuer = os.environ["SEKISHO_ISSUER"]
    auth = create_app()
    verifier = Verifier(issuer=issuer, audience=os.environ.get("SEKISHO_AUDIENCE", "api"), feed=None)
    anyone = current_token(verifier, session=SessionCookies(issuer, app=auth))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        await auth.open()  # a mounted application is not told when the site starts and stops
        yield
        await auth.close()

    app = FastAPI(title="Site", lifespan=lifespan)
    install(app, verifier)
    app.mount("/auth", auth)
    orders: list[dict[str, str]] = []

    @app.get("/products")
    async def products(token: Annotated[AccessToken, Depends(anyone)]) -> dict[str, list[str] | str]:
        """Anybody who is logged in."""
        return {"products": ["straw sandals", "paper lantern", "sedge hat"], "asked_by": token.sub}

    @app.post("/orders", status_code=201)
    async def order(product: str, token: Annotated[AccessToken, Depends(anyone)]) -> dict[str, str]:
        """Whoever is logged in, for themselves."""
        orders.append({"product": product, "for": token.sub})
        return orders[-1]

    return app
