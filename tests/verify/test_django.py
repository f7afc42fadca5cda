"""The Django guard answers by RFC 6750, in front of real Django, under WSGI and under ASGI."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import logging
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.test import override_settings

from sekisho_verify import ConfigurationError, RightMissing, TokenRefused
from sekisho_verify import django as guard
from sekisho_verify.errors import KeySetUnavailable
from tests.verify import django_site as site
from tests.verify.django_site import BEARER, CSRF, GUARD, SEKISHO, asgi, awaited, wsgi
from tests.verify.refusals import BAD, GOOD, LACKING, NO_TOKEN, RAISED, TWO, assert_answers, without_keys
from tests.verify.tokens import ABSENT, claims, token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sekisho_verify.errors import RefusalCode
    from tests.verify.refusals import Told

    Ask = Callable[..., Told]

SUB = claims()["sub"]
each_server = pytest.mark.parametrize("ask", [wsgi, asgi], ids=["wsgi", "asgi"])
decorators_alone = override_settings(MIDDLEWARE=[CSRF])


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Nothing of one test is seen by the next, and refusals are not printed."""
    logging.getLogger("django.request").disabled = True
    site.RAN.clear()
    site.VERIFIED_IN.clear()
    yield
    logging.getLogger("django.request").disabled = False


def configured(**changes: object) -> Any:  # noqa: ANN401 -- a context manager that decorates too
    """The settings with some of SEKISHO changed or, by `ABSENT`, left out."""
    changed = {name: value for name, value in (SEKISHO | changes).items() if value is not ABSENT}
    return override_settings(SEKISHO=changed)


@pytest.mark.requirement("C9")
@each_server
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("path", ["/", "/async", "/decorated", "/decorated/async"])
def test_a_good_token_reaches_the_view(ask: Ask, path: str, scheme: str) -> None:
    """Plain and async views run and know their caller, behind the wall and behind the decorator."""
    with override_settings(MIDDLEWARE=[CSRF] if "decorated" in path else [GUARD, CSRF]):
        answer = ask(path, f"{scheme} {GOOD}")
    assert (answer.status, json.loads(answer.body)["sub"]) == (200, SUB)


@pytest.mark.requirement("C9")
@each_server
@pytest.mark.parametrize("value", NO_TOKEN)
@pytest.mark.parametrize("path", ["/", "/async"])
def test_no_token_is_a_challenge_without_an_error(ask: Ask, path: str, value: str | None) -> None:
    """Who brought no token is asked for one, and no error code is given (RFC 6750 section 3.1)."""
    answer = ask(path, *(() if value is None else (value,)))
    assert_answers(answer, TokenRefused("token_missing"))
    assert (answer.status, answer.headers["www-authenticate"], site.RAN) == (401, "Bearer", [])


@pytest.mark.requirement("C9", "J18")
@each_server
@pytest.mark.parametrize(("text", "code"), BAD)
def test_a_bad_token_is_an_invalid_token(ask: Ask, text: str, code: RefusalCode) -> None:
    """Every refusal is a 401 that names its reason, and nothing of what was sent."""
    for path in ("/", "/decorated/async"):
        answer = ask(path, f"Bearer {text}")
        assert_answers(answer, TokenRefused(code))
        assert (answer.status, site.RAN) == (401, [])
        assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token", ')


@pytest.mark.requirement("C9")
@each_server
@pytest.mark.parametrize("value", TWO)
def test_two_credentials_are_a_bad_request(ask: Ask, value: str) -> None:
    """Which of two is meant is not guessed: not of one header, nor of two."""
    for sent in ([value], value.split(",")):
        answer = ask("/", *(part.strip() for part in sent))
        assert_answers(answer, TokenRefused("invalid_request"))
        assert answer.status == 400


