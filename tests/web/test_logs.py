"""Lines for machines and for people; whatever is in them, a line is one line and prints as it reads."""

from __future__ import annotations

import io
import json
import logging
import logging.handlers
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

from sekisho.flows.setup import SetupRequest
from sekisho.rules.session import Client
from sekisho.web.bodies import Login
from sekisho.web.logs import ACCESS, ConsoleLines, JsonLines, Line, configure, describe, log_request

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "a\r\nINFO forged\x1b[2J\x07\u202e \ud800"


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """The root logger; it and what is configured beside it are afterwards as they were before."""
    for name in ("logThreads", "logProcesses", "logMultiprocessing", "_srcfile"):
        monkeypatch.setattr(logging, name, getattr(logging, name))
    root = logging.getLogger()
    handlers, level, access = root.handlers[:], root.level, ACCESS.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    ACCESS.setLevel(access)


def record(message: object, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    """A record as a logger makes it."""
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("some.library", logging.WARNING, "", 0, message, arguments, info)


@pytest.mark.requirement("H4")
@pytest.mark.parametrize(
    "message", [Line("hello", {"who": HOSTILE, "n": 1}), f"hello {HOSTILE}"], ids=["ours", "theirs"]
)
def test_a_hostile_value_cannot_forge_a_line(message: object) -> None:
    """Line breaks, terminal sequences and half characters are escaped, in both formats."""
    text = JsonLines().format(record(message))
    assert json.loads(text)["level"] == "warning"
    assert "\n" not in text
    assert "\x1b" not in text
    console = ConsoleLines().format(record(message))
    assert console.isprintable()
    assert "forged" in console
    (text + console).encode("utf-8")


def test_a_line_of_ours_is_its_fields() -> None:
    """The event and what belongs to it, as members."""
    line = json.loads(JsonLines().format(record(Line("request", {"status": 200, "ip": "::1"}))))
    assert line.pop("at").endswith("Z")
    assert line == {"level": "warning", "event": "request", "status": 200, "ip": "::1"}


@dataclass
class Typed:
    """A value that is no struct, with a secret."""

    who: str = "aya@example.com"
    password: str = field(default="hunter2", repr=False)


@pytest.mark.requirement("H4", "H5")
def test_a_value_with_a_secret_is_told_without_it() -> None:
    """What a value leaves out of its `repr` is in no line, in neither format, wherever the value stands."""
    asked = SetupRequest("J4KQ-7MZT", "aya@example.com", "hunter2", None, Client("::1", ""))
    body = Login(email="aya@example.com", password="hunter2", mode="token")
    said = record(Line("refused", {"asked": asked, "body": [(body,)], "typed": {"it": Typed()}}))
    for text in (JsonLines().format(said), ConsoleLines().format(said)):
        assert "SetupRequest(email='aya@example.com', " in text
        assert "<Login>" in text
        assert "Typed(who='aya@example.com')" in text
        assert "hunter2" not in text
        assert "J4KQ" not in text


def test_a_line_of_a_library_is_its_message() -> None:
    """With the name of who said it."""
    line = json.loads(JsonLines().format(record("%s of %d", "part", 2)))
    assert (line["event"], line["logger"], line["message"]) == ("log", "some.library", "part of 2")


def test_an_exception_is_told_without_its_message() -> None:
    """Types, places and the database's code; a message may quote a secret, and so may its cause's."""
    try:
        try:
            int("hunter2")
        except ValueError as cause:
            raise OSError(28, "hunter2") from cause
    except OSError as raised:
        error = raised
    text = "\n".join(describe(error))
    assert text.startswith("builtins.OSError 28\n  ")
    assert "\nbuiltins.ValueError\n  " in text
    assert "in test_an_exception_is_told_without_its_message" in text
    for formatter in (JsonLines(), ConsoleLines()):
        assert "hunter2" not in formatter.format(record(Line("internal", {}), error=error))


@pytest.mark.parametrize("form", ["json", "console", "auto"])
@pytest.mark.parametrize("lines", [1, 2], ids=["no access log", "access log"])
def test_a_process_of_our_own_is_configured(
    root: logging.Logger, form: Literal["json", "console", "auto"], lines: int
) -> None:
    """To one stream, in the form asked for (`auto`: JSON where nobody watches); with or without requests."""
    stream = io.StringIO()
    configure(form, stream=stream, access=lines == 2)
    logging.getLogger("uvicorn.error").info("started")
    ACCESS.info(Line("request", {"status": 200}))
    written = stream.getvalue().splitlines()
    assert len(written) == lines
    assert all(line.startswith("{") is (form != "console") for line in written)
    assert root.level == logging.INFO


def test_the_line_of_a_request_reads_the_same_by_either_way(root: logging.Logger) -> None:
    """Straight to the only handler, or as a record that a second handler is shown as well."""
    stream, seen = io.StringIO(), logging.handlers.BufferingHandler(10)
    configure("json", stream=stream)
    fields = {"method": "GET", "route": "/v1/me", "status": 200, "request_id": "r1"}
    log_request(fields)
    root.addHandler(seen)
    log_request(fields)
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert [record.getMessage() for record in seen.buffer] == [
        "request method=GET route=/v1/me status=200 request_id=r1"
    ]
    assert len(first.pop("at")) == len(second.pop("at")) == len("2026-11-21T08:00:00.000Z")
    assert first == second == {"level": "info", "event": "request", **fields}


def test_a_filter_of_an_operator_holds_for_requests(root: logging.Logger) -> None:
    """On the logger or on the handler, as for any other line."""
    stream = io.StringIO()
    configure("json", stream=stream)

    def nobody(_: logging.LogRecord) -> bool:
        return False

    for filtered in (ACCESS, root.handlers[0]):
        filtered.addFilter(nobody)
        log_request({"status": 200})
        filtered.removeFilter(nobody)
    assert stream.getvalue() == ""
