"""What whoever runs the server asks: does it live, can it work, what does it do."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sekisho.rules.refusals import Refusal
from sekisho.web.bodies import State
from sekisho.web.endpoint import Call, Content, Endpoint, Site

#: Seconds that the database has to answer; load balancers ask every few seconds and wait about as long.
PATIENCE: Final = 2.0


async def healthz(_: Site, __: Call[None]) -> State:
    """GET /healthz: this process answers, whatever the database does. Restart it if it does not."""
    return State(status="ok")


async def readyz(site: Site, _: Call[None]) -> State:
    """GET /readyz: the database answers too. Send no requests here while it does not."""
    try:
        await asyncio.wait_for(site.acts.ping(), PATIENCE)
    except TimeoutError:
        raise Refusal("unavailable", "the database did not answer in time") from None
    return State(status="ok")


async def metrics(site: Site, _: Call[None]) -> Content:
    """GET /metrics."""
    return Content(site.metrics.text(), "text/plain; version=0.0.4; charset=utf-8")


ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    Endpoint(
        method="GET", path="/healthz", handler=healthz, summary="Liveness", tag="operating", answer=State
    ),
    Endpoint(
        method="GET",
        path="/readyz",
        handler=readyz,
        summary="Readiness: the database answers",
        tag="operating",
        answer=State,
    ),
    Endpoint(
        method="GET",
        path="/metrics",
        handler=metrics,
        summary="Counts for Prometheus",
        tag="operating",
        answer="text/plain",
    ),
)
