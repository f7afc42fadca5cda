"""What the issuer is asked about a cookie, what is remembered of its answer, and what is believed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from sekisho_verify import (
    ConfigurationError,
    SessionCookies,
    SessionsUnavailable,
    TokenRefused,
    VerificationUnavailable,
)
from sekisho_verify.bearer import BearerCheck, DeferredCheck
from sekisho_verify.browser_request import BrowserRequest, of_environ, of_scope
from sekisho_verify.revocations.live import Revocations
from sekisho_verify.session_asking import MAX_BODY
from sekisho_verify.session_cookies import REMEMBERED
from tests.house import tree
from tests.verify.issuers import PATIENCE, SteadyClock
from tests.verify.tokens import ISSUER, NOW, claims, verifier

if TYPE_CHECKING:
    from collections.abc import Generator

    from sekisho_verify import AccessToken

QUESTION = b"sekisho-question"
SHAKE = (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")
PROBLEM = "application/problem+json"
OURS, TOO_LONG = object(), object()
"""Claims that would be believed; and the same, with more room between them than is read."""


class Office(ThreadingHTTPServer):
    """An issuer whose one answer the test writes, and who notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[tuple[str, list[tuple[str, str]]]] = []
        self.open = threading.Event()
        self.open.set()
        self.closed, self.left = threading.Event(), threading.Event()
        self.drips = False
        self.knows_questions = True
        self.say(claims(iss=self.url))

    def say(
        self,
        body: object,
        status: int = 200,
        kind: str = "application/json",
        **headers: str,
    ) -> None:
        """Answer with JSON, or with bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answer = status, {"Content-Type": kind, **headers}, raw

    def refuse(self, code: object, status: int = 401, kind: str = PROBLEM) -> None:
        """Answer with a problem."""
        self.say({"code": code, "status": status}, status, kind)

    def verifier(self, **options: Any) -> Any:  # noqa: ANN401 -- passed on
        """Who expects what this issuer says."""
        return verifier(issuer=self.url, **options)


class _Desk(BaseHTTPRequestHandler):
    server: Office

    def do_GET(self) -> None:
        office = self.server
        office.asked.append((self.path, self.headers.items()))
        office.open.wait(PATIENCE)
        status, headers, body = office.answer
        self.send_response(status)
        if office.knows_questions:
            self.send_header("Sekisho-Question", self.headers["Sekisho-Question"])
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            while office.drips and not office.closed.wait(0.01):
                self.wfile.write(b" ")
            self.wfile.write(body)
        except OSError:
            office.left.set()  # whoever asked has gone

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Keep the test's output clean."""


@contextmanager
def an_office() -> Generator[Office]:
    """One that is open."""
    server = Office()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.open.set()
        server.closed.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def office() -> Generator[Office]:
    """One for each test."""
    with an_office() as server:
        yield server


def visitor(
    text: str = "sks1_abc", method: str = "GET", name: str = "sekisho", **page: str
) -> BrowserRequest:
    """A browser with a session cookie."""
    said = tuple((field.replace("_", "-"), value) for field, value in page.items())
    return BrowserRequest(method, (f"{name}={text}",), said)


def seen(
    sessions: SessionCookies, request: BrowserRequest, office: Office, *, fresh: bool = False
) -> AccessToken:
    """Who it is."""
    return sessions.token(request, verifier=office.verifier(), fresh=fresh)


def verdict(sessions: SessionCookies, request: BrowserRequest, office: Office) -> str:
    """The code with which it is refused, or cannot be judged."""
    with pytest.raises((TokenRefused, VerificationUnavailable)) as caught:
        seen(sessions, request, office)
    error = caught.value
    assert isinstance(error, TokenRefused | VerificationUnavailable)
    return error.code


