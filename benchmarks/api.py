"""An API that answers who is asking: once behind `BearerGuard`, once with the token checked by hand.

`GUARD_FEED` is the URL of the revocation feed of the server whose tokens are checked, and `GUARD_SECRET` what
that signs them with; without these the tokens are made by the benchmark itself, and no feed is followed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from sekisho_verify import HmacKey, IssuerFeed, Verifier
from sekisho_verify.asgi import BearerGuard

ISSUER = "http://localhost:8400"
AUDIENCE = "api"
#: Not a secret: both sides and the client of the benchmark hold it, and nobody else is asked to believe it.
SECRET = b"shared by the two sides of this one benchmark, no secret at all."

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


async def _answer(send: Send, status: int, content: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def whoami(scope: Scope, _receive: Receive, send: Send) -> None:
    """The user of a token that a guard has let through."""
    await _answer(send, 200, _encode({"sub": scope["state"]["token"].sub}))


def verifier() -> Verifier:
    """What knows our tokens by the key, and those that were revoked by the feed, where there is one."""
    keys, place = [HmacKey(_secret())], os.environ.get("GUARD_FEED")
    feed = None if place is None else IssuerFeed(ISSUER, urls=[place], keys=keys)
    return Verifier(issuer=ISSUER, audience=AUDIENCE, keys=keys, feed=feed)


def _secret() -> bytes:
    given = os.environ.get("GUARD_SECRET")
    return SECRET if given is None else given.encode()


def guarded() -> BearerGuard:
    """The API as our README writes it."""
    return BearerGuard(whoami, verifier=verifier())


_BY_HAND = _secret()


async def by_hand(scope: Scope, _receive: Receive, send: Send) -> None:
    """The least that is called a check: HMAC, base64, JSON, issuer, audience and expiry."""
    text = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            text = value.removeprefix(b"Bearer ")
    signed, _, seal = text.rpartition(b".")
    mac = urlsafe_b64encode(hmac.digest(_BY_HAND, signed, hashlib.sha256)).rstrip(b"=")
    if not hmac.compare_digest(mac, seal):
        await _answer(send, 401, b"{}")
        return
    claims = _decode(urlsafe_b64decode(signed.partition(b".")[2] + b"=="))
    if claims["iss"] != ISSUER or claims["aud"] != AUDIENCE or time.time() >= claims["exp"]:
        await _answer(send, 401, b"{}")
        return
    await _answer(send, 200, _encode({"sub": claims["sub"]}))
