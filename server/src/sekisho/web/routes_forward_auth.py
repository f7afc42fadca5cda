"""Forward authentication: a reverse proxy asks who sent a request before it passes it on.

nginx `auth_request`, Traefik `ForwardAuth` and Caddy `forward_auth` send the original request's headers to
this address, and pass ours on to the application behind them.
"""

from __future__ import annotations

from typing import Any, Final

from sekisho.web.credentials import csrf_token
from sekisho.web.cross_site import SAFE_METHODS
from sekisho.web.endpoint import Answer, Call, Endpoint, Site

#: Where proxies say what the original method was: Traefik and Caddy, and nginx as our guide sets it.
_ORIGINAL_METHOD: Final = (b"x-forwarded-method", b"x-original-method")


#: What a page opens a WebSocket with, and no other request of it can carry.
_WEBSOCKET: Final = b"sec-websocket-key"


async def forward_auth(site: Site, call: Call[None]) -> Answer:
    """GET /v1/forward-auth."""
    # A WebSocket begins as a GET, goes on in both directions, and asks for no leave across origins.
    unsafe = _original_method(call) not in SAFE_METHODS or _WEBSOCKET in call.headers
    if call.held is not None and unsafe:
        # The application behind the proxy trusts our word, so a page of another site must not borrow it.
        site.gate.admit(call.raw_headers)
        if not {b"sec-fetch-site", b"origin"} & call.headers.keys():
            site.acts.csrf.check(csrf_token(call), call.held.digest)
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


def _original_method(call: Call[None]) -> str:
    said = [call.headers[name] for name in _ORIGINAL_METHOD if name in call.headers]
    # A proxy that says nothing, or two things, may be passing on anything: then it is held to be unsafe.
    return said[0].decode("latin-1").upper() if len(set(said)) == 1 else ""


ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    Endpoint(
        method="GET",
        path="/v1/forward-auth",
        handler=forward_auth,
        summary="For reverse proxies: who sent the request",
        tag="session",
        signed_in=True,
        codes=("csrf_failed", "origin_not_allowed"),
    ),
)
