"""What a browser may say of the page that asks, and whose requests pass: F1, told a second time."""

from __future__ import annotations

from typing import Final

OWN: Final = "http://localhost:8400"
#: An origin that a server may list.
LISTED: Final = "https://app.example.com"
#: Values of `Sec-Fetch-Site`, and of `Origin`; none where the header is not sent.
SITES: Final = (None, "same-origin", "same-site", "cross-site", "none", "Same-Origin")
ORIGINS: Final = (None, OWN, "https://evil.example", "null", LISTED)


def passes(site: str | None, origin: str | None) -> bool:
    """Fetch Metadata first; then the origin, by name; a browser too old for both has the token alone."""
    if site in {"same-origin", "none"}:
        return True
    if site is None:
        return origin in {None, OWN, LISTED}
    return origin == LISTED
