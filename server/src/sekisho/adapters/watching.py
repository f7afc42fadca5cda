"""What a request has the adapters do, told to whoever watches that request; to nobody, nearly always.

The flow explorer shows the statements, hashes and signatures that really happened. It sets a watcher in the
context of one request, so the polls and sweeps that run beside it are never taken for its own. Without one a
`note` is the look-up of a context variable.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal, TypeAlias, TypeVar

from sekisho.adapters.system import steady

T = TypeVar("T")

Kind = Literal["db.read", "db.write", "redis.read", "redis.write", "hash.verify", "token.sign"]
#: Told on any thread, right after it happened; it neither waits nor raises.
Watcher: TypeAlias = Callable[[Kind, Mapping[str, object]], None]

_watcher: Final[ContextVar[Watcher | None]] = ContextVar("sekisho_watcher", default=None)


def current() -> Watcher | None:
    """Who watches the request that this is part of: for work that goes on in a thread of its own."""
    return _watcher.get()


@contextmanager
def watched(watcher: Watcher) -> Generator[None]:
    """Have everything that is done in this context, and in tasks that begin in it, told to `watcher`."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def note(kind: Kind, **facts: object) -> None:
    """Tell what was done; `ms` among the facts is how many milliseconds it took."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher(kind, facts)


def timed(kind: Kind, act: Callable[[], T], **facts: object) -> Callable[[], T]:
    """`act`; where somebody watches, one that tells what was done and how long it took, on any thread."""
    watcher = _watcher.get()
    if watcher is None:
        return act

    def told() -> T:
        began = steady()
        result = act()
        watcher(kind, {**facts, "ms": milliseconds(since=began)})
        return result

    return told


def milliseconds(*, since: float) -> float:
    """Those since that moment of the steady clock."""
    return round((steady() - since) * 1000, 3)
