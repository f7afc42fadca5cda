"""What a person may do, and what an access token says about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from sekisho.frozen import Frozen
from sekisho.rules.refusals import invalid

#: Until registered clients exist, every token is issued to the application that owns the server (RFC 9068).
FIRST_PARTY = "first-party"
#: The role of whoever looks after the server. The setup makes the first; the last cannot delete himself.
ADMINISTRATOR = "admin"

Effect = Literal["allow", "deny"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._:-]{0,62}[a-z0-9])?\Z")


def name(text: str, pointer: str) -> str:
    """A role, group or permission name: 1 to 64 of `a-z 0-9 . _ : -`, no separator at either end.

    Raises:
        Refusal: `validation_failed` with `invalid_name` at `pointer`.
    """
    if not _NAME.match(text):
        raise invalid(pointer, "invalid_name")
    return text


def effective(allowed: Iterable[str], denied: Iterable[str]) -> tuple[str, ...]:
    """The permissions that hold, sorted: allowed to the person or a group of theirs, denied to neither.

    Deny wins, and what nobody allowed is not held.
    """
    return tuple(sorted(set(allowed) - set(denied)))


class Rights(Frozen):
    """What one snapshot of the database says a person may do, and the revocation number it was read at."""

    roles: tuple[str, ...]
    groups: tuple[str, ...]
    entitlements: tuple[str, ...]
    rv: str


def access_claims(
    *,
    issuer: str,
    audience: str,
    user_id: str,
    session_id: str,
    token_id: str,
    rights: Rights,
    auth_time: float,
    amr: tuple[str, ...],
    now: float,
    ttl: float,
) -> dict[str, Any]:
    """The claims of an access token (RFC 9068 section 2.2).

    Anyone who holds the token can read them, so nothing confidential and nothing personal is among them.
    """
    issued_at = int(now)
    return {
        "iss": issuer,
        "sub": user_id,
        "aud": audience,
        "exp": issued_at + int(ttl),
        "iat": issued_at,
        "jti": token_id,
        "client_id": FIRST_PARTY,
        "sid": session_id,
        "auth_time": int(auth_time),
        "amr": list(amr),
        "scope": "",
        "roles": list(rights.roles),
        "groups": list(rights.groups),
        "entitlements": list(rights.entitlements),
        "rv": rights.rv,
    }
