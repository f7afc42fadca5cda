"""The Flask guard answers by RFC 6750, in front of real Flask applications."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from flask import Blueprint, Flask, Response, stream_with_context
from flask.views import MethodView, View

from sekisho_verify import AccessToken, ConfigurationError, RightMissing, TokenRefused, require
from sekisho_verify.errors import KeySetUnavailable
from sekisho_verify.flask import BearerGuard, current_token
from tests.verify.refusals import (
    BAD,
    GOOD,
    LACKING,
    NO_TOKEN,
    RAISED,
    TWO,
    Told,
    assert_answers,
    without_keys,
)
from tests.verify.tokens import AUDIENCE, ISSUER, claims, token, verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sekisho_verify.errors import RefusalCode

SUB = claims()["sub"]


def told(response: Any) -> Told:  # noqa: ANN401 -- werkzeug's test response
    """A response of the test client."""
    headers = response.headers
    assert len(headers.getlist("www-authenticate")) <= 1
    return Told(response.status_code, {name.lower(): value for name, value in headers}, response.data)


def ask(
    app: Flask, path: str = "/", *, authorization: str | None = f"Bearer {GOOD}", method: str = "GET"
) -> Told:
    """One request."""
    headers = [] if authorization is None else [("Authorization", authorization)]
    return told(app.test_client().open(path, method=method, headers=headers))


def guarded_app(**rights: Any) -> Flask:  # noqa: ANN401 -- passed on
    """An application with one guarded view, made anew for each test: Flask keeps what is registered."""
    app, guard = Flask(__name__), BearerGuard()
    guard.init_app(app, verifier())

    @app.route("/", methods=["GET", "POST"])
    @guard.token_required(**rights)
    def whoami() -> str:
        return current_token.sub

    @app.get("/open")
    def open_() -> str:
        return "open"

    return app


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_token_reaches_the_view(scheme: str) -> None:
    """The view runs and knows its caller, in any case of the scheme's name; others need no token."""
    answer = ask(guarded_app(), authorization=f"{scheme} {GOOD}")
    assert (answer.status, answer.body.decode()) == (200, SUB)
    assert ask(guarded_app(), "/open", authorization=None).body == b"open"


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("value", NO_TOKEN)
def test_no_token_is_a_challenge_without_an_error(value: str | None) -> None:
    """Who brought no token is asked for one, and no error code is given (RFC 6750 section 3.1)."""
    answer = ask(guarded_app(), authorization=value)
    assert_answers(answer, TokenRefused("token_missing"))
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.requirement("C9", "J18")
@pytest.mark.parametrize(("text", "code"), BAD)
def test_a_bad_token_is_an_invalid_token(text: str, code: RefusalCode) -> None:
    """Every refusal is a 401 that names its reason, and nothing of what was sent."""
    answer = ask(guarded_app(), authorization=f"Bearer {text}")
    assert_answers(answer, TokenRefused(code))
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token", ')


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("value", TWO)
def test_two_credentials_are_a_bad_request(value: str) -> None:
    """Which of two is meant is not guessed: not of two headers, nor of one and a query."""
    assert_answers(ask(guarded_app(), authorization=value), TokenRefused("invalid_request"))
    both = (
        guarded_app().test_client().get("/", headers=[("Authorization", part) for part in value.split(",")])
    )
    assert_answers(told(both), TokenRefused("invalid_request"))
    assert both.status_code == 400


@pytest.mark.requirement("C9")
def test_a_token_in_the_query_or_the_body_is_not_seen() -> None:
    """A token in the URL or a form counts as none; beside one in the header the request is refused."""
    app = guarded_app()
    assert_answers(ask(app, f"/?access_token={GOOD}", authorization=None), TokenRefused("token_missing"))
    assert_answers(ask(app, f"/?a=b&access_token={GOOD}"), TokenRefused("invalid_request"))
    form = app.test_client().post("/", data={"access_token": GOOD})
    assert_answers(told(form), TokenRefused("token_missing"))


@pytest.mark.requirement("C9")
@pytest.mark.parametrize(("kind", "lacks", "carries"), LACKING)
def test_a_right_that_is_lacking_is_forbidden(kind: str, lacks: str, carries: str) -> None:
    """A good token without the right is a 403 that says which one; with it the view runs."""
    answer = ask(guarded_app(**{kind: lacks}))
    assert_answers(answer, RightMissing(kind, lacks))
    assert answer.status == 403
    assert answer.headers["www-authenticate"].startswith('Bearer error="insufficient_scope", ')
    assert ask(guarded_app(**{kind: carries})).status == 200


