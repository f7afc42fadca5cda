"""The bearer guard answers by RFC 6750, in front of a bare ASGI application and of Starlette."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from sekisho_verify import ConfigurationError, TokenRefused, require
from sekisho_verify.asgi import BearerGuard, Refusal, refusal_handler, token_of
from sekisho_verify.bearer import answer
from sekisho_verify.errors import SENTENCES, RightMissing
from tests.verify.tokens import ISSUER, NOW, claims, token, verifier

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from starlette.requests import Request

    from sekisho_verify.lifespan import Receive, Scope, Send

pytestmark = pytest.mark.anyio
Header = tuple[bytes, bytes]


class Answer:
    """What an application sent."""

    def __init__(self, messages: list[MutableMapping[str, Any]]) -> None:
        self.messages = messages
        self.status: int = messages[0].get("status", 0)
        self.headers: dict[bytes, bytes] = dict(messages[0].get("headers", []))
        self.body = b"".join(message.get("body", b"") for message in messages[1:])

    @property
    def challenge(self) -> str:
        """The `WWW-Authenticate` header."""
        return self.headers[b"www-authenticate"].decode()

    @property
    def problem(self) -> dict[str, Any]:
        """The problem in the body."""
        assert self.headers[b"content-type"] == b"application/problem+json"
        assert self.headers[b"content-length"] == str(len(self.body)).encode()
        assert self.headers[b"cache-control"] == b"no-store"
        problem: dict[str, Any] = json.loads(self.body)
        assert problem.keys() == {"type", "title", "status", "detail", "code", "help"}
        assert problem["status"] == self.status
        assert problem["type"] == f"urn:sekisho:problem:{problem['code']}"
        assert problem["help"] == f"{ISSUER}/problems/{problem['code']}"
        return problem


def bearer(text: str | bytes) -> Header:
    """An Authorization header."""
    return b"authorization", b"Bearer " + (text.encode() if isinstance(text, str) else text)


async def ask(app: Any, *headers: Header, **changes: Any) -> Answer:  # noqa: ANN401 -- any application, any scope
    """Send one connection to an application and take what it sends."""
    sent: list[MutableMapping[str, Any]] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"",
        "headers": list(headers),
        **changes,
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return Answer(sent)


async def echo(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with whom the request is from."""
    token_ = scope.get("state", {}).get("token")
    body = json.dumps({"sub": token_ and token_.sub, "type": scope["type"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


GUARDED = BearerGuard(echo, verifier=verifier())


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER "])
async def test_a_good_token_passes(scheme: bytes) -> None:
    """The request reaches the application with its token, in any case of the scheme's name."""
    answer = await ask(GUARDED, (b"host", b"x"), (b"authorization", scheme + token().encode()))
    assert (answer.status, json.loads(answer.body)["sub"]) == (200, claims()["sub"])


@pytest.mark.requirement("C9")
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"cookie", b"access_token=x")],
        [(b"authorization", b"Basic dXNlcjpwYXNz")],
        [(b"authorization", b"")],
        [(b"authorization", b"BearerX abc")],
        [(b"authorization", b"Bearer\tabc")],
        [(b"x-authorization", b"Bearer abc")],
        [(b"proxy-authorization", b"Bearer abc")],
    ],
)
async def test_no_token_is_a_challenge_without_an_error(headers: list[Header]) -> None:
    """Who brought no token is asked for one, and no error code is given (RFC 6750 section 3.1)."""
    answer = await ask(GUARDED, *headers)
    assert (answer.status, answer.challenge) == (401, "Bearer")
    assert answer.problem["code"] == "token_missing"


