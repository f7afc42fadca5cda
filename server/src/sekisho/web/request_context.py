"""One request and what becomes of it: made by the envelope, read and filled in further inside."""

from __future__ import annotations

from typing import Final, cast

from sekisho.rules.session import Client
from sekisho.web.asgi import Scope
from sekisho.web.language import choose
from sekisho.words.catalogue import Language

_KEY: Final = "sekisho.request"


class RequestContext:
    """A request in its envelope.

    `path` is the path below wherever we are mounted, `query` what followed it, undecoded. `route` is the
    declared path, never the raw one; `code` that of a refusal; `status` is 0 until the answer has begun.
    """

    __slots__ = ("client", "code", "headers", "path", "query", "raw_headers", "route", "status")

    def __init__(
        self,
        *,
        client: Client,
        path: str,
        query: bytes,
        headers: dict[bytes, bytes],
        raw_headers: list[tuple[bytes, bytes]],
    ) -> None:
        self.client = client
        self.path = path
        self.query = query
        self.headers = headers
        self.raw_headers = raw_headers
        self.route = ""
        self.code = ""
        self.status = 0

    @property
    def language(self) -> Language:
        """The language that the caller reads."""
        return choose(self.headers.get(b"accept-language", b""))

    def into(self, scope: Scope, *, root_path: str) -> Scope:
        """A copy of the ASGI scope that carries it; its path begins with `root_path`."""
        return {**scope, "root_path": root_path, _KEY: self}


def context_of(scope: Scope) -> RequestContext:
    """The request that a scope carries, for routes of features too."""
    return cast("RequestContext", scope[_KEY])
