"""The guard of Django REST framework answers by RFC 6750, with its exception handler and without."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import rest_framework.views
from django.core.cache import cache
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import (
    SAFE_METHODS,
    BasePermission,
    DjangoModelPermissions,
    IsAdminUser,
    IsAuthenticated,
)
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from sekisho_verify import ConfigurationError, RightMissing, TokenRefused, require
from sekisho_verify.django import token_of
from sekisho_verify.drf import (
    HasGroup,
    HasPermission,
    HasRole,
    HasScope,
    HasToken,
    TokenAuthentication,
    TokenUser,
    exception_handler,
)
from sekisho_verify.errors import KeySetUnavailable
from tests.verify.django_site import BEARER, SEKISHO, wsgi
from tests.verify.refusals import (
    BAD,
    GOOD,
    LACKING,
    NO_TOKEN,
    RAISED,
    TWO,
    Told,
    assert_answers,
    expected,
    without_keys,
)
from tests.verify.tokens import claims, token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rest_framework.request import Request

    from sekisho_verify import AccessToken
    from sekisho_verify.errors import RefusalCode

SUB = claims()["sub"]
RIGHTS = {"scope": HasScope, "role": HasRole, "group": HasGroup, "permission": HasPermission}
OURS, PLAIN = exception_handler, rest_framework.views.exception_handler
each_handler = pytest.mark.parametrize("handler", [OURS, PLAIN], ids=["ours", "plain"])


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Refusals are not printed."""
    logging.getLogger("django.request").disabled = True
    yield
    logging.getLogger("django.request").disabled = False


class Whoami(APIView):
    """Says who it was asked by."""

    def get(self, request: Request) -> Response:
        """Who."""
        assert request.auth is token_of(request)
        return Response({"sub": request.user.pk, "of": token_of(request).sub})

    post = get


urlpatterns = [path("api", Whoami.as_view())]


def view(*permissions: object, handler: object = OURS, **attributes: object) -> type[APIView]:
    """`Whoami` with other permissions, or another handler of exceptions."""

    def get_exception_handler(_: APIView) -> object:
        return handler

    members: dict[str, object] = dict(attributes)
    if handler is not OURS:
        members["get_exception_handler"] = get_exception_handler
    if permissions:
        members["permission_classes"] = permissions
    return type("Changed", (Whoami,), members)


def ask(
    of: type[APIView],
    authorization: str | None = BEARER,
    *,
    method: str = "GET",
    query: str = "",
    **more: Any,  # noqa: ANN401 -- the factory's
) -> Told:
    """One request, straight to a view."""
    sent: Any = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
    request = RequestFactory().generic(method, f"/{query}", **sent, **more)
    response: Any = of.as_view()(request)
    if isinstance(response, Response):
        response.render()
    content = b"".join(response) if response.streaming else response.content
    return Told(response.status_code, {name.lower(): value for name, value in response.items()}, content)


def assert_tells(told: Told, error: TokenRefused | KeySetUnavailable, handler: object) -> None:
    """With our handler the whole answer; without it status, challenge, and everything else as plain JSON."""
    if handler is OURS:
        assert_answers(told, error)
        return
    wanted = expected(error)
    headers = dict(wanted.headers)
    problem = json.loads(wanted.body)
    assert problem.pop("status") == told.status == wanted.status
    assert json.loads(told.body) == problem
    assert told.headers["content-type"] == "application/json"
    assert told.headers.get("www-authenticate") == headers.get("www-authenticate")
    assert told.headers.get("retry-after") == headers.get("retry-after")


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_token_reaches_the_view(scheme: str) -> None:
    """`request.user`, `request.auth` and `token_of` know the caller, and no database was asked."""
    answer = ask(Whoami, f"{scheme} {GOOD}")
    assert (answer.status, json.loads(answer.body)) == (200, {"sub": SUB, "of": SUB})


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("value", NO_TOKEN)
def test_no_token_is_a_challenge_without_an_error(value: str | None) -> None:
    """Who brought no token is asked for one: 401 and not 403, by either handler (RFC 6750 section 3.1)."""
    for permission in (HasToken, IsAuthenticated, HasPermission("customers:read"), ~HasRole("x")):
        assert_answers(ask(view(permission), value), TokenRefused("token_missing"))
        plain = ask(view(permission, handler=PLAIN), value)
        assert (plain.status, plain.headers["www-authenticate"]) == (401, "Bearer")
        assert json.loads(plain.body) == {"detail": "Authentication credentials were not provided."}


