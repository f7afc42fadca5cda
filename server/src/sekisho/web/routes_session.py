"""Sessions: log in, refresh, log out, see where one is signed in."""

from __future__ import annotations

import re
from typing import Any, Final

from sekisho.flows.login import LoginRequest
from sekisho.flows.sessions import RevokeRequest
from sekisho.rules.refusals import Refusal
from sekisho.rules.session import LogoutRequest, RefreshRequest
from sekisho.web.bearer import bearer_token
from sekisho.web.bodies import (
    Login,
    LoginDone,
    Logout,
    Refresh,
    SessionLine,
    SessionList,
    TokenPair,
    login_done,
    token_pair,
)
from sekisho.web.endpoint import Call, Endpoint, Parameter, Site
from sekisho.web.metrics import LOGINS, REFRESHES, REVOCATIONS
from sekisho_verify.errors import TokenRefused

#: Visible ASCII: what every client can send in a header and every proxy passes on unchanged.
_IDEMPOTENCY_KEY: Final = re.compile(rb"[\x21-\x7e]{1,200}\Z")


async def login(site: Site, call: Call[Login]) -> LoginDone:
    """POST /v1/login."""
    body = call.body
    request = LoginRequest(
        email=body.email,
        password=body.password,
        mode=body.mode,
        client=call.client,
        device_token=body.device_token,
    )
    try:
        done = await site.acts.login(request)
    except Refusal as refusal:
        site.metrics.count(LOGINS, refusal.code)
        raise
    site.metrics.count(LOGINS, "ok")
    return login_done(done.tokens, done.device_token)


async def refresh(site: Site, call: Call[Refresh]) -> TokenPair:
    """POST /v1/refresh."""
    key = call.headers.get(b"idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.match(key):
        raise Refusal("invalid_request", "Idempotency-Key is not 1 to 200 visible ASCII characters")
    request = RefreshRequest(
        refresh_token=call.body.refresh_token,
        idempotency_key=key.decode() if key is not None else None,
        client=call.client,
    )
    try:
        refreshed = await site.acts.refresh(request)
    except Refusal as refusal:
        site.metrics.count(REFRESHES, refusal.code)
        if refusal.code == "refresh_reused":
            site.metrics.count(REVOCATIONS, "reused")
        raise
    site.metrics.count(REFRESHES, refreshed.verdict.value)
    return token_pair(refreshed.tokens)


async def logout(site: Site, call: Call[Logout]) -> None:
    """POST /v1/logout."""
    access_token, refresh_token = bearer_token(call.raw_headers), call.body.refresh_token
    if access_token is not None and refresh_token is not None:
        # They may name different sessions, and then either choice is the wrong one.
        raise Refusal("invalid_request", "an access token and a refresh token")
    if refresh_token is not None:
        bearer = site.acts.bearer_of(refresh_token)
    elif access_token is not None:
        bearer = site.acts.identify(access_token)
    else:
        raise TokenRefused("token_missing")
    await site.acts.logout(LogoutRequest(bearer, call.body.scope, call.client))
    site.metrics.count(REVOCATIONS, "logout")


async def list_sessions(site: Site, call: Call[None]) -> SessionList:
    """GET /v1/sessions."""
    found = await site.acts.list_sessions(call.grant.account.id)
    return SessionList(sessions=[SessionLine.of(line, current=call.grant.session_id) for line in found])


async def revoke_session(site: Site, call: Call[None]) -> None:
    """DELETE /v1/sessions/{id}."""
    await site.acts.revoke_session(RevokeRequest(call.param, call.grant.account.id, call.client))
    site.metrics.count(REVOCATIONS, "revoked")


ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    Endpoint(
        method="POST",
        path="/v1/login",
        handler=login,
        summary="Log in with e-mail address and password",
        tag="session",
        body=Login,
        answer=LoginDone,
        codes=("invalid_credentials", "rate_limited"),
    ),
    Endpoint(
        method="POST",
        path="/v1/refresh",
        handler=refresh,
        summary="Trade a refresh token for the next pair",
        tag="session",
        body=Refresh,
        answer=TokenPair,
        codes=("invalid_request", "refresh_expired", "refresh_reused", "refresh_unknown", "session_revoked"),
        parameters=(
            Parameter(
                "Idempotency-Key",
                "Chosen when the refresh token was received and kept beside it: it recovers a lost response.",
                {"type": "string", "pattern": "^[!-~]{1,200}$"},
            ),
        ),
    ),
    Endpoint(
        method="POST",
        path="/v1/logout",
        handler=logout,
        summary="Log out of this session, the others, or all; with an access token or a refresh token",
        tag="session",
        body=Logout,
        body_optional=True,
        token_codes=True,
        codes=(
            "not_stored",
            "refresh_expired",
            "refresh_unknown",
            "session_expired",
            "session_revoked",
            "session_unknown",
        ),
    ),
    Endpoint(
        method="GET",
        path="/v1/sessions",
        handler=list_sessions,
        summary="Where this account is signed in",
        tag="session",
        answer=SessionList,
        bearer=True,
        codes=("not_stored",),
    ),
    Endpoint(
        method="DELETE",
        path="/v1/sessions/{id}",
        handler=revoke_session,
        summary="End one session of this account",
        tag="session",
        bearer=True,
        codes=("not_found", "not_stored"),
    ),
)
