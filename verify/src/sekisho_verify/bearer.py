"""What every guard shares, free of any framework: read the credential, check it, word the refusal.

An `Authorization: Bearer` is something that a program put there; a cookie is something that a browser adds by
itself, whoever wrote the page. So where both are there the header decides, a bad one too: a request is never
done as somebody else than it said. The auth server settles it in the same way.

RFC 6750 for credential, challenge and status; RFC 9457 for the body. A guard adds only how its framework
hands over a request and takes an answer.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sekisho_verify.errors import (
    PROBLEM_TYPE,
    UNAVAILABLE,
    ConfigurationError,
    RightMissing,
    TokenRefused,
)
from sekisho_verify.rights import Rights
from sekisho_verify.verifier import NO_FEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from sekisho_verify.access_token import AccessToken
    from sekisho_verify.browser_request import BrowserRequest
    from sekisho_verify.errors import RefusalCode, VerificationUnavailable
    from sekisho_verify.session_cookies import SessionCookies
    from sekisho_verify.verifier import Verifier

RETRY_AFTER: Final = 5
"""Seconds after which a caller may ask again, where no verdict could be given."""

_RENEW: Final = "Refresh it and try again."
_AGAIN: Final = "Log in again."
_ADVICE: Final[dict[RefusalCode, str]] = {
    "token_missing": "Send it as Authorization: Bearer, and nowhere else.",
    "invalid_request": "Send one, and once.",
    "token_expired": _RENEW,
    "token_stale": _RENEW,
    "token_revoked": _AGAIN,
    "session_unknown": _AGAIN,
    "session_expired": _AGAIN,
    "session_revoked": _AGAIN,
    "csrf_failed": "Load the page again and repeat.",
    "origin_not_allowed": "The issuer lists the web applications that may.",
}
_STATUS: Final[dict[str, int]] = {
    "insufficient_scope": 403,
    "invalid_request": 400,
    "csrf_failed": 403,
    "origin_not_allowed": 403,
}
_OF_THE_PAGE: Final = frozenset({"csrf_failed", "origin_not_allowed"})
"""Codes to which no other credential would be an answer, so that there is nothing to challenge for."""
_log: Final = logging.getLogger("sekisho_verify.bearer")


class Answer(NamedTuple):
    """What a refused caller is sent. Header names are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Answered(Exception):
    """A refusal that is the exception of a framework too, and has its answer ready; it is logged already."""

    answer: Answer


class BearerCheck:
    """What requests to a set of routes must carry, and what the others are told.

    Args:
        verifier: checks the tokens.
        session: checks session cookies, where these are accepted too.
        scope: a scope that the token must carry.
        role: a role that it must carry.
        group: a group that it must carry.
        permission: a permission that it must carry.
        sensitive: refuse rather than rely on revocations that may be seconds old. It needs a verifier with a
            revocation feed. Of a cookie nothing that is remembered counts.

    Raises:
        ConfigurationError: if a required right is the empty string, `sensitive` cannot be had, or the cookies
            are those of another issuer.
    """

    __slots__ = ("_rights", "_sensitive", "session", "verifier")

    def __init__(
        self,
        verifier: Verifier,
        *,
        session: SessionCookies | None = None,
        scope: str | None = None,
        role: str | None = None,
        group: str | None = None,
        permission: str | None = None,
        sensitive: bool = False,
    ) -> None:
        if sensitive and verifier.feed is None:
            raise ConfigurationError(NO_FEED)
        if session is not None and session.issuer != verifier.issuer:
            raise ConfigurationError(
                f"the cookies are those of {session.issuer!a}, the tokens those of {verifier.issuer!a}"
            )
        self.verifier: Final = verifier
        self.session: Final = session
        self._sensitive: Final = sensitive
        self._rights: Final = Rights(scope=scope, role=role, group=group, permission=permission)

    def token(
        self,
        authorization: str | None,
        *,
        query: str | bytes = "",
        browser: Callable[[], BrowserRequest] | None = None,
    ) -> AccessToken:
        """The token of a request, good and with every right that is required.

        A verifier that has no keys yet waits for them, at the first request that brings a credential.

        Args:
            authorization: the value of the one `Authorization` header, or None where there is none. Values
                that a server had joined are told by their comma, which no token has.
            query: the query string. A token in it is never used, since URLs are logged; beside one in the
                header the request is refused (RFC 6750 section 2).
            browser: gives the request as a browser sent it; called where a cookie may speak for it.

        Raises:
            TokenRefused: for everything else.
            VerificationUnavailable: if no verdict can be given now.
        """
        text = _bearer(authorization, query)
        if text is None:
            if self.session is None or browser is None:
                raise _missing(authorization)
            token = self.session.token(browser(), verifier=self.verifier, fresh=self._sensitive)
            self._rights.check(token)
            return token
        return self._checked(text)

    async def atoken(
        self,
        authorization: str | None,
        *,
        query: str | bytes = "",
        browser: Callable[[], BrowserRequest] | None = None,
    ) -> AccessToken:
        """`token` for asyncio: while keys or the issuer are waited for, the event loop goes on."""
        text = _bearer(authorization, query)
        if text is None:
            if self.session is None or browser is None:
                raise _missing(authorization)
            token = await self.session.atoken(browser(), verifier=self.verifier, fresh=self._sensitive)
            self._rights.check(token)
            return token
        if not self.verifier.ready:
            await self.verifier.astart()
        return self._checked(text)

    def _checked(self, text: str) -> AccessToken:
        token = self.verifier.verify(text, sensitive=self._sensitive)
        self._rights.check(token)
        return token

    def answer(self, error: TokenRefused | VerificationUnavailable) -> Answer:
        """What the caller is told: nothing of the token, and nothing of the detail, which is logged here."""
        if isinstance(error, Answered):
            return error.answer
        _log.info("refused %s: %s", error.code, error.detail)
        return answer(error, issuer=self.verifier.issuer, cookies=self.session is not None)


