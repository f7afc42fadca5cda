"""A bearer guard for Django (RFC 6750): a wall around the site, and a decorator for single views.

    SEKISHO = {"issuer": "https://id.example.com", "audience": "api", "public": ["healthz"]}
    SEKISHO["session"] = SessionCookies("https://id.example.com")  # session cookies are accepted too
    MIDDLEWARE = ["sekisho_verify.django.TokenMiddleware"]  # every view but the public ones needs a token
    INSTALLED_APPS = ["sekisho_verify.django.SekishoConfig"]  # `manage.py check` looks at the above

In views.py:

    @token_required(permission="customers:read")
    def customers(request):
        return JsonResponse({"asked_by": token_of(request).sub})
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponse

from sekisho_verify.access_token import AccessToken
from sekisho_verify.bearer import BearerCheck, DeferredCheck
from sekisho_verify.browser_request import of_environ
from sekisho_verify.errors import ConfigurationError, TokenRefused, VerificationUnavailable
from sekisho_verify.verifier import Verifier

View = Callable[..., Any]
_V = TypeVar("_V", bound=View)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sekisho_verify.bearer import Answer
    from sekisho_verify.session_cookies import SessionCookies

SETTING: Final = "SEKISHO"
_EXAMPLE: Final = f'{SETTING} = {{"issuer": "https://id.example.com", "audience": "api"}}'
_MIDDLEWARE: Final = "sekisho_verify.django.TokenMiddleware"
_CSRF: Final = "django.middleware.csrf.CsrfViewMiddleware"
_DRF: Final = "sekisho_verify.drf.TokenAuthentication"
_ALLOW_ANY: Final = ("rest_framework.permissions.AllowAny",)


class TokenRequest(HttpRequest):
    """The request of a guarded view, for annotations: what arrives is Django's own, with `token` set."""

    token: AccessToken


def token_of(request: HttpRequest) -> AccessToken:
    """The token of a request to a guarded view; `request.token` too.

    Raises:
        ConfigurationError: if there is none, because nothing guards this view.
    """
    token = getattr(request, "token", None)
    if not isinstance(token, AccessToken):
        raise ConfigurationError("no token here: the view is public, or no guard is in front of it")
    return token


def verifier() -> Verifier:
    """The verifier of this process, made from `settings.SEKISHO` at its first use.

    Raises:
        ImproperlyConfigured: if the setting is missing or wrong; the message says what to write.
    """
    return _current().verifier


class _Configured(NamedTuple):
    verifier: Verifier
    session: SessionCookies | None
    public: frozenset[str]


_made: Final[dict[str, _Configured]] = {}


def _current() -> _Configured:
    # Two threads may make one each at the start; `setdefault` lets one of them win, without a lock that a
    # fork could leave locked. The other has not been started, and goes.
    made = _made.get(SETTING)
    return made if made is not None else _made.setdefault(SETTING, _configured())


def _configured() -> _Configured:
    setting: object = getattr(settings, SETTING, None)
    if not isinstance(setting, Mapping):
        raise ImproperlyConfigured(f"settings.{SETTING} is missing, or no mapping; write {_EXAMPLE}")
    options = dict(cast("Mapping[str, Any]", setting))
    # Whatever a verifier takes may be set, so that no option waits for this file to learn it.
    parameters = inspect.signature(Verifier).parameters
    known = [*parameters, "public", "session"]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ImproperlyConfigured(f"settings.{SETTING} has an unknown name {name!r}; {hint}")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in options:
            raise ImproperlyConfigured(f"settings.{SETTING} lacks {name!r}; write for example {_EXAMPLE}")
    public: object = options.pop("public", ())
    if not isinstance(public, list | tuple | set | frozenset):
        raise ImproperlyConfigured(
            f'settings.{SETTING}["public"] is a list of URL names, such as ["healthz"]'
        )
    session: SessionCookies | None = options.pop("session", None)
    try:
        check = BearerCheck(Verifier(**options), session=session)
        return _Configured(check.verifier, session, frozenset(cast("Iterable[str]", public)))
    except (ConfigurationError, TypeError) as error:
        raise ImproperlyConfigured(f"settings.{SETTING}: {error}") from error