@pytest.mark.requirement("C9")
@each_server
def test_a_token_in_the_query_is_not_seen(ask: Ask) -> None:
    """A token in the URL counts as none; beside one in the header the request is refused."""
    assert_answers(ask(f"/?access_token={GOOD}"), TokenRefused("token_missing"))
    assert_answers(ask(f"/?a=b&access_token={GOOD}", BEARER), TokenRefused("invalid_request"))


def test_a_token_in_a_form_or_a_cookie_is_not_seen() -> None:
    """Neither a form field nor a cookie is a credential."""
    form = {"data": f"access_token={GOOD}", "content_type": "application/x-www-form-urlencoded"}
    assert wsgi(method="POST", **form).code == "token_missing"
    assert wsgi(HTTP_COOKIE=f"access_token={GOOD}; Authorization={GOOD}").code == "token_missing"


@pytest.mark.requirement("C9")
@each_server
def test_what_is_public_needs_no_token_and_sees_none(ask: Ask) -> None:
    """Names and namespaces that the settings list pass, with a bad token too; there is no token in them."""
    for path in ("/healthz", "/open", "/shop/", "/admin/", "/admin/deeper"):
        for sent in ((), (BEARER,), ("Bearer x",)):
            answer = ask(path, *sent)
            assert (answer.status, json.loads(answer.body)) == (200, {"token": False})
    for path in ("/", "/unnamed", "/shop/hidden", "/item"):
        assert_answers(ask(path), TokenRefused("token_missing"))
    for path in ("/./healthz", "/healthz/", "/HEALTHZ", "/x/../healthz", "/admin/nowhere"):
        assert ask(path).status == 404
    assert site.RAN == []


@pytest.mark.requirement("C9")
@each_server
@pytest.mark.parametrize(("kind", "lacks", "carries"), LACKING)
def test_a_right_that_is_lacking_is_forbidden(ask: Ask, kind: str, lacks: str, carries: str) -> None:
    """A good token without the right is a 403 that says which one."""
    for path in ("/clerks", "/clerks/async"):
        assert ask(path, BEARER).status == 200
        assert_answers(ask(path, f"Bearer {token(roles=[])}"), RightMissing("role", "clerk"))
    request = HttpRequest()
    request.META["HTTP_AUTHORIZATION"] = BEARER
    with pytest.raises(RightMissing) as caught:
        guard.Admission(**{kind: lacks}).admit(request)  # type: ignore[arg-type]  # names of rights
    assert (caught.value.kind, caught.value.name) == (kind, lacks)
    guard.Admission(**{kind: carries}).admit(request)  # type: ignore[arg-type]  # names of rights
    assert guard.token_of(request).sub == SUB


@each_server
@pytest.mark.parametrize("number", range(len(RAISED)), ids=lambda number: RAISED[number].code)
def test_what_a_view_refuses_is_answered_like_what_the_guard_refuses(ask: Ask, number: int) -> None:
    """Whatever a view raises of ours has its status, challenge and problem; no header breaks open."""
    for path in (f"/raising/{number}", f"/araising/{number}"):
        assert_answers(ask(path, BEARER), RAISED[number])
        with decorators_alone:
            assert_answers(ask(f"/decorated{path}", BEARER), RAISED[number])


@each_server
def test_a_view_requires_a_right_by_itself(ask: Ask) -> None:
    """`require(token_of(request), ...)` in a view is a 403 under the wall, and under the decorator alone."""
    for path in ("/requiring", "/arequiring"):
        for middleware, prefix in (([GUARD], ""), ([], "/decorated")):
            with override_settings(MIDDLEWARE=middleware):
                assert ask(f"{prefix}{path}/customers:read", BEARER).body == b"required"
                refused = ask(f"{prefix}{path}/secret:read", BEARER)
                assert_answers(refused, RightMissing("permission", "secret:read"))


