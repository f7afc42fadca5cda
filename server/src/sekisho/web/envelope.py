"""The outermost layer: request id, security headers, one log line and one count a request.

It wraps everything, features and refusals included, so that no handler can leave them off.
"""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any, Final

from sekisho.web.asgi import ASGIApp, Message, Receive, Scope, Send
from sekisho.web.client import Clients
from sekisho.web.logs import ACCESS, log_request
from sekisho.web.metrics import Metrics
from sekisho.web.request_context import RequestContext
from sekisho.web.wire import ClientGone, Headers

_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

# What every answer carries (H1), and what those carry that said nothing else.
_ALWAYS: Final[Headers] = [(b"x-content-type-options", b"nosniff")]
#: Two years (OWASP), once the operator has https; on plain http browsers ignore it.
_HSTS: Final = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_UNLESS_SAID: Final[Headers] = [
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


class Envelope:
    """The ASGI application that a server runs, around the one that answers."""

    def __init__(
        self, app: ASGIApp, *, clients: Clients, metrics: Metrics, base_path: str, https: bool
    ) -> None:
        self._app = app
        self._clients = clients
        self._metrics = metrics
        self._base_path = base_path
        self._always: Headers = [*_ALWAYS, _HSTS] if https else list(_ALWAYS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry one request in and its answer out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        raw_headers = list(scope["headers"])
        headers = dict(raw_headers)
        root, path = self._below(scope)
        context = RequestContext(
            client=self._clients.identify(scope, headers),
            path=path,
            query=scope.get("query_string", b""),
            headers=headers,
            raw_headers=raw_headers,
        )
        always = [*self._always, (b"x-request-id", context.client.request_id.encode())]

        async def seal(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                given = message.get("headers", ())
                names = {name for name, _ in given}
                message["headers"] = [
                    *given,
                    *always,
                    *(header for header in _UNLESS_SAID if header[0] not in names),
                ]
            await send(message)

        try:
            await self._app(context.into(scope, root_path=root), receive, seal)
        except ClientGone:
            context.status = context.status or 499  # for the log and the counts; nobody receives it
        except BaseException:
            context.status = context.status or 500
            raise
        finally:
            self._account(context, scope["method"], perf_counter() - began)

    def _below(self, scope: Scope) -> tuple[str, str]:
        """Where our own root is, and the path below it.

        A framework that mounts us says it in `root_path`; a proxy that passes the issuer's path on as it is
        says nothing.
        """
        path: str = scope["path"]
        root: str = scope.get("root_path", "")
        for prefix in (root, self._base_path):
            if prefix and path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in {"", "/"}:
                return prefix, path[len(prefix) :] or "/"
        return root, path

    def _account(self, context: RequestContext, method: str, seconds: float) -> None:
        method = method if method in _METHODS else "other"
        # A route that was never found, or a connection that broke before one was.
        route = context.route or "(none)"
        self._metrics.request(method, route, str(context.status), seconds)
        if ACCESS.isEnabledFor(logging.INFO):
            fields: dict[str, Any] = {
                "method": method,
                "route": route,
                "status": context.status,
                "ms": round(seconds * 1000, 2),
                "ip": context.client.ip,
                "request_id": context.client.request_id,
            }
            if context.code:
                fields["code"] = context.code
            log_request(fields)
