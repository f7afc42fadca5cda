"""The thief: a second client that is nobody's browser, and has nothing but what was stolen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from time import sleep
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from sekisho.adapters.system import steady
from sekisho.rules.refusals import Refusal
from sekisho_verify.encoding import json_object
from sekisho_verify.errors import EncodingError

Credential = Literal["bearer", "cookie", "refresh"]

_SECONDS: Final = 10
#: Seconds for which something stolen is presented again and again, and those between two tries.
_PATIENCE: Final = 10.0
_PAUSE: Final = 0.1
_AGENT: Final = "thief/1.0"
#: Characters of what is stolen, and bytes of the answer that are kept.
_LONGEST: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Loot:
    """What the thief got as an answer."""

    status: int
    body: str

    @property
    def code(self) -> str | None:
        """The stable code, where it was refused."""
        try:
            code = json_object(self.body.encode(), unique_members=False).get("code")
        except EncodingError:
            return None
        return code if isinstance(code, str) else None

    def as_answer(self) -> dict[str, object]:
        """As the page takes it."""
        return {"status": self.status, "code": self.code, "body": self.body}


def present(
    credential: Credential,
    value: str,
    *,
    url: str,
    path: str,
    announce: Callable[[tuple[str, int]], None],
) -> Loot:
    """Present it at `url`; `announce` is told the address that the request will come from.

    Raises:
        Refusal: `unavailable`: nobody answers there. `invalid_request`: no header can carry it.
    """
    if len(value) > _LONGEST or not all(" " <= each <= "~" for each in value):
        raise Refusal("invalid_request", "what was stolen fits into no header")
    place = urlsplit(url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=_SECONDS)
    method, headers, body = _request(credential, value)
    try:
        connection.connect()
        host, port = connection.sock.getsockname()[:2]
        announce((host, port))
        connection.request(method, path if method == "GET" else "/v1/refresh", body, headers)
        answer = connection.getresponse()
        return Loot(answer.status, answer.read(_LONGEST).decode("utf-8", "replace"))
    except (OSError, HTTPException) as error:
        raise Refusal("unavailable", f"{url}: {type(error).__name__}") from None
    finally:
        connection.close()


def until_refused(attempt: Callable[[], Loot]) -> dict[str, object]:
    """Present it again and again, for some seconds at most; the last answer, and how long it was let in.

    Raises:
        Refusal: as `present`.
    """
    began, tries = steady(), 0
    while True:
        loot, tries = attempt(), tries + 1
        seconds = steady() - began
        if loot.status >= 400 or seconds > _PATIENCE:
            return {**loot.as_answer(), "seconds": round(seconds, 3), "tries": tries}
        sleep(_PAUSE)


def _request(credential: Credential, value: str) -> tuple[str, Mapping[str, str], bytes | None]:
    agent = {"User-Agent": _AGENT}
    if credential == "bearer":
        return "GET", {**agent, "Authorization": f"Bearer {value}"}, None
    if credential == "cookie":
        return "GET", {**agent, "Cookie": f"sekisho={value}"}, None
    # A program's way: in the body. The cookie of mode browser holds the very same token.
    return (
        "POST",
        {**agent, "Content-Type": "application/json"},
        msgspec.json.encode({"refresh_token": value}),
    )
