"""Who asks: an access token, or the cookie of a session with proof that a page of ours sent it.

An `Authorization` header is something that a program put there; a cookie is something that a browser adds by
itself. So where both are there the header counts, and a cookie on an unsafe request needs a CSRF token (F4)
beside the cross-site gate, which every unsafe request has passed already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from sekisho.rules.refusals import Refusal
from sekisho.rules.session import CookieSession, Handed, PresentedCookie
from sekisho.web.bearer import bearer_token
from sekisho.web.bodies import access_token_only, session_made
from sekisho.web.cookies import CSRF, REFRESH, SESSION, Name
from sekisho.web.cross_site import SAFE_METHODS
from sekisho.web.endpoint import Answer, Call, Site
from sekisho_verify.errors import TokenRefused

#: Carries the CSRF token; a page of another site cannot send it without asking first (CORS).
CSRF_HEADER: Final = b"sekisho-csrf"
#: In its place where a cookie is refreshed: the static header of RFC 10017, since the answer is no secret to
#: whoever may not read it.
CLIENT_HEADER: Final = b"sekisho-client"


async def sign_in(site: Site, call: Call[Any], method: str, *, by_refresh_cookie: bool = False) -> None:
    """Find the session of a request and put it into `call`.

    `by_refresh_cookie`: where there is nothing else, the cookie of mode `browser` will do.

    Raises:
        TokenRefused: no credential, or an access token that is not valid.
        Refusal: `session_unknown`, `session_expired`, `session_revoked`, `refresh_unknown`; `csrf_failed`.
    """
    if b"authorization" in call.headers and (token := bearer_token(call.raw_headers)) is not None:
        call.session = await site.acts.authenticate(token)
        return
    if (text := call.cookies.get(SESSION)) is not None:
        cookie = site.acts.read_cookie(text)
    elif by_refresh_cookie and (text := call.cookies.get(REFRESH)) is not None:
        cookie = site.acts.read_refresh_cookie(text)
    else:
        raise TokenRefused("token_missing")
    if method not in SAFE_METHODS:
        # Before the database is asked: what another page makes a browser send costs no I/O.
        site.acts.csrf.check(csrf_token(call), cookie.held.digest)
    call.session = await site.acts.authenticate_cookie(cookie)
    call.held = cookie.held


def readers(site: Site) -> tuple[tuple[Name, Callable[[str], PresentedCookie]], ...]:
    """The cookies that carry a session, and what reads them, the one that is more exactly meant first."""
    return (SESSION, site.acts.read_cookie), (REFRESH, site.acts.read_refresh_cookie)


def csrf_token(call: Call[Any]) -> str | None:
    """The token that a request carries beside its cookies: in the header, or in the form that it is."""
    value = call.single_header(CSRF_HEADER)
    return call.csrf_field if value is None else value.decode("latin-1")


def bindings(site: Site, call: Call[Any]) -> list[bytes]:
    """What a CSRF token of this browser may be bound to, the strongest first."""
    found: list[bytes] = []
    for name, read in readers(site):
        text = call.cookies.get(name)
        if text is not None:
            try:
                found.append(read(text).held.digest)
            except Refusal:
                continue  # a cookie of no worth proves nothing, and must not lock its owner out of logging in
    before = call.cookies.get(CSRF)
    if before is not None and (binding := site.acts.csrf.binding_of(before)) is not None:
        found.append(binding)
    return found


def require_own_page(site: Site, call: Call[Any]) -> None:
    """Return if a page that may read our answers sent this request: for logging in with a cookie (F5).

    Raises:
        Refusal: `csrf_failed`.
    """
    token = csrf_token(call)
    refused: Refusal | None = None
    for binding in bindings(site, call):
        try:
            site.acts.csrf.check(token, binding)
        except Refusal as refusal:
            refused = refusal
        else:
            return
    raise refused or Refusal("csrf_failed", "no cookie that a token could be bound to")


def handed_over(site: Site, call: Call[Any], handed: Handed) -> Answer:
    """What a browser is told, and the cookie that carries its session; the one of another mode goes."""
    if isinstance(handed, CookieSession):
        put = site.cookies.put(SESSION, handed.cookie, max_age=site.session_max)
        body: msgspec.Struct = session_made(handed, site.acts.csrf.token(handed.csrf_binding))
        other: Name = REFRESH
    else:
        put = site.cookies.put(REFRESH, handed.refresh_token, max_age=handed.refresh_expires_in)
        body, other = access_token_only(handed), SESSION
    gone = [site.cookies.delete(name) for name in (other, CSRF) if call.cookies.has(name)]
    return Answer(body, (put, *gone))