@pytest.mark.requirement("C9", "J18")
@each_handler
@pytest.mark.parametrize(("text", "code"), BAD)
def test_a_bad_token_is_an_invalid_token(text: str, code: RefusalCode, handler: object) -> None:
    """Every refusal is a 401 that names its reason and no more, whatever the view would have permitted."""
    for permissions in ((), (HasPermission("customers:read"),), (BasePermission,)):
        answer = ask(view(*permissions, handler=handler), f"Bearer {text}")
        assert_tells(answer, TokenRefused(code), handler)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token", ')


@pytest.mark.requirement("C9")
@each_handler
@pytest.mark.parametrize("value", TWO)
def test_two_credentials_are_a_bad_request(value: str, handler: object) -> None:
    """Which of two is meant is not guessed, and the status is 400 though it happens in authentication."""
    of = view(handler=handler)
    assert_tells(ask(of, value), TokenRefused("invalid_request"), handler)
    answer = ask(of, query=f"?access_token={GOOD}")
    assert_tells(answer, TokenRefused("invalid_request"), handler)
    assert answer.status == 400


@pytest.mark.requirement("C9")
def test_a_token_in_the_query_or_the_body_is_not_seen() -> None:
    """A token in the URL or a form counts as none."""
    assert ask(view(), None, query=f"?access_token={GOOD}").code == "token_missing"
    form = {"data": f"access_token={GOOD}", "content_type": "application/x-www-form-urlencoded"}
    assert ask(view(), None, method="POST", **form).code == "token_missing"


@pytest.mark.requirement("C9")
@each_handler
@pytest.mark.parametrize(("kind", "lacks", "carries"), LACKING)
def test_a_right_that_is_lacking_is_forbidden(kind: str, lacks: str, carries: str, handler: object) -> None:
    """A good token without the right is a 403 that says which one, with its challenge, by either handler."""
    answer = ask(view(RIGHTS[kind](lacks), handler=handler))
    assert_tells(answer, RightMissing(kind, lacks), handler)
    assert answer.headers["www-authenticate"].startswith('Bearer error="insufficient_scope", ')
    assert ask(view(RIGHTS[kind](carries), handler=handler)).status == 200
    assert_tells(
        ask(view(HasToken, RIGHTS[kind](carries), RIGHTS[kind](lacks), handler=handler)),
        RightMissing(kind, lacks),
        handler,
    )


class IsReading(BasePermission):
    """For whoever only reads."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 -- REST framework's
        """Reading."""
        return request.method in SAFE_METHODS


HAS, LACKS = HasPermission("customers:read"), HasRole("admin")


@pytest.mark.parametrize(
    ("permission", "status"),
    [
        (HAS & HasRole("clerk"), 200),
        (HAS & LACKS, 403),
        (LACKS & HAS, 403),
        (HAS | LACKS, 200),
        (LACKS | HAS, 200),
        (LACKS | HasScope("admin"), 403),
        (IsAuthenticated & HAS, 200),
        (IsAuthenticated & LACKS, 403),
        (IsReading | HAS, 200),
        (LACKS | IsReading, 200),
        ((IsAdminUser | LACKS) | IsReading, 200),
        (~LACKS, 200),
        (~HAS, 403),
        (HasToken & ~(LACKS | HAS), 403),
        (HAS & ~LACKS, 200),
    ],
)
def test_permissions_are_combined(permission: object, status: int) -> None:
    """`&`, `|` and `~` mean what they say, in any order, beside REST framework's own permissions."""
    answer = ask(view(permission))
    assert answer.status == status
    assert status == 200 or json.loads(answer.body)["detail"].startswith("You do not have permission")


def test_strangers_pass_no_combination_that_asks_for_a_right() -> None:
    """Whoever has no token is a stranger to `~` too; what needs none is not changed by standing beside us."""
    for permission in (
        HAS,
        LACKS,
        HAS & LACKS,
        HAS | LACKS,
        ~LACKS,
        ~HAS,
        HAS & ~LACKS,
        HasToken & ~(LACKS | HAS),
    ):
        assert ask(view(permission), None).code == "token_missing"
    assert ask(view(HAS | IsReading, handler=PLAIN, get=lambda *_: Response("read")), None).status == 200
    assert ask(view(IsReading | HAS), None, method="POST").code == "token_missing"


@each_handler
def test_rights_hold_for_objects_too(handler: object) -> None:
    """A view that checks an object asks the same again, combined and negated permissions included."""

    def get(self: APIView, request: Request) -> Response:
        self.check_object_permissions(request, object())
        return Response("the object")

    for permission in (HasToken, HAS, HAS | LACKS, LACKS | HAS, ~LACKS, HAS & ~LACKS):
        assert ask(view(permission, get=get, handler=handler)).body == b'"the object"'


