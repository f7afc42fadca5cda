"""What every guard must answer, whatever its framework: credentials, and how they are refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from sekisho_verify import HmacKey, HmacKeySource, Verifier
from sekisho_verify.bearer import answer
from sekisho_verify.errors import SENTENCES, KeySetUnavailable, RightMissing, TokenRefused
from tests.verify.tokens import AUDIENCE, EC, HMAC, ISSUER, NOW, OTHER_HMAC, claims, header, seal, token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sekisho_verify.bearer import Answer
    from sekisho_verify.errors import RefusalCode

GOOD: Final = token()

#: Values of the Authorization header that hold no bearer token; None for no header.
NO_TOKEN: Final = (None, "", "Basic dXNlcjpwYXNz", "BearerX abc", "Bearer\tabc", "Token abc")

#: Bearer tokens that are refused, each by its code.
BAD: Final[tuple[tuple[str, RefusalCode], ...]] = (
    ("", "token_malformed"),
    ("x", "token_malformed"),
    ("A" * 100_000, "token_malformed"),
    ("\xe9.\xe9.\xe9", "token_malformed"),
    (GOOD + "=", "token_malformed"),
    (" " + GOOD, "token_malformed"),
    (seal(header(alg="none"), claims()), "token_alg_not_allowed"),
    (token(EC), "token_alg_not_allowed"),
    (token(OTHER_HMAC), "token_key_unknown"),
    (seal(header(kid=HMAC.kid), claims(), OTHER_HMAC), "token_signature_mismatch"),
    (seal(header(typ="JWT"), claims()), "token_type_mismatch"),
    (token(iss="https://other.example"), "token_issuer_mismatch"),
    (token(aud="other"), "token_audience_mismatch"),
    (token(exp=NOW), "token_expired"),
    (token(nbf=NOW + 1), "token_not_yet_valid"),
)

#: Values that hold two credentials.
TWO: Final = (f"Bearer {GOOD}, Bearer {GOOD}", f"Bearer {GOOD},Basic dXNlcjpwYXNz", f"Bearer {GOOD}, x")

#: Every refusal and unavailability that a view may raise by itself, and a right with a hostile name.
RAISED: Final[tuple[TokenRefused | KeySetUnavailable, ...]] = (
    *(TokenRefused(code, "for the log only") for code in SENTENCES),
    RightMissing("permission", "secret:read"),
    RightMissing("scope", 'a"b\\c\r\nx: y'),
    KeySetUnavailable("for the log only"),
)

#: A right that the good token lacks, of each kind, and one that it carries.
LACKING: Final[tuple[tuple[str, str, str], ...]] = (
    ("scope", "admin", "read"),
    ("role", "admin", "clerk"),
    ("group", "osaka", "tokyo"),
    ("permission", "customers:write", "customers:read"),
)


class Told(NamedTuple):
    """An answer of any framework: names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code in the problem document, after everything else about it was checked."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["cache-control"] == "no-store"
        problem: dict[str, object] = json.loads(self.body)
        assert problem.keys() == {"type", "title", "status", "detail", "code", "help"}
        assert problem["status"] == self.status
        assert b"log only" not in self.body
        return str(problem["code"])


def without_keys() -> Verifier:
    """A verifier that cannot load its keys."""

    def secrets() -> list[HmacKey]:
        raise ConnectionError("for the log only")

    return Verifier(issuer=ISSUER, audience=AUDIENCE, keys=HmacKeySource(secrets), feed=None)


def expected(error: TokenRefused | KeySetUnavailable) -> Answer:
    """What `error` is to be answered with."""
    return answer(error, issuer=ISSUER)


def assert_answers(told: Told, error: TokenRefused | KeySetUnavailable) -> None:
    """Status, body and every header that the refusal has, and none that could have been broken open."""
    wanted = expected(error)
    assert (told.status, told.body) == (wanted.status, wanted.body)
    assert told.code == error.code
    for name, value in wanted.headers:
        assert told.headers[name] == value
    assert ("www-authenticate" in told.headers) == isinstance(error, TokenRefused)
    assert ("retry-after" in told.headers) == isinstance(error, KeySetUnavailable)
    assert not any("\n" in value or "\r" in value for value in told.headers.values())
