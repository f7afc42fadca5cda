"""The way from an auth server to the explorer: `/explore` answers with its address."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sekisho.feature import Feature

PATH = "/explore"


def door(explorer: str) -> Feature:
    """The feature of a server on the stage of the explorer at that origin."""

    async def go(request: Request) -> Response:  # noqa: ARG001 - the shape of a route
        return RedirectResponse(f"{explorer}{PATH}", 303)

    return Feature(name="explorer-door", routes=(Route(PATH, go, methods=["GET"]),))