def test_the_issuer_is_told_what_it_has_to_know_and_nothing_else(office: Office) -> None:
    """One cookie, the method, and what says where the page is; under the path of an issuer that has one."""
    office.say(claims(iss=f"{office.url}/auth"))
    sessions = SessionCookies(f"{office.url}/auth")
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/orders",
        "headers": [
            (b"host", b"shop.example"),
            (b"cookie", b"cart=1; sekisho=sks1_abc; sekisho-refresh=skr1_x"),
            (b"cookie", b"sekisho-device=skd1_y"),
            (b"authorization", b"Basic eDp5"),
            (b"x-forwarded-method", b"GET"),
            (b"x-original-method", b"GET"),
            (b"x-forwarded-for", b"10.0.0.1"),
            (b"origin", b"https://shop.example"),
            (b"sec-fetch-site", b"same-origin"),
            (b"sec_fetch_site", b"none"),
            (b"sekisho-csrf", b"skc1_z"),
            (b"referer", b"https://shop.example/secret"),
        ],
    }
    token = sessions.token(of_scope(scope), verifier=verifier(issuer=f"{office.url}/auth"), fresh=False)
    assert (token.sub, token.sid) == (claims()["sub"], claims()["sid"])
    assert office.asked == [
        (
            "/auth/v1/session",
            [
                ("Host", office.url.removeprefix("http://")),
                ("Accept", "application/json"),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
                ("Cookie", "sekisho=sks1_abc"),
                ("X-Original-Method", "POST"),
                ("sekisho-question", dict(office.asked[0][1])["sekisho-question"]),
                ("origin", "https://shop.example"),
                ("sec-fetch-site", "same-origin"),
                ("sekisho-csrf", "skc1_z"),
            ],
        )
    ]


@pytest.mark.parametrize("method", ["POST", "DELETE", "get", "M-SEARCH", "G\r\nX: y", "", "GET, POST"])
def test_only_three_methods_are_safe(office: Office, method: str) -> None:
    """The others are asked about each time, and what is no plain method is told as none."""
    sessions = SessionCookies(office.url)
    for _ in range(2):
        seen(sessions, visitor(method=method), office)
    plain = method in {"POST", "DELETE"}
    assert [dict(headers)["X-Original-Method"] for _, headers in office.asked] == [
        method if plain else "?"
    ] * 2


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_good_answer_is_remembered_for_half_a_second(office: Office, method: str) -> None:
    """From before it was asked for; up to that instant, and not at it."""
    steady = SteadyClock()
    sessions = SessionCookies(office.url, steady=steady)
    seen(sessions, visitor(method=method), office)
    steady.now += 0.499
    seen(sessions, visitor(), office)
    assert len(office.asked) == 1
    steady.now += 0.001
    office.refuse("session_revoked")
    assert verdict(sessions, visitor(), office) == "session_revoked"
    assert len(office.asked) == 2


def test_what_is_remembered_opens_nothing_else(office: Office) -> None:
    """No unsafe request, no sensitive route, no WebSocket, no other cookie, however alike."""
    sessions = SessionCookies(office.url, steady=SteadyClock())
    seen(sessions, visitor(), office)
    office.refuse("session_revoked")
    for request in (
        *(visitor(method="POST"), visitor("sks1_abd"), visitor("SKS1_ABC"), visitor("sks1_ab")),
        of_environ(
            {"REQUEST_METHOD": "GET", "HTTP_COOKIE": "sekisho=sks1_abc", "HTTP_SEC_WEBSOCKET_KEY": "x"}
        ),
        of_scope({"type": "websocket", "headers": [(b"cookie", b"sekisho=sks1_abc")]}),
        of_scope({"type": "http", "method": "GET", "headers": [SHAKE, (b"cookie", b"sekisho=sks1_abc")]}),
    ):
        assert verdict(sessions, request, office) == "session_revoked"
    with pytest.raises(TokenRefused):
        seen(sessions, visitor(), office, fresh=True)
    assert seen(sessions, visitor(), office).sub == claims()["sub"]


