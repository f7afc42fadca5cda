"""The cross-site gate: may the page that sent this unsafe request speak to us at all (F1, F2)?

Fetch Metadata first, which no page can forge; Origin where a browser is too old for it. Whoever has
neither is no browser, or one from before 2020: then the CSRF token alone decides, and it is always required
beside this. The listed origins are the same that CORS lets read the answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from sekisho.rules.refusals import Refusal

#: GET and HEAD change nothing, and OPTIONS asks for leave.
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN: Final = frozenset({b"same-origin", b"none"})


class CrossSiteGate:
    """Lets requests from our own pages through, and from those of listed origins.

    Args:
        own: our own origin: the issuer's, never what a Host header says.
        allowed: `SEKISHO_ALLOWED_ORIGINS`.
    """

    __slots__ = ("_listed", "_own")

    def __init__(self, own: str, allowed: Collection[str]) -> None:
        self._own: Final = own.encode()
        self._listed: Final = frozenset(origin.encode() for origin in allowed)

    def admit(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Return if the request may come from where it comes.

        Raises:
            Refusal: `origin_not_allowed`. `Origin: null` is nobody's own.
        """
        sites = [value for name, value in headers if name == b"sec-fetch-site"]
        origins = [value for name, value in headers if name == b"origin"]
        if len(sites) > 1 or len(origins) > 1:
            raise Refusal("origin_not_allowed", "Sec-Fetch-Site or Origin twice")
        if sites and sites[0] in _OWN:
            return
        # Another site, a sibling domain, or something we do not know: only by name. A browser that says so
        # and sends our own origin contradicts itself, so there ours is not enough.
        if origins and (origins[0] in self._listed or (not sites and origins[0] == self._own)):
            return
        if sites or origins:
            raise Refusal("origin_not_allowed", f"from {origins[0] if origins else sites[0]!r}")
