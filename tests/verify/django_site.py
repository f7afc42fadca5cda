"""A Django site for the tests of the guards, and how it is asked: by WSGI and by ASGI."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import django
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import Client
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from sekisho_verify import require
from sekisho_verify.django import TokenRequest, token_of, token_required
from tests.verify import django_settings
from tests.verify.refusals import GOOD, RAISED, Told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

VERIFIED_IN, GUARD, CSRF = django_settings.VERIFIED_IN, django_settings.GUARD, django_settings.CSRF
SEKISHO: dict[str, Any] = django_settings.SEKISHO
#: The views that ran; tests clear it.
RAN: list[str] = []

django.setup()


def whoami(request: TokenRequest) -> HttpResponse:
    """Who the wall has let in."""
    RAN.append("whoami")
    return JsonResponse({"sub": request.token.sub, "roles": sorted(token_of(request).roles)})


async def awhoami(request: HttpRequest) -> HttpResponse:
    """The same, on the event loop."""
    RAN.append("awhoami")
    await asyncio.sleep(0)
    return JsonResponse({"sub": token_of(request).sub, "thread": threading.get_ident()})


def healthz(request: HttpRequest) -> HttpResponse:
    """Public; there is no token, even if one was sent."""
    return JsonResponse({"token": hasattr(request, "token")})


def raising(request: HttpRequest, number: int) -> HttpResponse:
    """Refuses what it is given to refuse."""
    assert request.method
    raise RAISED[number]


async def araising(request: HttpRequest, number: int) -> HttpResponse:
    """The same, on the event loop."""
    return raising(request, number)


def requiring(request: HttpRequest, right: str) -> HttpResponse:
    """Requires a permission by itself."""
    require(token_of(request), permission=right)
    return HttpResponse("required")


async def arequiring(request: HttpRequest, right: str) -> HttpResponse:
    """The same, on the event loop."""
    return requiring(request, right)


class Item(View):
    """A class whose every method is guarded."""

    @method_decorator(token_required(role="clerk"))
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- Django's
        """Guarded."""
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Whose request it is."""
        return JsonResponse({"sub": token_of(request).sub})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Whose request it is, for what changes something."""
        return JsonResponse({"changed by": token_of(request).sub})


@method_decorator(token_required(role="clerk"), name="dispatch")
class AsyncItem(View):
    """The same with async methods."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        """Whose request it is; it may lack what is asked for."""
        await asyncio.sleep(0)
        require(token_of(request), permission="customers:read")
        return JsonResponse({"sub": token_of(request).sub, "thread": threading.get_ident()})


class Part(View):
    """A class of which one method is guarded, and an async one."""

    @method_decorator(token_required(role="admin"))
    async def get(self, request: HttpRequest) -> HttpResponse:
        """For admins."""
        return JsonResponse({"sub": token_of(request).sub})


def stream(request: HttpRequest, *, fails: bool) -> StreamingHttpResponse:
    """A stream that knows its caller to the end, or fails after it began."""
    token = token_of(request)

    def parts() -> Iterator[str]:
        yield token.sub
        if fails:
            require(token, role="admin")
        yield "/end"

    return StreamingHttpResponse(parts())


async def astream(request: HttpRequest, *, fails: bool) -> StreamingHttpResponse:
    """The same, on the event loop."""
    token = token_of(request)

    async def parts() -> AsyncIterator[str]:
        yield token.sub
        if fails:
            require(token, role="admin")
        yield "/end"

    return StreamingHttpResponse(parts())


MEETING: dict[str, Any] = {}


def meeting(request: HttpRequest) -> HttpResponse:
    """Waits until all have come, then says who it is for."""
    before = token_of(request).sub
    MEETING["threads"].wait()
    return HttpResponse(f"{before} {token_of(request).sub}")


async def ameeting(request: HttpRequest) -> HttpResponse:
    """The same for tasks."""
    before = token_of(request).sub
    await MEETING["tasks"].wait()
    return HttpResponse(f"{before} {token_of(request).sub}")


anybody = token_required()
shop = ([path("", healthz, name="index"), path("hidden", whoami, name="hidden")], "shop")
deep: Any = include([path("er", healthz, name="er")])
admin: Any = ([path("", healthz, name="index"), path("deep", deep)], "admin")
urlpatterns = [
    path("", whoami, name="whoami"),
    path("async", awhoami, name="awhoami"),
    path("healthz", healthz, name="healthz"),
    path("open", healthz, name="open"),
    path("unnamed", healthz),
    path("shop/", include(shop)),
    path("admin/", include(admin)),
    path("raising/<int:number>", raising),
    path("araising/<int:number>", araising),
    path("requiring/<right>", requiring),
    path("arequiring/<right>", arequiring),
    path("item", Item.as_view()),
    path("async-item", AsyncItem.as_view()),
    path("wrapped-item", token_required(role="clerk")(AsyncItem.as_view())),
    path("part", Part.as_view()),
    path("stream", stream, {"fails": False}),
    path("stream/fails", stream, {"fails": True}),
    path("astream", astream, {"fails": False}),
    path("astream/fails", astream, {"fails": True}),
    path("meeting", meeting),
    path("ameeting", ameeting),
    path("decorated", anybody(whoami)),
    path("decorated/async", anybody(awhoami)),
    path("decorated/raising/<int:number>", anybody(raising)),
    path("decorated/araising/<int:number>", anybody(araising)),
    path("decorated/requiring/<right>", anybody(requiring)),
    path("decorated/arequiring/<right>", anybody(arequiring)),
    path("clerks", token_required(role="clerk")(whoami)),
    path("clerks/async", token_required(role="clerk")(awhoami)),
    path("admins", token_required(role="admin")(whoami)),
    path("admins/async", token_required(role="admin")(awhoami)),
]


def wsgi(at: str = "/", *authorization: str, method: str = "GET", **more: Any) -> Told:  # noqa: ANN401 -- the client's
    """One request as a WSGI server hands it over, CSRF checks included."""
    client = Client(enforce_csrf_checks=True)
    sent: Any = {"HTTP_AUTHORIZATION": ", ".join(authorization)} if authorization else {}
    response: Any = client.generic(method, at, **sent, **more)
    content = b"".join(response) if response.streaming else response.content
    return Told(response.status_code, {name.lower(): value for name, value in response.items()}, content)


def asgi(at: str = "/", *authorization: str, method: str = "GET", body: bytes = b"") -> Told:
    """One request as an ASGI server hands it over."""
    return asyncio.run(awaited(at, *authorization, method=method, body=body))


async def awaited(at: str = "/", *authorization: str, method: str = "GET", body: bytes = b"") -> Told:
    """The same within an event loop that runs."""
    place, _, query = at.partition("?")
    headers = [(b"authorization", value.encode("latin-1")) for value in authorization]
    scope = {
        "type": "http",
        "method": method,
        "path": place,
        "query_string": query.encode(),
        "headers": [(b"host", b"testserver"), *headers],
    }
    inbox = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Mapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if inbox:
            return inbox.pop()
        return await asyncio.Future()  # the client stays

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await ASGIHandler()(scope, receive, send)
    headers_sent = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Told(sent[0]["status"], headers_sent, content)


BEARER = f"Bearer {GOOD}"
