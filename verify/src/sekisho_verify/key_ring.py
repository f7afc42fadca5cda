"""One set of keys, and the tokens that were verified by it: what a verifier looks at for each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from sekisho_verify.access_token import AccessToken
from sekisho_verify.errors import KeySetUnavailable
from sekisho_verify.jws import CompactVerifier
from sekisho_verify.revocations.live import Marks

if TYPE_CHECKING:
    from collections.abc import Callable

    from sekisho_verify.claims import AccessClaims
    from sekisho_verify.keys import VerificationKey

ACCESS_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 -- a media type (RFC 9068 section 2.1), no secret
MAX_REMEMBERED: Final = 4 * 1024
"""Characters of the longest token that is remembered.

Longer ones fit into no cookie and hardly into a header, so they are rare; to remember the default number of
16 KiB each could take half a GiB.
"""

# What is remembered of a token: what is handed out, and what is checked at each use.
Verified = tuple[AccessToken, "AccessClaims", Marks]
UNMARKED: Final = Marks((), 0, 0.0)  # for a verifier without a feed, which looks at none


class KeyRing:
    """One set of keys, and the tokens that were verified by it.

    A verifier holds one, in one attribute, and gets another when its keys change. So a token is never
    remembered longer than the keys that proved it: a thread that is just about to remember one writes into
    the ring that it began with, which nobody reads any more.
    """

    __slots__ = ("_size", "keys", "kid_of", "older", "open", "recent", "until")

    def __init__(self, keys: tuple[VerificationKey, ...], *, size: int, until: float) -> None:
        self.keys: Final = keys
        seals = CompactVerifier(keys, typ=ACCESS_TOKEN_TYPE) if keys else None
        self.open: Final[Callable[[str], bytes]] = _no_keys if seals is None else seals.open
        self.kid_of: Final[Callable[[str], str]] = _no_keys if seals is None else seals.kid_of
        self.until = until
        """Seconds since 1970 after which the keys are to be asked for again before they prove anything."""
        self.recent: dict[str, Verified] = {}
        self.older: dict[str, Verified] = {}
        self._size: Final = size

    def remember(self, text: str, verified: Verified) -> None:
        """Keep what was verified, for as long as there is room."""
        # Two generations instead of a linked list: what was not used while the recent ones filled up is
        # dropped with the older. Each step is one operation on a dict, so threads need no lock; a race
        # forgets at most.
        if not self._size or len(text) > MAX_REMEMBERED:
            return
        if len(self.recent) >= self._size:
            self.older, self.recent = self.recent, {}
        self.recent[text] = verified


def _no_keys(_: str) -> NoReturn:
    raise KeySetUnavailable("no keys")
