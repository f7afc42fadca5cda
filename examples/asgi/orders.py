"""A resource server in plain ASGI: no framework, no database, one guard.

With `sekisho serve` running:

    SEKISHO_ISSUER=http://localhost:8400 uvicorn --factory --port 8001 orders:make_app

Its key set is read once, at the start, from the issuer's metadata (RFC 8414); after that it asks nobody.
"""

from __future__ import annotations

import json
import os
from typing import Any

from sekisho_verify import AccessToken, Verifier, fetch_key_set, require
from sekisho_verify.asgi import BearerGuard


async def orders(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own types
    """GET lists the caller's orders; anything else changes them, and needs the permission `orders:write`."""
    if scope["type"] != "http":
        return
    token: AccessToken = scope["state"]["token"]
    if scope["method"] != "GET":
        require(token, permission="orders:write")
    await receive()
    body = json.dumps({"orders": [], "of": token.sub}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def make_app() -> BearerGuard:
    """The guarded application, with the keys that the issuer publishes now."""
    issuer = os.environ["SEKISHO_ISSUER"]
    keys = fetch_key_set(issuer).keys
    return BearerGuard(orders, verifier=Verifier(issuer=issuer, audience="api", keys=keys, feed=None))