@each_server
@pytest.mark.parametrize("path", ["/item", "/async-item", "/wrapped-item"])
@pytest.mark.parametrize("middleware", [[], [GUARD]], ids=["alone", "wall"])
def test_a_class_is_guarded_by_method_decorator(ask: Ask, path: str, middleware: list[str]) -> None:
    """`method_decorator` on `dispatch`, and the decorator around `as_view()`, guard async classes too."""
    with override_settings(MIDDLEWARE=middleware):
        assert json.loads(ask(path, BEARER).body)["sub"] == SUB
        assert_answers(ask(path), TokenRefused("token_missing"))
        assert_answers(ask(path, f"Bearer {token(roles=[])}"), RightMissing("role", "clerk"))
        assert ask(path, BEARER, method="DELETE").status == 405
        assert ask(path, method="DELETE").code == "token_missing"


@each_server
def test_one_method_of_a_class_is_guarded_by_itself(ask: Ask) -> None:
    """`method_decorator` on an async method guards that method."""
    with decorators_alone:
        assert_answers(ask("/part", BEARER), RightMissing("role", "admin"))
        assert_answers(ask("/part"), TokenRefused("token_missing"))
        assert json.loads(ask("/part", f"Bearer {token(roles=['admin'])}").body) == {"sub": SUB}


@each_server
def test_what_an_async_method_requires_is_answered_by_the_decorator_of_its_class(ask: Ask) -> None:
    """The refusal of an async method, raised when it is awaited, is a 403 and no error of the server."""
    with decorators_alone:
        poor = f"Bearer {token(entitlements=[])}"
        assert_answers(ask("/async-item", poor), RightMissing("permission", "customers:read"))


def test_head_and_options_are_guarded() -> None:
    """HEAD has the challenge of GET and no body; OPTIONS runs no view without a token, nor lists methods."""
    head, get = wsgi("/item", method="HEAD"), wsgi("/item")
    assert (head.status, head.body, head.headers) == (401, b"", get.headers)
    for path in ("/", "/item"):
        assert_answers(wsgi(path, method="OPTIONS"), TokenRefused("token_missing"))
    assert wsgi("/item", BEARER, method="OPTIONS").headers["allow"] == "GET, POST, HEAD, OPTIONS"


@each_server
def test_csrf_asks_nothing_of_a_request_with_a_token_and_all_of_others(ask: Ask) -> None:
    """A good token is enough for a POST; without one the guard answers, and public views keep their CSRF."""
    for path in ("/", "/item"):
        assert ask(path, BEARER, method="POST").status == 200
        assert ask(path, method="POST").code == "token_missing"
    with decorators_alone:
        for path in ("/item", "/decorated"):
            assert ask(path, BEARER, method="POST").status == 200
            assert ask(path, method="POST").code == "token_missing"
        for path in ("/unnamed", "/healthz"):
            unguarded = ask(path, BEARER, method="POST")
            assert (unguarded.status, b"CSRF" in unguarded.body) == (403, True)
    public = ask("/healthz", BEARER, method="POST")
    assert (public.status, b"CSRF" in public.body) == (403, True)


def test_wsgi_and_asgi_verify_where_they_are() -> None:
    """No request is moved to another thread: not under WSGI, and under ASGI all is on the event loop."""
    here = threading.get_ident()
    for path, middleware in (("/async", [GUARD]), ("/async-item", []), ("/decorated/async", [])):
        with override_settings(MIDDLEWARE=middleware):
            answer = asgi(path, BEARER)
            assert json.loads(answer.body)["thread"] == here
            assert set(site.VERIFIED_IN) == {here}, path
            site.VERIFIED_IN.clear()
            wsgi("/decorated", BEARER)
            assert set(site.VERIFIED_IN) == {here}
    with override_settings(MIDDLEWARE=[GUARD]):
        assert not inspect.iscoroutinefunction(WSGIHandler()._view_middleware[0])  # type: ignore[attr-defined]  # Django's
        handler = ASGIHandler()
        assert handler._view_middleware[0].__name__ == "_aprocess_view"  # type: ignore[attr-defined]  # Django's


