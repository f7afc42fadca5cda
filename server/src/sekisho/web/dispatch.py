"""From path and method to an endpoint, and from whatever it raises to an answer.

Core paths are found by one dictionary look-up: a router that tries one pattern after another costs a refresh
more than reading its body does. Whatever is not a core path goes to the routes of the features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

from sekisho.frozen import Frozen
from sekisho.rules.refusals import Refusal
from sekisho.web.asgi import Receive, Scope, Send
from sekisho.web.bearer import bearer_token
from sekisho.web.credentials import sign_in
from sekisho.web.cross_site import SAFE_METHODS
from sekisho.web.endpoint import Answer, Content, Endpoint, Site, call_of
from sekisho.web.event_stream import EventStream, StreamReply
from sekisho.web.logs import LOG, Line
from sekisho.web.pages import Asset, ErrorPage, Fetched, Page, Shown, Submitted, refusal_page
from sekisho.web.problems import problem
from sekisho.web.refusing import note_refusal
from sekisho.web.request_context import RequestContext, context_of
from sekisho.web.wire import ClientGone, Headers, Reply, encode, read_json, reader
from sekisho_verify.errors import TokenRefused

if TYPE_CHECKING:
    from sekisho.web.feature_routes import FeatureRoutes, Unserved

_UNMATCHED: Final = "(none)"
#: `X-Accel-Buffering`: nginx would otherwise keep events back until they fill a buffer.
_STREAM_HEADERS: Final[Headers] = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Operation(Protocol):
    """One method of one path, ready to serve."""

    async def answer(self, context: RequestContext, receive: Receive, param: str) -> Reply | StreamReply:
        """Do it, and say what came of it; `param` is the last segment of a path that ends in one."""
        ...


class Served:
    """An endpoint, ready to serve."""

    def __init__(self, endpoint: Endpoint[Any], site: Site) -> None:
        self.endpoint = endpoint
        self._site = site
        self._read: Callable[[bytes], Any] | None = reader(endpoint.body) if endpoint.body else None
        self._json_headers: Headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", endpoint.cache.encode()),
        ]

    async def answer(self, context: RequestContext, receive: Receive, param: str) -> Reply | StreamReply:
        """Find out who asks, read the body, do it, and put the result into bytes."""
        endpoint, site = self.endpoint, self._site
        if endpoint.method not in SAFE_METHODS:
            site.gate.admit(context.raw_headers)
        call = call_of(site, context, param)
        if endpoint.signed_in:
            await sign_in(site, call, endpoint.method)
        if endpoint.feed:
            site.acts.admit_to_feed(_feed_token(context))
        if self._read is not None:
            body = await read_json(context.headers, receive, optional=endpoint.body_optional)
            call.body = self._read(b"{}" if body is None else body)
        result = await endpoint.handler(site, call)
        more: Headers = []
        status = 204
        if isinstance(result, EventStream):
            return StreamReply(result, receive, _STREAM_HEADERS)
        if isinstance(result, Answer):
            more, status, result = list(result.headers), result.status, result.body
        if result is None:
            return Reply(status, [*self._json_headers[1:], *more])
        if isinstance(result, Content):
            headers = [
                (b"content-type", result.media_type.encode()),
                *self._json_headers[1:],
                *result.headers,
            ]
            return Reply(endpoint.status, headers, result.body)
        return Reply(endpoint.status, [*self._json_headers, *more], encode(result))


def _feed_token(context: RequestContext) -> str | None:
    try:
        return bearer_token(context.raw_headers)
    except TokenRefused:
        return None  # two of them: neither counts


class Negotiated:
    """A page where programs have an endpoint: shown to whoever asks for HTML."""

    def __init__(self, page: Operation, endpoint: Operation) -> None:
        self._page = page
        self._endpoint = endpoint

    async def answer(self, context: RequestContext, receive: Receive, param: str) -> Reply | StreamReply:
        """Let the one answer that was asked for, and tell caches what decided."""
        operation = self._page if _wants_html(context) else self._endpoint
        reply = await operation.answer(context, receive, param)
        if isinstance(reply, StreamReply):
            return reply
        if any(name == b"vary" and b"Accept" in value.split(b", ") for name, value in reply.headers):
            return reply
        return Reply(reply.status, [*reply.headers, (b"vary", b"Accept")], reply.body)


def _wants_html(context: RequestContext) -> bool:
    return b"text/html" in context.headers.get(b"accept", b"")


class _Path(Frozen):
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
        self,
        site: Site,
        endpoints: Iterable[Endpoint[Any]],
        routes: FeatureRoutes | None = None,
        *,
        pages: Iterable[Page | Asset] = (),
        error_page: ErrorPage | None = None,
    ) -> None:
        self._site = site
        self._fixed: dict[str, _Path] = {}
        self._with_param: dict[str, _Path] = {}
        for endpoint in endpoints:
            self._add(endpoint.path, endpoint.method, Served(endpoint, site))
        #: What answers programs; whoever asks for anything else may be a person with a browser.
        self._for_programs = {path.template for path in (*self._fixed.values(), *self._with_param.values())}
        self._error_page = error_page
        for page in pages:
            if isinstance(page, Asset):
                self._add(page.path, "GET", Fetched(page))
                continue
            self._add_shown(page, Shown(page, site))
            if page.submit is not None:
                self._add(page.path, "POST", Submitted(page, site))
        self._routes = routes

    def _add(self, template: str, method: str, operation: Operation) -> None:
        head, brace, _ = template.partition("{")
        table = self._with_param if brace else self._fixed
        path = table.setdefault(head, _Path(template, {}))
        if path.template != template or method in path.operations:
            raise ValueError(f"two endpoints claim {method} {template}")
        path.operations[method] = operation

    def _add_shown(self, page: Page, shown: Operation) -> None:
        head, brace, _ = page.path.partition("{")
        table = self._with_param if brace else self._fixed
        path = table.get(head) if page.beside_endpoint else None
        if path is None:
            self._add(page.path, "GET", shown)
            return
        path.operations["GET"] = Negotiated(shown, path.operations["GET"])
        self._for_programs.discard(page.path)  # what it refuses, it refuses to people too

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing but a broken connection leaves as an exception."""
        if scope["type"] != "http":
            await self._connect(scope, receive, send)
            return
        context = context_of(scope)
        head = scope["method"] == "HEAD"
        try:
            reply = await self._reply(context, scope, receive, send)
        except (Refusal, TokenRefused) as refusal:
            reply = self._refuse(context, refusal)
        except ClientGone:
            raise
        except Exception as fault:
            if context.status:
                raise  # the answer has begun: only breaking it off tells the client that it is not whole
            LOG.exception(Line("internal", {"request_id": context.client.request_id}), exc_info=fault)
            reply = self._refuse(context, Refusal("internal"))
        if reply is not None:
            await reply.send(send, head=head)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket: cookies go along and CORS does not hold it back, so the gate does (CWE-1385)."""
        try:
            self._site.gate.admit(scope["headers"])
        except Refusal:
            await send({"type": "websocket.close", "code": 1008, "reason": "origin_not_allowed"})
            return
        if self._routes is None:
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
            return
        await self._routes.connect(scope, receive, send)

    async def _reply(
        self, context: RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> Reply | StreamReply | None:
        path, param = self._find(context.path)
        if path is None:
            context.route = _UNMATCHED
            if scope["method"] not in SAFE_METHODS:
                # Here and not in the routes: what is forgotten in one of them is not noticed (F1).
                self._site.gate.admit(context.raw_headers)
            if self._routes is None:
                raise Refusal("not_found")
            unserved = await self._routes.serve(scope, receive, send)
            return None if unserved is None else self._refuse_route(context, unserved)
        context.route = path.template
        method = scope["method"]
        operation = path.operations.get("GET" if method == "HEAD" else method)
        if operation is not None:
            return await operation.answer(context, receive, param)
        allow = (b"allow", path.allow)
        if method == "OPTIONS":
            return Reply(204, [allow])
        refused = self._refuse(context, Refusal("method_not_allowed"))
        return Reply(refused.status, [*refused.headers, allow], refused.body)

    def _find(self, path: str) -> tuple[_Path | None, str]:
        found = self._fixed.get(path)
        if found is not None:
            return found, ""
        head, slash, param = path.rpartition("/")
        return (self._with_param.get(head + slash), param) if param else (None, "")

    def _refuse(self, context: RequestContext, refusal: Refusal | TokenRefused) -> Reply:
        if context.status:
            raise refusal
        note_refusal(context, refusal, self._site.metrics)
        if self._error_page is not None and context.route not in self._for_programs and _wants_html(context):
            return refusal_page(self._error_page, self._site, context, refusal)
        return problem(
            refusal,
            language=context.language,
            request_id=context.client.request_id,
            base_path=self._site.base_path,
        )

    def _refuse_route(self, context: RequestContext, unserved: Unserved) -> Reply:
        if unserved.fault is not None:
            LOG.error(Line("internal", {"request_id": context.client.request_id}), exc_info=unserved.fault)
        reply = self._refuse(context, Refusal(unserved.code))
        if unserved.allow is None:
            return reply
        return Reply(reply.status, [*reply.headers, (b"allow", unserved.allow)], reply.body)
