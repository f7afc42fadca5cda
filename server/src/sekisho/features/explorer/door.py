"""The way from an auth server to the explorer: `/explore` answers with the address of the explorer's page.

Whoever asks must be a person on this machine. To a page of another site, or under a name that such a page
has had resolved to this machine, the way is closed: it may start processes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sekisho.feature import Feature
from sekisho.rules.refusals import Refusal

PATH = "/explore"
_OWN = frozenset({"same-origin", "none"})


def door(
    issuer: str,
    find: Callable[[], Awaitable[str]],
    *,
    running: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> Feature:
    """The feature of the server at `issuer`; `find` gives the page's address, and may take seconds."""

    async def go(request: Request) -> Response:
        _admit(request, issuer)
        return RedirectResponse(await find(), 303, {"Cache-Control": "no-store"})

    return Feature(name="explorer-door", routes=(Route(PATH, go, methods=["GET"]),), running=running)


def _admit(request: Request, issuer: str) -> None:
    """Return if a person on this machine asks.

    Raises:
        Refusal: `not_found` from elsewhere; `origin_not_allowed`.
    """
    if request.client is None or not ip_address(request.client.host).is_loopback:
        raise Refusal("not_found", "the explorer is for this machine alone")
    # A link on a page of ours, or an address that was typed. Browsers from before 2020 say nothing.
    if request.headers.get("sec-fetch-site", "none") not in _OWN:
        raise Refusal("origin_not_allowed", "another site opened the explorer")
    if request.headers.get("host") != urlsplit(issuer).netloc:
        raise Refusal("origin_not_allowed", "another Host")
