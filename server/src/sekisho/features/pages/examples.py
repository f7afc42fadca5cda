"""How an operation is called, for whoever copies it: by curl, and by Python with its standard library alone.

Made from the document, as the rest of the reference. What is the caller's own, such as a token, is a variable
of the environment, so that what is copied runs as it stands and no secret is written into it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

#: A value for each field that an example sends; what is not here is named by its field.
_VALUES: Final = {
    "email": "aya@example.com",
    "password": "a gate at the sixth bell",
    "current_password": "a gate at the sixth bell",
    "new_password": "another gate at the seventh bell",
    "mode": "token",
    "code": "J4KQ-7MZT-9XRB-2WHD-60VN-PC3G-E5YS",
    "refresh_token": "skr1_...",
}
#: Optional in general, and needed by what the example does.
_NEEDED: Final[Mapping[str, Sequence[str]]] = {"exchange": ("password",), "refresh": ("refresh_token",)}
_TOKENS: Final = {"bearer": "ACCESS_TOKEN", "feed": "FEED_TOKEN"}


def sent(operation: str, fields: Sequence[tuple[str, bool]]) -> dict[str, str]:
    """The body that an example sends, of fields by name and whether they are required; empty for none."""
    needed = _NEEDED.get(operation, ())
    return {name: _VALUES.get(name, name) for name, required in fields if required or name in needed}


def token_of(who: Sequence[str]) -> str:
    """The variable with what identifies the caller; empty where nothing has to."""
    return next((_TOKENS[each] for each in who if each in _TOKENS), "")


def curl(method: str, url: str, *, body: Mapping[str, str], token: str, streams: bool) -> str:
    """A command for a shell. `url` has `{NAME}` where a variable goes; `token` is the name of one."""
    return " \\\n  ".join(_curl(method, url, body=body, token=token, streams=streams))


def _curl(method: str, url: str, *, body: Mapping[str, str], token: str, streams: bool) -> Iterator[str]:
    chosen = "" if method == "GET" or (method == "POST" and body) else f" -X {method}"
    # No buffer: an event is shown when it comes.
    yield f'curl{" -N" if streams else ""}{chosen} "{url.replace("{", "$").replace("}", "")}"'
    if token:
        yield f'-H "Authorization: Bearer ${token}"'
    if body:
        yield "-H 'Content-Type: application/json'"
        yield f"-d '{json.dumps(body)}'"


def python(method: str, url: str, *, body: Mapping[str, str], token: str, streams: bool) -> str:
    """A program. `url` and `token` as in `curl`."""
    headers = {"Content-Type": "application/json"} if body else {}
    if token:
        headers["Authorization"] = f"Bearer {{{token}}}"
    named = ", ".join(f"{_text(name)}: {_text(value)}" for name, value in headers.items())
    asked = [
        _text(url),
        f"data=json.dumps({json.dumps(body)}).encode()" if body else "",
        f"headers={{{named}}}" if headers else "",
        f"method={_text(method)}",
    ]
    read = ("for line in answer:", "    print(line.decode().rstrip())")
    lines = [
        *(["import json"] if body else []),
        *(["import os"] if token or "{" in url else []),
        "from urllib.request import Request, urlopen",
        "",
        "request = Request(",
        *(f"    {each}," for each in asked if each),
        ")",
        "with urlopen(request) as answer:",
        *(f"    {each}" for each in (read if streams else ("print(answer.status, answer.read().decode())",))),
    ]
    return "\n".join(lines)


def _text(text: str) -> str:
    """An expression of Python; what stands in braces comes out of the environment."""
    parts = [
        f'os.environ["{each}"]' if place % 2 else json.dumps(each)
        for place, each in enumerate(re.split(r"\{(\w+)\}", text))
        if each
    ]
    return " + ".join(parts)
