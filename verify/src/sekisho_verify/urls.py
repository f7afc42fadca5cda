"""Where a URL points, read once and strictly: an issuer's, its key set's, that of an API under attack."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""The names of this machine, for which plain http will do: a secure context in every browser, and no name
server is asked. The server accepts an issuer by the same list, so what it accepts its verifiers can reach."""


class Place(NamedTuple):
    """Where a URL points; its host is in lower case, and an IPv6 address without its brackets."""

    secure: bool
    host: str
    port: int
    path: str
    query: str

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What RFC 6454 compares: scheme, host, port."""
        return self.secure, self.host, self.port

    @property
    def local(self) -> bool:
        """Whether it is this machine."""
        return self.host in LOOPBACK

    @property
    def target(self) -> str:
        """What a request line names (RFC 9112 section 3.2.1)."""
        return self.path + (f"?{self.query}" if self.query else "")


def place(url: str) -> Place:
    """Where a URL points.

    Raises:
        ValueError: if it is not an http or https URL of a host, without user, password or fragment. The
            message does not repeat it: there may be a password in it.
    """
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("a URL is ASCII without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("a URL with a host or port that cannot be") from None
    if port == 0:
        raise ValueError("a URL with a host or port that cannot be")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise ValueError("not a plain URL of a host, by http or https")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL without user and password")
    secure = parts.scheme == "https"
    return Place(secure, parts.hostname, port or (443 if secure else 80), parts.path or "/", parts.query)


def safe_place(url: str) -> Place:
    """Where a URL points, if what comes from there can be believed: by https, or from this machine.

    Raises:
        ValueError: if it cannot, or as `place` says.
    """
    at = place(url)
    if not at.secure and not at.local:
        raise ValueError("https only, and http on this machine")
    return at