@pytest.mark.requirement("C9")
async def test_a_token_in_the_query_or_the_body_is_not_seen() -> None:
    """A token in the URL counts as none; beside one in the header the request is refused as a whole."""
    query = b"a=b&access_token=" + token().encode()
    answer = await ask(GUARDED, query_string=query)
    assert (answer.status, answer.challenge) == (401, "Bearer")
    answer = await ask(GUARDED, bearer(token()), query_string=query)
    assert (answer.status, answer.problem["code"]) == (400, "invalid_request")
    form = (b"content-type", b"application/x-www-form-urlencoded")
    assert (await ask(GUARDED, form, method="POST")).problem["code"] == "token_missing"


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("second", [bearer("x"), bearer(token()), (b"authorization", b"Basic dXNlcjpwYXNz")])
async def test_two_authorization_headers_are_a_bad_request(second: Header) -> None:
    """Which of two is meant is not guessed, in either order."""
    for headers in ((bearer(token()), second), (second, bearer(token()))):
        answer = await ask(GUARDED, *headers)
        assert (answer.status, answer.problem["code"]) == (400, "invalid_request")
        assert answer.challenge.startswith('Bearer error="invalid_request", error_description="')
    joined = await ask(GUARDED, bearer(token() + ", " + second[1].decode()))
    assert (joined.status, joined.problem["code"]) == (400, "invalid_request")


@pytest.mark.requirement("C9", "J18")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (token(exp=NOW), "token_expired"),
        (token(aud="other"), "token_audience_mismatch"),
        (token(iss="https://other.example"), "token_issuer_mismatch"),
        (token(nbf=NOW + 1), "token_not_yet_valid"),
        (token()[:-4] + "AAAA", "token_signature_mismatch"),
        (token() + "=", "token_malformed"),
        (" " + token(), "token_malformed"),
        ("", "token_malformed"),
        ("x", "token_malformed"),
        (b"\xff\xfe.\x00.\r\n", "token_malformed"),
        ("鍵".encode(), "token_malformed"),
        (b"A" * 100_000, "token_malformed"),
    ],
)
async def test_a_bad_token_is_an_invalid_token(text: str | bytes, code: str) -> None:
    """Every refusal is a 401 that names its reason, and nothing of what was sent or of our detail."""
    answer = await ask(GUARDED, bearer(text))
    assert (answer.status, answer.problem["code"]) == (401, code)
    sentence = SENTENCES[code]  # type: ignore[index]  # one of them
    assert answer.challenge == f'Bearer error="invalid_token", error_description="{sentence}"'
    assert answer.problem["title"] == sentence
    assert b"other" not in answer.body.replace(b"another", b"")


@pytest.mark.parametrize(
    ("right", "challenge"),
    [
        ({"scope": "admin"}, ', scope="admin"'),
        ({"role": "admin"}, ""),
        ({"group": "osaka"}, ""),
        ({"permission": "customers:write"}, ""),
    ],
)
@pytest.mark.requirement("C9")
async def test_a_right_that_is_lacking_is_forbidden(right: dict[str, Any], challenge: str) -> None:
    """A good token without the right is a 403 that says which one."""
    answer = await ask(BearerGuard(echo, verifier=verifier(), **right), bearer(token()))
    ((kind, name),) = right.items()
    assert (answer.status, answer.problem["code"]) == (403, "insufficient_scope")
    assert answer.problem["detail"] == f"It needs the {kind} {name}."
    sentence = SENTENCES["insufficient_scope"]
    assert answer.challenge == f'Bearer error="insufficient_scope", error_description="{sentence}"{challenge}'


async def test_all_rights_of_the_guard_are_needed() -> None:
    """A guard with several rights lets through who has them all."""
    rights: dict[str, Any] = {
        "scope": "read",
        "role": "clerk",
        "group": "tokyo",
        "permission": "customers:read",
    }
    app = BearerGuard(echo, verifier=verifier(), **rights)
    assert (await ask(app, bearer(token()))).status == 200
    for name in ("scope", "roles", "groups", "entitlements"):
        assert (await ask(app, bearer(token(**{name: "" if name == "scope" else []})))).status == 403


async def test_a_refusal_cannot_break_out_of_its_header() -> None:
    """Whatever a right is called, the header stays one quoted line."""
    told = await ask(Refusal(answer(RightMissing("scope", 'a"b\\c\r\nx: y é'), issuer=ISSUER)))
    assert told.challenge.endswith(', scope="a?b?c??x:?y??"')
    assert "\n" not in told.challenge


async def test_public_paths_are_exact() -> None:
    """A public path passes without a token; whatever only resembles it does not."""
    app = BearerGuard(echo, verifier=verifier(), public={"/healthz"})
    assert json.loads((await ask(app, path="/healthz")).body)["sub"] is None
    for path in ("/healthz/", "/healthz/x", "/HEALTHZ", "//healthz", "/", "", "/x/../healthz", "/healthz%00"):
        assert (await ask(app, path=path)).status == 401


