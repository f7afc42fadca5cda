"""What verifiers read: the revocations there are, those that come, and the time of the one who tells them."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from sekisho.rules.refusals import Refusal, invalid
from sekisho.web.conditional import matches
from sekisho.web.endpoint import Answer, Call, Content, Endpoint, Parameter, Site
from sekisho.web.event_stream import EventStream
from sekisho_verify.revocations.entries import read_rv

#: Seconds after which a stream ends, and by how much more at random: so that readers spread over the servers
#: that there are by then, and not all at once.
LIFE: Final = 240.0
LIFE_MORE: Final = 120.0

_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_QUERY_MAX: Final = 200
_LAST_EVENT_ID: Final = b"last-event-id"


async def revocations(site: Site, call: Call[None]) -> Content | Answer:
    """GET /v1/revocations."""
    snapshot = await site.acts.feed.snapshot()
    tag = f'"{snapshot.id}"'.encode()
    headers = ((b"etag", tag), (b"vary", b"Authorization"))
    if matches(call.headers.get(b"if-none-match", b""), tag):
        return Answer(None, headers, status=304)
    return Content(snapshot.body, "application/revocation-snapshot+jwt", headers)


async def revocations_time(site: Site, call: Call[None]) -> Content:
    """GET /v1/revocations/time."""
    nonce = _parameter(call, "nonce")
    if nonce is None:
        raise invalid("/nonce", "field_missing")
    if not _NONCE.fullmatch(nonce):
        raise invalid("/nonce", "invalid_value")
    return Content(site.acts.feed.time(nonce).encode(), "application/revocation-time+jwt")


async def revocations_stream(site: Site, call: Call[None]) -> EventStream:
    """GET /v1/revocations/stream."""
    # The header first: who reconnects sends it with the query of long ago.
    header = call.single_header(_LAST_EVENT_ID)
    text = _parameter(call, "after") if header is None else header.decode("latin-1")
    after = None if text is None else read_rv(text)
    await site.acts.feed.ready()
    return EventStream(partial(site.acts.feed.stream, after), life=LIFE + LIFE_MORE * site.acts.chance())


def _parameter(call: Call[None], name: str) -> str | None:
    """A parameter of the query; `validation_failed` where it is there twice."""
    if len(call.query) > _QUERY_MAX:
        raise Refusal("invalid_request", "a query that is longer than any of ours")
    values = parse_qs(call.query.decode("latin-1"), keep_blank_values=True).get(name, [])
    if len(values) > 1:
        raise invalid(f"/{name}", "invalid_value")
    return values[0] if values else None


_AFTER: Final = {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})$"}

ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    Endpoint(
        method="GET",
        path="/v1/revocations",
        handler=revocations,
        summary="Every revocation that a living token can be hit by: a signed snapshot",
        tag="revocations",
        answer="application/revocation-snapshot+jwt",
        feed=True,
        conditional=True,
        cache="private, max-age=1",
        parameters=(
            Parameter("If-None-Match", "The `ETag` of the snapshot that is held.", {"type": "string"}),
        ),
    ),
    Endpoint(
        method="GET",
        path="/v1/revocations/stream",
        handler=revocations_stream,
        summary="Revocations as they come, and a heartbeat every half second: signed server-sent events",
        tag="revocations",
        answer="text/event-stream",
        feed=True,
        codes=("invalid_request", "validation_failed"),
        parameters=(
            Parameter(
                "Last-Event-ID", "The `id` of the last event: what came behind it is sent first.", _AFTER
            ),
            Parameter("after", "The same, for a reader that cannot set the header.", _AFTER, place="query"),
        ),
    ),
    Endpoint(
        method="GET",
        path="/v1/revocations/time",
        handler=revocations_time,
        summary="The issuer's time, signed for this question: a verifier learns how far its clock is off",
        tag="revocations",
        answer="application/revocation-time+jwt",
        feed=True,
        codes=("invalid_request", "validation_failed"),
        parameters=(
            Parameter(
                "nonce",
                "16 to 64 characters of base64url that nobody can foresee.",
                {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"},
                place="query",
                required=True,
            ),
        ),
    ),
)