def _forget(*, setting: str, **_: object) -> None:
    # Tests override settings; nothing else changes them while the process runs.
    if setting == SETTING and (old := _made.pop(SETTING, None)) is not None:
        old.verifier.stop()


setting_changed.connect(_forget, dispatch_uid=_MIDDLEWARE)


class Admission(DeferredCheck):
    """What a view asks of its requests, whichever verifier the settings give."""

    __slots__ = ()

    def admit(self, request: HttpRequest) -> None:
        """Give a request its token.

        Raises:
            TokenRefused: if there is none, or none that will do.
            VerificationUnavailable: if no verdict can be given now.
        """
        authorization, query = _credentials(request)
        cast("TokenRequest", request).token = self._check().token(
            authorization, query=query, browser=lambda: of_environ(request.META)
        )

    async def aadmit(self, request: HttpRequest) -> None:
        """`admit` for asyncio."""
        authorization, query = _credentials(request)
        cast("TokenRequest", request).token = await self._check().atoken(
            authorization, query=query, browser=lambda: of_environ(request.META)
        )

    def _check(self) -> BearerCheck:
        made = _current()
        return self.by(made.verifier, made.session)


def _credentials(request: HttpRequest) -> tuple[str | None, str]:
    return request.META.get("HTTP_AUTHORIZATION"), request.META.get("QUERY_STRING", "")


def answer(error: TokenRefused | VerificationUnavailable) -> Answer:
    """What is told about a refused token, and about one that cannot be judged now."""
    made = _current()
    return BearerCheck(made.verifier, session=made.session).answer(error)


def response(told: Answer) -> HttpResponse:
    """The same as Django sends it."""
    return HttpResponse(told.body, status=told.status, headers=dict(told.headers))


class TokenMiddleware:
    """Lets requests through that carry a valid access token, and answers the others (RFC 6750 section 3).

    Every view is guarded but those named in `settings.SEKISHO["public"]`: by their URL name as `reverse`
    knows it, or all of a namespace, written with its colon (`"admin:"`). Names and not paths: nobody can
    spell one differently. A path that leads to no view is a 404 for everybody, and what another middleware
    answers by itself never comes here: CORS belongs there, because a preflight carries no token.

    What a `require(...)` in a view refuses is answered too, public views included.

    A request that has brought a good token needs no CSRF token of Django's: no browser adds that header by
    itself, and of a session cookie the issuer has judged the page. Public views stay as `CsrfViewMiddleware`
    wants them, which comes after this in `MIDDLEWARE`.

    Raises:
        ImproperlyConfigured: at the start, if the setting is missing or wrong.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: View) -> None:
        _current()
        self._get_response: Final = get_response
        self._admission: Final = Admission()
        asynchronous = _is_coroutine(get_response)
        if asynchronous:
            markcoroutinefunction(self)
        # Django would run a plain function in a thread where it serves ASGI, and a coroutine in a loop of its
        # own where it serves WSGI: each gets its own kind.
        self.process_view: Final[View] = self._aprocess_view if asynchronous else self._process_view

    def __call__(self, request: HttpRequest) -> Any:  # noqa: ANN401 -- a response, or one to be awaited
        """Hand on: which view it is for, and so whether it is guarded, is known in `process_view`."""
        return self._get_response(request)

    def _process_view(
        self, request: HttpRequest, _view: View, _args: tuple[object, ...], _kwargs: dict[str, object]
    ) -> HttpResponse | None:
        if _is_public(request):
            return None
        try:
            self._admission.admit(request)
        except (TokenRefused, VerificationUnavailable) as error:
            return response(answer(error))
        _without_csrf(request)
        return None

    async def _aprocess_view(
        self, request: HttpRequest, _view: View, _args: tuple[object, ...], _kwargs: dict[str, object]
    ) -> HttpResponse | None:
        if _is_public(request):
            return None
        try:
            await self._admission.aadmit(request)
        except (TokenRefused, VerificationUnavailable) as error:
            return response(answer(error))
        _without_csrf(request)
        return None

    def process_exception(self, _request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer what a view refused."""
        if isinstance(exception, TokenRefused | VerificationUnavailable):
            return response(answer(exception))
        return None