@pytest.mark.parametrize("error", RAISED, ids=lambda error: error.code)
def test_what_a_view_refuses_is_answered_like_what_the_guard_refuses(error: Any) -> None:  # noqa: ANN401 -- one of two
    """Whatever a view raises of ours has its status, challenge and problem; no header breaks open."""
    app, guard = Flask(__name__), BearerGuard()
    guard.init_app(app, verifier())

    @app.get("/")
    @guard.token_required()
    def refuse() -> str:
        raise error

    @app.errorhandler(Exception)
    def everything_else(_: Exception) -> tuple[str, int]:
        return "a handler for everything does not come before ours", 418

    assert_answers(ask(app), error)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_view_requires_a_right_by_itself(asynchronous: bool) -> None:  # noqa: FBT001 -- a parameter
    """`require(current_token, ...)` in a view, plain or async, is a 403, without it and with it."""
    app, guard = Flask(__name__), BearerGuard()
    guard.init_app(app, verifier())

    @guard.token_required()
    def plain(right: str) -> str:
        require(current_token, permission=right)
        return current_token.sub

    @guard.token_required()
    async def waiting(right: str) -> str:
        await asyncio.sleep(0)
        require(current_token, permission=right)
        return current_token.sub

    app.add_url_rule("/<right>", view_func=waiting if asynchronous else plain)
    assert ask(app, "/customers:read").body.decode() == SUB
    assert_answers(ask(app, "/secret:read"), RightMissing("permission", "secret:read"))
    assert_answers(ask(app, "/customers:read", authorization=None), TokenRefused("token_missing"))


def test_a_guarded_view_that_is_not_reached_does_not_run() -> None:
    """A refused request runs no line of the view, of an async view no more than of a plain one."""
    app, guard = Flask(__name__), BearerGuard()
    guard.init_app(app, verifier())
    ran: list[str] = []

    @app.get("/plain")
    @guard.token_required(role="admin")
    def plain() -> str:
        ran.append("plain")
        return ""

    @app.get("/waiting")
    @guard.token_required(role="admin")
    async def waiting() -> str:
        ran.append("waiting")
        return ""

    for path in ("/plain", "/waiting"):
        assert ask(app, path).status == 403
        assert ask(app, path, authorization="Bearer x").status == 401
    assert ran == []
    assert waiting.__name__ == "waiting"


def test_class_based_views_take_the_decorator() -> None:
    """`decorators` guards every method of a class-based view."""
    app, guard = Flask(__name__), BearerGuard()
    guard.init_app(app, verifier())

    class Item(MethodView):
        decorators = [guard.token_required(role="clerk")]  # noqa: RUF012 -- as Flask documents it

        def get(self) -> str:
            return current_token.sub

        async def delete(self) -> str:
            return f"deleted by {current_token.sub}"

    class Report(View):
        decorators = [guard.token_required(role="admin")]  # noqa: RUF012 -- as Flask documents it

        def dispatch_request(self) -> str:
            return "report"

    app.add_url_rule("/item", view_func=Item.as_view("item"))
    app.add_url_rule("/report", view_func=Report.as_view("report"))
    assert ask(app, "/item").body.decode() == SUB
    assert ask(app, "/item", method="DELETE").body.decode() == f"deleted by {SUB}"
    assert ask(app, "/item", method="DELETE", authorization=None).code == "token_missing"
    assert_answers(ask(app, "/report"), RightMissing("role", "admin"))


def protected_app() -> Flask:
    """An application guarded as a whole, with a blueprint that needs a permission on top."""
    app, guard = Flask(__name__), BearerGuard()
    guard.init_app(app, verifier())
    guard.protect(app, public={"healthz", "shop.index"})
    shop = Blueprint("shop", __name__, url_prefix="/shop")
    guard.protect(shop, permission="customers:read", public={"shop.index"})

    @app.get("/")
    def whoami() -> str:
        return current_token.sub

    @app.get("/healthz")
    def healthz() -> str:
        return "up"

    @app.route("/own-options", methods=["GET", "OPTIONS"])
    def own_options() -> str:
        return "answered by a view"

    @shop.get("/")
    def index() -> str:
        return "welcome"

    @shop.get("/customers")
    def customers() -> str:
        return current_token.sub

    app.register_blueprint(shop)
    return app


