"""The examiner of a shop: what it says of a token, and that it has keys before it says anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sekisho.features.explorer.examining import Examiner
from sekisho_verify import HmacKey, HmacKeySource, Verifier
from sekisho_verify.explain import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterable

ISSUER = "http://localhost:8400"
SECRET = b"a secret of the tests, 32 bytes long"


class Late:
    """Secrets that cannot be had the first time they are asked for."""

    def __init__(self, *, failures: float) -> None:
        self.failures = failures

    def __call__(self) -> Iterable[HmacKey]:
        """The key, or a failure."""
        self.failures -= 1
        if self.failures >= 0:
            raise OSError("the file is not there yet")
        return [HmacKey(SECRET)]


def examiner(secrets: Late) -> Examiner:
    """As a shop of the stage has it."""
    source = HmacKeySource(secrets)
    verifier = Verifier(issuer=ISSUER, audience="shop", keys=source, feed=None, clock=lambda: 0.0)
    return Examiner(verifier, source, clock=lambda: 0.0, steady=lambda: 0.0)


def test_keys_that_come_late_are_waited_for() -> None:
    """The first load fails and the second brings them: from the start on every check has a verdict."""
    examining = examiner(Late(failures=1))
    assert examining.start(patience=30)
    checks = examining.examine("e30.e30.c2ln")["checks"]
    assert [each["name"] for each in checks] == list(CHECKS)
    assert "refused" in {each["verdict"] for each in checks}


def test_who_has_no_keys_in_time_says_so() -> None:
    """It is no shop then: it does not begin with an empty list of checks."""
    assert not examiner(Late(failures=float("inf"))).start(patience=0.01)