def _is_public(request: HttpRequest) -> bool:
    match, public = request.resolver_match, _current().public
    if match is None:
        return False
    levels = range(1, len(match.namespaces) + 1)
    spaces = (":".join([*match.namespaces[:level], ""]) for level in levels)
    return match.view_name in public or any(space in public for space in spaces)


def _without_csrf(request: HttpRequest) -> None:
    # What CsrfViewMiddleware notes on a request that it has passed, so as not to look at it again.
    cast("Any", request).csrf_processing_done = True


def token_required(
    *,
    scope: str | None = None,
    role: str | None = None,
    group: str | None = None,
    permission: str | None = None,
    sensitive: bool = False,
) -> Callable[[_V], _V]:
    """A decorator: the view, plain or async, runs only for a token with every right that is named.

    With the middleware or without; what a `require(...)` in the view refuses is answered too. For a class,
    `method_decorator(token_required(), name="dispatch")`.

    The view becomes `csrf_exempt`, because it runs only for a request with a header that no browser adds by
    itself, or with a session cookie and from a page that the issuer has judged. Views beside it stay as they
    are.

    Raises:
        ConfigurationError: if a required right is the empty string.
    """
    admission = Admission(scope=scope, role=role, group=group, permission=permission, sensitive=sensitive)

    def decorate(view: _V) -> _V:
        @wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> object:
            try:
                admission.admit(request)
                return view(request, *args, **kwargs)
            except (TokenRefused, VerificationUnavailable) as error:
                return response(answer(error))

        @wraps(view)
        async def aguarded(request: HttpRequest, *args: object, **kwargs: object) -> object:
            try:
                await admission.aadmit(request)
                given: object = view(request, *args, **kwargs)
                return await given if inspect.isawaitable(given) else given
            except (TokenRefused, VerificationUnavailable) as error:
                return response(answer(error))

        chosen = aguarded if _is_async(view) else guarded
        cast("Any", chosen).csrf_exempt = True
        return cast("_V", chosen)

    return decorate


def _is_async(view: View) -> bool:
    # `dispatch` of an async class is a plain function that returns what the async method returns;
    # method_decorator hands it over bound, in a partial.
    instance = getattr(getattr(view, "func", None), "__self__", None)
    return _is_coroutine(view) or getattr(instance, "view_is_async", False) is True


def _is_coroutine(function: View) -> bool:
    # On Python 3.11 only asgiref knows what it has marked; from 3.12 on it asks inspect.
    return iscoroutinefunction(function)  # pyright: ignore[reportDeprecated] -- see above


class SekishoConfig(AppConfig):
    """For `INSTALLED_APPS`: `manage.py check` then looks at the settings. No models, no migrations."""

    name = "sekisho_verify.django"
    label = "sekisho_verify"
    verbose_name = "sekisho"


@checks.register(checks.Tags.security)
def check_settings(**_: Any) -> list[checks.CheckMessage]:  # noqa: ANN401 -- what Django passes to checks
    """What `manage.py check` says about the settings."""
    found: list[checks.CheckMessage] = []
    try:
        _configured()
    except ImproperlyConfigured as error:
        found.append(checks.Error(str(error), id="sekisho.E001"))
    order = list(settings.MIDDLEWARE)
    if _MIDDLEWARE in order and _CSRF in order[: order.index(_MIDDLEWARE)]:
        told = f"{_CSRF} comes before {_MIDDLEWARE}: requests with a good token need a CSRF token too"
        found.append(checks.Warning(told, "List it after.", id="sekisho.W001"))
    drf: Mapping[str, Any] = getattr(settings, "REST_FRAMEWORK", {})
    permissions = drf.get("DEFAULT_PERMISSION_CLASSES", _ALLOW_ANY)
    if _DRF in drf.get("DEFAULT_AUTHENTICATION_CLASSES", ()) and tuple(permissions) == _ALLOW_ANY:
        told = 'REST_FRAMEWORK["DEFAULT_PERMISSION_CLASSES"] lets strangers in'
        found.append(checks.Warning(told, 'Write ["sekisho_verify.drf.HasToken"].', id="sekisho.W002"))
    return found
