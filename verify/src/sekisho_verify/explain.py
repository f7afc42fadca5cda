"""Every check of an access token in its order, with its verdict: for a person who asks why one is refused.

Never on the way of a request. The verifier's own parts judge, one after the other; what is added here is only
which of a part's checks has refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeVar, get_args

from sekisho_verify.claims import Expectations, read_claims
from sekisho_verify.encoding import b64url_decode, json_object
from sekisho_verify.errors import EncodingError, RefusalCode, RevocationsUnavailable, TokenRefused
from sekisho_verify.jws import MAX_HEADER, MAX_TOKEN, REFUSED_MEMBERS, CompactVerifier
from sekisho_verify.key_ring import ACCESS_TOKEN_TYPE
from sekisho_verify.revocations.live import marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sekisho_verify.claims import AccessClaims
    from sekisho_verify.keys import VerificationKey
    from sekisho_verify.revocations.live import Marks, Revocations

R = TypeVar("R")

CheckName = Literal[
    "form",
    "header",
    "algorithm",
    "members",
    "type",
    "key",
    "signature",
    "claims",
    "issuer",
    "audience",
    "lifetime",
    "expiry",
    "not before",
    "revocation",
]
CHECKS: Final[tuple[CheckName, ...]] = get_args(CheckName)
"""The names of the checks, in the order in which they are made."""

_BY_CODE: Final[dict[RefusalCode, CheckName]] = {
    "token_alg_not_allowed": "algorithm",
    "token_type_mismatch": "type",
    "token_key_unknown": "key",
    "token_signature_mismatch": "signature",
    "token_issuer_mismatch": "issuer",
    "token_audience_mismatch": "audience",
    "token_expired": "expiry",
    "token_not_yet_valid": "not before",
    "token_revoked": "revocation",
    "token_stale": "revocation",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its verdict.

    Attributes:
        name: stable; one of `CHECKS`.
        verdict: behind the check that refused none is reached, which is no praise of them; the revocations
            are `not_asked` where there is no feed.
        code: what the token is refused with, or None.
        detail: more for the operator, with values of the token, escaped.
    """

    name: CheckName
    verdict: Literal["passed", "refused", "not_reached", "not_asked"]
    code: RefusalCode | None = None
    detail: str = ""


def explain(
    text: str,
    *,
    keys: Iterable[VerificationKey],
    issuer: str,
    audience: str,
    feed: Revocations | None,
    now: float,
) -> tuple[Check, ...]:
    """The checks that a `Verifier` with these expectations makes of `text` at `now`, seconds since 1970.

    Raises:
        ConfigurationError: no keys, or an empty issuer or audience.
    """
    told = _Told()
    seal = CompactVerifier(keys, typ=ACCESS_TOKEN_TYPE)
    expectations = Expectations(issuer=issuer, audience=audience)
    payload = told.ask(lambda: seal.open(text), lambda: _malformed_part(text), upto="signature")
    claims: AccessClaims | None = None
    if payload is not None:
        claims = told.ask(lambda: read_claims(payload), lambda: "claims", upto="claims")
    if claims is not None:
        held = claims
        told.ask(lambda: expectations.check(held, now=now), lambda: "lifetime", upto="not before")
        told.ask_feed(feed, lambda: marks(held, kid=seal.kid_of(text)))
    return told.whole()


def _malformed_part(text: str) -> CheckName:
    """Which check finds a text malformed, of those that ask for its seal."""
    header, _, rest = text.partition(".")
    payload, _, seal = rest.partition(".")
    if len(text) > MAX_TOKEN or not text.isascii() or text.count(".") != 2 or not header:
        return "form"
    try:
        members = json_object(b64url_decode(header.encode()), unique_members=True)
    except EncodingError:
        return "header"
    if len(header) > MAX_HEADER:
        return "header"
    if not members.keys().isdisjoint(REFUSED_MEMBERS):
        return "members"
    try:
        sealed = bool(payload and b64url_decode(seal.encode()))
    except EncodingError:
        return "signature"
    # The seal was read and held: what is left is the encoding of the payload.
    return "claims" if sealed else "signature"


class _Told:
    """The verdicts so far."""

    def __init__(self) -> None:
        self._checks: dict[CheckName, Check] = {}
        self._over = False

    def ask(self, part: Callable[[], R], malformed: Callable[[], CheckName], *, upto: CheckName) -> R | None:
        """Let one part judge, unless one before it has refused; what it returns, or None if it refused."""
        if self._over:
            return None
        try:
            result = part()
        except TokenRefused as refused:
            at = _BY_CODE.get(refused.code) or malformed()
            self._pass_before(at)
            self._checks[at] = Check(at, "refused", refused.code, refused.detail)
            self._over = True
            return None
        self._pass_before(upto)
        self._checks[upto] = Check(upto, "passed")
        return result

    def ask_feed(self, feed: Revocations | None, marked: Callable[[], Marks]) -> None:
        """Let the revocations judge, if there are any and nothing has refused."""
        if self._over:
            return
        if feed is None:
            self._checks["revocation"] = Check("revocation", "not_asked")
            return
        try:
            self.ask(lambda: feed.check(marked()), lambda: "revocation", upto="revocation")
        except RevocationsUnavailable as error:
            self._checks["revocation"] = Check("revocation", "not_asked", detail=error.detail)

    def whole(self) -> tuple[Check, ...]:
        """Every check there is, those that were not reached included."""
        return tuple(self._checks.get(name) or Check(name, "not_reached") for name in CHECKS)

    def _pass_before(self, name: CheckName) -> None:
        for before in CHECKS[: CHECKS.index(name)]:
            self._checks.setdefault(before, Check(before, "passed"))
