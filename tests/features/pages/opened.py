"""A server with pages on a port of its own, for a browser to look at."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

import uvicorn

from tests.features.pages.conftest import with_pages
from tests.web.served import EMAIL, PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from playwright.async_api import Page
    from starlette.types import ASGIApp

    from tests.web.served import Served, Server

#: Somebody who reads Japanese, in a browser that runs no script; and somebody who reads English.
JAPANESE: Final = {"locale": "ja-JP", "java_script_enabled": False}
ENGLISH: Final = {"locale": "en-GB"}


class Brand(TypedDict, total=False):
    """The settings that change how pages look."""

    brand_name: str
    brand_accent: str


class Chosen(Brand, total=False):
    """The same, and those that change which pages there are."""

    signup: str


def _as_it_is(app: ASGIApp) -> ASGIApp:
    return app


@asynccontextmanager
async def _listening(
    server: Server, hears: Callable[[ASGIApp], ASGIApp] = _as_it_is, **chosen: Unpack[Chosen]
) -> AsyncIterator[tuple[str, Served]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://localhost:{listener.getsockname()[1]}"
        async with server(features=with_pages, issuer=url, **chosen) as served:
            config = uvicorn.Config(hears(served.app), lifespan="off", log_config=None, access_log=False)
            running = uvicorn.Server(config)
            task = asyncio.create_task(running.serve([listener]))
            yield url, served
            running.should_exit = True
            await task


@asynccontextmanager
async def site(
    server: Server, *, hears: Callable[[ASGIApp], ASGIApp] = _as_it_is, **brand: Unpack[Brand]
) -> AsyncIterator[str]:
    """A server with one account; yields its origin.

    `hears`: what lies between it and the browser; `brand`: where it has one of its own.
    """
    async with _listening(server, hears, **brand) as (url, served):
        await served.register()
        yield url


@asynccontextmanager
async def first_run(server: Server, **chosen: Unpack[Chosen]) -> AsyncIterator[tuple[str, str]]:
    """A server without accounts; yields its origin and the code that it would print."""
    async with _listening(server, **chosen) as (url, served):
        yield url, await served.setup_code()


async def log_in(page: Page, email: str = EMAIL, password: str = PASSWORD) -> None:
    """As a person does, by what the page says."""
    await page.get_by_label("メールアドレス").or_(page.get_by_label("E-mail address")).fill(email)
    await page.get_by_label("パスワード").or_(page.get_by_label("Password")).fill(password)
    await page.locator("main button[type=submit]").click()
