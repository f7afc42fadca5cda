"""A verifier is started and stopped with the application that it guards, whatever that one knows of it."""

import json
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import anyio
import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from sekisho_verify import AccessToken, HmacKey, HmacKeySource, Verifier
from sekisho_verify.asgi import BearerGuard, token_of
from sekisho_verify.fastapi import current_token, install
from tests.verify.test_asgi import Answer, ask, bearer, echo
from tests.verify.tokens import AUDIENCE, HMAC, ISSUER, NOW, claims, token

pytestmark = pytest.mark.anyio
STARTUP = {"type": "lifespan.startup"}
STARTED = {"type": "lifespan.startup.complete"}
FAILED = {"type": "lifespan.startup.failed", "message": "no disk"}
SHUTDOWN = {"type": "lifespan.shutdown"}
STOPPED = {"type": "lifespan.shutdown.complete"}


def not_started(*, reachable: bool = True) -> Verifier:
    """A verifier whose keys have to be loaded first."""

    def secret() -> HmacKey:
        if not reachable:
            raise OSError("the secret manager is down")
        return HMAC

    return Verifier(
        issuer=ISSUER, audience=AUDIENCE, keys=HmacKeySource(secret), feed=None, clock=lambda: NOW
    )


Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def has_keys(verifier: Verifier) -> bool:
    """Whether tokens can be verified at this moment."""
    return verifier.ready


async def life(app: Any, verifier: Verifier) -> list[tuple[Any, bool]]:  # noqa: ANN401 -- any application
    """Begin and end an application; what it sent, and whether the verifier was ready then."""
    sent: list[tuple[Any, bool]] = []
    events: list[Message] = [STARTUP, SHUTDOWN]

    async def receive() -> Message:
        return events.pop(0)

    async def send(message: Message) -> None:
        assert (message == STOPPED) == (not events), "nothing is answered before it was asked"
        sent.append((message, has_keys(verifier)))

    await BearerGuard(app, verifier=verifier)({"type": "lifespan"}, receive, send)
    return sent


async def test_the_verifier_starts_before_the_application_and_stops_after_it() -> None:
    """While the application starts and while it stops, tokens can be verified; then the verifier rests."""
    verifier = not_started()
    heard: list[tuple[Any, bool]] = []

    async def app(_scope: Message, receive: Receive, send: Send) -> None:
        for answer in (STARTED, STOPPED):
            heard.append(((await receive())["type"], has_keys(verifier)))
            await send(answer)

    assert not has_keys(verifier)
    assert await life(app, verifier) == [(STARTED, True), (STOPPED, False)]
    assert heard == [("lifespan.startup", True), ("lifespan.shutdown", True)]


async def raises(scope: Message, _receive: Receive, _send: Send) -> None:
    """An application for which HTTP is all there is."""
    raise LookupError(scope["type"])


async def returns(_scope: Message, _receive: Receive, _send: Send) -> None:
    """One that ignores what it does not know."""


async def hears(_scope: Message, receive: Receive, _send: Send) -> None:
    """One that reads an event and forgets to answer."""
    await receive()


async def starts(_scope: Message, receive: Receive, send: Send) -> None:
    """One that does not wait for its end."""
    await receive()
    await send(STARTED)


async def hears_both(_scope: Message, receive: Receive, send: Send) -> None:
    """One that forgets its last answer."""
    await receive()
    await send(STARTED)
    await receive()


@pytest.mark.parametrize("app", [raises, returns, hears, starts, hears_both])
async def test_an_application_without_a_lifespan_has_its_verifier_started_all_the_same(app: Any) -> None:  # noqa: ANN401 -- an application
    """The server is answered once for each event, by whoever is left to do it."""
    verifier = not_started()
    assert await life(app, verifier) == [(STARTED, True), (STOPPED, False)]


