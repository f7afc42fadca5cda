"""GET of a raw ASGI application: behind `BearerGuard`, and with the token checked by hand at each request."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import api
from benchmarks.load import converse, get
from benchmarks.paired import MICROSECONDS, Result, measure, result
from benchmarks.process import Served
from sekisho_verify import HmacKey, SigningKey, jws

BAR = 1.3
CLIENTS = 8
#: Whose token it is.
SUBJECT = "019a2b3c-0000-7000-8000-000000000001"


def access_token(key: HmacKey | SigningKey | None = None) -> str:
    """An access token as the server writes them, good for an hour."""
    now = int(time.time())
    claims = {
        "iss": api.ISSUER,
        "sub": SUBJECT,
        "aud": api.AUDIENCE,
        "exp": now + 3600,
        "iat": now,
        "jti": "dGhlIGlkIG9mIHRoZSB0b2tlbg",
        "client_id": "first-party",
        "sid": "019a2b3c-0000-7000-8000-000000000002",
        "auth_time": now,
        "amr": ["pwd"],
        "scope": "",
        "roles": ["staff"],
        "groups": ["sales"],
        "entitlements": ["customers:read", "orders:read"],
        "rv": "1.42",
    }
    return jws.sign(msgspec.json.encode(claims), {"typ": "at+jwt"}, key or HmacKey(api.SECRET))


class Caller:
    """A client that shows the same token again and again."""

    def __init__(self, token: str) -> None:
        self._request = get("/", token)

    def ask(self) -> bytes:
        """A call of the API."""
        return self._request

    def hear(self, answer: dict[str, Any]) -> None:
        """Find out that it was told who is asking."""
        if not answer["sub"]:
            raise RuntimeError("the API does not know who is asking")


def run(*, rounds: int = 20, requests: int = 4000) -> Result:
    """Compare both servers with the same token, seen before."""
    callers = [Caller(access_token())] * CLIENTS
    with (
        tempfile.TemporaryDirectory() as folder,
        Served("by-hand", Path(folder), {}) as by_hand,
        Served("guarded", Path(folder), {}) as guarded,
    ):

        def cost(server: Served) -> float:
            before = server.cpu()
            converse(server.port, callers, requests=requests)
            return (server.cpu() - before) * MICROSECONDS / requests

        pairs = measure(
            "GET behind BearerGuard, HS256",
            unit="us CPU",
            other=lambda: cost(by_hand),
            ours=lambda: cost(guarded),
            rounds=rounds,
            bar=BAR,
        )
    return result([pairs])
