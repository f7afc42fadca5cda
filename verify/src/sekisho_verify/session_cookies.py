"""The cookie of a session, where a guard may accept it in the place of an access token.

    sessions = SessionCookies("https://id.example.com")                               # asks the issuer
    sessions = SessionCookies("https://id.example.com", url="http://127.0.0.1:8400")  # the same, nearby
    sessions = SessionCookies("https://www.example.com/auth", app=auth)               # in this process

A cookie says nothing by itself, so the issuer is asked: who it is for, and whether the page that sent the
request may speak for them. The answer is what an access token of that session would say.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from sekisho_verify import steady_clock
from sekisho_verify.browser_request import PAGE_FIELDS
from sekisho_verify.encoding import json_object
from sekisho_verify.errors import ConfigurationError, EncodingError, SessionsUnavailable, TokenRefused
from sekisho_verify.session_asking import QUESTION, AppAsker, HttpAsker
from sekisho_verify.urls import safe_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from sekisho_verify.access_token import AccessToken
    from sekisho_verify.browser_request import BrowserRequest
    from sekisho_verify.errors import RefusalCode
    from sekisho_verify.http_get import Headers
    from sekisho_verify.lifespan import Application
    from sekisho_verify.session_asking import Told
    from sekisho_verify.verifier import Verifier

PATH: Final = "/v1/session"
"""Where the issuer is asked, below its own URL."""
MAX_REMEMBERED: Final = 0.5
"""Seconds. A server of the issuer may itself hear of a logout half a second late, and what is promised for
the whole is one second."""
REMEMBERED: Final = 1024
"""Answers that are remembered at least; at most twice as many are, of some kilobytes each."""
MAX_TIMEOUT: Final = 60.0

_IN_ITS_LOOP: Final = (
    "app= is asked in its event loop, and this guard is not in one: give url= to SessionCookies"
)
_COOKIE: Final = re.compile(r"[!#-+\--:<-\[\]-~]{1,4096}", re.ASCII)
"""The characters of a cookie's value (RFC 6265 section 4.1.1), and a length that browsers still keep."""
_FIELD: Final = re.compile(r"[ -~]{0,2048}")
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_REFUSALS: Final[dict[RefusalCode, int]] = {
    "session_unknown": 401,
    "session_expired": 401,
    "session_revoked": 401,
    "csrf_failed": 403,
    "origin_not_allowed": 403,
}
"""What the issuer may say of a cookie or of the page, each with its one status."""


