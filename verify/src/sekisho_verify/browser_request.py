"""What of a request decides whether the session cookie in it may speak for it, read from ASGI or WSGI.

A browser adds its cookie whoever wrote the page. So the issuer has to be told what the browser says of that
page; and of everything else in the request it is told nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Change nothing, so that it does not matter which page has sent them (RFC 9110 section 9.2.1)."""
PAGE_FIELDS: Final = ("origin", "sec-fetch-site", "sekisho-csrf")
"""The headers that tell where a page is, and prove that it is one of ours."""

_PAGE: Final = {name.encode(): name for name in PAGE_FIELDS}
_PAGE_KEYS: Final = tuple((f"HTTP_{name.upper().replace('-', '_')}", name) for name in PAGE_FIELDS)
_WEBSOCKET: Final = "CONNECT"
"""The method of a WebSocket since RFC 8441. Over HTTP/1.1 it begins as a GET, which any page may send to
anywhere, and goes on in both directions: so it must not pass for one."""


class BrowserRequest(NamedTuple):
    """A request as far as its cookie is concerned.

    `cookies` are the values of its `Cookie` headers, `page` name and value of what it says of the page: all
    as they came, repeated ones included.
    """

    method: str
    cookies: tuple[str, ...]
    page: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"<BrowserRequest {self.method!a}>"  # cookies are credentials, and belong into no log

    @property
    def safe(self) -> bool:
        """Whether it changes nothing."""
        return self.method in SAFE_METHODS


def of_scope(scope: Mapping[str, Any]) -> BrowserRequest:
    """The request of an ASGI scope, of type `http` or `websocket`."""
    method: str = scope["method"] if scope["type"] == "http" else _WEBSOCKET
    cookies: list[str] = []
    page: list[tuple[str, str]] = []
    for name, value in scope["headers"]:
        if name == b"cookie":
            cookies.append(value.decode("latin-1"))
        elif name in _PAGE:
            page.append((_PAGE[name], value.decode("latin-1")))
        elif name == b"sec-websocket-key":
            method = _WEBSOCKET
    return BrowserRequest(method, tuple(cookies), tuple(page))


def of_environ(environ: Mapping[str, Any]) -> BrowserRequest:
    """The request of a WSGI environ (PEP 3333), or of Django's `request.META`.

    Headers that came twice are one here, joined by a comma; none of these has a comma in it, so nobody takes
    such a value for one of them.
    """
    method: str = _WEBSOCKET if "HTTP_SEC_WEBSOCKET_KEY" in environ else environ["REQUEST_METHOD"]
    cookie: str | None = environ.get("HTTP_COOKIE")
    page = tuple((name, environ[key]) for key, name in _PAGE_KEYS if key in environ)
    return BrowserRequest(method, () if cookie is None else (cookie,), page)