async def test_an_application_that_fails_to_start_stops_the_verifier() -> None:
    """Its failure reaches the server, and no thread goes on fetching keys for it."""
    verifier = not_started()

    async def fails(_scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send(FAILED)

    assert await life(fails, verifier) == [(FAILED, False)]

    async def breaks(_scope: Message, receive: Receive, _send: Send) -> None:
        await receive()
        raise LookupError("no disk")

    with pytest.raises(LookupError, match="no disk"):
        await life(breaks, not_started())


async def test_keys_that_cannot_be_had_do_not_stop_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """The application starts; a token is answered 503 until keys come, a stranger 401 as ever."""
    verifier = not_started(reachable=False)
    assert await life(returns, verifier) == [(STARTED, False), (STOPPED, False)]
    guarded = BearerGuard(echo, verifier=verifier, public={"/healthz"})
    answer = await ask(guarded, bearer(token()))
    assert (answer.status, answer.problem["code"]) == (503, "keys_unavailable")
    assert (answer.headers[b"retry-after"], b"www-authenticate" in answer.headers) == (b"5", False)
    assert (await ask(guarded)).problem["code"] == "token_missing"
    assert (await ask(guarded, path="/healthz")).status == 200
    socket = await ask(guarded, bearer(token()), type="websocket", extensions={"websocket.http.response": {}})
    assert (socket.status, socket.problem["code"]) == (503, "keys_unavailable")
    assert "new keys could not be had" in caplog.text
    verifier.stop()


@pytest.mark.parametrize("guard", ["asgi", "fastapi"])
async def test_the_event_loop_goes_on_while_keys_are_waited_for(guard: str) -> None:
    """The request that starts the verifier waits; everything else in the loop does not."""
    asked, given = threading.Event(), threading.Event()

    def secret() -> HmacKey:
        asked.set()
        assert given.wait(4), "the event loop stands still"
        return HMAC

    verifier = Verifier(
        issuer=ISSUER, audience=AUDIENCE, keys=HmacKeySource(secret), feed=None, clock=lambda: NOW
    )
    app: Any = BearerGuard(echo, verifier=verifier)
    if guard == "fastapi":
        app = FastAPI(dependencies=[Depends(current_token(verifier))])
        app.get("/")(lambda: "in")
    answers: list[Answer] = []

    async def request() -> None:
        answers.append(await ask(app, bearer(token())))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(request)
        await anyio.to_thread.run_sync(asked.wait)
        given.set()
    assert answers[0].status == 200
    verifier.stop()


async def test_without_a_lifespan_the_first_credential_starts_the_verifier() -> None:
    """A guard that is mounted, or whose server knows no lifespan, needs nobody; strangers start nothing."""
    verifier = not_started()
    guarded = BearerGuard(echo, verifier=verifier)
    assert (await ask(guarded)).problem["code"] == "token_missing"
    assert not has_keys(verifier)
    assert json.loads((await ask(guarded, bearer(token()))).body)["sub"] == claims()["sub"]
    assert has_keys(verifier)
    verifier.stop()


async def whoami(request: Request) -> JSONResponse:
    """Say who is asking, and what the application's own lifespan had prepared."""
    return JSONResponse({"sub": token_of(request).sub, "pool": request.state.pool})


def test_starlette_has_both_lifespans() -> None:
    """As Starlette's middleware the guard starts its verifier; the application has its own lifespan too."""
    verifier = not_started()
    seen: list[tuple[str, bool]] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[dict[str, str]]:
        seen.append(("start", has_keys(verifier)))
        yield {"pool": "opened"}
        seen.append(("stop", has_keys(verifier)))

    app = Starlette(
        routes=[Route("/me", whoami)],
        middleware=[Middleware(BearerGuard, verifier=verifier)],
        lifespan=lifespan,
    )
    with TestClient(app) as client:
        answer = client.get("/me", headers={"Authorization": f"Bearer {token()}"})
        assert answer.json() == {"sub": claims()["sub"], "pool": "opened"}
        assert client.get("/me").json()["code"] == "token_missing"
    assert seen == [("start", True), ("stop", True)]
    assert not has_keys(verifier)


def test_fastapi_has_both_lifespans() -> None:
    """`install` starts the verifier and stops it; the application has its own lifespan too."""
    verifier = not_started()
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        seen.append("start")
        yield
        seen.append("stop")

    app = FastAPI(lifespan=lifespan)
    install(app, verifier)
    with TestClient(app):
        assert has_keys(verifier)
        assert seen == ["start"]
    assert not has_keys(verifier)
    assert seen == ["start", "stop"]


def test_fastapi_starts_though_keys_cannot_be_had() -> None:
    """A token is answered 503, with and without `install`."""
    for installed in (True, False):
        verifier = not_started(reachable=False)
        app = FastAPI(dependencies=[Depends(current_token(verifier))])
        if installed:
            install(app, verifier)
        app.get("/")(lambda: "in")
        with TestClient(app) as client:
            answer = client.get("/", headers={"Authorization": f"Bearer {token()}"})
            told = answer.json() if installed else answer.json()["detail"]
            assert (answer.status_code, told["code"]) == (503, "keys_unavailable")
            assert (answer.headers["retry-after"], "www-authenticate" in answer.headers) == ("5", False)
            assert client.get("/").status_code == 401
        verifier.stop()


def test_a_dependency_starts_its_verifier_where_nobody_else_did() -> None:
    """Without `install`, without a lifespan, mounted: the first request with a token finds the keys."""
    verifier = not_started()
    inner = FastAPI()
    current = current_token(verifier)

    @inner.get("/me")
    def me(token: Annotated[AccessToken, Depends(current)]) -> str:
        return token.sub

    client = TestClient(Starlette(routes=[Mount("/api", inner)]))
    assert client.get("/api/me").status_code == 401
    assert not has_keys(verifier)
    assert client.get("/api/me", headers={"Authorization": f"Bearer {token()}"}).json() == claims()["sub"]
    verifier.stop()
