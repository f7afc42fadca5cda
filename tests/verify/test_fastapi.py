"""The FastAPI dependency: who is let in, what the others are told, and what openapi.json says of it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response, Security, WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from sekisho_verify import AccessToken, ConfigurationError, RightMissing, TokenRefused, require
from sekisho_verify.asgi import refusal_handler
from sekisho_verify.errors import SENTENCES
from sekisho_verify.fastapi import current_token, install
from tests.verify.tokens import ISSUER, NOW, claims, token, verifier

VERIFIER = verifier()
anyone = current_token(VERIFIER)
Anyone = Annotated[AccessToken, Depends(anyone)]
Reader = Annotated[AccessToken, Depends(current_token(VERIFIER, permission="customers:read"))]
Admin = Annotated[AccessToken, Depends(current_token(VERIFIER, role="admin"))]


def bearer(text: str) -> dict[str, str]:
    """An Authorization header."""
    return {"Authorization": f"Bearer {text}"}


GOOD = bearer(token())


def routes(router: FastAPI | APIRouter) -> None:
    """What the tests ask for: plain and coroutine functions, rights by each way, and one public route."""

    @router.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/sync")
    def sync(token: Anyone) -> dict[str, str]:
        return {"sub": token.sub}

    @router.get("/async")
    async def asynchronous(token: Anyone) -> dict[str, str]:
        return {"sub": token.sub}

    @router.get("/customers")
    def customers(token: Reader) -> dict[str, str]:
        return {"sub": token.sub}

    @router.get("/admin")
    def admin(token: Admin) -> dict[str, str]:
        return {"sub": token.sub}

    @router.get("/written")
    def written(token: Annotated[AccessToken, Security(anyone, scopes=["read", "write"])]) -> dict[str, str]:
        return {"sub": token.sub}

    @router.get("/exported")
    def exported(
        token: Annotated[AccessToken, Security(anyone, scopes=["read", "export"])],
    ) -> dict[str, str]:
        return {"sub": token.sub}

    @router.get("/own")
    def own(token: Anyone, owner: str) -> dict[str, str]:
        require(token, role=owner)
        return {"sub": token.sub}

    @router.websocket("/socket")
    async def socket(websocket: WebSocket, token: Anyone) -> None:
        await websocket.accept()
        await websocket.send_text(token.sub)
        await websocket.close()


def application(*, installed: bool = False) -> FastAPI:
    """A FastAPI application with all of them, set up as little as possible or as it should be."""
    app = FastAPI()
    if installed:
        install(app, VERIFIER)
    routes(app)
    return app


def client(app: FastAPI | None = None) -> TestClient:
    """A client of it; what a route raises is answered, as by a real server."""
    return TestClient(app or application(), raise_server_exceptions=False)


def problem(answer: Any, *, installed: bool) -> Any:  # noqa: ANN401 -- an answer, and JSON
    """The problem that an answer tells, in the place where it belongs."""
    if not installed:
        assert answer.headers["content-type"] == "application/json"
        assert answer.json().keys() == {"detail"}
    else:
        assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json() if installed else answer.json()["detail"]
    assert told.keys() == {"type", "title", "status", "detail", "code", "help"}
    assert told["status"] == answer.status_code
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-length"] == str(len(answer.content))
    return told


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("path", ["/sync", "/async", "/customers", "/written"])
def test_a_good_token_is_handed_to_the_route(path: str) -> None:
    """Plain and coroutine functions get the verified token, with all the rights that they ask for."""
    assert client().get(path, headers=GOOD).json() == {"sub": claims()["sub"]}


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("installed", [False, True])
@pytest.mark.parametrize(
    ("headers", "status", "code", "challenge"),
    [
        ([], 401, "token_missing", "Bearer"),
        ([("Authorization", "Basic dXNlcjpwYXNz")], 401, "token_missing", "Bearer"),
        ([("Authorization", "Bearer x")], 401, "token_malformed", 'error="invalid_token"'),
        ([("Authorization", f"Bearer {token(exp=NOW)}")], 401, "token_expired", 'error="invalid_token"'),
        ([("Authorization", f"Bearer {token(aud='b')}")], 401, "token_audience_mismatch", "invalid_token"),
        ([("Authorization", f"Bearer {token()[:-4]}AAAA")], 401, "token_signature_mismatch", "invalid_token"),
        ([*GOOD.items(), *GOOD.items()], 400, "invalid_request", 'Bearer error="invalid_request"'),
        ([*GOOD.items(), ("Authorization", "Basic x")], 400, "invalid_request", "invalid_request"),
    ],
)
def test_a_refusal_has_status_challenge_and_problem(
    installed: bool,  # noqa: FBT001 -- a parameter of the table above
    headers: list[tuple[str, str]],
    status: int,
    code: str,
    challenge: str,
) -> None:
    """The same answer with no set-up, where FastAPI writes it, and after `install`, where it is a problem."""
    answer = client(application(installed=installed)).get("/sync", headers=headers)
    assert (answer.status_code, problem(answer, installed=installed)["code"]) == (status, code)
    assert challenge in answer.headers["www-authenticate"]
    assert problem(answer, installed=installed)["title"] == SENTENCES[code]  # type: ignore[index]  # one of them


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("installed", [False, True])
def test_a_token_in_the_query_is_not_seen(installed: bool) -> None:  # noqa: FBT001 -- a parameter
    """Alone it counts as none; beside one in the header the request is refused."""
    asked = client(application(installed=installed))
    answer = asked.get(f"/sync?access_token={token()}")
    assert (answer.status_code, problem(answer, installed=installed)["code"]) == (401, "token_missing")
    answer = asked.get(f"/sync?access_token={token()}", headers=GOOD)
    assert (answer.status_code, problem(answer, installed=installed)["code"]) == (400, "invalid_request")


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("installed", [False, True])
def test_a_right_that_is_lacking_is_forbidden(installed: bool) -> None:  # noqa: FBT001 -- a parameter
    """403 by the name of the right, whether `current_token` asks for it or the route's `Security`."""
    asked = client(application(installed=installed))
    answer = asked.get("/admin", headers=GOOD)
    assert answer.status_code == 403
    assert problem(answer, installed=installed)["detail"] == "It needs the role admin."
    assert "scope=" not in answer.headers["www-authenticate"]
    answer = asked.get("/customers", headers=bearer(token(entitlements=[])))
    assert problem(answer, installed=installed)["detail"] == "It needs the permission customers:read."
    answer = asked.get("/exported", headers=GOOD)
    assert answer.status_code == 403
    assert problem(answer, installed=installed)["detail"] == "It needs the scope export."
    assert answer.headers["www-authenticate"].endswith(', scope="export"')