def test_an_unsafe_answer_and_a_refusal_are_not_remembered(office: Office) -> None:
    """A page that may post says nothing of the next one; and who was refused may have logged in since."""
    sessions = SessionCookies(office.url, steady=SteadyClock())
    seen(sessions, visitor(method="POST"), office)
    office.refuse("session_unknown")
    assert verdict(sessions, visitor(), office) == "session_unknown"
    office.say(claims(iss=office.url))
    assert seen(sessions, visitor(), office).sub == claims()["sub"]


def test_nothing_is_remembered_where_that_was_said(office: Office) -> None:
    """With `remember=0` each request is asked about."""
    sessions = SessionCookies(office.url, remember=0, steady=SteadyClock())
    for _ in range(2):
        seen(sessions, visitor(), office)
    assert len(office.asked) == 2


def test_what_is_remembered_is_bounded(office: Office) -> None:
    """Whoever brings many cookies pushes out the oldest, and takes no more room than that."""
    sessions = SessionCookies(office.url, steady=SteadyClock())
    kept = sessions._remembered
    kept.put(b"first", 1000.0, b"{}")
    for number in range(3 * REMEMBERED):
        kept.put(number.to_bytes(4), 1000.0, b"{}")
    assert kept.get(b"first", since=0.0) is None
    assert kept.get((3 * REMEMBERED - 1).to_bytes(4), since=0.0) == b"{}"
    assert len(kept._recent) + len(kept._older) <= 2 * REMEMBERED


def test_what_ends_while_it_is_remembered_is_asked_about_again(office: Office) -> None:
    """The session may have been used elsewhere, and so live on; only the issuer knows."""
    now = [float(NOW)]
    sessions = SessionCookies(office.url, steady=SteadyClock())
    expecting = office.verifier()
    office.say(claims(iss=office.url, exp=NOW + 0.25))
    late = verifier(issuer=office.url, clock=lambda: now[0])
    sessions.token(visitor(), verifier=expecting, fresh=False)
    now[0] = NOW + 0.25
    office.say(claims(iss=office.url, exp=NOW + 60))
    assert sessions.token(visitor(), verifier=late, fresh=False).expires_at == NOW + 60
    office.say(claims(iss=office.url, exp=NOW + 0.25))
    with pytest.raises(TokenRefused) as caught:
        sessions.token(visitor(), verifier=late, fresh=True)
    assert caught.value.code == "session_expired"


@pytest.mark.requirement("H6")
@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"sub": ""},
        {"rv": None},
        {"exp": NOW + 100_000},
        {"iat": NOW + 3600, "exp": NOW + 3700},
    ],
)
def test_claims_that_are_not_for_us_are_no_verdict(office: Office, changes: dict[str, object]) -> None:
    """503, since the issuer has said yes and the two sides are set up for something else; and no token."""
    office.say(claims(**{"iss": office.url, **changes}))
    assert verdict(SessionCookies(office.url), visitor(), office) == "sessions_unavailable"


@pytest.mark.requirement("H6")
@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{}", 200, "application/json"),
        (b"<html>back soon</html>", 200, "text/html"),
        (b"{", 200, "application/json"),
        (OURS, 200, "text/plain"),
        (OURS, 201, "application/json"),
        (OURS, 302, "application/json"),
        (b"", 204, "application/json"),
        ({"code": "session_revoked"}, 200, PROBLEM),
        ({"code": "session_revoked"}, 403, PROBLEM),
        ({"code": "session_revoked"}, 401, "application/json"),
        ({"code": "token_missing"}, 401, PROBLEM),
        ({"code": ["session_revoked"]}, 401, PROBLEM),
        ({}, 401, PROBLEM),
        (b"[]", 401, PROBLEM),
        (b'{"code": "session_revoked", "code": "session_revoked"}', 401, PROBLEM),
        ({"code": "not_found"}, 404, PROBLEM),
        ({"code": "unavailable"}, 503, PROBLEM),
        (TOO_LONG, 200, "application/json"),
    ],
)
def test_an_answer_that_is_none_is_no_verdict(office: Office, body: object, status: int, kind: str) -> None:
    """Neither a pass nor a refusal, of which a browser would make a logout."""
    ours = claims(iss=office.url)
    if body is OURS or body is TOO_LONG:
        body = json.dumps(ours).encode() + (b" " * MAX_BODY if body is TOO_LONG else b"")
    office.say(body, status, kind, Location=f"{office.url}/elsewhere")
    assert verdict(SessionCookies(office.url), visitor(), office) == "sessions_unavailable"
    assert len(office.asked) == 1  # no redirect is followed