class DeferredCheck:
    """A `BearerCheck` for views that are written before there is a verifier, or serve several in turn.

    Takes what `BearerCheck` takes. An empty right is refused here, where it is written; `sensitive` without a
    feed at the first request.

    Raises:
        ConfigurationError: if a required right is the empty string.
    """

    __slots__ = ("_made", "_rights", "_sensitive")

    def __init__(
        self,
        *,
        scope: str | None = None,
        role: str | None = None,
        group: str | None = None,
        permission: str | None = None,
        sensitive: bool = False,
    ) -> None:
        Rights(scope=scope, role=role, group=group, permission=permission)
        self._rights: Final = {"scope": scope, "role": role, "group": group, "permission": permission}
        self._sensitive: Final = sensitive
        self._made: BearerCheck | None = None

    def by(self, verifier: Verifier, session: SessionCookies | None = None) -> BearerCheck:
        """The check by these; the one before is kept and given again while they stay.

        Raises:
            ConfigurationError: if `sensitive` cannot be had, or the cookies are those of another issuer.
        """
        made = self._made
        if made is None or made.verifier is not verifier or made.session is not session:
            made = BearerCheck(verifier, session=session, **self._rights, sensitive=self._sensitive)
            self._made = made
        return made


def credential(authorization: str | None, *, query: str | bytes = "") -> str:
    """The token's text in an `Authorization` header (RFC 6750 section 2.1), not verified.

    Raises:
        TokenRefused: `token_missing` for no header or another scheme, `invalid_request` for two credentials.
    """
    text = _bearer(authorization, query)
    if text is None:
        raise _missing(authorization)
    return text


def _bearer(authorization: str | None, query: str | bytes) -> str | None:
    """The same, or None where there is none of this scheme."""
    if authorization is None:
        return None
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    if "," in text:
        raise TokenRefused("invalid_request", "two Authorization headers, joined")
    if query and "access_token=" in (query if isinstance(query, str) else query.decode("latin-1")):
        raise TokenRefused("invalid_request", "one token in the header, another in the query")
    return text


def _missing(authorization: str | None) -> TokenRefused:
    told = "no Authorization header" if authorization is None else "another scheme than Bearer"
    return TokenRefused("token_missing", told)


def answer(error: TokenRefused | VerificationUnavailable, *, issuer: str, cookies: bool = False) -> Answer:
    """Status, challenge and problem document for a refusal, or 503 where no verdict can be given.

    `cookies`: a session cookie would have done as well.
    """
    code = error.code
    headers = [("content-type", "application/problem+json"), ("cache-control", "no-store")]
    if isinstance(error, TokenRefused):
        status = _STATUS.get(code, 401)
        title, advice = error.sentence, _ADVICE.get(error.code, "Get a new one from the issuer.")
        if cookies and code == "token_missing":
            advice = "Log in, or send an access token as Authorization: Bearer."
        if code not in _OF_THE_PAGE:
            headers.append(("www-authenticate", challenge(error)))
        if isinstance(error, RightMissing):
            # A lone surrogate, from the JSON of a caller, has no place in UTF-8.
            name = error.name.encode(errors="replace").decode()
            advice = f"It needs the {error.kind} {name}."
    else:
        status, title, advice = 503, UNAVAILABLE[error.code], "Try again in a few seconds."
        headers.append(("retry-after", str(RETRY_AFTER)))
    problem = {
        "type": f"{PROBLEM_TYPE}{code}",
        "title": title,
        "status": status,
        "detail": advice,
        "code": code,
        "help": f"{issuer}/problems/{code}",
    }
    body = msgspec.json.encode(problem)
    return Answer(status, (*headers, ("content-length", str(len(body)))), body)


def challenge(refused: TokenRefused) -> str:
    """The value of `WWW-Authenticate` (RFC 6750 section 3)."""
    code = refused.code
    if code == "token_missing":
        return "Bearer"  # section 3.1: no error code where no token was sent
    error = code if code in _STATUS else "invalid_token"
    text = f'Bearer error="{error}", error_description="{refused.sentence}"'
    if isinstance(refused, RightMissing) and refused.kind == "scope":
        text += f', scope="{_quotable(refused.name)}"'
    return text


def _quotable(text: str) -> str:
    # The characters of a scope (RFC 6749 section 3.3); none of them can end the quotation or the header.
    return "".join(
        character if "!" <= character <= "~" and character not in '"\\' else "?" for character in text
    )
