"""What every guard shares, free of any framework: read the credential, check it, word the refusal.

RFC 6750 for credential, challenge and status; RFC 9457 for the body. A guard adds only how its framework
hands over a request and takes an answer.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from sekisho_verify.errors import (
    PROBLEM_TYPE,
    SENTENCES,
    UNAVAILABLE,
    ConfigurationError,
    RightMissing,
    TokenRefused,
)
from sekisho_verify.rights import Rights
from sekisho_verify.verifier import NO_FEED

if TYPE_CHECKING:
    from sekisho_verify.access_token import AccessToken
    from sekisho_verify.errors import RefusalCode, VerificationUnavailable
    from sekisho_verify.verifier import Verifier

RETRY_AFTER: Final = 5
"""Seconds after which a caller may ask again, where no verdict could be given."""

_RENEW: Final = "Refresh it and try again."
_ADVICE: Final[dict[RefusalCode, str]] = {
    "token_missing": "Send it as Authorization: Bearer, and nowhere else.",
    "invalid_request": "Send one, as Authorization: Bearer, and nowhere else.",
    "token_expired": _RENEW,
    "token_stale": _RENEW,
    "token_revoked": "Log in again.",
}
_STATUS: Final[dict[str, int]] = {"insufficient_scope": 403, "invalid_request": 400}
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
        scope: a scope that the token must carry.
        role: a role that it must carry.
        group: a group that it must carry.
        permission: a permission that it must carry.
        sensitive: refuse rather than rely on revocations that may be seconds old. It needs a verifier with a
            revocation feed.

    Raises:
        ConfigurationError: if a required right is the empty string, or `sensitive` cannot be had.
    """

    __slots__ = ("_rights", "_sensitive", "verifier")

    def __init__(
        self,
        verifier: Verifier,
        *,
        scope: str | None = None,
        role: str | None = None,
        group: str | None = None,
        permission: str | None = None,
        sensitive: bool = False,
    ) -> None:
        if sensitive and verifier.feed is None:
            raise ConfigurationError(NO_FEED)
        self.verifier: Final = verifier
        self._sensitive: Final = sensitive
        self._rights: Final = Rights(scope=scope, role=role, group=group, permission=permission)

    def token(self, authorization: str | None, *, query: str | bytes = "") -> AccessToken:
        """The token of a request, good and with every right that is required.

        A verifier that has no keys yet waits for them, at the first request that brings a credential.

        Args:
            authorization: the value of the one `Authorization` header, or None where there is none. Values
                that a server had joined are told by their comma, which no token has.
            query: the query string. A token in it is never used, since URLs are logged; beside one in the
                header the request is refused (RFC 6750 section 2).

        Raises:
            TokenRefused: for everything else.
            VerificationUnavailable: if no verdict can be given now.
        """
        return self._checked(credential(authorization, query=query))

    async def atoken(self, authorization: str | None, *, query: str | bytes = "") -> AccessToken:
        """`token` for asyncio: while keys are waited for, the event loop goes on."""
        text = credential(authorization, query=query)
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
        return answer(error, issuer=self.verifier.issuer)


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

    def by(self, verifier: Verifier) -> BearerCheck:
        """The check by this verifier; the one before is kept and given again while the verifier stays.

        Raises:
            ConfigurationError: if `sensitive` cannot be had.
        """
        made = self._made
        if made is None or made.verifier is not verifier:
            made = self._made = BearerCheck(verifier, **self._rights, sensitive=self._sensitive)
        return made


def credential(authorization: str | None, *, query: str | bytes = "") -> str:
    """The token's text in an `Authorization` header (RFC 6750 section 2.1), not verified.

    Raises:
        TokenRefused: `token_missing` for no header or another scheme, `invalid_request` for two credentials.
    """
    if authorization is None:
        raise TokenRefused("token_missing", "no Authorization header")
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise TokenRefused("token_missing", "another scheme than Bearer")
    if "," in text:
        raise TokenRefused("invalid_request", "two Authorization headers, joined")
    if query and "access_token=" in (query if isinstance(query, str) else query.decode("latin-1")):
        raise TokenRefused("invalid_request", "one token in the header, another in the query")
    return text


def answer(error: TokenRefused | VerificationUnavailable, *, issuer: str) -> Answer:
    """Status, challenge and problem document for a refusal, or 503 where no verdict can be given."""
    code = error.code
    headers = [("content-type", "application/problem+json"), ("cache-control", "no-store")]
    if isinstance(error, TokenRefused):
        status = _STATUS.get(code, 401)
        title, advice = SENTENCES[error.code], _ADVICE.get(error.code, "Get a new one from the issuer.")
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
    text = f'Bearer error="{error}", error_description="{SENTENCES[code]}"'
    if isinstance(refused, RightMissing) and refused.kind == "scope":
        text += f', scope="{_quotable(refused.name)}"'
    return text


def _quotable(text: str) -> str:
    # The characters of a scope (RFC 6749 section 3.3); none of them can end the quotation or the header.
    return "".join(
        character if "!" <= character <= "~" and character not in '"\\' else "?" for character in text
    )
