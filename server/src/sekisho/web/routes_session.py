"""Sessions: log in, refresh, log out, see where one is signed in."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Final

from msgspec.structs import replace

from sekisho.flows.exchange import ExchangeRequest
from sekisho.flows.login import LoginRequest
from sekisho.flows.sessions import RevokeRequest
from sekisho.rules.refresh import Verdict
from sekisho.rules.refusals import Refusal, invalid
from sekisho.rules.session import Bearer, LogoutRequest, RefreshRequest, Tokens
from sekisho.web.bearer import bearer_token
from sekisho.web.bodies import (
    AccessTokenOnly,
    CsrfToken,
    Login,
    LoginDone,
    Logout,
    ModeChange,
    Refresh,
    SessionLine,
    SessionList,
    SessionMade,
    TokenPair,
    access_token_only,
    login_done,
    token_pair,
)
from sekisho.web.cookies import CSRF, DEVICE, REFRESH, Name
from sekisho.web.credentials import (
    CLIENT_HEADER,
    bindings,
    csrf_token,
    handed_over,
    readers,
    require_own_page,
    sign_in,
)
from sekisho.web.endpoint import Answer, Call, Endpoint, Parameter, Site
from sekisho.web.metrics import LOGINS, REFRESHES, REVOCATIONS
from sekisho_verify.errors import TokenRefused

#: Seconds: 400 days, the longest that browsers keep a cookie.
_DEVICE_MAX_AGE: Final = 34_560_000
#: To a browser that logs out. Chromium keeps pages for its Back button, `no-store` or not, and brings the one
#: after a login back although its cookie is gone. Not `"cookies"`: other applications on this host have some.
FORGET: Final = (b"clear-site-data", b'"cache"')
#: Visible ASCII: what every client can send in a header and every proxy passes on unchanged.
_IDEMPOTENCY_KEY: Final = re.compile(rb"[\x21-\x7e]{1,200}\Z")


async def login(site: Site, call: Call[Login]) -> Answer:
    """POST /v1/login."""
    body = call.body
    browser = body.mode != "token"
    if browser:
        require_own_page(site, call)
    request = LoginRequest(
        email=body.email,
        password=body.password,
        mode=body.mode,
        client=call.client,
        # A program keeps the device secret itself; a browser's cookie is not what it asked by.
        device_token=call.cookies.get(DEVICE) if browser else body.device_token,
    )
    try:
        done = await site.acts.login(request)
    except Refusal as refusal:
        site.metrics.count(LOGINS, refusal.code)
        raise
    site.metrics.count(LOGINS, "ok")
    if not browser and isinstance(done.handed, Tokens):
        return Answer(login_done(done.handed, done.device_token), ())
    await _end_previous(site, call, done.handed.grant.session_id)
    answer = handed_over(site, call, done.handed)
    device = site.cookies.put(DEVICE, done.device_token, max_age=_DEVICE_MAX_AGE)
    return Answer(answer.body, (*answer.headers, device))


async def _end_previous(site: Site, call: Call[Any], session_id: str) -> None:
    """End the session that this browser had: the one that takes its place is no second line (SE1)."""
    for name, _ in readers(site):
        text = call.cookies.get(name)
        if text is None:
            continue
        with suppress(Refusal):  # a cookie of no worth names no session
            previous = _named(site, name, text)
            if previous.session_id != session_id:
                await site.acts.logout(LogoutRequest(previous, "this", call.client))


def _named(site: Site, name: Name, text: str) -> Bearer:
    """The session that a cookie names, and all that it can prove of it; by its seal alone."""
    if name == REFRESH:
        # Signed, it says whose it is. A row is not asked for the generation: a spent one may log out, too.
        found = site.acts.bearer_of(text)
        return found if found.held is None else replace(found, held=replace(found.held, mode="browser"))
    cookie = site.acts.read_cookie(text)
    return Bearer(cookie.session_id, None, held=cookie.held)


async def csrf(site: Site, call: Call[None]) -> Answer:
    """GET /v1/csrf."""
    held = bindings(site, call)
    if held:
        return Answer(CsrfToken(csrf_token=site.acts.csrf.token(held[0])), ())
    cookie, binding = site.acts.csrf.new_cookie()
    token = CsrfToken(csrf_token=site.acts.csrf.token(binding))
    return Answer(token, (site.cookies.put(CSRF, cookie, max_age=site.session_max),))


async def refresh(site: Site, call: Call[Refresh]) -> Answer:
    """POST /v1/refresh."""
    key = call.single_header(b"idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.match(key):
        raise Refusal("invalid_request", "Idempotency-Key is not 1 to 200 visible ASCII characters")
    token, by_cookie = call.body.refresh_token, False
    if token is None:
        token, by_cookie = _refresh_cookie(call), True
    request = RefreshRequest(
        refresh_token=token,
        mode="browser" if by_cookie else "token",
        idempotency_key=key.decode() if key is not None else None,
        client=call.client,
    )
    try:
        refreshed = await site.acts.refresh(request)
    except Refusal as refusal:
        # The cookie stays: a refusal that comes late must not undo what another tab was given meanwhile.
        site.metrics.count(REFRESHES, refusal.code)
        if refusal.code == "refresh_reused":
            site.metrics.count(REVOCATIONS, "reused")
        raise
    site.metrics.count(REFRESHES, refreshed.verdict.value)
    if not by_cookie:
        return Answer(token_pair(refreshed.tokens), ())
    if refreshed.verdict is Verdict.CURRENT:
        # The browser has it already. Not sent again, so that this answer, should it be late, rewinds nothing.
        return Answer(access_token_only(refreshed.tokens), ())
    return handed_over(site, call, refreshed.tokens)


def _refresh_cookie(call: Call[Any]) -> str:
    token, ours = call.cookies.get(REFRESH), call.single_header(CLIENT_HEADER) == b"1"
    if token is None and ours:
        # A page that is loaded cannot see whether it has a cookie: having none is an answer, not a mistake.
        raise Refusal("refresh_unknown", "no cookie")
    if token is None:
        raise invalid("/refresh_token", "field_missing")
    if not ours:
        raise Refusal("csrf_failed", "a cookie is refreshed with Sekisho-Client: 1")
    return token


async def exchange(site: Site, call: Call[ModeChange]) -> Answer:
    """POST /v1/sessions/exchange."""
    await sign_in(site, call, "POST", by_refresh_cookie=True)
    body, token = call.body, bearer_token(call.raw_headers)
    rv = None if token is None else site.acts.identify(token).rv
    handed = await site.acts.exchange(
        ExchangeRequest(call.grant, body.mode, call.held, rv, body.password, call.client)
    )
    await _end_previous(site, call, call.grant.session_id)
    if body.mode == "token" and isinstance(handed, Tokens):
        return Answer(token_pair(handed), _gone(site, call))
    return handed_over(site, call, handed)


async def logout(site: Site, call: Call[Logout]) -> Answer:
    """POST /v1/logout."""
    bearer = _whose(site, call)
    if bearer is not None:
        await site.acts.logout(LogoutRequest(bearer, call.body.scope, call.client))
        site.metrics.count(REVOCATIONS, "logout")
    if call.body.scope == "others":
        return Answer(None, ())
    gone = _gone(site, call)
    return Answer(None, (*gone, FORGET) if gone else ())


def _gone(site: Site, call: Call[Any]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(site.cookies.delete(name) for name, _ in readers(site) if call.cookies.has(name))


def _whose(site: Site, call: Call[Logout]) -> Bearer | None:
    """The session to log out of; none for cookies of no worth, whose owner is logged out already."""
    access_token, refresh_token = bearer_token(call.raw_headers), call.body.refresh_token
    if access_token is not None and refresh_token is not None:
        # They may name different sessions, and then either choice is the wrong one.
        raise Refusal("invalid_request", "an access token and a refresh token")
    if refresh_token is not None:
        return site.acts.bearer_of(refresh_token)
    if access_token is not None:
        return site.acts.identify(access_token)
    worthless = False
    for name, read in readers(site):
        text = call.cookies.get(name)
        if text is not None:
            try:
                binding, bearer = read(text).held.digest, _named(site, name, text)
            except Refusal:
                worthless = True  # the other cookie may be a good one, and must not be left behind alive
                continue
            site.acts.csrf.check(csrf_token(call), binding)
            return bearer
    if worthless:
        return None
    raise TokenRefused("token_missing")


async def list_sessions(site: Site, call: Call[None]) -> SessionList:
    """GET /v1/sessions."""
    found = await site.acts.list_sessions(call.grant.account.id)
    return SessionList(sessions=[SessionLine.of(line, current=call.grant.session_id) for line in found])


async def revoke_session(site: Site, call: Call[None]) -> None:
    """DELETE /v1/sessions/{id}."""
    await site.acts.revoke_session(RevokeRequest(call.param, call.grant.account.id, call.client))
    site.metrics.count(REVOCATIONS, "revoked")


_CSRF: Final = Parameter(
    "Sekisho-CSRF", "From `GET /v1/csrf`, where a cookie is read or set.", {"type": "string"}
)

ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    Endpoint(
        method="POST",
        path="/v1/login",
        handler=login,
        summary="Log in with e-mail address and password",
        tag="session",
        body=Login,
        answer=(LoginDone, AccessTokenOnly, SessionMade),
        codes=("csrf_failed", "invalid_credentials", "invalid_request", "not_stored", "rate_limited"),
        parameters=(_CSRF,),
    ),
    Endpoint(
        method="GET",
        path="/v1/csrf",
        handler=csrf,
        summary="A CSRF token for the cookies of this browser; before login too",
        tag="session",
        answer=CsrfToken,
        codes=("invalid_request",),
    ),
    Endpoint(
        method="POST",
        path="/v1/refresh",
        handler=refresh,
        summary="Trade a refresh token for the next pair",
        tag="session",
        body=Refresh,
        body_optional=True,
        answer=(TokenPair, AccessTokenOnly),
        codes=(
            "csrf_failed",
            "invalid_request",
            "refresh_expired",
            "refresh_reused",
            "refresh_unknown",
            "session_revoked",
        ),
        parameters=(
            Parameter("Sekisho-Client", "`1` where the refresh token is in a cookie.", {"const": "1"}),
            Parameter(
                "Idempotency-Key",
                "Chosen when the refresh token was received and kept beside it: it recovers a lost response.",
                {"type": "string", "pattern": "^[!-~]{1,200}$"},
            ),
        ),
    ),
    Endpoint(
        method="POST",
        path="/v1/sessions/exchange",
        handler=exchange,
        summary="Carry this session in another way, without a new login",
        tag="session",
        body=ModeChange,
        answer=(TokenPair, AccessTokenOnly, SessionMade),
        token_codes=True,
        codes=(
            "csrf_failed",
            "invalid_credentials",
            "invalid_request",
            "not_stored",
            "rate_limited",
            "refresh_unknown",
            "session_expired",
            "session_revoked",
            "session_unknown",
        ),
        parameters=(_CSRF,),
    ),
    Endpoint(
        method="POST",
        path="/v1/logout",
        handler=logout,
        summary="Log out of this session, the others, or all; with either token or a cookie",
        tag="session",
        body=Logout,
        body_optional=True,
        token_codes=True,
        parameters=(_CSRF,),
        codes=(
            "csrf_failed",
            "invalid_request",
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
        signed_in=True,
        codes=("not_stored",),
    ),
    Endpoint(
        method="DELETE",
        path="/v1/sessions/{id}",
        handler=revoke_session,
        summary="End one session of this account",
        tag="session",
        signed_in=True,
        codes=("not_found", "not_stored"),
    ),
)