@pytest.mark.requirement("H6")
def test_an_issuer_that_hangs_drips_or_is_gone_is_no_verdict(office: Office) -> None:
    """Within the time that was given for the whole, whether it is waited for or awaited."""
    sessions = SessionCookies(office.url, timeout=0.4)

    async def awaited() -> None:
        await sessions.atoken(visitor(), verifier=office.verifier(), fresh=False)

    office.drips = True  # each byte in time, and never all of them
    for ask in (lambda: seen(sessions, visitor(), office), lambda: asyncio.run(awaited())):
        office.left.clear()
        with pytest.raises(SessionsUnavailable, match=r"no answer within 0\.4 seconds"):
            ask()
        assert office.left.wait(PATIENCE)  # no thread stays behind for what nobody waits for
    office.drips = False
    office.open.clear()
    assert verdict(sessions, visitor(), office) == "sessions_unavailable"
    with pytest.raises(SessionsUnavailable):
        asyncio.run(awaited())
    with an_office() as other:
        gone = SessionCookies(other.url)
    assert verdict(gone, visitor(), other) == "sessions_unavailable"


@pytest.mark.parametrize("code", ["session_unknown", "session_expired", "session_revoked"])
def test_what_the_issuer_refuses_is_refused_by_its_code(office: Office, code: str) -> None:
    """401, with the challenge of an invalid token."""
    office.refuse(code)
    check = BearerCheck(office.verifier(), session=SessionCookies(office.url))
    with pytest.raises(TokenRefused) as caught:
        check.token(None, browser=visitor)
    answer = check.answer(caught.value)
    assert (answer.status, json.loads(answer.body)["code"]) == (401, code)
    assert json.loads(answer.body)["detail"] == "Log in again."
    assert dict(answer.headers)["www-authenticate"].startswith('Bearer error="invalid_token"')


@pytest.mark.requirement("H6")
def test_an_answer_that_was_kept_for_another_is_no_verdict(office: Office) -> None:
    """By a cache on the way: each answer names its question, and no two questions are the same."""
    sessions = SessionCookies(office.url, remember=0)
    for _ in range(2):
        seen(sessions, visitor(), office)
    first, second = (dict(headers)["sekisho-question"] for _, headers in office.asked)
    assert first != second
    office.knows_questions = False
    ours = claims(iss=office.url)
    for kept in ("", first):
        office.say(ours, 200, "application/json", **{"Sekisho-Question": kept})
        assert verdict(sessions, visitor(), office) == "sessions_unavailable"


def test_a_request_does_not_print_its_cookies() -> None:
    """Nor does what is made of it: they would be in somebody's log."""
    request = visitor("sks1_secret")
    assert "secret" not in repr(request) + str(request)
    begun = SessionCookies("http://localhost")._begin(request, verifier(), fresh=True)
    assert "secret" in str(begun.headers)
    assert "secret" not in repr(begun) + str(begun)


