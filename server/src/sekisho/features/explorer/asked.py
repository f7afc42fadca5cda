"""What the page may ask for: the body of each act, read strictly."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from sekisho.features.explorer.events import Lane
from sekisho.features.explorer.stage import SecretStep, SetName
from sekisho.features.explorer.thief import Credential

_Short = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Text = Annotated[str, msgspec.Meta(max_length=1 << 18)]
_ActName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{1,32}$")]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The root of them all; `act` and `lane`: to which of the page's acts it belongs."""

    act: _ActName | None = None
    lane: Lane | None = None


class Skip(Asked, frozen=True, kw_only=True):
    """Move the clock forward."""

    seconds: float


class Operate(Asked, frozen=True, kw_only=True):
    """Run a command of the operator; `at` is the auth server on whose data."""

    what: Literal["disable", "enable", "grant", "revoke-role", "allow", "deny", "rotate-key", "retire-key"]
    email: _Short | None = None
    role: _Short | None = None
    right: _Short | None = None
    kid: _Short | None = None
    at: Literal["auth", "auth_es256"] = "auth"


class Turn(Asked, frozen=True, kw_only=True):
    """Stop a server, or start it again."""

    name: _Short
    up: bool


class Summon(Asked, frozen=True, kw_only=True):
    """Start further servers."""

    set: SetName


class TurnSecret(Asked, frozen=True, kw_only=True):
    """Put the next version of the secret at AWS, or let it be the current one."""

    step: SecretStep


class Forge(Asked, frozen=True, kw_only=True):
    """Make a forgery of a good token; `at` is the auth server that it is from."""

    preset: _Short
    token: _Text
    at: Literal["auth", "auth_es256"] = "auth"


class Edit(Asked, frozen=True, kw_only=True):
    """Put a token together from what was written into three fields, whatever that is."""

    header: _Text
    payload: _Text
    signature: _Text


class Steal(Asked, frozen=True, kw_only=True):
    """Present something stolen from another client; `until_refused`: again and again, ten seconds at most."""

    credential: Credential
    value: _Text
    at: _Short
    path: Literal["/products", "/customers", "/secret", "/v1/me"] = "/products"
    until_refused: bool = False


class Leak(Asked, frozen=True, kw_only=True):
    """Make a token with the leaked SECRET_KEY."""

    claims: dict[str, Any]


class Decide(Asked, frozen=True, kw_only=True):
    """Answer the questions of the last chapter."""

    answers: dict[str, str]


class Nothing(Asked, frozen=True, kw_only=True):
    """No more than that it is asked for."""
