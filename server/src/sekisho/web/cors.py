"""CORS for the listed origins: who else asks for leave gets a problem document instead of a line of text."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware

from sekisho.rules.refusals import Refusal
from sekisho.web.asgi import ASGIApp, Receive, Scope, Send
from sekisho.web.problems import problem
from sekisho.web.request_context import context_of


class Cors(CORSMiddleware):
    """Starlette's, by exact origins and with credentials.

    Args:
        app: what answers.
        origins: `SEKISHO_ALLOWED_ORIGINS`, which the cross-site gate knows as well.
        base_path: the path of the issuer, for the address of the help.
    """

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...], base_path: str) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST", "DELETE"),
            allow_headers=(
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "Sekisho-CSRF",
                "Sekisho-Client",
            ),
            expose_headers=("X-Request-Id", "Retry-After", "WWW-Authenticate"),
            # The origins are named one by one, so cookies may go along (H2).
            allow_credentials=True,
        )
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let the application answer."""
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            headers = Headers(scope=scope)
            asks = "origin" in headers and "access-control-request-method" in headers
            if asks and self.preflight_response(headers).status_code != 200:
                context = context_of(scope)
                context.code = "origin_not_allowed"
                reply = problem(
                    Refusal("origin_not_allowed"),
                    language=context.language,
                    request_id=context.client.request_id,
                    base_path=self._base_path,
                )
                await reply.send(send)
                return
        await super().__call__(scope, receive, send)
