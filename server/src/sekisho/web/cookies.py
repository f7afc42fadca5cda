"""Our cookies: their names, how they are read and how they are set (RFC 6265, OWASP; SE2).

On https the names have the prefix `__Host-`, by which a browser takes them from this very host alone, for the
whole of it, and over TLS. On plain http, which is for localhost only, Safari would drop such a cookie, so
there the same names stand without prefix and Secure. Scheme and names follow the issuer, and cannot be
configured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

from sekisho.frozen import Frozen, Hidden
from sekisho.rules.refusals import Refusal

Name = Literal[
    "sekisho", "sekisho-refresh", "sekisho-csrf", "sekisho-device", "sekisho-language", "sekisho-theme"
]

#: The session (mode `session`).
SESSION: Final = "sekisho"
#: The refresh token (mode `browser`).
REFRESH: Final = "sekisho-refresh"
#: What a CSRF token is bound to before there is a session.
CSRF: Final = "sekisho-csrf"
#: The device secret of the throttle.
DEVICE: Final = "sekisho-device"
#: What was chosen on a page: no secrets, and whatever else is found there counts for nothing.
LANGUAGE: Final = "sekisho-language"
THEME: Final = "sekisho-theme"
_NAMES: Final[tuple[Name, ...]] = get_args(Name)


class Cookies(Frozen):
    """What a request carried of ours, unread: a value is anything that a stranger may have written.

    Each name with the values that came under it.
    """

    values: Hidden[Mapping[Name, list[str]]]

    def get(self, name: Name) -> str | None:
        """The value of one, or none.

        Raises:
            Refusal: `invalid_request` where it is there twice: a page on a sibling domain may have set the
                second, and which of them comes first is not ours to say. Who does not ask for a cookie does
                not care how often it came.
        """
        found = self.values.get(name)
        if found is None:
            return None
        if len(found) > 1:
            raise Refusal("invalid_request", f"two cookies named {name}")
        return found[0]

    def has(self, name: Name) -> bool:
        """Whether there is anything under that name, so that it can be removed."""
        return name in self.values


class CookieNames:
    """Reads and writes our cookies for one scheme.

    Args:
        https: whether the issuer's URL is https.
    """

    __slots__ = ("_attributes", "_by_wire_name", "_wire_names")

    def __init__(self, *, https: bool) -> None:
        prefix = "__Host-" if https else ""
        self._wire_names: Final[dict[Name, str]] = {name: prefix + name for name in _NAMES}
        self._by_wire_name: Final[dict[bytes, Name]] = {
            wire.encode(): name for name, wire in self._wire_names.items()
        }
        self._attributes: Final = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if https else "")

    def read(self, headers: Iterable[tuple[bytes, bytes]]) -> Cookies:
        """Our cookies of a request; those of others on this host are not looked at."""
        found: dict[Name, list[str]] = {}
        for header, value in headers:
            if header != b"cookie":
                continue
            for pair in value.split(b";"):
                wire, equals, text = pair.strip(b" \t").partition(b"=")
                name = self._by_wire_name.get(wire)
                if name is not None and equals:
                    found.setdefault(name, []).append(text.decode("latin-1"))
        return Cookies(found)

    def wire_name(self, name: Name) -> str:
        """The name under which one goes."""
        return self._wire_names[name]

    def put(self, name: Name, value: str, *, max_age: int) -> tuple[bytes, bytes]:
        """The header that sets one for `max_age` seconds. The server's time-outs decide; this only tidies."""
        text = f"{self._wire_names[name]}={value}; Max-Age={max_age}{self._attributes}"
        return b"set-cookie", text.encode("ascii")

    def delete(self, name: Name) -> tuple[bytes, bytes]:
        """The header that removes one."""
        return self.put(name, "", max_age=0)
