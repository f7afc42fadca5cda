"""What goes wrong at the command line: one line what, one line how to put it right, and an exit code."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    # Not at run time: `--help` loads this file too, and the verifier comes with its parts.
    from sekisho.rules.refusals import Code
    from sekisho_verify.errors import RefusalCode

#: What only the command line says; everything else has the code that the API gives it.
OwnCode = Literal[
    "demo_failed",
    "host_unusable",
    "http_off_loopback",
    "input_unreadable",
    "key_refused",
    "partly_done",
    "port_busy",
    "port_not_allowed",
    "secret_missing",
    "setting_invalid",
    "usage",
]
OWN_CODES: Final[frozenset[str]] = frozenset(get_args(OwnCode))

FaultCode: TypeAlias = "OwnCode | Code | RefusalCode"


class Exit(IntEnum):
    """Exit codes; the same for every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    CONFLICT = 5
    PARTLY = 6
    INTERRUPTED = 130


#: Where a code says more than "failed or refused".
EXITS = {
    "usage": Exit.USAGE,
    "not_found": Exit.NOT_FOUND,
    "forbidden": Exit.NOT_ALLOWED,
    "invalid_credentials": Exit.NOT_ALLOWED,
    "signup_closed": Exit.NOT_ALLOWED,
    "conflict": Exit.CONFLICT,
    "email_taken": Exit.CONFLICT,
    "partly_done": Exit.PARTLY,
}


class Fault(Exception):
    """An expected fault: it is told in a sentence, never in a traceback.

    Args:
        code: the stable code: of the command line, of the API, or of a refused token.
        what: one line for a person.
        fix: one line: what to do about it.
        more: members of the problem object beside these, for `--json`.
    """

    def __init__(self, code: FaultCode, what: str, fix: str = "", **more: Any) -> None:  # noqa: ANN401 - whatever JSON can say
        super().__init__(f"{code}: {what}")
        self.code: FaultCode = code
        self.what = what
        self.fix = fix
        self.more = more

    @property
    def exit(self) -> Exit:
        """The exit code."""
        return EXITS.get(self.code, Exit.FAILED)
