"""What a User-Agent says of a device, as far as its owner needs to recognise it.

The header is the sender's own words: shown, and believed in nothing.
"""

from __future__ import annotations

import re
from typing import Final

from sekisho.frozen import Frozen

#: The first that fits: each of these also claims to be some of those below it.
_BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\bOPR/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Vivaldi", re.compile(r"\bVivaldi/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Headless)?(?:Chrome|CriOS)/")),
    ("Safari", re.compile(r"\bVersion/[\d.]+ .*\bSafari/")),
)
_SYSTEMS: Final = (
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("Windows", re.compile(r"\bWindows NT\b")),
    ("macOS", re.compile(r"\bMacintosh\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)
#: `curl/8.5.0`, `python-httpx/0.28`: programs name themselves first.
_PROGRAM: Final = re.compile(r"([A-Za-z][A-Za-z0-9 ._-]{0,30})/[0-9]")


class Device(Frozen):
    """A program and the system that it runs on; empty where the header does not say."""

    program: str
    system: str


def recognise(user_agent: str) -> Device:
    """The device behind a User-Agent."""
    program = _first(_BROWSERS, user_agent)
    if not program and not user_agent.startswith("Mozilla/") and (named := _PROGRAM.match(user_agent)):
        program = named[1]
    return Device(program, _first(_SYSTEMS, user_agent))


def _first(patterns: tuple[tuple[str, re.Pattern[str]], ...], text: str) -> str:
    return next((name for name, pattern in patterns if pattern.search(text)), "")
