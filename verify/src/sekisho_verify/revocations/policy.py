"""What one verifier makes of the revocations at each request: a verdict, or no verdict now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

from sekisho_verify.errors import ConfigurationError, RevocationsUnavailable, TokenRefused
from sekisho_verify.revocations.freshness import CUT, FRESH, Freshness
from sekisho_verify.revocations.live import Revocations, Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sekisho_verify.revocations.live import Marks

OnCut = Literal["accept", "young", "refuse"]
"""What happens to tokens when the feed is cut: they go on until they expire; only those that are young do,
and the others are to be refreshed; all are refused."""

YOUNG: Final = 300.0
"""Seconds from which a token is too old for the policy `young`."""


class RevocationPolicy:
    """The check of a verified token against the revocations, and against how fresh they are.

    Args:
        feed: the revocations.
        on_cut: what to do when the feed is cut: `accept` (a token then ends by its own `exp`), `young` (one
            of 300 seconds and more is refused as `token_stale`, so that its bearer refreshes it) or
            `refuse`.
        steady: seconds of the clock by which the feed learned its offset.
        behind: called, in whatever thread verifies, when a token knows of numbers that we lack. Whoever
            holds a signing key can cause that at will: it must be cheap, and throttled by what it wakes.

    Raises:
        ConfigurationError: if the feed is no `Revocations`, or there is no such policy.
    """

    __slots__ = ("_behind", "_lenient", "_on_cut", "_steady", "feed")

    def __init__(
        self,
        feed: Revocations,
        *,
        on_cut: OnCut,
        steady: Callable[[], float],
        behind: Callable[[], None] = lambda: None,
    ) -> None:
        _expect_revocations(feed)
        if on_cut not in get_args(OnCut):
            raise ConfigurationError(f"on_cut is accept, young or refuse; got {on_cut!a}")
        self.feed: Final = feed
        self._on_cut: Final = on_cut
        self._lenient: Final = on_cut == "accept"
        self._steady: Final = steady
        self._behind: Final = behind

    def check(self, token: Marks, *, now: float, sensitive: bool) -> None:
        """Return if the token may be accepted at `now`, seconds since 1970.

        Args:
            token: its marks.
            now: the time that its age is reckoned by.
            sensitive: refuse rather than rely on what is more than 2 seconds old.

        Raises:
            TokenRefused: `token_revoked` or `token_stale`.
            RevocationsUnavailable: no verdict can be given now.
        """
        # Before freshness: who is known to be revoked is told so, however old that is.
        if self.feed.check(token) is Standing.BEHIND:
            self._behind()
        if sensitive or not self._lenient:
            self._require_fresh(token, now=now, sensitive=sensitive)

    def _require_fresh(self, token: Marks, *, now: float, sensitive: bool) -> None:
        state = self.feed.freshness(self._steady())
        if state is Freshness.FRESH:
            return
        if sensitive:
            raise RevocationsUnavailable(f"{state.value}: not read within {FRESH:.0f} seconds")
        if state is Freshness.STALE or self._lenient:
            return
        if self._on_cut == "refuse":
            raise RevocationsUnavailable(f"{state.value}: not read within {CUT:.0f} seconds")
        if not now - token.issued_at < YOUNG:
            raise TokenRefused("token_stale", f"{state.value}, and the token is {YOUNG:.0f} seconds old")


def _expect_revocations(feed: object) -> None:
    if not isinstance(feed, Revocations):
        raise ConfigurationError(
            'feed="issuer" is the default; else give an IssuerFeed, Revocations of yours, or feed=None; '
            f"got {type(feed).__name__}"
        )
