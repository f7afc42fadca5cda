"""A bearer guard for Django REST framework (RFC 6750): authentication, permissions, refusals.

    SEKISHO = {"issuer": "https://id.example.com", "audience": "api"}
    REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["sekisho_verify.drf.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["sekisho_verify.drf.HasToken"],
        "EXCEPTION_HANDLER": "sekisho_verify.drf.exception_handler",
    }

In views.py:

    class Customers(APIView):
        permission_classes = [HasPermission("customers:read")]

`request.auth` is the `AccessToken`, `request.user` a `TokenUser` with its `sub` for a key; no database is
asked. Without the exception handler refusals have the same status, code and challenge as plain JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, NotAuthenticated
from rest_framework.permissions import NOT, BasePermission, BasePermissionMetaclass, SingleOperandHolder

from sekisho_verify.access_token import AccessToken
from sekisho_verify.bearer import RETRY_AFTER
from sekisho_verify.django import Admission, answer, response, token_of
from sekisho_verify.errors import RightMissing, TokenRefused, VerificationUnavailable
from sekisho_verify.rights import Rights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse
    from rest_framework.request import Request
    from rest_framework.response import Response
    from rest_framework.views import APIView

    Handled = HttpResponse | Response | None


class TokenUser:
    """Who sent a request, as REST framework expects a user to be; not a row of any database.

    Throttles tell callers apart by `pk`. Rights of Django's own it has none: `IsAdminUser` and
    `DjangoModelPermissions` refuse it.
    """

    __slots__ = ("token",)
    is_authenticated: Final = True
    is_active: Final = True
    is_anonymous: Final = False
    is_staff: Final = False
    is_superuser: Final = False

    def __init__(self, token: AccessToken) -> None:
        self.token: Final = token

    @property
    def pk(self) -> str:
        """The user's id at the issuer: `sub`."""
        return self.token.sub

    id = pk

    def get_username(self) -> str:
        """The user's id too: a token carries no name (RFC 9068 section 6)."""
        return self.token.sub

    __str__ = get_username

    def has_perm(self, _permission: str, _object: object = None) -> bool:
        """No permission of Django's: those of the token are asked for by `HasPermission`."""
        return False

    def has_perms(self, _permissions: object, _object: object = None) -> bool:
        """No permission of Django's."""
        return False


class TokenAuthentication(BaseAuthentication):
    """Knows a caller by the access token in `Authorization: Bearer`; or by what `SEKISHO["session"]` accepts.

    Requests without one are left to the next authentication class, and then to the permissions: without
    `HasToken` or another permission that refuses strangers, they pass. List this class first: the first one
    words the challenge of a 401.

    Attributes:
        sensitive: see `BearerCheck`; set it in a subclass.
    """

    sensitive = False

    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        """The user and the token, or None where no bearer token was sent.

        Raises:
            APIRefusal: for a token that is refused, or cannot be judged now.
        """
        http: HttpRequest = request._request  # noqa: SLF001 -- what REST framework's guide names as the way to it
        try:
            _ADMISSIONS[self.sensitive].admit(http)
        except (TokenRefused, VerificationUnavailable) as error:
            if error.code == "token_missing":
                return None
            raise APIRefusal(error) from error
        token = token_of(http)
        return self.user_of(token), token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 -- REST framework's signature
        """The challenge to who brought no token (RFC 6750 section 3.1); without one it would be a 403."""
        return _NO_TOKEN

    def user_of(self, token: AccessToken) -> Any:  # noqa: ANN401 -- a TokenUser, or what a subclass makes of it
        """What `request.user` is to be. Override it to find a user of your own by `token.sub`.

        Raise `AuthenticationFailed` for one that you do not know; never return one that is not active.
        """
        return TokenUser(token)


_NO_TOKEN: Final = "Bearer"  # noqa: S105 -- a challenge, no secret
_ADMISSIONS: Final = {False: Admission(), True: Admission(sensitive=True)}


