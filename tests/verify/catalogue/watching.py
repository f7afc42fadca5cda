"""Ways to see what a refusal did not do: no file, socket or process, no seal looked at, no text hashed."""

from __future__ import annotations

import ctypes
import sys
import threading
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sekisho_verify import EcKey, HmacKey
from tests.verify.tokens import EC, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

_OUTSIDE: Final = (
    "open",
    "os.",
    "socket.",
    "subprocess.",
    "sqlite3.",
    "urllib.",
    "shutil.",
    "ctypes.",
    "import",
)
_seen: list[str] = []
_by: int | None = None


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _by == threading.get_ident() and event.startswith(_OUTSIDE):
        _seen.append(f"{event}{arguments!r}"[:200])


# An audit hook sees what patched functions would miss, and cannot be removed: one is installed for all tests.
sys.addaudithook(_audit)


@contextmanager
def seeing_outside() -> Iterator[list[str]]:
    """Every step of this thread out of the process: files, sockets, programs, databases, imports."""
    global _by  # noqa: PLW0603 -- a hook has no other state
    _seen.clear()
    _by = threading.get_ident()
    try:
        yield _seen
    finally:
        _by = None


@contextmanager
def memory() -> Iterator[list[int]]:
    """The most bytes that were held at once, beyond what was there before; in the list when it is over."""
    peak: list[int] = []
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield peak
        peak.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


class CountingHmacKey(HmacKey):
    """A shared secret that counts how often a seal was held against it."""

    __slots__ = ("checks",)
    checks: list[bytes]

    def __init__(self) -> None:
        super().__init__(SECRET[:32])
        self._fill(checks=[])

    def check(self, signing_input: bytes, seal: bytes) -> None:
        """As ever, and remember it."""
        self.checks.append(seal)
        super().check(signing_input, seal)


class CountingEcKey(EcKey):
    """The same of a public key."""

    __slots__ = ("checks",)
    checks: list[bytes]

    def __init__(self) -> None:
        super().__init__(EC._private.public_key())  # type: ignore[arg-type]  # of P-256
        self._fill(checks=[])

    def check(self, signing_input: bytes, seal: bytes) -> None:
        """As ever, and remember it."""
        self.checks.append(seal)
        super().check(signing_input, seal)


def has_been_hashed(text: str) -> bool:
    """Whether anybody has asked for the hash of a text, which CPython keeps in it: -1 until then."""
    kept = ctypes.c_ssize_t.from_address(id(text) + 3 * ctypes.sizeof(ctypes.c_ssize_t))
    return kept.value != -1
