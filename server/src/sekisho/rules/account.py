"""Accounts: who may log in, and what a password must be."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal

from sekisho.frozen import Frozen, Hidden
from sekisho.rules.refusals import invalid

Status = Literal["active", "disabled"]

LOCALES = ("en", "ja")

#: In the place of one of them: this person has not said. The tag of BCP 47 (RFC 5646 section 2.2.1) for it.
UNDETERMINED = "und"

#: Far above what people type and password managers make, far below what would make hashing a burden.
PASSWORD_MAX = 256

# Some keyboards send a letter and its marks apart; at most four code points become one. So whatever has more
# than this is too long once normalized as well, and is never normalized: the time that takes grows with the
# square of the marks in a row (64 KiB of them held the event loop for 7 s).
_TYPED_MAX = 4 * PASSWORD_MAX


class Account(Frozen):
    """One person: a row of `users` without its password hash."""

    id: str
    email: str
    status: Status
    locale: str
    created_at: float


class Credentials(Frozen):
    """What a login checks against: the account, and the password hash as it was read."""

    account: Account
    password_hash: Hidden[str]


class Checked(Frozen):
    """What checking a password came to. `rehash`: it was right, and its hash is of an older profile."""

    correct: bool
    rehash: bool = False


def normalize_password(password: str, *, minimum: int, max_bytes: int | None, pointer: str) -> str:
    """The password as it is hashed: NFKC (NIST SP 800-63B-4), measured in code points, never truncated.

    `max_bytes`: what the configured hash can take of UTF-8, where it has a limit (bcrypt: 72).

    Raises:
        Refusal: `validation_failed` with `password_too_short` or `password_too_long` at `pointer`, or with
            `invalid_value` for half a surrogate pair, which is no character.
    """
    if len(password) > _TYPED_MAX:
        raise invalid(pointer, "password_too_long", PASSWORD_MAX)
    normal = unicodedata.normalize("NFKC", password)
    if any("\ud800" <= character <= "\udfff" for character in normal):
        raise invalid(pointer, "invalid_value")
    if len(normal) < minimum:
        raise invalid(pointer, "password_too_short", minimum)
    if len(normal) > PASSWORD_MAX:
        raise invalid(pointer, "password_too_long", PASSWORD_MAX)
    if max_bytes is not None and len(normal.encode()) > max_bytes:
        raise invalid(pointer, "password_too_long", max_bytes)
    return normal


class PasswordPolicy(Frozen):
    """What a new password must be, wherever one is chosen.

    `minimum` in code points; `max_bytes` of UTF-8, where the configured hash has a limit; `is_common` says
    whether a guesser would try it early, given words about its owner.
    """

    minimum: int
    max_bytes: int | None
    is_common: Callable[[str, Sequence[str]], bool]

    def admit(self, password: str, *, email: str, pointer: str) -> str:
        """The password as it is hashed.

        Raises:
            Refusal: `validation_failed` at `pointer`, as of `normalize_password`, or `password_common`.
        """
        normal = normalize_password(password, minimum=self.minimum, max_bytes=self.max_bytes, pointer=pointer)
        if self.is_common(normal, [email]):
            raise invalid(pointer, "password_common")
        return normal


def normalize_presented_password(password: str) -> str:
    """The password as it is compared at login.

    One that is too long cannot be right: it is cut to a length that still is not, before it is normalized and
    after, so that it costs no more to check than any other.
    """
    return unicodedata.normalize("NFKC", password[: _TYPED_MAX + 4])[: PASSWORD_MAX + 1]


def locale(text: str | None, pointer: str) -> str:
    """The language of mails and pages for this person; undetermined where none was asked for.

    Raises:
        Refusal: `validation_failed` with `invalid_locale` at `pointer`.
    """
    if text is None:
        return UNDETERMINED
    if text not in LOCALES:
        raise invalid(pointer, "invalid_locale")
    return text
