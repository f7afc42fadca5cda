"""Who may read the revocation feed: it tells who logs out when, to anybody who knows a user id.

A token that nobody configured derives from the root secret. So every server on it expects the same one, and
goes on believing the one of the root secret before.
"""

from __future__ import annotations

import re
from hmac import compare_digest
from typing import Final

from sekisho.frozen import Frozen, Hidden
from sekisho.rules import opaque
from sekisho.rules.opaque import MacKeys, OpaqueRefused
from sekisho.rules.refusals import Refusal

PREFIX: Final = "skf1_"
#: RFC 6750 section 2.1.
_B64TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]+=*")


def is_token(given: bytes) -> bool:
    """Whether it can be presented as a bearer token."""
    return _B64TOKEN.fullmatch(given) is not None


def derived_token(keys: MacKeys) -> str:
    """The token of these keys."""
    return opaque.seal(PREFIX, b"", keys)


class FeedTokens(Frozen):
    """The tokens that are believed: those that an operator gave, or one that derives from keys.

    Args:
        given: what was configured, in each of its versions.
        keys: those of the token that is derived, where none was given.
    """

    given: Hidden[tuple[bytes, ...]] = ()
    keys: MacKeys | None = None

    def admit(self, presented: str | None) -> None:
        """Return if the feed may be read with that; with neither tokens nor keys, by anybody.

        Raises:
            Refusal: `feed_token_refused`.
        """
        if self.given:
            offered = (presented or "").encode()
            # Every one is compared, so that the time tells nothing of which one was near.
            if not sum(compare_digest(offered, token) for token in self.given):
                raise Refusal("feed_token_refused")
        elif self.keys is not None:
            try:
                opaque.unseal(PREFIX, presented or "", self.keys, body_bytes=0)
            except OpaqueRefused:
                raise Refusal("feed_token_refused") from None