@pytest.mark.parametrize("error", RAISED, ids=lambda error: error.code)
def test_what_a_view_refuses_is_answered_by_our_handler(error: TokenRefused | KeySetUnavailable) -> None:
    """Whatever a view raises of ours has its status, challenge and problem; no header breaks open."""

    def get(*_: object) -> Response:
        raise error

    assert_answers(ask(view(get=get)), error)


def test_a_view_requires_a_right_by_itself() -> None:
    """`require(token_of(request), ...)` in a view is a 403."""

    def get(_: APIView, request: Request) -> Response:
        require(token_of(request), permission="secret:read")
        return Response("the secret")

    assert_answers(ask(view(get=get)), RightMissing("permission", "secret:read"))
    assert ask(view(get=get), f"Bearer {token(entitlements=['secret:read'])}").body == b'"the secret"'


def test_our_handler_leaves_the_rest_to_rest_framework() -> None:
    """What is not about tokens is answered as ever, and what is no answer at all stays an error."""

    def wrong(*_: object) -> Response:
        raise LookupError("a fault of the view")

    notfound = ask(view(), method="DELETE")
    assert (notfound.status, json.loads(notfound.body)) == (405, {"detail": 'Method "DELETE" not allowed.'})
    with pytest.raises(LookupError, match="a fault of the view"):
        ask(view(get=wrong))


@each_handler
def test_no_keys_is_unavailable_and_not_the_callers_fault(handler: object) -> None:
    """Without keys the answer is 503 with Retry-After, but strangers are asked for a token as ever."""
    changed = {name: value for name, value in SEKISHO.items() if name != "clock"}
    with override_settings(SEKISHO=changed | {"keys": without_keys()._source}):
        assert_tells(ask(view(handler=handler)), KeySetUnavailable(""), handler)
        assert ask(view(handler=handler), None).status == 401


class Cookie(BaseAuthentication):
    """Another authentication, as a session's is: no challenge, a user, no token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """A user who has a cookie."""
        user = type("Person", (), {"is_authenticated": True, "pk": 1})()
        return (user, None) if request.META.get("HTTP_COOKIE") else None


def test_beside_another_authentication() -> None:
    """Who brings no token is left to the next one, a bad token is not; a cookie is no token to us."""
    both = (TokenAuthentication, Cookie)

    def get(_: APIView, request: Request) -> Response:
        return Response({"auth": request.auth is not None})

    def shown(permission: object, authorization: str | None, **more: str) -> tuple[int, Any]:
        answer = ask(view(permission, authentication_classes=both, get=get), authorization, **more)
        return answer.status, json.loads(answer.body)

    assert shown(IsAuthenticated, BEARER, HTTP_COOKIE="a=b") == (200, {"auth": True})
    assert shown(IsAuthenticated, None, HTTP_COOKIE="a=b") == (200, {"auth": False})
    assert shown(IsAuthenticated, "Bearer x", HTTP_COOKIE="a=b")[1]["code"] == "token_malformed"
    for permission in (HasToken, HAS, ~LACKS):
        assert shown(permission, None, HTTP_COOKIE="a=b")[0] == 403
        assert shown(permission, None)[1]["code"] == "token_missing"
    cookie_first = ask(view(HasToken, authentication_classes=(Cookie, TokenAuthentication), get=get), None)
    assert (cookie_first.status, "www-authenticate" in cookie_first.headers) == (403, False)


def test_a_subclass_finds_users_of_its_own() -> None:
    """`user_of` decides what `request.user` is, and may refuse whom it does not know."""
    people = {SUB: "Aya"}

    class Ours(TokenAuthentication):
        def user_of(self, token: AccessToken) -> Any:  # noqa: ANN401 -- the base's
            if token.sub not in people:
                raise AuthenticationFailed("nobody here", "user_unknown")
            return type("Person", (), {"is_authenticated": True, "name": people[token.sub]})()

    def get(_: APIView, request: Request) -> Response:
        return Response(request.user.name)  # type: ignore[union-attr]  # of ours

    of = view(IsAuthenticated, authentication_classes=(Ours,), get=get)
    assert ask(of).body == b'"Aya"'
    unknown = ask(of, f"Bearer {token(sub='01890a5d-ac96-774b-bcce-b302099a8000')}")
    assert (unknown.status, unknown.headers["www-authenticate"]) == (401, "Bearer")
    assert json.loads(unknown.body) == {"detail": "nobody here"}


def test_callers_are_throttled_by_their_id() -> None:
    """REST framework's throttle counts each `sub` for itself, whatever token it comes with."""

    class OncePerMinute(UserRateThrottle):
        rate = "1/min"

    cache.clear()
    of = view(throttle_classes=(OncePerMinute,))
    assert [ask(of).status, ask(of, f"Bearer {token(jti='another')}").status] == [200, 429]
    assert ask(of, f"Bearer {token(sub='01890a5d-ac96-774b-bcce-b302099a8000')}").status == 200
    cache.clear()


