"""The shop API: an application with a database of its own, which knows of the auth server nothing but a key.

GET /products    any valid token
GET /customers   needs the permission `customers:read`
GET /secret      needs the permission `secret:read`
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sekisho.adapters.watching import note
from sekisho_verify import TokenRefused, Verifier, require
from sekisho_verify.asgi import BearerGuard, refusal_handler
from sekisho_verify.session_cookies import SessionCookies

_SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL);
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, yen INTEGER NOT NULL);
INSERT INTO customers (name, city) VALUES ('Hakone Inn', 'Hakone'), ('Arai Ferry', 'Kosai');
INSERT INTO products (name, yen) VALUES ('straw sandals', 480), ('paper lantern', 1200), ('sedge hat', 950);
"""


def create_database(path: Path) -> None:
    """Make the shop's own file, with two customers and three products."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_SCHEMA)


def shop_app(
    name: str, *, database: Path, verifier: Verifier, session: SessionCookies | None = None
) -> BearerGuard:
    """The shop called `name`. Without a valid token nobody reaches any of it, routes of tomorrow included.

    With `session` it takes the cookie of a session too.
    """

    def rows(query: str) -> list[dict[str, object]]:
        with closing(sqlite3.connect(database)) as connection:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(query)]
        note("db.read", database="shop", sql=query, rows=len(found))
        return found

    # Plain functions: Starlette runs them on a thread, so a slow disk does not stop the event loop.
    def products(_: Request) -> JSONResponse:
        return JSONResponse({"shop": name, "products": rows("SELECT id, name, yen FROM products")})

    def customers(request: Request) -> JSONResponse:
        require(request.state.token, permission="customers:read")
        return JSONResponse({"shop": name, "customers": rows("SELECT id, name, city FROM customers")})

    def secret(request: Request) -> JSONResponse:
        require(request.state.token, permission="secret:read")
        return JSONResponse({"shop": name, "secret": "the gate opens at the sixth bell"})

    # Starlette's types ask for a Response; its code, and the guard's answer, are content with ASGI.
    handlers: dict[Any, Any] = {TokenRefused: refusal_handler(verifier)}
    routes = [Route("/products", products), Route("/customers", customers), Route("/secret", secret)]
    app = Starlette(routes=routes, exception_handlers=handlers)
    return BearerGuard(app, verifier=verifier, session=session)
