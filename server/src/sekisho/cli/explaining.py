"""Every check of an access token in its order: the verifier's own parts, asked one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from sekisho_verify import TokenRefused
from sekisho_verify.claims import Expectations, read_claims
from sekisho_verify.jws import CompactVerifier
from sekisho_verify.keys import VerificationKey
from sekisho_verify.verifier import ACCESS_TOKEN_TYPE

R = TypeVar("R")

#: The checks of each part in the order in which it makes them, and the code by which each refuses.
SEAL = {
    "form": "token_malformed",
    "algorithm": "token_alg_not_allowed",
    "type": "token_type_mismatch",
    "key": "token_key_unknown",
    "signature": "token_signature_mismatch",
}
CLAIMS = {"claims": "token_malformed"}
EXPECTED = {
    "issuer": "token_issuer_mismatch",
    "audience": "token_audience_mismatch",
    "lifetime": "token_malformed",
    "expiry": "token_expired",
    "not before": "token_not_yet_valid",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its verdict. Behind the one that refused none is reached, which is no praise of them."""

    name: str
    verdict: Literal["passed", "refused", "not_reached"]
    code: str = ""
    detail: str = ""


def explain(
    text: str, *, keys: Iterable[VerificationKey], issuer: str, audience: str, now: float
) -> list[Check]:
    """The checks of `text` at `now` (POSIX seconds).

    Raises:
        ConfigurationError: no keys, or an empty issuer or audience.
    """
    expectations = Expectations(issuer=issuer, audience=audience)
    seal = CompactVerifier(keys, typ=ACCESS_TOKEN_TYPE)
    told = _Told()
    payload = told.ask(SEAL, lambda: seal.open(text))
    claims = told.ask(CLAIMS, None if payload is None else lambda: read_claims(payload))
    told.ask(EXPECTED, None if claims is None else lambda: expectations.check(claims, now=now))
    return told.checks


class _Told:
    def __init__(self) -> None:
        self.checks: list[Check] = []

    def ask(self, names: dict[str, str], part: Callable[[], R] | None) -> R | None:
        """Let one part judge, unless one before it has refused; what it returns, or none if it refused."""
        if part is None:
            self.checks += [Check(name, "not_reached") for name in names]
            return None
        try:
            result = part()
        except TokenRefused as refused:
            at = list(names.values()).index(refused.code)
            for place, name in enumerate(names):
                if place == at:
                    self.checks.append(Check(name, "refused", refused.code, refused.detail))
                else:
                    self.checks.append(Check(name, "passed" if place < at else "not_reached"))
            return None
        self.checks += [Check(name, "passed") for name in names]
        return result