@pytest.mark.parametrize("handled", ["install", "refusal_handler"])
def test_what_a_route_requires_by_itself_is_a_problem_too(handled: str) -> None:
    """After `install`, or with the handler of the ASGI guard, a `require` in a route is answered 403."""
    app = application(installed=handled == "install")
    if handled == "refusal_handler":
        app.add_exception_handler(TokenRefused, refusal_handler(VERIFIER))  # type: ignore[arg-type]  # an ASGI answer is enough
    asked = client(app)
    assert asked.get("/own?owner=clerk", headers=GOOD).status_code == 200
    answer = asked.get("/own?owner=shogun", headers=GOOD)
    assert (answer.status_code, problem(answer, installed=True)["detail"]) == (
        403,
        "It needs the role shogun.",
    )
    assert problem(asked.get("/sync"), installed=True)["code"] == "token_missing"


def test_a_refusal_is_an_exception_of_both() -> None:
    """Handlers for `TokenRefused`, `RightMissing` and `HTTPException` all see it, the nearest first."""
    seen: list[Exception] = []

    def keep(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
        async def handle(_request: Request, error: Exception) -> Response:
            seen.append(error)
            return Response(status_code=status)

        return handle

    handlers = {HTTPException: 210, TokenRefused: 211, RightMissing: 212}
    for count, status in enumerate(handlers.values(), start=1):
        app = application()
        for kind, own in list(handlers.items())[:count]:
            app.add_exception_handler(kind, keep(own))
        assert client(app).get("/admin", headers=GOOD).status_code == status
    assert client(app).get("/sync").status_code == 211
    *_, right, missing = seen
    assert isinstance(right, RightMissing)
    assert (right.code, right.kind, right.name) == ("insufficient_scope", "role", "admin")
    assert str(missing) == "token_missing: This needs an access token"
    assert isinstance(missing, HTTPException)
    assert isinstance(missing.__cause__, TokenRefused)
    assert missing.__cause__.detail == "no Authorization header"


@pytest.mark.parametrize("installed", [False, True])
def test_the_operator_reads_it_once_and_the_caller_never(
    installed: bool,  # noqa: FBT001 -- a parameter
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The detail of a refusal is one line of the log, and no part of the answer."""
    caplog.set_level("INFO", logger="sekisho_verify.bearer")
    answer = client(application(installed=installed)).get("/sync", headers=bearer(token(aud="warehouse")))
    assert [record.getMessage() for record in caplog.records if record.name.startswith("sekisho")] == [
        "refused token_audience_mismatch: aud is 'warehouse'"
    ]
    assert "warehouse" not in answer.text


def test_openapi_names_the_scheme_and_the_guarded_routes() -> None:
    """The Authorize button's scheme is there once, and required by exactly the routes that a token opens."""
    told = client(application(installed=True)).get("/openapi.json").json()
    assert told["components"]["securitySchemes"] == {
        "AccessToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "at+jwt",
            "description": f"An access token of {ISSUER} (RFC 9068).",
        }
    }
    security = {path: item["get"].get("security") for path, item in told["paths"].items()}
    guarded: list[dict[str, list[str]]] = [{"AccessToken": []}]
    assert security == {
        "/healthz": None,
        "/sync": guarded,
        "/async": guarded,
        "/customers": guarded,
        "/admin": guarded,
        "/written": [{"AccessToken": ["read", "write"]}],
        "/exported": [{"AccessToken": ["read", "export"]}],
        "/own": guarded,
    }
    assert not [
        parameter
        for path in ("/sync", "/written")
        for parameter in told["paths"][path]["get"].get("parameters", [])
    ]


def test_a_second_verifier_has_a_scheme_of_its_own() -> None:
    """Two issuers are two schemes, by the names that they were given."""
    app = FastAPI()
    partners = current_token(verifier(issuer="https://partner.example"), scheme_name="Partner")

    @app.get("/ours", dependencies=[Depends(anyone)])
    def ours() -> None: ...

    @app.get("/theirs", dependencies=[Depends(partners)])
    def theirs() -> None: ...

    told = client(app).get("/openapi.json").json()
    assert told["components"]["securitySchemes"].keys() == {"AccessToken", "Partner"}
    assert told["paths"]["/theirs"]["get"]["security"] == [{"Partner": []}]
    answer = client(app).get("/theirs", headers=GOOD)
    assert problem(answer, installed=False)["code"] == "token_issuer_mismatch"


@pytest.mark.parametrize("whole", [False, True])
def test_a_router_or_the_whole_application_is_guarded(whole: bool) -> None:  # noqa: FBT001 -- a parameter
    """The dependency of a router, or of the application, guards its routes and no others, and says so."""
    guarded = [Depends(current_token(VERIFIER, permission="customers:read"))]
    app = FastAPI(dependencies=guarded if whole else [])
    router = APIRouter(prefix="/inner", dependencies=guarded)
    routes(router)
    app.include_router(router)

    @app.get("/outer")
    def outer() -> str:
        return "outer"

    asked = client(app)
    for headers, inner, outside in (
        ({}, 401, 401 if whole else 200),
        (GOOD, 200, 200),
        (bearer(token(entitlements=[])), 403, 403 if whole else 200),
    ):
        assert asked.get("/inner/healthz", headers=headers).status_code == inner
        assert asked.get("/outer", headers=headers).status_code == outside
    paths = asked.get("/openapi.json").json()["paths"]
    assert paths["/inner/healthz"]["get"]["security"] == [{"AccessToken": []}]
    assert paths["/outer"]["get"].get("security") == ([{"AccessToken": []}] if whole else None)


def test_a_token_that_is_refused_comes_before_the_input() -> None:
    """A stranger learns nothing of what a route would have wanted."""
    assert client().get("/own").status_code == 401
    assert client().get("/own", headers=GOOD).status_code == 422


def test_a_dependency_in_a_variable_can_be_overridden() -> None:
    """In a user's tests `app.dependency_overrides` replaces it, on every route that has it."""
    app = application(installed=True)
    app.dependency_overrides[anyone] = lambda: VERIFIER.verify(token(sub="somebody"))
    assert client(app).get("/sync").json() == {"sub": "somebody"}
    assert client(app).get("/written").json() == {"sub": "somebody"}
    assert client(app).get("/admin").status_code == 401


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("installed", [False, True])
def test_a_websocket_is_refused_before_it_opens(installed: bool) -> None:  # noqa: FBT001 -- a parameter
    """A handshake with a good token opens; another gets a status and its challenge."""
    asked = client(application(installed=installed))
    with asked.websocket_connect("/socket", headers=GOOD) as socket:
        assert socket.receive_text() == claims()["sub"]
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        asked.websocket_connect("/socket", headers=bearer(token(exp=NOW))),
    ):
        raise AssertionError
    answer = refused.value
    assert (answer.status_code, problem(answer, installed=installed)["code"]) == (401, "token_expired")
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