@each_server
def test_no_keys_is_unavailable_and_not_the_callers_fault(ask: Ask) -> None:
    """Without keys the answer is 503 with Retry-After, but strangers are asked for a token as ever."""
    with configured(keys=without_keys()._source, clock=ABSENT):
        for path in ("/", "/async", "/decorated", "/decorated/async", "/async-item"):
            assert_answers(ask(path, BEARER), KeySetUnavailable(""))
            assert_answers(ask(path), TokenRefused("token_missing"))


def callers() -> list[str]:
    """Several users."""
    return [f"01890a5d-ac96-774b-bcce-b302099a80{number:02}" for number in range(4)]


def test_threads_see_their_own_token() -> None:
    """Views that run at the same moment in several threads never see each other's caller."""
    site.MEETING["threads"] = threading.Barrier(len(callers()), timeout=30)
    with ThreadPoolExecutor(len(callers())) as threads:
        answers = threads.map(lambda sub: wsgi("/meeting", f"Bearer {token(sub=sub)}").body, callers())
        assert [answer.decode() for answer in answers] == [f"{sub} {sub}" for sub in callers()]


async def test_tasks_see_their_own_token() -> None:
    """Views that wait for each other on one event loop never see each other's caller."""
    site.MEETING["tasks"] = asyncio.Barrier(len(callers()))
    answers = await asyncio.gather(*(awaited("/ameeting", f"Bearer {token(sub=sub)}") for sub in callers()))
    assert [answer.body.decode() for answer in answers] == [f"{sub} {sub}" for sub in callers()]


def test_a_stream_knows_its_caller_to_the_end() -> None:
    """A streaming response keeps the token that its view was given."""
    assert wsgi("/stream", BEARER).body.decode() == f"{SUB}/end"
    assert asgi("/astream", BEARER).body.decode() == f"{SUB}/end"
    assert wsgi("/stream").code == asgi("/astream").code == "token_missing"


def test_a_refusal_after_the_answer_began_is_no_second_answer() -> None:
    """What fails in the middle of a stream breaks it off: the server sees the error, the caller no more."""
    with pytest.raises(TokenRefused, match="insufficient_scope"):
        wsgi("/stream/fails", BEARER)
    with pytest.raises(TokenRefused, match="insufficient_scope"):
        asgi("/astream/fails", BEARER)
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # Django leaves the request's body open where sending has failed


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        (None, r"settings\.SEKISHO is missing, or no mapping; write SEKISHO = \{"),
        (["https://id.example.com"], r"no mapping"),
        ({}, r"lacks 'issuer'; write for example SEKISHO = \{"),
        ({"issuer": "https://id.example.com", "feed": None}, r"lacks 'audience'"),
        ({"audience": "api", "feed": None}, r"lacks 'issuer'.*\"audience\": \"api\""),
        (SEKISHO | {"audiense": "api"}, r"unknown name 'audiense'; did you mean 'audience'\?"),
        (SEKISHO | {"qqq": 1}, r"unknown name 'qqq'; known are issuer, audience, "),
        (SEKISHO | {"public": "healthz"}, r"is a list of URL names, such as \[\"healthz\"\]"),
        (SEKISHO | {"keys": []}, r"settings\.SEKISHO: no keys"),
        (SEKISHO | {"audience": ""}, r"settings\.SEKISHO: "),
        (SEKISHO | {"leeway": 3600}, r"settings\.SEKISHO: .*leeway"),
        (SEKISHO | {"keys": 7}, r"settings\.SEKISHO: "),
    ],
)
def test_wrong_settings_refuse_at_the_start_and_tell_the_fix(setting: object, says: str) -> None:
    """Neither server starts, `manage.py check` has an error, and nobody is let in by a decorator alone."""
    with override_settings(SEKISHO=setting):
        for handler in (WSGIHandler, ASGIHandler):
            with pytest.raises(ImproperlyConfigured, match=says):
                handler()
        (found,) = checks.run_checks(tags=["security"])
        assert (found.id, found.level) == ("sekisho.E001", checks.ERROR)
        with pytest.raises(ImproperlyConfigured, match=says), decorators_alone:
            wsgi("/decorated", BEARER)
    assert site.RAN == []


