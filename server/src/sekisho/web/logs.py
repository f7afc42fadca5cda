"""Log lines: one a request and one an incident, as JSON for machines or as text for people; never a secret.

The standard library's logging, so that an application that mounts us has our lines among its own. What a
line may hold is decided where it is written: codes, routes as they are declared, ids, addresses. Paths,
queries, bodies and header values never are (H4).
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal, TextIO, cast

import msgspec

from sekisho.adapters import system
from sekisho.web.log_stream import Together

LOG: Final = logging.getLogger("sekisho")
ACCESS: Final = logging.getLogger("sekisho.access")

_ROOT: Final = logging.getLogger()

_encode: Final = msgspec.json.Encoder(enc_hook=repr).encode


class Line:
    """What happened, and its particulars; made into text only if somebody reads it."""

    __slots__ = ("event", "fields")

    def __init__(self, event: str, fields: Mapping[str, Any]) -> None:
        self.event = event
        self.fields = fields

    def __str__(self) -> str:
        # repr() escapes line breaks and terminal sequences that a header may have brought along.
        return " ".join([self.event, *(f"{name}={_plain(value)}" for name, value in self.fields.items())])


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if text.isprintable() and " " not in text else repr(text)


def _shown(value: object) -> object:
    """What is not plain by its `repr`: msgspec would take it apart, and write what it leaves out of that."""
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, list | tuple):
        return [_shown(each) for each in cast("Iterable[object]", value)]
    return repr(value)


def log_request(fields: Mapping[str, Any]) -> None:
    """Write the line of a request.

    Where `configure` has made the only handler there is, straight to it: a record and its way up the tree of
    loggers take two thirds of what a line costs. Wherever anybody has put a handler or a filter of theirs,
    by that way, as every other line.
    """
    handlers = _ROOT.handlers
    own = handlers[0] if len(handlers) == 1 else None
    others = ACCESS.handlers or LOG.handlers or ACCESS.filters
    if isinstance(own, JsonRequests) and not (others or own.filters):
        own.request(fields)
    else:
        ACCESS.info(Line("request", fields))


class JsonRequests(Together):
    """Takes the lines of requests without a record."""

    def request(self, fields: Mapping[str, Any]) -> None:
        """Keep one, as `JsonLines` renders it."""
        at = _instant(system.clock())
        self.keep(_encode({"at": at, "level": "info", "event": "request", **fields}).decode())


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a line of ours by its fields, anybody else's by its message."""
        line: dict[str, Any] = {"at": _instant(record.created), "level": record.levelname.lower()}
        if isinstance(record.msg, Line):
            fields = {name: _shown(value) for name, value in record.msg.fields.items()}
            line |= {"event": record.msg.event, **fields}
        else:
            line |= {"event": "log", "logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            line["exception"] = describe(record.exc_info[1])
        try:
            return _encode(line).decode()
        except UnicodeEncodeError:
            # Half a surrogate pair, in somebody else's message. It is escaped, and the line is not lost.
            return json.dumps(line, default=repr)


class ConsoleLines(logging.Formatter):
    """One line for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """Render time, level and message."""
        message = record.getMessage()
        if not isinstance(record.msg, Line):
            message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)
        text = f"{_instant(record.created)[11:19]} {record.levelname.lower():7} {message}"
        if record.exc_info and record.exc_info[1]:
            text = "\n    ".join([text, *describe(record.exc_info[1])])
        return text


def describe(error: BaseException) -> list[str]:
    """An exception as a log may hold it: types and places, with the database's own code; no message.

    Messages quote values ("invalid literal ...", "Key (email)=..."), and any value may be a secret.
    """
    lines: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        known = (getattr(cause, name, None) for name in ("sqlstate", "sqlite_errorname", "errno"))
        codes = [str(code) for code in known if isinstance(code, str | int)]
        lines.append(" ".join([f"{type(cause).__module__}.{type(cause).__qualname__}", *codes]))
        frames = traceback.extract_tb(cause.__traceback__)
        lines += [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return lines


def configure(
    form: Literal["auto", "json", "console"], *, stream: TextIO | None = None, access: bool = True
) -> None:
    """Send every log line of this process to `stream` (stderr); `access` False leaves out the line a request.

    For a process of our own (`sekisho serve`). Where we are mounted, the application decides.
    """
    target = sys.stderr if stream is None else stream
    console = target.isatty() if form == "auto" else form == "console"
    handler = (Together if console else JsonRequests)(target, patient=ACCESS)
    handler.setFormatter(ConsoleLines() if console else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    ACCESS.setLevel(logging.NOTSET if access else logging.WARNING)
    # What no line of ours shows need not be found out for each: half the cost of a line (Python's logging
    # HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    setattr(logging, "_srcfile", None)  # noqa: B010 - private by its name, public by that document


def _instant(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03}Z"


@lru_cache(maxsize=2)
def _second(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S")
