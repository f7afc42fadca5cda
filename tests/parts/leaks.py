"""A search for secrets, in every spelling in which one leaves a program."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

#: Bytes of the shortest spelling that is looked for: any shorter would be found by chance.
SHORTEST = 10
# Whatever is that long has one of its first windows at a place that is looked at, wherever it begins.
_STRIDE = 5
_WINDOW = SHORTEST - _STRIDE + 1

_OURS = re.compile(rb"sk[a-z]1_[A-Za-z0-9_-]+")
_JWT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)")
_MAC_BYTES = 32
_CHUNK = _STRIDE << 18
_EMPTY = re.compile(rb"\x00{64,}")
#: Where the random secret of a token stands (the modules of `sekisho.rules` of the same name).
_RANDOM = {b"skr1_": slice(24, 56), b"sks1_": slice(20, 52)}


def spellings(secret: bytes) -> set[bytes]:
    """Plain, hexadecimal, both base64 at each of the three places it may begin, URL, JSON, `repr`."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode(), repr(secret)[2:-1].encode()}
    for shift in range(3):
        # What stands before and behind it in the same text changes its first and last characters.
        encoded = base64.b64encode(bytes(shift) + secret)[(0, 2, 3)[shift] :].rstrip(b"=")[:-1]
        found |= {encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")}
    if secret.isascii():
        text = secret.decode()
        found |= {quote(text, safe="").encode(), json.dumps(text)[1:-1].encode()}
    return {each for each in found if len(each) >= SHORTEST}


def of_token(token: bytes) -> dict[str, bytes]:
    """What of a token is secret: the text, its seal, and the random bytes in it."""
    parts = {"whole": token}
    if jwt := _JWT.fullmatch(token):
        parts["signature"] = _decoded(jwt[1])
    elif _OURS.fullmatch(token):
        raw = _decoded(token[5:])
        parts["seal"] = raw[-_MAC_BYTES:]
        if place := _RANDOM.get(token[:5]):
            parts["random part"] = raw[place]
    return parts


def _decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


class Wanted:
    """Secrets by name, to be found anywhere."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        self._needles = {each: name for name, secret in secrets.items() for each in spellings(secret)}
        self._by_window: dict[bytes, list[bytes]] = {}
        for each in self._needles:
            for at in range(_STRIDE):
                self._by_window.setdefault(each[at : at + _WINDOW], []).append(each)

    def in_bytes(self, content: bytes) -> set[str]:
        """The names of those that are in `content`."""
        # One pass over the text, however many are looked for. Files of databases are mostly empty pages.
        content = _EMPTY.sub(b"", content)
        seen: set[bytes] = set()
        for start in range(0, len(content), _CHUNK):
            places = range(start, min(start + _CHUNK, len(content)), _STRIDE)
            seen |= {content[at : at + _WINDOW] for at in places} & self._by_window.keys()
        here = (each for window in seen for each in self._by_window[window])
        return {self._needles[each] for each in here if each in content}

    def in_files(self, *folders: Path, since: float = 0.0) -> dict[str, set[str]]:
        """The names of those that are in a file, by the path of the file; `since`: changed then or later."""
        found: dict[str, set[str]] = {}
        for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
            if path.stat().st_mtime >= since and (names := self.in_bytes(path.read_bytes())):
                found[str(path)] = names
        return found