async def test_a_guard_that_would_guard_nothing_is_not_made() -> None:
    """Empty rights, and one path where a collection belongs, are refused at once."""
    for right in ("scope", "role", "group", "permission"):
        nothing: dict[str, Any] = {right: ""}
        with pytest.raises(ConfigurationError, match="an empty right"):
            BearerGuard(echo, verifier=verifier(), **nothing)
    with pytest.raises(ConfigurationError, match="sensitive routes need a verifier with a revocation feed"):
        BearerGuard(echo, verifier=verifier(), sensitive=True)
    with pytest.raises(ConfigurationError, match="a collection of paths"):
        BearerGuard(echo, verifier=verifier(), public="/healthz")


async def test_an_unknown_kind_of_connection_does_not_pass() -> None:
    """What nobody knows how to check is not let in."""
    with pytest.raises(ConfigurationError, match="cannot guard"):
        await ask(GUARDED, type="webtransport")


async def test_what_is_outside_of_the_guard_never_sees_the_token() -> None:
    """The scope that came in is not written to."""
    state: dict[str, Any] = {"pool": 1}
    scope: dict[str, Any] = {"type": "http", "path": "/", "headers": [bearer(token())], "state": state}
    seen: list[Any] = []

    async def look(inner: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(inner)

    async def nothing(*_: object) -> Any:  # noqa: ANN401 -- ASGI
        raise AssertionError

    await BearerGuard(look, verifier=verifier())(scope, nothing, nothing)
    assert scope.keys() == {"type", "path", "headers", "state"}
    assert state == {"pool": 1}
    assert seen[0]["state"]["pool"] == 1
    assert seen[0]["state"]["token"].sub == seen[0]["user"].identity == seen[0]["user"].display_name


async def test_a_right_required_by_the_application_itself() -> None:
    """A `require` within the application gets the guard's answer, unless an answer had begun."""

    async def strict(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/late":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        require(scope["state"]["token"], role="admin")
        await echo(scope, receive, send)

    app = BearerGuard(strict, verifier=verifier())
    assert (await ask(app, bearer(token()))).problem["detail"] == "It needs the role admin."
    assert (await ask(app, bearer(token(roles=["admin"])))).status == 200
    with pytest.raises(TokenRefused):
        await ask(app, bearer(token()), path="/late")


@pytest.mark.requirement("C9")
async def test_a_websocket_is_refused_before_it_opens() -> None:
    """A handshake without a good token gets a status where the server can send one, else close code 1008."""
    socket = {"type": "websocket", "headers": []}
    assert (await ask(GUARDED, **socket)).messages == [
        {"type": "websocket.close", "code": 1008, "reason": ""}
    ]
    answer = await ask(GUARDED, **socket, extensions={"websocket.http.response": {}})
    assert [message["type"] for message in answer.messages] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert (answer.status, answer.challenge) == (401, "Bearer")
    passed = await ask(GUARDED, **(socket | {"headers": [bearer(token())]}))
    assert json.loads(passed.body) == {"sub": claims()["sub"], "type": "websocket"}


async def test_the_token_of_a_request_is_typed() -> None:
    """`token_of` reads a scope, and says what is wrong where nothing guards."""
    with pytest.raises(ConfigurationError, match="no BearerGuard is in front of it"):
        token_of({"type": "http"})
    with pytest.raises(ConfigurationError, match="no BearerGuard is in front of it"):
        token_of({"type": "http", "state": {"token": token()}})

    async def typed(scope: Scope, receive: Receive, send: Send) -> None:
        assert token_of(scope) is scope["state"]["token"]
        await echo(scope, receive, send)

    assert (await ask(BearerGuard(typed, verifier=verifier()), bearer(token()))).status == 200


async def whoami(request: Request) -> JSONResponse:
    """Say what Starlette knows of the user."""
    user: Any = request.user
    return JSONResponse(
        {
            "user": user.identity,
            "name": user.display_name,
            "in": user.is_authenticated,
            "scopes": request.auth.scopes,
            "token": token_of(request).sid,
        }
    )


@requires("read")
async def reading(request: Request) -> JSONResponse:  # noqa: ARG001 -- the decorator looks for the name
    """Needs a scope, in Starlette's way."""
    return JSONResponse("read")


@requires(["authenticated", "admin"])
async def administering(request: Request) -> JSONResponse:  # noqa: ARG001 -- the decorator looks for the name
    """Needs a scope that the token lacks."""
    return JSONResponse("administered")


async def customers(request: Request) -> JSONResponse:
    """Needs a permission, in ours."""
    require(request.state.token, permission=request.query_params["permission"])
    return JSONResponse("customers")


def starlette_app() -> Starlette:
    """A Starlette application with its guard around one mount."""
    using = verifier()
    routes = [Route("/me", whoami), Route("/read", reading), Route("/admin", administering)]
    inner = Starlette(
        routes=[*routes, Route("/customers", customers)],
        exception_handlers={TokenRefused: refusal_handler(using)},  # type: ignore[dict-item]  # an ASGI answer is enough
    )
    return Starlette(routes=[Mount("/api", BearerGuard(inner, verifier=using))])


async def test_starlette_knows_the_user() -> None:
    """`request.user`, `request.auth` and `@requires` work without importing Starlette in the guard."""
    app = starlette_app()
    answer = await ask(app, bearer(token()), path="/api/me")
    assert json.loads(answer.body) == {
        "user": claims()["sub"],
        "name": claims()["sub"],
        "in": True,
        "scopes": ["authenticated", "read", "write"],
        "token": claims()["sid"],
    }
    assert (await ask(app, bearer(token()), path="/api/read")).status == 200
    assert (await ask(app, bearer(token()), path="/api/admin")).status == 403
    assert (await ask(app, path="/api/me")).problem["code"] == "token_missing"


async def test_a_starlette_route_requires_a_right() -> None:
    """What a route's `require` raises becomes a 403 by the handler, not a 500."""
    app = starlette_app()
    query = b"permission=customers:read"
    assert (await ask(app, bearer(token()), path="/api/customers", query_string=query)).status == 200
    answer = await ask(app, bearer(token(entitlements=[])), path="/api/customers", query_string=query)
    assert (answer.status, answer.problem["detail"]) == (403, "It needs the permission customers:read.")
    with pytest.raises(LookupError):
        await refusal_handler(verifier())(None, LookupError("not ours"))


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
async def test_as_a_middleware_it_answers_what_a_route_requires(framework: type[Starlette]) -> None:
    """Within the framework's own error handling nothing has to be set up for a `require` in a route."""
    app = framework(
        routes=[Route("/customers", customers)],
        middleware=[Middleware(BearerGuard, verifier=verifier(), public={"/healthz"})],
    )
    query = b"permission=customers:read"
    assert (await ask(app, bearer(token()), path="/customers", query_string=query)).status == 200
    answer = await ask(app, bearer(token(entitlements=[])), path="/customers", query_string=query)
    assert (answer.status, answer.problem["detail"]) == (403, "It needs the permission customers:read.")
    assert (await ask(app, path="/healthz")).status == 404


async def test_a_mount_is_guarded_by_its_own_middleware() -> None:
    """Below the path its right is needed, and what its routes require by themselves is answered too."""
    guard = Middleware(BearerGuard, verifier=verifier(), role="clerk")
    mount = Mount("/admin", routes=[Route("/customers", customers)], middleware=[guard])
    app = Starlette(routes=[mount])
    query = b"permission=customers:read"
    for sent, detail in (
        (token(), None),
        (token(roles=[]), "It needs the role clerk."),
        (token(entitlements=[]), "It needs the permission customers:read."),
    ):
        answer = await ask(app, bearer(sent), path="/admin/customers", query_string=query)
        assert (answer.status == 200) if detail is None else (answer.problem["detail"] == detail)


async def test_the_operator_reads_what_the_caller_does_not(caplog: pytest.LogCaptureFixture) -> None:
    """The detail of a refusal goes to the log, in one line, and never the token."""
    caplog.set_level("INFO", logger="sekisho_verify.bearer")
    text = token(iss="https://other.example/\n\x1b[31m")
    await ask(GUARDED, bearer(text))
    (record,) = caplog.records
    assert record.getMessage() == r"refused token_issuer_mismatch: iss is 'https://other.example/\n\x1b[31m'"
    assert text not in caplog.text