def test_settings_that_are_well_are_not_spoken_of() -> None:
    """The system check has nothing to say about this site, and warns where CSRF would come first."""
    assert checks.run_checks(tags=["security"]) == []
    with override_settings(MIDDLEWARE=[CSRF, GUARD]):
        assert [found.id for found in checks.run_checks(tags=["security"])] == ["sekisho.W001"]
        assert b"CSRF" in wsgi("/", BEARER, method="POST").body


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, True),
        ({"DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"]}, True),
        ({"DEFAULT_PERMISSION_CLASSES": ["sekisho_verify.drf.HasToken"]}, False),
        ({"DEFAULT_AUTHENTICATION_CLASSES": ["another.Authentication"]}, False),
    ],
)
def test_rest_framework_that_lets_strangers_in_is_warned_of(changes: dict[str, object], warned: bool) -> None:  # noqa: FBT001 -- a parameter
    """Our authentication with permissions for anybody is a warning that names the setting."""
    ours = {"DEFAULT_AUTHENTICATION_CLASSES": ["sekisho_verify.drf.TokenAuthentication"]}
    with override_settings(REST_FRAMEWORK=ours | changes):
        found = checks.run_checks(tags=["security"])
    assert [each.id for each in found] == ["sekisho.W002"] * warned


def test_the_verifier_is_one_and_follows_overridden_settings() -> None:
    """A process makes one verifier, and another only when a test overrides the settings."""
    one = guard.verifier()
    assert guard.verifier() is one
    with decorators_alone:
        assert wsgi("/decorated", BEARER).status == 200
    with ThreadPoolExecutor(4) as threads, configured():
        assert len(set(threads.map(lambda _: guard.verifier(), range(8)))) == 1
    with configured(audience="other"):
        assert guard.verifier().audience == "other"
        with decorators_alone:
            assert wsgi("/decorated", BEARER).code == "token_audience_mismatch"
        assert wsgi("/", f"Bearer {token(aud='other')}").status == 200
    assert guard.verifier().audience == "api"
    assert wsgi("/", BEARER).status == 200


def test_a_request_that_nobody_guarded_has_no_token() -> None:
    """`token_of` says so, whatever else may stand in the attribute."""
    request = HttpRequest()
    with pytest.raises(ConfigurationError, match="the view is public, or no guard is in front of it"):
        guard.token_of(request)
    request.token = GOOD  # type: ignore[attr-defined]  # of somebody else
    with pytest.raises(ConfigurationError):
        guard.token_of(request)


def test_a_guard_that_would_guard_nothing_is_refused() -> None:
    """Empty rights are refused where they are written; `sensitive` needs a feed."""
    for right in ("scope", "role", "group", "permission"):
        nothing: dict[str, Any] = {right: ""}
        with pytest.raises(ConfigurationError, match="an empty right"):
            guard.token_required(**nothing)
    request = HttpRequest()
    request.META["HTTP_AUTHORIZATION"] = BEARER
    with pytest.raises(ConfigurationError, match="sensitive routes need a verifier with a revocation feed"):
        guard.token_required(sensitive=True)(site.healthz)(request)


def test_the_decorator_keeps_what_the_view_is() -> None:
    """Name, documentation and being async are those of the view."""
    plain, waiting = guard.token_required()(site.whoami), guard.token_required()(site.awhoami)
    assert (plain.__name__, plain.__doc__) == ("whoami", site.whoami.__doc__)
    assert inspect.iscoroutinefunction(waiting)
    assert not inspect.iscoroutinefunction(plain)