def test_a_token_user_has_no_rights_of_djangos() -> None:
    """Permissions that ask Django's own tables refuse it, and none is an error of the server."""

    class Model:
        _meta = type("Meta", (), {"app_label": "shop", "model_name": "customer"})

    queryset = type("QuerySet", (), {"model": Model})
    for permission in (IsAdminUser, DjangoModelPermissions):
        assert ask(view(permission, queryset=queryset), method="POST").status == 403

    def get(_: APIView, request: Request) -> Response:
        user: Any = request.user
        assert isinstance(user, TokenUser)
        return Response(
            [str(user), user.id, user.get_username(), user.is_anonymous, user.is_active, user.token.sid]
        )

    assert json.loads(ask(view(get=get)).body) == [SUB, SUB, SUB, False, True, claims()["sid"]]


def test_options_and_head_are_guarded() -> None:
    """OPTIONS, which would describe the view, and HEAD need a token like GET."""
    assert ask(view(), None, method="OPTIONS").code == "token_missing"
    assert json.loads(ask(view(), method="OPTIONS").body)["name"] == "Changed"
    assert ask(view(), None, method="HEAD").headers["www-authenticate"] == "Bearer"


def test_requests_at_the_same_time_see_their_own_token() -> None:
    """Views that run at the same moment in several threads never see each other's caller."""
    callers = [f"01890a5d-ac96-774b-bcce-b302099a80{number:02}" for number in range(4)]
    together = threading.Barrier(len(callers), timeout=30)

    def get(_: APIView, request: Request) -> Response:
        before = token_of(request).sub
        together.wait()
        return Response([before, request.user.pk, token_of(request).sub])

    of = view(get=get)
    with ThreadPoolExecutor(len(callers)) as threads:
        answers = threads.map(lambda sub: json.loads(ask(of, f"Bearer {token(sub=sub)}").body), callers)
        assert list(answers) == [[sub, sub, sub] for sub in callers]


def test_a_refusal_after_the_answer_began_is_no_second_answer() -> None:
    """A stream knows its caller to the end; what fails in its middle breaks it off."""

    def get(_: APIView, request: Request) -> HttpResponse:
        def parts() -> Iterator[str]:
            yield token_of(request).sub
            require(token_of(request), role="clerk")
            yield "/end"

        return StreamingHttpResponse(parts())  # type: ignore[return-value]  # a response too

    assert ask(view(get=get)).body.decode() == f"{SUB}/end"
    with pytest.raises(TokenRefused, match="insufficient_scope"):
        ask(view(get=get), f"Bearer {token(roles=[])}")


def test_a_guard_that_would_guard_nothing_is_refused() -> None:
    """Empty rights are refused where they are written; `sensitive` needs a feed."""
    for make in RIGHTS.values():
        with pytest.raises(ConfigurationError, match="an empty right"):
            make("")

    class Sensitive(TokenAuthentication):
        sensitive = True

    with pytest.raises(ConfigurationError, match="sensitive routes need a verifier with a revocation feed"):
        ask(view(authentication_classes=(Sensitive,)))


@pytest.mark.parametrize("first", ["sekisho_verify.drf", "rest_framework.views", "rest_framework.decorators"])
def test_it_is_imported_by_the_settings_and_by_views_in_any_order(first: str) -> None:
    """What the settings name and what names the settings import each other, whichever comes first."""
    code = f"""
import django
django.setup()
import {first}
from rest_framework.views import APIView
from sekisho_verify.drf import HasToken, TokenAuthentication, exception_handler
assert APIView.authentication_classes == [TokenAuthentication]
assert APIView.permission_classes == [HasToken]
assert APIView.get_exception_handler(APIView()) is exception_handler
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_behind_the_wall_of_the_middleware() -> None:
    """A whole site with our middleware and REST framework: both let the same request in."""
    with override_settings(ROOT_URLCONF=__name__):
        assert wsgi("/api", BEARER, method="POST").status == 200
        assert wsgi("/api", method="POST").code == "token_missing"
