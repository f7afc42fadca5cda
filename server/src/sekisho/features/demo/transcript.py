"""The story on paper: numbered steps, what went over the wire, and a verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from sekisho.features.demo.wire import Answer, Sent

#: Tokens of every kind of ours: long, all alike in the middle. One cookie's value has no mark but its name.
_TOKEN: Final = re.compile(
    r"(?:eyJ|sk[a-z]\d_|(?<=sekisho-csrf=))[A-Za-z0-9_-]{24,}(?:\.[A-Za-z0-9_-]*){0,2}"
)
_SHOWN_HEADERS: Final = ("www-authenticate", "cache-control", "retry-after")
_WIDTH: Final = 100
_MARGIN: Final = "      "


@dataclass(frozen=True, slots=True)
class Ink:
    """ANSI colours (ECMA-48), or none: a file or a pipe gets plain text."""

    colour: bool

    def __call__(self, code: str, text: str) -> str:
        """`text` in the rendition `code`."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def shortened(text: str) -> str:
    """The text with the middle of every token left out: who reads along wants to see which one it is."""

    def short(match: re.Match[str]) -> str:
        segments = match[0].split(".")
        return ".".join(f"{each[:10]}…{each[-6:]}" if len(each) > 20 else each for each in segments)

    return _TOKEN.sub(short, text)


def _document(value: object, indent: str = "") -> list[str]:
    """JSON on one line if it fits there, else a member or an element a line, and so on inwards."""
    flat = shortened(json.dumps(value, ensure_ascii=False))
    if len(indent + flat) <= _WIDTH or not isinstance(value, dict | list) or not value:
        return [flat]
    inner = indent + "  "
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        items = [_named(json.dumps(name) + ": ", _document(each, inner)) for name, each in members.items()]
    else:
        items = [_document(each, inner) for each in cast("list[object]", value)]
    for item in items[:-1]:
        item[-1] += ","
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    # The indent of what is inside was counted above, and is written here.
    return [opening, *("  " + line for item in items for line in item), closing]


def _named(name: str, lines: list[str]) -> list[str]:
    return [name + lines[0], *lines[1:]]


class Transcript:
    """Writes line by line, while it happens."""

    def __init__(self, write: Callable[[str], None], *, colour: bool) -> None:
        self._write = write
        self._ink = Ink(colour)

    def heading(self, title: str, lines: list[str]) -> None:
        """The title of the whole, and what stands where."""
        self._write(self._ink("1", title))
        for line in lines:
            self._write(f"  {line}".rstrip())

    def step(self, number: int, title: str, why: str) -> None:
        """Begin a step."""
        self._write("")
        self._write(self._ink("1;36", f"{number:>3}  {title}"))
        for line in why.splitlines():
            self._write(self._ink("2", f"     {line}"))

    def sent(self, sent: Sent) -> None:
        """A request, as it was sent but for the middle of tokens."""
        self._write("")
        self._write(f"   {self._ink('34', '→')}  {self._ink('1', sent.method)} {sent.url}")
        for name, value in sent.headers.items():
            if name not in {"Content-Length", "Content-Type"}:
                self._line(f"{name}: {shortened(value)}")
        if sent.body:
            self._lines(_document(json.loads(sent.body)))

    def came(self, answer: Answer) -> None:
        """The answer."""
        colour = "32" if answer.status < 400 else "33"
        self._write(f"   {self._ink(colour, '←')}  {self._ink(colour, f'{answer.status} {answer.reason}')}")
        for name in _SHOWN_HEADERS:
            if name in answer.headers:
                self._line(f"{name}: {shortened(answer.headers[name])}")
        for cookie in answer.set_cookies:
            self._line(f"set-cookie: {shortened(cookie)}")
        if answer.body:
            self._lines(_document(answer.json) if answer.json else [answer.body.decode(errors="replace")])

    def ran(self, commands: list[str]) -> None:
        """Commands of the operator."""
        self._write("")
        for command in commands:
            self._write(f"   {self._ink('34', '$')}  {command}")

    def shown(self, label: str, members: dict[str, object] | str) -> None:
        """Something taken apart for the reader."""
        first, *rest = [members] if isinstance(members, str) else _document(members)
        self._write(f"      {self._ink('35', label)}  {first}")
        self._lines(rest)

    def remark(self, text: str) -> None:
        """What happened beside the wire."""
        self._write("")
        for line in text.splitlines():
            self._write(f"   {self._ink('33', '·')}  {line}")

    def verdict(self, text: str, *, good: bool) -> None:
        """How the step came out."""
        mark = self._ink("1;32", "✓") if good else self._ink("1;31", "✗")
        self._write("")
        first, *rest = text.splitlines()
        self._write(f"   {mark}  {first}")
        for line in rest:
            self._write(f"{_MARGIN}{line}")

    def closing(self, text: str, *, good: bool) -> None:
        """The last line."""
        self._write("")
        self._write(self._ink("1;32" if good else "1;31", text))

    def _lines(self, lines: list[str]) -> None:
        for line in lines:
            self._line(line)

    def _line(self, text: str) -> None:
        self._write(_MARGIN + text)