class APIRefusal(APIException):
    """A refusal as REST framework's own handler words it: status, challenge, and the code in its JSON."""

    def __init__(self, error: TokenRefused | VerificationUnavailable) -> None:
        self.answer: Final = answer(error)
        problem = msgspec.json.decode(self.answer.body, type=dict[str, Any])
        super().__init__({name: text for name, text in problem.items() if isinstance(text, str)}, error.code)
        self.status_code = self.answer.status
        self.auth_header = dict(self.answer.headers).get("www-authenticate")
        self.wait = RETRY_AFTER if isinstance(error, VerificationUnavailable) else None


class HasToken(BasePermission):
    """Any valid access token; a session cookie of Django's is none."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 -- REST framework's signature
        """Whether the request was authenticated by a token."""
        return isinstance(request.auth, AccessToken)

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:  # noqa: ARG002, ANN401 -- same
        """The same: a token is for every object."""
        return self.has_permission(request, view)


class _Without(NOT):
    # The bare opposite would let in who has no token at all.
    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, AccessToken) and super().has_permission(request, view)

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:  # noqa: ANN401 -- any model
        return isinstance(request.auth, AccessToken) and super().has_object_permission(request, view, obj)


class _Negatable(BasePermissionMetaclass):
    def __invert__(cls) -> SingleOperandHolder:  # noqa: N805 -- a method of classes
        # The stubs say instances where REST framework takes classes.
        return SingleOperandHolder(cast("Any", _Without), cast("Any", cls))


class _HasRight(HasToken, metaclass=_Negatable):
    rights: Rights

    def __init__(self) -> None:
        self._missing: RightMissing | None = None

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 -- same
        token = request.auth
        if not isinstance(token, AccessToken):
            return False
        try:
            self.rights.check(token)
        except RightMissing as missing:
            self._missing = missing
            return False
        return True

    @property
    def message(self) -> None:
        """Asked for before REST framework denies a request, and only if this one permission has decided.

        So this is where a refusal can be raised whose answer has a challenge, and names the right. Within
        `|`, `&` and `~` it is never asked for: there the decision is not ours.
        """
        if self._missing is not None:
            raise APIRefusal(self._missing) from self._missing


def HasScope(name: str) -> type[BasePermission]:  # noqa: N802 -- reads as the class that it makes
    """A permission class: the token has this scope."""
    return _has(Rights(scope=name))


def HasRole(name: str) -> type[BasePermission]:  # noqa: N802 -- same
    """A permission class: the token has this role."""
    return _has(Rights(role=name))


def HasGroup(name: str) -> type[BasePermission]:  # noqa: N802 -- same
    """A permission class: the token has this group."""
    return _has(Rights(group=name))


def HasPermission(name: str) -> type[BasePermission]:  # noqa: N802 -- same
    """A permission class: the token has this permission, exactly as written.

    `&` and `|` combine it with others, and REST framework then words the 403 itself. `~` asks for a token
    *without* the right; of a combination in brackets, `~(a | b)`, it lets strangers in like any `~` of REST
    framework: write `HasToken & ~(a | b)`.

    Raises:
        ConfigurationError: if the name is empty.
    """
    return _has(Rights(permission=name))


def _has(required: Rights) -> type[BasePermission]:
    class HasRight(_HasRight):
        rights = required

    return HasRight


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Handled:
    """For `EXCEPTION_HANDLER`: refusals are problem documents (RFC 9457), everything else is as before.

    With it a view may call `require(request.auth, ...)` itself.
    """
    if isinstance(error, APIRefusal):
        told = error.answer
    elif isinstance(error, TokenRefused | VerificationUnavailable):
        told = answer(error)
    elif isinstance(error, NotAuthenticated) and _words_the_challenge(context["view"]):
        told = answer(TokenRefused("token_missing", "no Authorization header, or another scheme than Bearer"))
    else:
        return views.exception_handler(error, dict(context))
    views.set_rollback()
    return response(told)


def _words_the_challenge(view: APIView) -> bool:
    authenticators = view.get_authenticators()
    return bool(authenticators) and isinstance(authenticators[0], TokenAuthentication)


# Last, because importing it imports what the settings name: this file. So it works whichever comes first.
from rest_framework import views  # noqa: E402 -- see above