@pytest.mark.requirement("C9")
def test_a_protected_application_refuses_strangers_everywhere_but_where_it_says() -> None:
    """Endpoints named as public pass; all others, static files and unknown paths too, need a token."""
    app = protected_app()
    for path, body in (("/healthz", b"up"), ("/shop/", b"welcome")):
        assert ask(app, path, authorization=None).body == body
        assert ask(app, path, authorization="Bearer x").body == body
    for path in (
        "/",
        "/shop/customers",
        "/static/x",
        "/nowhere",
        "/healthz/",
        "//healthz",
        "/HEALTHZ",
        "/x/../healthz",
    ):
        assert_answers(ask(app, path, authorization=None), TokenRefused("token_missing"))
    assert ask(app).body.decode() == SUB
    assert ask(app, "/nowhere").status == 404


def test_a_blueprint_asks_for_its_own_rights() -> None:
    """What a blueprint requires holds for its views, not for those beside it."""
    app = protected_app()
    poor = f"Bearer {token(entitlements=[])}"
    assert ask(app, "/shop/customers").body.decode() == SUB
    assert ask(app, authorization=poor).body.decode() == SUB
    assert_answers(
        ask(app, "/shop/customers", authorization=poor), RightMissing("permission", "customers:read")
    )


def test_a_preflight_is_answered_by_flask_and_nothing_runs() -> None:
    """OPTIONS without a token tells the methods of a route, unless a view of ours would answer it."""
    app = protected_app()
    preflight = ask(app, "/shop/customers", authorization=None, method="OPTIONS")
    assert (preflight.status, preflight.body) == (200, b"")
    assert set(preflight.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert ask(app, "/own-options", authorization=None, method="OPTIONS").code == "token_missing"
    assert ask(app, "/own-options", method="OPTIONS").body == b"answered by a view"
    assert ask(app, "/nowhere", authorization=None, method="OPTIONS").code == "token_missing"
    decorated = ask(guarded_app(), authorization=None, method="OPTIONS")
    assert (decorated.status, decorated.body) == (200, b"")


def test_head_is_guarded_like_get_and_has_no_body() -> None:
    """HEAD without a token is a 401 with the challenge and the length that GET would have."""
    refused, get = (ask(guarded_app(), authorization=None, method=method) for method in ("HEAD", "GET"))
    assert (refused.status, refused.body, refused.headers) == (401, b"", get.headers)
    assert ask(guarded_app(), method="HEAD").status == 200


def test_no_keys_is_unavailable_and_not_the_callers_fault() -> None:
    """Without keys the answer is 503 with Retry-After, but strangers are asked for a token as ever."""
    app, guard = Flask(__name__), BearerGuard()
    guard.init_app(app, without_keys())
    guard.protect(app)
    assert_answers(ask(app), KeySetUnavailable(""))
    assert_answers(ask(app, authorization=None), TokenRefused("token_missing"))


def test_current_token_is_an_access_token_only_where_a_guard_was() -> None:
    """Within a guarded view it is the token in all but identity; elsewhere each use says what is wrong."""
    app, guard = Flask(__name__), BearerGuard()
    guard.init_app(app, verifier())

    @app.get("/")
    @guard.token_required()
    def look() -> dict[str, Any]:
        whole = isinstance(current_token, AccessToken)
        return {"whole": whole, "roles": sorted(current_token.roles), "aud": current_token.claims["aud"]}

    @app.get("/open")
    def open_() -> str:
        with pytest.raises(ConfigurationError, match="no BearerGuard is in front of it"):
            _ = current_token.sub
        return "seen"

    with pytest.raises(ConfigurationError, match="for the time of a request"):
        _ = current_token.sub
    response = app.test_client().get("/", headers={"Authorization": f"Bearer {GOOD}"})
    assert response.json == {"whole": True, "roles": ["clerk"], "aud": AUDIENCE}
    assert ask(app, "/open").body == b"seen"


def test_a_token_does_not_outlive_its_request() -> None:
    """Requests within one application context, as tests and commands have it, see their own token only."""
    app = guarded_app()

    @app.get("/leak")
    def leak() -> str:
        with pytest.raises(ConfigurationError):
            _ = current_token.sub
        return "nothing"

    with app.app_context():
        assert ask(app).status == 200
        assert ask(app, "/leak").body == b"nothing"
        assert ask(app, "/leak", authorization=None).body == b"nothing"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_requests_at_the_same_time_see_their_own_token(asynchronous: bool) -> None:  # noqa: FBT001 -- a parameter
    """Views that run at the same moment in several threads never see each other's caller."""
    callers = [f"01890a5d-ac96-774b-bcce-b302099a80{number:02}" for number in range(4)]
    app, guard, together = Flask(__name__), BearerGuard(), threading.Barrier(len(callers), timeout=30)
    guard.init_app(app, verifier())

    @guard.token_required()
    def plain() -> str:
        before = current_token.sub
        together.wait()
        return f"{before} {current_token.sub}"

    @guard.token_required()
    async def waiting() -> str:
        before = current_token.sub
        await asyncio.get_running_loop().run_in_executor(None, together.wait)
        return f"{before} {current_token.sub}"

    app.add_url_rule("/", view_func=waiting if asynchronous else plain)
    with ThreadPoolExecutor(len(callers)) as threads:
        answers = threads.map(lambda sub: ask(app, authorization=f"Bearer {token(sub=sub)}").body, callers)
        assert [answer.decode() for answer in answers] == [f"{sub} {sub}" for sub in callers]


def streaming_app(parts: Callable[[], Iterator[str]]) -> Flask:
    """An application that streams."""
    app, guard = Flask(__name__), BearerGuard()
    guard.init_app(app, verifier())

    @app.get("/")
    @guard.token_required()
    def stream() -> Response:
        return Response(stream_with_context(parts()))

    return app


def test_a_stream_knows_its_caller_to_the_end() -> None:
    """With Flask's own `stream_with_context` the token is there while the body is made."""

    def parts() -> Iterator[str]:
        yield current_token.sub
        yield "/"
        yield current_token.sub

    assert ask(streaming_app(parts)).body.decode() == f"{SUB}/{SUB}"
    assert ask(streaming_app(parts), authorization=None).code == "token_missing"


def test_a_refusal_after_the_answer_began_is_no_second_answer() -> None:
    """What fails in the middle of a stream breaks it off: the server sees the error, the caller no more."""

    def parts() -> Iterator[str]:
        yield "begun"
        require(current_token, role="admin")

    with pytest.raises(TokenRefused, match="insufficient_scope"):
        ask(streaming_app(parts))


def test_each_application_has_its_own_verifier() -> None:
    """One guard, decorating views before any application exists, serves two that trust different issuers."""
    guard, other = BearerGuard(), "https://other.example"
    shop = Blueprint("shop", __name__)

    @shop.get("/")
    @guard.token_required()
    def whoami() -> str:
        return current_token.claims["iss"]  # type: ignore[no-any-return]  # text, by the verifier

    apps = []
    for issuer in (ISSUER, other):
        app = Flask(__name__)
        guard.init_app(app, verifier(issuer=issuer))
        app.register_blueprint(shop)
        apps.append(app)
    ours, theirs = f"Bearer {GOOD}", f"Bearer {token(iss=other)}"
    for _ in range(2):
        assert [ask(app, authorization=ours).status for app in apps] == [200, 401]
        assert [ask(app, authorization=theirs).status for app in apps] == [401, 200]


def test_a_guard_that_would_guard_nothing_is_refused() -> None:
    """Empty rights, one endpoint where a collection belongs, and a guard nobody set up fail with the fix."""
    app, guard = Flask(__name__), BearerGuard()
    for right in ("scope", "role", "group", "permission"):
        nothing: dict[str, Any] = {right: ""}
        with pytest.raises(ConfigurationError, match="an empty right"):
            guard.token_required(**nothing)
        with pytest.raises(ConfigurationError, match="an empty right"):
            guard.protect(app, **nothing)
    with pytest.raises(ConfigurationError, match="a collection of endpoints"):
        guard.protect(app, public="healthz")
    app.testing = True

    @app.get("/")
    @guard.token_required()
    def never() -> str:
        raise AssertionError

    with pytest.raises(ConfigurationError, match=r"call guard\.init_app"):
        ask(app)


def test_a_view_that_is_sensitive_needs_a_revocation_feed() -> None:
    """`sensitive` with a verifier that knows no revocations lets nobody through."""
    app = guarded_app(sensitive=True)
    app.testing = True
    with pytest.raises(ConfigurationError, match="sensitive routes need a verifier with a revocation feed"):
        ask(app)


def test_the_operator_may_answer_refusals_in_another_way() -> None:
    """An application's own handler for TokenRefused, registered later, replaces ours."""
    app = guarded_app()

    @app.errorhandler(TokenRefused)
    def page(error: TokenRefused) -> tuple[str, int]:
        return f"<p>{error.code}</p>", 401

    assert ask(app, authorization=None).body == b"<p>token_missing</p>"