async def test_a_websocket_is_closed_where_the_server_cannot_send_a_status() -> None:
    """Without the extension for that, the handshake ends with the close code for a policy violation."""
    sent: list[Any] = []
    scope: dict[str, Any] = {"type": "websocket", "path": "/socket", "headers": [], "query_string": b""}

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:  # noqa: ANN401 -- ASGI
        sent.append(message)

    await application(installed=True)(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]


def test_a_dependency_that_would_guard_nothing_is_not_made() -> None:
    """Empty rights are refused at once, and so is what this verifier cannot do."""
    for right in ("scope", "role", "group", "permission"):
        nothing: dict[str, Any] = {right: ""}
        with pytest.raises(ConfigurationError, match="an empty right"):
            current_token(VERIFIER, **nothing)
    with pytest.raises(ConfigurationError, match="sensitive routes need a verifier with a revocation feed"):
        current_token(VERIFIER, sensitive=True)


def test_other_faults_of_a_route_stay_what_they_are() -> None:
    """`install` takes refusals only: an error is an error, another HTTPException is FastAPI's to answer."""
    app = application(installed=True)

    @app.get("/teapot")
    def teapot(token: Anyone) -> None:
        raise HTTPException(418, token.sub)

    @app.get("/broken")
    def broken(token: Anyone) -> None:
        raise LookupError(token.sub)

    assert client(app).get("/teapot", headers=GOOD).json() == {"detail": claims()["sub"]}
    assert client(app).get("/broken", headers=GOOD).status_code == 500
    with pytest.raises(LookupError):
        TestClient(app).get("/broken", headers=GOOD)