def test_the_name_of_the_cookie_follows_the_issuer(office: Office) -> None:
    """By https with the prefix that binds it to its host, and only so; by http without."""
    secure = SessionCookies(ISSUER, url=office.url)
    assert (secure.cookie, SessionCookies(office.url).cookie) == ("__Host-sekisho", "sekisho")
    office.say(claims())
    request = visitor(name="__Host-sekisho")
    assert secure.token(request, verifier=verifier(), fresh=False).sub == claims()["sub"]
    assert dict(office.asked[0][1])["Cookie"] == "__Host-sekisho=sks1_abc"
    with pytest.raises(TokenRefused) as caught:
        secure.token(visitor(), verifier=verifier(), fresh=False)
    assert caught.value.code == "token_missing"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "token_missing"),
        ("sekisho", "token_missing"),
        ("sekisho =x", "token_missing"),
        ("Sekisho=x", "token_missing"),
        ("a=b,sekisho=x", "token_missing"),
        ("sekisho=", "session_unknown"),
        ("sekisho=x,sekisho=y", "session_unknown"),
        ("sekisho=x y", "session_unknown"),
        ('sekisho="x"', "session_unknown"),
        ("sekisho=x\r\nCookie: y", "session_unknown"),
        ("sekisho=\u0430", "session_unknown"),
        ("sekisho=" + "x" * 4097, "session_unknown"),
        ("sekisho=x; sekisho=x", "invalid_request"),
        ("sekisho=; sekisho=x", "invalid_request"),
    ],
)
def test_a_cookie_that_is_none_of_ours_is_not_asked_about(office: Office, header: str, code: str) -> None:
    """Whatever it is, nothing of it goes any further."""
    request = BrowserRequest("GET", (header,), ())
    assert verdict(SessionCookies(office.url), request, office) == code
    assert office.asked == []


def test_two_cookies_in_two_headers_are_two(office: Office) -> None:
    """As HTTP/2 may split them."""
    request = BrowserRequest("GET", ("sekisho=x", "a=b; sekisho=y"), ())
    assert verdict(SessionCookies(office.url), request, office) == "invalid_request"


@pytest.mark.parametrize("value", ["a\r\nX-Original-Method: GET", "\xe9", "a\x00", "x" * 2049])
def test_what_is_no_header_is_not_passed_on(office: Office, value: str) -> None:
    """403, as for any page that is not ours."""
    request = visitor(method="POST", origin=value)
    assert verdict(SessionCookies(office.url), request, office) == "origin_not_allowed"
    assert office.asked == []


def test_a_set_up_that_could_not_be_safe_is_refused(office: Office) -> None:
    """Where it is written, with what to write instead."""
    for made, words in (
        (lambda: SessionCookies("http://id.example.com"), "https only"),
        (lambda: SessionCookies(ISSUER, url="http://10.0.0.8:8400"), "https only"),
        (lambda: SessionCookies(ISSUER, url=f"{office.url}?x=y"), "query"),
        (lambda: SessionCookies(ISSUER, url=office.url, app=_nothing), "url or app"),
        (lambda: SessionCookies(ISSUER, remember=0.6), "0 to 0.5 seconds"),
        (lambda: SessionCookies(ISSUER, remember=float("nan")), "0 to 0.5 seconds"),
        (lambda: SessionCookies(ISSUER, timeout=0), "above 0"),
        (lambda: BearerCheck(verifier(), session=SessionCookies(office.url)), "the cookies are those of"),
        (lambda: SessionCookies(ISSUER, app=_nothing).expect_waiting(), "give url="),
    ):
        with pytest.raises(ConfigurationError, match=words):
            made()


def test_a_sensitive_route_asks_each_time(office: Office) -> None:
    """It needs a verifier with a feed for its tokens; the cookies it asks about anew."""
    using = office.verifier(feed=Revocations())
    sessions = SessionCookies(office.url, steady=SteadyClock())
    for sensitive, asked in ((False, 1), (False, 1), (True, 2), (True, 3)):
        check = DeferredCheck(sensitive=sensitive).by(using, sessions)
        assert check.token(None, browser=visitor).sub == claims()["sub"]
        assert len(office.asked) == asked


def test_a_deferred_check_follows_its_cookies(office: Office) -> None:
    """Kept while verifier and cookies stay, made anew when either changes."""
    deferred, using = DeferredCheck(), office.verifier()
    one, other = SessionCookies(office.url), SessionCookies(office.url)
    made = deferred.by(using, one)
    assert deferred.by(using, one) is made
    assert deferred.by(using, other).session is other
    assert deferred.by(using).session is None


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """An application that gives no answer."""