class SessionCookies:
    """Accepts the cookie of mode `session`, by asking the issuer. Safe to share among threads and tasks.

    Passed on are the one cookie, the method, and the headers `Origin`, `Sec-Fetch-Site` and `Sekisho-CSRF`;
    by these the issuer judges whether the page may speak for the user, exactly as for its own pages and
    behind a reverse proxy. The request's other headers stay here.

    A good answer is remembered for half a second at most, and used for requests that change nothing; each
    other request, and each on a route marked sensitive, is asked about. Refusals are not remembered.

    Args:
        issuer: the exact `iss`, as given to the verifier. It decides where to ask and what the cookie is
            called: `__Host-sekisho` by https, `sekisho` by http, which is for this machine only.
        url: another address of the same server, for example `http://127.0.0.1:8400`: https, or this machine.
        app: the server itself, as `create_app` gave it, where it runs in this process. It is asked in the
            event loop of the request, so the guard must be an asynchronous one; nothing is remembered.
        timeout: seconds for one question, from the name's look-up to the last byte.
        remember: seconds for which a good answer is remembered, 0 to 0.5.
        steady: gives seconds of a clock that never steps.

    Raises:
        ConfigurationError: if the issuer or the url is not acceptable, both `url` and `app` are given, or the
            seconds are out of their range.
    """

    __slots__ = ("_asker", "_remember", "_remembered", "_steady", "cookie", "issuer")

    def __init__(
        self,
        issuer: str,
        *,
        url: str | None = None,
        app: Application | None = None,
        timeout: float = 2.0,
        remember: float = MAX_REMEMBERED,
        steady: Callable[[], float] = steady_clock.steady,
    ) -> None:
        if url is not None and app is not None:
            raise ConfigurationError("give url or app: the server is elsewhere, or in this process")
        if not 0 < timeout <= MAX_TIMEOUT:
            raise ConfigurationError(f"timeout is above 0 and at most {MAX_TIMEOUT:.0f} s; got {timeout!a}")
        if not 0 <= remember <= MAX_REMEMBERED:
            raise ConfigurationError(f"remember is 0 to {MAX_REMEMBERED} seconds; got {remember!a}")
        try:
            home = safe_place(issuer)
            place = home._replace(path=PATH) if app else safe_place((url or issuer).rstrip("/") + PATH)
        except ValueError as error:
            raise ConfigurationError(f"issuer or url: {error}") from None
        if home.query or place.query:
            raise ConfigurationError("issuer or url: neither has a query")
        self.issuer: Final = issuer
        self.cookie: Final = "__Host-sekisho" if home.secure else "sekisho"
        """The cookie's name."""
        self._asker: Final = (
            HttpAsker(place, timeout=timeout) if app is None else AppAsker(app, place, timeout=timeout)
        )
        self._remembered: Final = _Remembered()
        self._remember: Final = remember if app is None else 0.0
        self._steady: Final = steady

    def expect_waiting(self) -> None:
        """Return if a guard without an event loop may ask.

        Raises:
            ConfigurationError: the server is in this process, and answers in its event loop only.
        """
        if not isinstance(self._asker, HttpAsker):
            raise ConfigurationError(_IN_ITS_LOOP)

    def token(self, request: BrowserRequest, *, verifier: Verifier, fresh: bool) -> AccessToken:
        """What an access token of the session behind the request's cookie would be.

        Args:
            request: what the browser sent.
            verifier: says what is expected of the claims.
            fresh: ask, whatever is remembered.

        Raises:
            TokenRefused: `token_missing` without a cookie, `invalid_request` for two; `session_unknown`,
                `session_expired`, `session_revoked`; `csrf_failed`, `origin_not_allowed`.
            SessionsUnavailable: the issuer gives no verdict now.
            ConfigurationError: the server is in this process, and cannot be waited for.
        """
        asker = self._asker
        if not isinstance(asker, HttpAsker):
            raise ConfigurationError(_IN_ITS_LOOP)
        inquiry = self._begin(request, verifier, fresh=fresh)
        return inquiry.known or self._end(inquiry, asker.ask(inquiry.headers), verifier)

    async def atoken(self, request: BrowserRequest, *, verifier: Verifier, fresh: bool) -> AccessToken:
        """`token` for asyncio: the event loop goes on meanwhile."""
        inquiry = self._begin(request, verifier, fresh=fresh)
        return inquiry.known or self._end(inquiry, await self._asker.aask(inquiry.headers), verifier)

    def _begin(self, request: BrowserRequest, verifier: Verifier, *, fresh: bool) -> _Inquiry:
        cookie = self._cookie_of(request)
        # Counted from before the question, since the answer was true at some moment after it.
        now = self._steady()
        # A digest, so that what is kept here opens nothing for whoever reads this memory.
        key = hashlib.sha256(cookie.encode()).digest() if self._remember and request.safe else None
        if key is not None and not fresh:
            body = self._remembered.get(key, since=now - self._remember)
            if body is not None:
                try:
                    return _Inquiry(key, now, "", [], verifier.told(body))
                except TokenRefused:
                    pass  # it ended while we remembered it, or was used meanwhile: the issuer knows
        question = os.urandom(12).hex()  # noqa: TID251 -- tells answers apart; protects nothing by being secret
        return _Inquiry(key, now, question, self._headers(request, cookie, question), None)

    def _cookie_of(self, request: BrowserRequest) -> str:
        found: list[str] = []
        for header in request.cookies:
            for pair in header.split(";"):
                name, equals, value = pair.strip(" \t").partition("=")
                if equals and name == self.cookie:
                    found.append(value)
        if not found:
            raise TokenRefused("token_missing", f"no bearer token, and no cookie {self.cookie}")
        if len(found) > 1:
            # A page on a sibling domain may have set the second, and which comes first is not ours to say.
            raise TokenRefused("invalid_request", f"two cookies {self.cookie}")
        if not _COOKIE.fullmatch(found[0]):
            raise TokenRefused("session_unknown", "not the characters, or the length, of a cookie")
        return found[0]

    def _headers(self, request: BrowserRequest, cookie: str, question: str) -> Headers:
        # Whatever is no plain method is held to be unsafe there, like one that is not said at all.
        method = request.method if _METHOD.fullmatch(request.method) else "?"
        headers = [("Cookie", f"{self.cookie}={cookie}"), ("X-Original-Method", method), (QUESTION, question)]
        for name, value in request.page:
            if name not in PAGE_FIELDS or not _FIELD.fullmatch(value):
                raise TokenRefused("origin_not_allowed", f"{name} is {value[:80]!a}")
            headers.append((name, value))
        return headers

    def _end(self, inquiry: _Inquiry, told: Told, verifier: Verifier) -> AccessToken:
        body = _claims_of(told)
        if told.question != inquiry.question:
            # A cache on the way, which does not know that this was for one visitor and one request alone.
            raise SessionsUnavailable("an answer to another question")
        try:
            token = verifier.told(body)
        except TokenRefused as refused:
            if refused.code == "token_expired":
                raise TokenRefused("session_expired", refused.detail) from None
            # The issuer has said yes, and we do not understand each other. That is not the visitor's fault.
            raise SessionsUnavailable(f"the issuer's answer: {refused.code}: {refused.detail}") from None
        if inquiry.key is not None:
            self._remembered.put(inquiry.key, inquiry.began, body)
        return token


class _Inquiry(NamedTuple):
    """A cookie that is asked about: since when, by which question; or what is known of it already."""

    key: bytes | None
    began: float
    question: str
    headers: Headers
    known: AccessToken | None

    def __repr__(self) -> str:
        return "<_Inquiry>"  # the cookie is in the headers


class _Remembered:
    # Two generations, as in the verifier: each step is one operation on a dict, so threads need no lock.
    __slots__ = ("_older", "_recent")

    def __init__(self) -> None:
        self._recent: dict[bytes, tuple[float, bytes]] = {}
        self._older: dict[bytes, tuple[float, bytes]] = {}

    def get(self, key: bytes, *, since: float) -> bytes | None:
        found = self._recent.get(key) or self._older.get(key)
        return found[1] if found is not None and found[0] > since else None

    def put(self, key: bytes, began: float, body: bytes) -> None:
        if len(self._recent) >= REMEMBERED:
            self._older, self._recent = self._recent, {}
        self._recent[key] = began, body


def _claims_of(told: Told) -> bytes:
    """The claims in an answer.

    Raises:
        TokenRefused: the issuer refuses the cookie, or the page.
        SessionsUnavailable: the answer is not one of ours.
    """
    if told.status == 200 and told.media_type == "application/json":
        return told.body
    code: object = None
    if told.media_type == "application/problem+json":
        with suppress(EncodingError):
            code = json_object(told.body, unique_members=True).get("code")
        for known, status in _REFUSALS.items():
            if code == known and told.status == status:
                raise TokenRefused(known, "so says the issuer")
    raise SessionsUnavailable(f"answered {told.status} {told.media_type!a} {str(code)[:40]!a}")
