"""The WSGI guard answers by RFC 6750, and keeps to PEP 3333 with every application that does."""

from __future__ import annotations

import http.client
import io
import json
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from sekisho_verify import ConfigurationError, TokenRefused, require
from sekisho_verify.errors import SENTENCES
from sekisho_verify.wsgi import BearerGuard, token_of
from tests.verify.tokens import ISSUER, NOW, claims, token, verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

GOOD = f"Bearer {token()}"


class Answer:
    """What an application answered."""

    def __init__(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = int(status.partition(" ")[0])
        self.phrase = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    @property
    def problem(self) -> Any:  # noqa: ANN401 -- JSON
        """The problem in the body."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["content-length"] == str(len(self.body))
        assert self.headers["cache-control"] == "no-store"
        problem = json.loads(self.body)
        assert problem.keys() == {"type", "title", "status", "detail", "code", "help"}
        assert problem["help"] == f"{ISSUER}/problems/{problem['code']}"
        assert problem["status"] == self.status
        return problem


def ask(app: WSGIApplication, authorization: str | None = None, **changes: str) -> Answer:
    """One request, with every rule of PEP 3333 checked on the way in and on the way out."""
    environ: WSGIEnvironment = {}
    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": "/", "QUERY_STRING": "", **changes}
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization
    told: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(
        status: str,
        headers: list[tuple[str, str]],
        exc_info: Any = None,  # noqa: ANN401 -- PEP 3333
        /,
    ) -> Callable[[bytes], object]:
        # A server replaces what it has not sent; what it has, it cannot take back.
        if told and exc_info and written:
            raise exc_info[1].with_traceback(exc_info[2])
        assert not told or exc_info
        told.append((status, headers))
        return written.append

    body = validator(app)(environ, start_response)
    try:
        for part in body:
            assert told
            written.append(part)
    finally:
        body.close()  # type: ignore[attr-defined]  # the validator's has it
    return Answer(*told[-1], b"".join(written))


def plain(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with whom the request is from."""
    body = json.dumps({"sub": token_of(environ).sub}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def generator(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """The same, not begun before it is read."""
    yield from plain(environ, start_response)


def writing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The same, by the old `write`."""
    write = start_response("200 OK", [("Content-Type", "application/json")])
    write(json.dumps({"sub": token_of(environ).sub}).encode())
    return []


class Lazy:
    """The same, as an object that is begun when it is asked for its parts."""

    def __init__(self, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self.environ, self.start_response = environ, start_response

    def __iter__(self) -> Iterator[bytes]:
        """Begin."""
        return iter(plain(self.environ, self.start_response))


APPLICATIONS: list[Any] = [plain, generator, writing, Lazy]
GUARDED = BearerGuard(plain, verifier=verifier())


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("app", APPLICATIONS)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_token_passes(app: WSGIApplication, scheme: str) -> None:
    """Every kind of application gets the token, in any case of the scheme's name."""
    answer = ask(BearerGuard(app, verifier=verifier()), f"{scheme} {token()}")
    assert (answer.status, json.loads(answer.body)) == (200, {"sub": claims()["sub"]})


@pytest.mark.requirement("C9")
@pytest.mark.parametrize(
    ("authorization", "more"),
    [
        (None, {}),
        ("", {}),
        ("Basic dXNlcjpwYXNz", {}),
        (f"BearerX {token()}", {}),
        (f"Bearer\t{token()}", {}),
        (None, {"REDIRECT_HTTP_AUTHORIZATION": GOOD}),
        (None, {"HTTP_X_AUTHORIZATION": GOOD}),
        (None, {"HTTP_PROXY_AUTHORIZATION": GOOD}),
        (None, {"HTTP_COOKIE": f"access_token={token()}"}),
        (None, {"QUERY_STRING": f"access_token={token()}"}),
    ],
)
def test_no_token_is_a_challenge_without_an_error(authorization: str | None, more: dict[str, str]) -> None:
    """Only the Authorization header counts; without it the scheme is told, and no error."""
    answer = ask(GUARDED, authorization, **more)
    assert (answer.phrase, answer.headers["www-authenticate"]) == ("401 Unauthorized", "Bearer")
    assert answer.problem["code"] == "token_missing"


@pytest.mark.requirement("C9")
@pytest.mark.parametrize(
    ("authorization", "query"),
    [(f"{GOOD},{GOOD}", ""), (f"{GOOD}, Basic x", ""), (GOOD, f"a=b&access_token={token()}")],
)
def test_two_credentials_are_a_bad_request(authorization: str, query: str) -> None:
    """Two headers, which servers join by a comma, or one beside a token in the query: none is chosen."""
    answer = ask(GUARDED, authorization, QUERY_STRING=query)
    assert (answer.phrase, answer.problem["code"]) == ("400 Bad Request", "invalid_request")
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_request"')


@pytest.mark.requirement("C9", "J18")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (token(exp=NOW), "token_expired"),
        (token(aud="other"), "token_audience_mismatch"),
        (token()[:-4] + "AAAA", "token_signature_mismatch"),
        (" " + token(), "token_malformed"),
        ("", "token_malformed"),
        ("\xff\xfe.\x80.", "token_malformed"),
        ("A" * 100_000, "token_malformed"),
    ],
)
def test_a_bad_token_is_an_invalid_token(text: str, code: str) -> None:
    """401 with the reason, in the header as RFC 6750 spells it, in the body as the stable code."""
    answer = ask(GUARDED, f"Bearer {text}")
    assert (answer.status, answer.problem["code"]) == (401, code)
    sentence = SENTENCES[code]  # type: ignore[index]  # one of them
    assert answer.headers["www-authenticate"] == (
        f'Bearer error="invalid_token", error_description="{sentence}"'
    )


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("kind", ["scope", "role", "group", "permission"])
def test_a_right_that_is_lacking_is_forbidden(kind: str) -> None:
    """A good token without the right is a 403 that says which one, and a scope in the challenge."""
    right: dict[str, Any] = {kind: "export"}
    answer = ask(BearerGuard(plain, verifier=verifier(), **right), GOOD)
    assert (answer.phrase, answer.problem["detail"]) == ("403 Forbidden", f"It needs the {kind} export.")
    assert answer.headers["www-authenticate"].endswith(', scope="export"') is (kind == "scope")


def test_a_refusal_of_head_has_no_body() -> None:
    """HEAD gets the headers that GET would have had (RFC 9110 section 9.3.2)."""
    answer = ask(GUARDED, REQUEST_METHOD="HEAD")
    assert (answer.status, answer.body) == (401, b"")
    assert answer.headers["content-length"] == str(len(ask(GUARDED).body))


def test_public_paths_are_exact() -> None:
    """A public path needs no token, in any script; whatever only resembles it does."""

    def public(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"public"]

    app = BearerGuard(public, verifier=verifier(), public={"/healthz", "/関所"})
    assert ask(app, PATH_INFO="/healthz").body == b"public"
    assert ask(app, PATH_INFO="/関所".encode().decode("latin-1")).body == b"public"
    for path in ("/healthz/", "/healthz/x", "/HEALTHZ", "//healthz", "/", "/x/../healthz", "/healthz\0"):
        assert ask(app, PATH_INFO=path).status == 401
    assert ask(app, PATH_INFO="", SCRIPT_NAME="/healthz").status == 401


def test_where_nothing_guards_there_is_no_token() -> None:
    """The typed accessor says what is wrong instead of giving nothing."""
    environ: WSGIEnvironment = {}
    with pytest.raises(ConfigurationError, match="no BearerGuard is in front of it"):
        token_of(environ)
    with pytest.raises(ConfigurationError, match="no BearerGuard is in front of it"):
        token_of({"sekisho.token": token()})


def test_a_guard_that_would_guard_nothing_is_not_made() -> None:
    """Empty rights, one path where a collection belongs, and what cannot be had, are refused at once."""
    for right in ("scope", "role", "group", "permission"):
        nothing: dict[str, Any] = {right: ""}
        with pytest.raises(ConfigurationError, match="an empty right"):
            BearerGuard(plain, verifier=verifier(), **nothing)
    with pytest.raises(ConfigurationError, match="sensitive routes need a verifier with a revocation feed"):
        BearerGuard(plain, verifier=verifier(), sensitive=True)
    with pytest.raises(ConfigurationError, match="a collection of paths"):
        BearerGuard(plain, verifier=verifier(), public="/healthz")


@pytest.mark.parametrize("lazily", [False, True])
@pytest.mark.parametrize("begun", [False, True])
def test_a_right_required_by_the_application_itself(lazily: bool, begun: bool) -> None:  # noqa: FBT001 -- parameters
    """A `require` within the application is answered 403, headers that are not sent yet are replaced."""

    def strict(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if begun:
            start_response("200 OK", [("Content-Type", "text/plain")])
        require(token_of(environ), role="admin")
        return plain(environ, start_response)

    def lazy(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        yield from strict(environ, start_response)

    answer = ask(BearerGuard(lazy if lazily else strict, verifier=verifier()), GOOD)
    assert (answer.status, answer.problem["detail"]) == (403, "It needs the role admin.")


def test_an_answer_that_was_sent_is_not_changed() -> None:
    """After the first bytes a refusal is an error that the server sees."""

    def late(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])(b"first")
        require(token_of(environ), role="admin")
        return []

    def later(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"first"
        require(token_of(environ), role="admin")

    for app in (late, later):
        with pytest.raises(TokenRefused):
            ask(BearerGuard(app, verifier=verifier()), GOOD)


class Body:
    """A body that may begin, or fail, when it is read, and knows how often it was closed."""

    def __init__(self, begin: Callable[[], object], *, fails: bool) -> None:
        self.begin = begin
        self.fails = fails
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        """Begin."""
        if self.fails:
            require(verifier().verify(token()), role="admin")
        self.begin()
        return iter([b"a", b"b"])

    def close(self) -> None:
        """PEP 3333."""
        self.closed += 1


@pytest.mark.parametrize(
    ("lazily", "fails", "status"), [(False, False, 200), (True, False, 200), (True, True, 403)]
)
def test_what_the_application_gave_is_closed_once(lazily: bool, fails: bool, status: int) -> None:  # noqa: FBT001 -- parameters
    """Whether it had begun, begins by being read, or fails in that."""
    bodies: list[Body] = []

    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def begin() -> object:
            return start_response("200 OK", [("Content-Type", "text/plain")])

        if not lazily:
            begin()
        bodies.append(Body(begin if lazily else list, fails=fails))
        return bodies[0]

    answer = ask(BearerGuard(app, verifier=verifier()), GOOD)
    assert (answer.status, bodies[0].closed) == (status, 1)
    assert fails or answer.body == b"ab"


def test_a_file_of_the_server_passes_through_untouched() -> None:
    """What the server wraps it also recognises, and sends in its own way."""

    def file(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return FileWrapper(io.BytesIO(b"file"))

    environ: WSGIEnvironment = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_AUTHORIZATION": GOOD}
    body = BearerGuard(file, verifier=verifier())(environ, lambda *_: lambda _: None)
    assert type(body) is FileWrapper


def test_other_errors_are_left_alone() -> None:
    """What is no refusal goes to the server as it is."""

    def broken(_environ: WSGIEnvironment, _start_response: StartResponse) -> Iterable[bytes]:
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        ask(BearerGuard(broken, verifier=verifier()), GOOD)


class Silent(WSGIRequestHandler):
    """The server of the standard library, without its log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 -- the signature that it has
        """Say nothing."""


@contextmanager
def served(app: WSGIApplication) -> Iterator[int]:
    """The application under wsgiref's server; its port."""
    with make_server("127.0.0.1", 0, validator(app), handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.requirement("C9")
def test_the_server_of_the_standard_library() -> None:
    """Over a socket: the token passes, two headers are refused, a stranger gets the challenge."""

    def answer(port: int, method: str, *authorization: str) -> tuple[int, str | None, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.putrequest(method, "/")
            for value in authorization:
                connection.putheader("Authorization", value)
            connection.endheaders()
            response = connection.getresponse()
            return response.status, response.getheader("WWW-Authenticate"), response.read()

    with served(GUARDED) as port:
        status, challenge, body = answer(port, "GET", GOOD)
        assert (status, challenge, json.loads(body)) == (200, None, {"sub": claims()["sub"]})
        status, challenge, body = answer(port, "GET")
        assert (status, challenge, json.loads(body)["code"]) == (401, "Bearer", "token_missing")
        status, challenge, body = answer(port, "GET", GOOD, GOOD)
        assert (status, json.loads(body)["code"]) == (400, "invalid_request")
        assert answer(port, "HEAD") == (401, "Bearer", b"")
