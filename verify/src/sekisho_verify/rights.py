"""Ask a verified token what it may: scope, role, group, permission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sekisho_verify.errors import ConfigurationError, RightMissing

if TYPE_CHECKING:
    from sekisho_verify.access_token import AccessToken


class Rights:
    """Rights that a token must carry, all of them, each exactly as written: no wildcards, no hierarchy.

    Raises:
        ConfigurationError: for an empty name, which would let everybody pass or nobody, and for what is no
            name, such as a list of several.
    """

    __slots__ = ("_named",)

    def __init__(
        self,
        *,
        scope: str | None = None,
        role: str | None = None,
        group: str | None = None,
        permission: str | None = None,
    ) -> None:
        wanted = {"scope": scope, "role": role, "group": group, "permission": permission}
        self._named: Final = tuple((kind, name) for kind, name in wanted.items() if name is not None)
        for kind, name in self._named:
            _expect_name(kind, name)
        if any(not name for _, name in self._named):
            raise ConfigurationError("an empty right requires nothing: name the right, or leave it out")

    def __bool__(self) -> bool:
        return bool(self._named)

    def check(self, token: AccessToken) -> None:
        """Return if the token carries them all.

        Raises:
            RightMissing: a `TokenRefused` with code `insufficient_scope`, for the first that it lacks.
        """
        for kind, name in self._named:
            if name not in _carried(token, kind):
                raise RightMissing(kind, name)


def require(
    token: AccessToken,
    *,
    scope: str | None = None,
    role: str | None = None,
    group: str | None = None,
    permission: str | None = None,
) -> None:
    """Return if the token carries every right named, exactly as written: no wildcards, no hierarchy.

    Raises:
        RightMissing: a `TokenRefused` with code `insufficient_scope`, for the first that it lacks.
        ConfigurationError: if nothing, or an empty name, is required: that would let everybody pass.
    """
    rights = Rights(scope=scope, role=role, group=group, permission=permission)
    if not rights:
        raise ConfigurationError("name the right to require: scope=, role=, group= or permission=")
    rights.check(token)


def _expect_name(kind: str, name: object) -> None:
    # Of other types `check` would refuse everybody, or fail at each request.
    if not isinstance(name, str):
        raise ConfigurationError(f"a {kind} is one name, in a str; got {type(name).__name__}")


def _carried(token: AccessToken, kind: str) -> frozenset[str]:
    if kind == "scope":
        return token.scope
    if kind == "role":
        return token.roles
    return token.groups if kind == "group" else token.permissions
