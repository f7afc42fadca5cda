"""From path and method to an endpoint, and from whatever it raises to an answer.

Core paths are found by one dictionary look-up: a router that tries one pattern after another costs a refresh
more than reading its body does. Whatever is not a core path goes to the routes of the features.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Router
from starlette.types import Receive, Scope, Send

from sekisho.rules.refusals import Refusal
from sekisho.web.credentials import sign_in
from sekisho.web.cross_site import SAFE_METHODS
from sekisho.web.endpoint import Answer, Call, Content, Endpoint, Site
from sekisho.web.exchange import Exchange, exchange_of
from sekisho.web.logs import LOG, Line
from sekisho.web.metrics import REFUSALS
from sekisho.web.problems import problem
from sekisho.web.wire import STATUS, ClientGone, Headers, Reply, encode, read_json, reader
from sekisho_verify.errors import TokenRefused

_UNMATCHED: Final = "(none)"


class Operation:
    """An endpoint, ready to serve."""

    def __init__(self, endpoint: Endpoint[Any], site: Site) -> None:
        self.endpoint = endpoint
        self._site = site
        self._read: Callable[[bytes], Any] | None = reader(endpoint.body) if endpoint.body else None
        self._json_headers: Headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", endpoint.cache.encode()),
        ]

    async def answer(self, exchange: Exchange, receive: Receive, param: str) -> Reply:
        """Find out who asks, read the body, do it, and put the result into bytes."""
        endpoint, site = self.endpoint, self._site
        if endpoint.method not in SAFE_METHODS:
            site.gate.admit(exchange.raw_headers)
        call: Call[Any] = Call(
            client=exchange.client,
            headers=exchange.headers,
            raw_headers=exchange.raw_headers,
            language=exchange.language,
            param=param,
            body=None,
        )
        if b"cookie" in exchange.headers:
            call.cookies = site.cookies.read(exchange.raw_headers)
        if endpoint.signed_in:
            await sign_in(site, call, endpoint.method)
        if self._read is not None:
            body = await read_json(exchange.headers, receive, optional=endpoint.body_optional)
            call.body = self._read(b"{}" if body is None else body)
        result = await endpoint.handler(site, call)
        more: Headers = []
        if isinstance(result, Answer):
            more, result = list(result.headers), result.body
        if result is None:
            return Reply(204, [*self._json_headers[1:], *more])
        if isinstance(result, Content):
            headers = [
                (b"content-type", result.media_type.encode()),
                *self._json_headers[1:],
                *result.headers,
            ]
            return Reply(endpoint.status, headers, result.body)
        return Reply(endpoint.status, [*self._json_headers, *more], encode(result))


@dataclass(frozen=True, slots=True)
class _Path:
    template: str
    operations: dict[str, Operation]

    @property
    def allow(self) -> bytes:
        """The value of `Allow` (RFC 9110 section 10.2.1)."""
        methods = {*self.operations, "OPTIONS"}
        if "GET" in methods:
            methods.add("HEAD")
        return ", ".join(sorted(methods)).encode()


class Dispatcher:
    """The ASGI application inside the envelope: core endpoints, then the routes of features."""

    def __init__(
        self, site: Site, endpoints: Iterable[Endpoint[Any]], routes: Iterable[BaseRoute] = ()
    ) -> None:
        self._site = site
        self._fixed: dict[str, _Path] = {}
        self._with_param: dict[str, _Path] = {}
        for endpoint in endpoints:
            self._add(endpoint)
        # A wrong slash is a wrong address: no redirect carries a body or a token somewhere else.
        self._router = Router(list(routes), redirect_slashes=False)

    def _add(self, endpoint: Endpoint[Any]) -> None:
        head, brace, _ = endpoint.path.partition("{")
        table = self._with_param if brace else self._fixed
        path = table.setdefault(head, _Path(endpoint.path, {}))
        if path.template != endpoint.path or endpoint.method in path.operations:
            raise ValueError(f"two endpoints claim {endpoint.method} {endpoint.path}")
        path.operations[endpoint.method] = Operation(endpoint, self._site)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing but a broken connection leaves as an exception."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        exchange = exchange_of(scope)
        head = scope["method"] == "HEAD"
        try:
            reply = await self._reply(exchange, scope, receive, send)
        except (Refusal, TokenRefused) as refusal:
            reply = self._refuse(exchange, refusal)
        except HTTPException as refused:
            reply = self._refuse_route(exchange, refused)
        except ClientGone:
            raise
        except Exception as fault:
            if exchange.status:
                raise  # the answer has begun: only breaking it off tells the client that it is not whole
            LOG.exception(Line("internal", {"request_id": exchange.client.request_id}), exc_info=fault)
            reply = self._refuse(exchange, Refusal("internal"))
        if reply is not None:
            await reply.send(send, head=head)

    async def _reply(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> Reply | None:
        path, param = self._find(exchange.path)
        if path is None:
            exchange.route = _UNMATCHED
            scope = {**scope, "app": self}  # so that Starlette raises its 404 and 405 instead of answering
            await self._router(scope, receive, send)
            return None
        exchange.route = path.template
        method = scope["method"]
        operation = path.operations.get("GET" if method == "HEAD" else method)
        if operation is not None:
            return await operation.answer(exchange, receive, param)
        allow = (b"allow", path.allow)
        if method == "OPTIONS":
            return Reply(204, [allow])
        refused = self._refuse(exchange, Refusal("method_not_allowed"))
        return Reply(refused.status, [*refused.headers, allow], refused.body)

    def _find(self, path: str) -> tuple[_Path | None, str]:
        found = self._fixed.get(path)
        if found is not None:
            return found, ""
        head, slash, param = path.rpartition("/")
        return (self._with_param.get(head + slash), param) if param else (None, "")

    def _refuse(self, exchange: Exchange, refusal: Refusal | TokenRefused) -> Reply:
        if exchange.status:
            raise refusal
        exchange.code = refusal.code
        self._site.metrics.count(REFUSALS, exchange.route, refusal.code)
        if refusal.detail:
            level = logging.WARNING if STATUS[refusal.code] >= 500 else logging.DEBUG
            told = {"code": refusal.code, "detail": refusal.detail, "request_id": exchange.client.request_id}
            LOG.log(level, Line("refused", told))
        return problem(
            refusal,
            language=exchange.language,
            request_id=exchange.client.request_id,
            base_path=self._site.base_path,
        )

    def _refuse_route(self, exchange: Exchange, refused: HTTPException) -> Reply:
        code = {404: "not_found", 405: "method_not_allowed", 403: "forbidden"}.get(refused.status_code)
        if code is None:
            LOG.error(Line("internal", {"request_id": exchange.client.request_id}), exc_info=refused)
        reply = self._refuse(exchange, Refusal(code or "internal"))  # type: ignore[arg-type]  # values above are codes
        allow = (refused.headers or {}).get("Allow")
        return Reply(
            reply.status, [*reply.headers, *([(b"allow", allow.encode())] if allow else [])], reply.body
        )
