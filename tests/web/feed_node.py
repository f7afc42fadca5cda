"""A server as it runs, one account that logs in and out, and a verifier that hears its feed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2

from sekisho.adapters import system
from sekisho.adapters.data_directory import make_directory
from sekisho.adapters.migrations.upgrade import migrate
from sekisho.compose import create_app
from sekisho.settings import read_settings
from sekisho_verify.errors import TokenRefused
from sekisho_verify.revocations.live import marks
from tests.parts.feed_listener import FeedListener, claims_of
from tests.web.served import EMAIL, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from sekisho.settings import Settings
    from sekisho.web.lifespan import Application

ROOT = "of the tests alone, for thirty-two bytes and more"


@dataclass
class Node:
    """One server as it runs, a client of it and a verifier."""

    app: Application
    client: httpx2.AsyncClient
    feed: FeedListener
    settings: Settings

    async def login(self) -> dict[str, Any]:
        """A session of the one account there is."""
        await self.client.post("/v1/accounts", json={"email": EMAIL, "password": PASSWORD})
        body = {"email": EMAIL, "password": PASSWORD, "mode": "token"}
        tokens: dict[str, Any] = (await self.client.post("/v1/login", json=body)).json()
        return tokens

    async def logout(self, tokens: dict[str, Any], **how: str) -> None:
        """End it."""
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        answer = await self.client.post("/v1/logout", json=how, headers=bearer)
        assert answer.status_code == 204, answer.text


@asynccontextmanager
async def running(
    tmp_path: Path, database: str, clock: Callable[[], float] = system.clock, **chosen: str
) -> AsyncGenerator[Node]:
    """One server on that database, with settings by their keys."""
    root = tmp_path / "root"
    root.write_text(ROOT)
    root.chmod(0o600)
    environ = {f"SEKISHO_{key.upper()}": value for key, value in chosen.items()}
    settings = read_settings(
        {
            "SEKISHO_DATA": str(tmp_path / "data"),
            "SEKISHO_ROOT_SECRET": f"file:{root}",
            "SEKISHO_DATABASE_URL": database,
            "SEKISHO_PASSWORD_PROFILE": "OWASP_7MIB_T5",
            **environ,
        }
    )
    # Made beforehand, so that the feed begins at epoch 1: as it is made by a server, the second counts.
    make_directory(settings.data)
    await asyncio.to_thread(migrate, settings.database_url)
    app = create_app(settings, clock=clock)
    await app.open()
    transport = httpx2.ASGITransport(app=app)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url=settings.issuer) as client:
            feed = await FeedListener(app, issuer=settings.issuer).knowing_keys()
            yield Node(app, client, feed, settings)
    finally:
        await app.close()


def refusal_of(feed: FeedListener, access_token: str, *, kid: str = "of no leaked key") -> str | None:
    """The code with which a verifier that has heard the feed refuses that token."""
    claims = claims_of(access_token)

    class Claims:
        sid, subject, groups = claims["sid"], claims["sub"], tuple(claims["groups"])
        rv, issued_at = claims["rv"], claims["iat"]

    try:
        feed.revocations.check(marks(Claims, kid=kid))  # type: ignore[arg-type]  # all that is read
    except TokenRefused as refused:
        return refused.code
    return None
