"""Login on PostgreSQL without its hash: the whole server against the same three statements by hand."""

from __future__ import annotations

import os
import time
from typing import Any

from benchmarks.load import converse
from benchmarks.paired import MICROSECONDS, Result, measure, result
from benchmarks.process import Served
from benchmarks.refresh import CLIENTS, PASSWORD, login_request, pair, register
from sekisho.adapters.password_hashes import matches
from tests.parts.cheapest_hash import CHEAPEST

BAR = 2.0
_SAMPLES = 2000


class Visitor:
    """One account whose owner logs in again and again, on a new device each time."""

    def __init__(self, email: str) -> None:
        self._request = login_request(email)

    def ask(self) -> bytes:
        """A login."""
        return self._request

    def hear(self, answer: dict[str, Any]) -> None:
        """Forget the tokens."""


def hash_cost() -> float:
    """Microseconds of CPU that both sides spend on checking one password of the cheapest profile."""
    hashed = CHEAPEST.hash(PASSWORD.encode(), entropy=os.urandom)
    began = time.process_time()
    for _ in range(_SAMPLES):
        matches(hashed, PASSWORD.encode())
    return (time.process_time() - began) * MICROSECONDS / _SAMPLES


def run(*, rounds: int = 20, requests: int = 800) -> Result:
    """Compare with the kind of key that is made by default."""
    with pair("bare", "sekisho", alg="ES256") as (bare, ours):
        visitors = [Visitor(register(ours.port, number)) for number in range(CLIENTS)]
        # The first attempt in a while is another transaction, which makes the rows that the others update.
        converse(ours.port, visitors, requests=CLIENTS)

        def cost(server: Served) -> float:
            before = server.cpu()
            converse(server.port, visitors, requests=requests)
            return (server.cpu() - before) * MICROSECONDS / requests

        pairs = measure(
            "login, PostgreSQL, ES256",
            unit="us CPU",
            other=lambda: cost(bare),
            ours=lambda: cost(ours),
            rounds=rounds,
            bar=BAR,
        )
    return result([pairs, pairs.less(hash_cost())])
