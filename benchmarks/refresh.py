"""Refresh on PostgreSQL: the whole server against the same statement and the same signature by hand."""

from __future__ import annotations

import re
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.load import call, converse, post
from benchmarks.paired import MICROSECONDS, Pairs, Result, measure, result
from benchmarks.process import Served
from sekisho_verify import SigningKey
from tests.parts.postgres import PostgresServer

BAR = 1.6
CLIENTS = 8
PASSWORD = "a password of the benchmark, not of anybody"  # noqa: S105 - as it says

#: Keys of both sides. A fixed HS256 secret protects nothing here; the ES256 key is made anew each time.
_HS256 = "a shared secret of the benchmark, which protects nothing"
ROOT = "a root secret of the benchmark, which protects nothing"


def es256() -> str:
    """A key of the kind that the server makes by default, as a JWK."""
    private = SigningKey(ec.generate_private_key(ec.SECP256R1())).to_private_jwk()
    return msgspec.json.encode(private).decode()


SIGNING_KEYS: Mapping[str, str] = {"ES256": es256(), "HS256": _HS256}


def environ(folder: Path, *, database: str, alg: str) -> dict[str, str]:
    """The settings of one comparison, the same for both sides."""
    return {
        "SEKISHO_DATA": str(folder / "data"),
        "SEKISHO_DATABASE_URL": database,
        "SEKISHO_ROOT_SECRET": "env:BENCHMARK_ROOT_SECRET",
        "SEKISHO_SIGNING_KEY": "env:BENCHMARK_SIGNING_KEY",
        "SEKISHO_SIGNING_ALG": alg,
        "SEKISHO_SESSION_MAX": "365d",
        "SEKISHO_LOG_FORMAT": "json",
        "BENCHMARK_ROOT_SECRET": ROOT,
        "BENCHMARK_SIGNING_KEY": SIGNING_KEYS[alg],
    }


@contextmanager
def pair(bare: str, ours: str, *, alg: str) -> Iterator[tuple[Served, Served]]:
    """Both servers on one new PostgreSQL, whose schema ours has made."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(PostgresServer())
        settings = environ(folder, database=postgres.url(postgres.create_database()), alg=alg)
        mine = stack.enter_context(Served(ours, folder, settings))
        yield stack.enter_context(Served(bare, folder, settings)), mine


def register(port: int, number: int) -> str:
    """Make an account; its e-mail address."""
    email = f"benchmark{number}@example.com"
    call(port, post("/v1/accounts", {"email": email, "password": PASSWORD}))
    return email


def login_request(email: str) -> bytes:
    """Log in as a script does."""
    return post("/v1/login", {"email": email, "password": PASSWORD, "mode": "token"})


class Chain:
    """One client that refreshes with what the last refresh gave it."""

    def __init__(self, port: int, email: str) -> None:
        self._token = str(call(port, login_request(email))["refresh_token"])

    def ask(self) -> bytes:
        """A refresh."""
        return post("/v1/refresh", {"refresh_token": self._token})

    def hear(self, answer: dict[str, Any]) -> None:
        """Keep the successor."""
        self._token = answer["refresh_token"]


def rotations(port: int) -> int:
    """How many refreshes the server itself has counted as true rotations."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.search(r'sekisho_refreshes_total\{verdict="rotated"\} ([0-9.]+)', answer.read().decode())
    return int(float(found[1])) if found else 0


def run(*, rounds: int = 20, requests: int = 1200) -> Result:
    """Compare with the kind of key that is made by default, and with the cheapest."""
    return result([_with_key(alg, rounds, requests) for alg in SIGNING_KEYS])


def _with_key(alg: str, rounds: int, requests: int) -> Pairs:
    with pair("bare-stepping", "sekisho-stepping", alg=alg) as (bare, ours):
        email = register(ours.port, 0)
        # Every chain begins at our server; those of the bare one go on there, with tokens that it makes.
        chains = {server: [Chain(ours.port, email) for _ in range(CLIENTS)] for server in (bare, ours)}

        def cost(server: Served) -> float:
            before = server.cpu()
            converse(server.port, chains[server], requests=requests)
            return (server.cpu() - before) * MICROSECONDS / requests

        pairs = measure(
            f"refresh, PostgreSQL, {alg}",
            unit="us CPU",
            other=lambda: cost(bare),
            ours=lambda: cost(ours),
            rounds=rounds,
            bar=BAR,
        )
        expected = (rounds + 1) * requests
        if rotations(ours.port) != expected:
            raise RuntimeError(f"{rotations(ours.port)} rotations where there were {expected} refreshes")
    return pairs
