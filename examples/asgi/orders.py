"""A resource server in plain ASGI: no framework, no database, one guard.

With `sekisho serve` running:

    uvicorn --factory --port 8001 orders:make_app

The keys are found by the issuer's name when the application starts, and kept fresh in the background.
"""

from __future__ import annotations

import json
import os
from typing import Any

from sekisho_verify import Verifier, require
from sekisho_verify.asgi import BearerGuard, token_of


async def orders(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own types
    """GET lists the caller's orders; anything else changes them, and needs the permission `orders:write`."""
    if scope["type"] != "http":
        return
    token = token_of(scope)
    if scope["method"] != "GET":
        require(token, permission="orders:write")
    await receive()
    body = json.dumps({"orders": [], "of": token.sub}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def make_app() -> BearerGuard:
    """The application behind its guard."""
    verifier = Verifier(
        issuer=os.environ.get("SEKISHO_ISSUER", "http://localhost:8400"),
        audience=os.environ.get("SEKISHO_AUDIENCE", "api"),
    )
    return BearerGuard(orders, verifier=verifier)
