"""Ask a verified token what it may: scope, role, group, permission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sekisho_verify.errors import ConfigurationError, RightMissing

if TYPE_CHECKING:
    from sekisho_verify.verifier import AccessToken


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
    wanted = {"scope": scope, "role": role, "group": group, "permission": permission}
    named = {kind: name for kind, name in wanted.items() if name is not None}
    if not named or "" in named.values():
        raise ConfigurationError("name the right to require: scope=, role=, group= or permission=")
    for kind, name in named.items():
        if name not in _carried(token, kind):
            raise RightMissing(kind, name)


def _carried(token: AccessToken, kind: str) -> frozenset[str]:
    if kind == "scope":
        return token.scope
    if kind == "role":
        return token.roles
    return token.groups if kind == "group" else token.permissions