async def asked_in_process(app: Any, **options: Any) -> Any:  # noqa: ANN401 -- any application
    """The token by an application in this process."""
    sessions = SessionCookies(ISSUER, app=app, **options)
    return await sessions.atoken(visitor(name="__Host-sekisho"), verifier=verifier(), fresh=False)


@pytest.mark.requirement("H6")
async def test_an_application_that_gives_no_answer_is_no_verdict() -> None:
    """It ends, fails, breaks off, says too much, or takes too long: 503, and nothing of its own is raised."""

    async def fails(_scope: object, _receive: object, _send: object) -> None:
        raise LookupError("its own affair")

    async def breaks_off(_scope: object, _receive: object, send: Any) -> None:  # noqa: ANN401 -- ASGI
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})

    async def goes_on(_scope: object, _receive: object, send: Any) -> None:  # noqa: ANN401 -- ASGI
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b" " * 4096, "more_body": True})

    async def hangs(_scope: object, receive: Any, _send: object) -> None:  # noqa: ANN401 -- ASGI
        while (await receive())["type"] != "http.disconnect":
            pass

    for app, words in (
        (_nothing, "ended before its answer"),
        (fails, "LookupError"),
        (breaks_off, "ended before its answer"),
        (goes_on, "more than 65536 bytes"),
        (hangs, "within 0.05 seconds"),
    ):
        with pytest.raises(SessionsUnavailable) as caught:
            await asked_in_process(app, timeout=0.05)
        assert words in caught.value.detail


async def test_an_application_in_this_process_is_asked_each_time() -> None:
    """It remembers by itself, and hears of a logout at once."""
    asked: list[Any] = []

    async def app(scope: Any, _receive: object, send: Any) -> None:  # noqa: ANN401 -- ASGI
        sent = dict(scope["headers"])
        asked.append((scope["method"], scope["path"], sent[b"cookie"]))
        headers = [(b"content-type", b"application/json"), (QUESTION, sent[QUESTION])]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(claims()).encode()})

    sessions = SessionCookies(ISSUER, app=app)
    for _ in range(2):
        token = await sessions.atoken(visitor(name="__Host-sekisho"), verifier=verifier(), fresh=False)
        assert token.sub == claims()["sub"]
    assert asked == [("GET", "/v1/session", b"__Host-sekisho=sks1_abc")] * 2


async def test_a_question_that_nobody_waits_for_any_more_is_not_cancelled() -> None:
    """It may be what opens the application; its answer is then nobody's."""
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def slow(_scope: object, _receive: object, _send: object) -> None:
        await may_end.wait()
        ended.set()

    with pytest.raises(SessionsUnavailable):
        await asked_in_process(slow, timeout=0.01)
    may_end.set()
    await asyncio.wait_for(ended.wait(), PATIENCE)


async def test_a_guard_without_a_loop_says_so_at_once() -> None:
    """An application in this process cannot be waited for."""
    sessions = SessionCookies(ISSUER, app=_nothing)
    with pytest.raises(ConfigurationError, match="give url="):
        sessions.token(visitor(name="__Host-sekisho"), verifier=verifier(), fresh=False)


FORKING = """
import os, sys
from tests.verify.test_session_cookies import SessionCookies, verifier, visitor

url = sys.argv[1]
sessions = SessionCookies(url, remember=0)

def sub():
    return sessions.token(visitor(), verifier=verifier(issuer=url), fresh=False).sub

before = sub()
pid = os.fork()
if pid == 0:
    os._exit(0 if sub() == before else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_process_that_is_forked_asks_by_itself(office: Office) -> None:
    """With threads of its own: those of its parent are not there, and it would wait for them."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING, office.url]
    done = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(office.asked) == 2
