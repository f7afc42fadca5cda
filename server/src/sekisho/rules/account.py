"""Accounts: who may log in, and what a password must be."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from sekisho.rules.refusals import invalid

Status = Literal["active", "disabled"]

LOCALES = ("en", "ja")

#: Far above what people type and password managers make, far below what would make hashing a burden.
PASSWORD_MAX = 256


@dataclass(frozen=True, slots=True)
class Account:
    """One person: a row of `users` without its password hash."""

    id: str
    email: str
    status: Status
    locale: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login checks against: the account, and the password hash as it was read."""

    account: Account
    password_hash: str


def normalize_password(password: str, *, minimum: int, pointer: str) -> str:
    """The password as it is hashed: NFKC (NIST SP 800-63B-4), measured in code points, never truncated.

    Raises:
        Refusal: `validation_failed` with `password_too_short` or `password_too_long` at `pointer`.
    """
    normal = unicodedata.normalize("NFKC", password)
    if len(normal) < minimum:
        raise invalid(pointer, "password_too_short", minimum)
    if len(normal) > PASSWORD_MAX:
        raise invalid(pointer, "password_too_long", PASSWORD_MAX)
    return normal


def normalize_presented_password(password: str) -> str:
    """The password as it is compared at login.

    One that is too long cannot be right: it is cut to a length that still is not, so that it costs no more
    to check than any other.
    """
    return unicodedata.normalize("NFKC", password[: PASSWORD_MAX + 1])[: PASSWORD_MAX + 1]


def locale(text: str | None, pointer: str) -> str:
    """The language of mails and pages for this person; English where none was asked for.

    Raises:
        Refusal: `validation_failed` with `invalid_locale` at `pointer`.
    """
    if text is None:
        return LOCALES[0]
    if text not in LOCALES:
        raise invalid(pointer, "invalid_locale")
    return text
