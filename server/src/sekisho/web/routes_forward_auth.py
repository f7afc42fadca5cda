"""Forward authentication: a reverse proxy, or an API, asks who sent a request that it has received.

nginx `auth_request`, Traefik `ForwardAuth` and Caddy `forward_auth` send the original request's headers to
`/v1/forward-auth`, and pass ours on to the application behind them. The guards of `sekisho_verify` ask
`/v1/session` about a cookie, and get what an access token of the session would say.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sekisho.rules.refusals import Refusal
from sekisho.web.bodies import SessionClaims
from sekisho.web.credentials import csrf_token
from sekisho.web.cross_site import SAFE_METHODS
from sekisho.web.endpoint import Answer, Call, Endpoint, Parameter, Site

#: Where proxies say what the original method was: Traefik and Caddy, and nginx as our guide sets it.
_ORIGINAL_METHOD: Final = (b"x-forwarded-method", b"x-original-method")
#: Names one question of an API.
_QUESTION: Final = b"sekisho-question"
_NAME_OF_A_QUESTION: Final = re.compile(rb"[A-Za-z0-9_-]{1,64}\Z")
#: What a page opens a WebSocket with, and no other request of it can carry.
_WEBSOCKET: Final = b"sec-websocket-key"


async def forward_auth(site: Site, call: Call[None]) -> Answer:
    """GET /v1/forward-auth."""
    _admit_original(site, call)
    grant = call.grant
    return Answer(
        None,
        (
            (b"x-sekisho-user", grant.account.id.encode()),
            # Names of roles hold no comma, no space and nothing but ASCII (rules.access.name).
            (b"x-sekisho-roles", ",".join(grant.rights.roles).encode()),
            (b"x-sekisho-session", grant.session_id.encode()),
        ),
    )


async def session(site: Site, call: Call[None]) -> Answer:
    """GET /v1/session."""
    _admit_original(site, call)
    question = call.single_header(_QUESTION)
    if question is not None and not _NAME_OF_A_QUESTION.match(question):
        raise Refusal("invalid_request", "Sekisho-Question is not 1 to 64 letters, digits, - and _")
    # Sent back, so that whoever asked knows that no cache on the way has answered with somebody else's.
    echo = () if question is None else ((_QUESTION, question),)
    return Answer(SessionClaims(**site.acts.claims(call.grant)), echo)


def _admit_original(site: Site, call: Call[None]) -> None:
    """Return if whatever found the session may speak for the request that is asked about.

    Raises:
        Refusal: `origin_not_allowed`, `csrf_failed`.
    """
    # A WebSocket begins as a GET, goes on in both directions, and asks for no leave across origins.
    unsafe = _original_method(call) not in SAFE_METHODS or _WEBSOCKET in call.headers
    if call.held is not None and unsafe:
        # The application that asks trusts our word, so a page of another site must not borrow it.
        site.gate.admit(call.raw_headers)
        if not {b"sec-fetch-site", b"origin"} & call.headers.keys():
            site.acts.csrf.check(csrf_token(call), call.held.digest)


def _original_method(call: Call[None]) -> str:
    said = {value for name, value in call.raw_headers if name in _ORIGINAL_METHOD}
    # A proxy that says nothing, or two things, may be passing on anything: then it is held to be unsafe.
    return said.pop().decode("latin-1").upper() if len(said) == 1 else ""


_OF_THE_ORIGINAL: Final = (
    Parameter(
        "X-Original-Method",
        "The method of the request that is asked about, or `X-Forwarded-Method`; left out, it may be any.",
        {"type": "string"},
    ),
    Parameter("Origin", "That of the request.", {"type": "string"}),
    Parameter("Sec-Fetch-Site", "That of the request.", {"type": "string"}),
    Parameter("Sekisho-CSRF", "That of the request.", {"type": "string"}),
)

ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    Endpoint(
        method="GET",
        path="/v1/forward-auth",
        handler=forward_auth,
        summary="For reverse proxies: who sent the request",
        tag="session",
        signed_in=True,
        codes=("csrf_failed", "origin_not_allowed"),
        parameters=_OF_THE_ORIGINAL,
    ),
    Endpoint(
        method="GET",
        path="/v1/session",
        handler=session,
        summary="For APIs: what an access token of this session would say",
        tag="session",
        answer=SessionClaims,
        signed_in=True,
        codes=("csrf_failed", "origin_not_allowed"),
        parameters=(
            *_OF_THE_ORIGINAL,
            Parameter(
                "Sekisho-Question",
                "Comes back with the answer, which is then known not to be another one's from a cache.",
                {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            ),
        ),
    ),
)
