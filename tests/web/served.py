"""The whole server in this process on real parts: SQLite, the cheapest Argon2id, a clock that tests move."""

from __future__ import annotations

import itertools
import os
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
from msgspec.structs import replace

from sekisho.adapters.passwords import HashedPasswords
from sekisho.compose import bind
from sekisho.flows.setup import offer_setup
from sekisho.house import House, open_house
from sekisho.rules.events import Event
from sekisho.rules.ids import uuid7
from sekisho.settings import Settings, read_settings
from sekisho.web.app import build_app
from sekisho.web.metrics import Metrics
from tests.parts.cheapest_hash import CHEAPEST
from tests.web.contract import Contract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from sekisho.feature import Feature
    from sekisho.web.endpoint import Endpoint

EMAIL = "aya@example.com"
PASSWORD = "a checkpoint on the road to Edo"
OTHER_PASSWORD = "fifty-three stations of the Tokaido"


class Clock:
    """POSIX seconds that stand still until a test moves them."""

    def __init__(self, now: float = 1_795_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Read it."""
        return self.now


@dataclass
class Served:
    """A running server, what lies behind it, and a client whose every response is held to the document."""

    app: ASGIApp
    client: httpx2.AsyncClient
    clock: Clock
    house: House
    metrics: Metrics
    contract: Contract

    async def setup_code(self) -> str:
        """The code that `serve` would print now."""
        code = await offer_setup(accounts=self.house.store, clock=self.clock, entropy=os.urandom)
        assert code is not None
        return code

    async def appoint(self, email: str = "ken@example.com") -> None:
        """Make an account and give it the role of an administrator."""
        account = await self.register(email)
        event = Event(
            "role_granted", self.clock(), uuid7(self.clock(), os.urandom(10)), user_id=account["id"]
        )
        await self.house.store.grant_role(account["id"], "admin", now=self.clock(), event=event)

    async def register(self, email: str = EMAIL, password: str = PASSWORD) -> dict[str, Any]:
        """Make an account."""
        answer = await self.client.post("/v1/accounts", json={"email": email, "password": password})
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def login(self, email: str = EMAIL, password: str = PASSWORD, **more: str) -> dict[str, Any]:
        """Log in with an account that was made."""
        body = {"email": email, "password": password, "mode": "token", **more}
        answer = await self.client.post("/v1/login", json=body)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens


def bearer(tokens: Mapping[str, Any]) -> dict[str, str]:
    """The header that presents an access token."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def prepare(data: Path) -> None:
    """Make a data directory with everything that a first run makes."""
    async with open_house(read_settings({"SEKISHO_DATA": str(data)}), environ={}):
        pass


@dataclass
class Server:
    """Runs servers in `folder`, each on its own copy of a prepared data directory."""

    prepared: Path
    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @asynccontextmanager
    async def __call__(
        self,
        *,
        endpoints: Iterable[Endpoint[Any]] = (),
        routes: Iterable[BaseRoute] = (),
        features: Callable[[Settings, Clock], list[Feature]] = lambda *_: [],
        secrets: Mapping[str, str] | None = None,
        **chosen: str,
    ) -> AsyncIterator[Served]:
        """Run one, with settings by their keys, what `env:` may refer to, and what features bring."""
        data = self.folder / f"data{next(self.numbers)}"
        shutil.copytree(self.prepared, data)
        environ = {f"SEKISHO_{key.upper()}": value for key, value in chosen.items()}
        settings = read_settings({"SEKISHO_DATA": str(data), **environ})
        clock, metrics = Clock(), Metrics()
        plugged = features(settings, clock)
        async with open_house(settings, environ=secrets or {}, clock=clock) as opened:
            passwords = HashedPasswords(CHEAPEST, entropy=os.urandom)
            house = replace(opened, passwords=passwords)
            app = build_app(
                bind(house),
                settings=settings,
                entropy=os.urandom,
                metrics=metrics,
                endpoints=endpoints,
                routes=routes,
                pages=[page for feature in plugged for page in feature.pages],
                error_page=next((each.error_page for each in plugged if each.error_page), None),
            )
            async with watched_client(app, settings) as (client, contract):
                yield Served(app, client, clock, house, metrics, contract)
            passwords.close()


@asynccontextmanager
async def watched_client(
    app: ASGIApp, settings: Settings
) -> AsyncIterator[tuple[httpx2.AsyncClient, Contract]]:
    """A client that fails where a response is not what the document promises."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=settings.issuer) as plain:
        contract = Contract((await plain.get("openapi.json")).json())

    async def check(response: httpx2.Response) -> None:
        await response.aread()
        contract.check(response, base_path=settings.issuer.removeprefix(settings.origin))

    async with httpx2.AsyncClient(
        transport=transport, base_url=settings.issuer, event_hooks={"response": [check]}
    ) as client:
        yield client, contract
