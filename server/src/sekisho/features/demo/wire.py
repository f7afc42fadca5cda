"""A plain HTTP client that keeps what was said: requests and answers as they went over the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, cast
from urllib.parse import urlsplit

_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it was sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it came."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    set_cookies: tuple[str, ...] = ()

    @property
    def cookies(self) -> dict[str, str]:
        """What it set, each name with its value; one that it removed has none."""
        pairs = (line.partition(";")[0].partition("=") for line in self.set_cookies)
        return {name: value for name, _, value in pairs}

    @property
    def json(self) -> dict[str, Any]:
        """The body, if it is a JSON object; else nothing."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    @property
    def code(self) -> str:
        """The stable code of a problem (RFC 9457), or nothing."""
        return str(self.json.get("code", ""))


def exchange(sent: Sent) -> Answer:
    """Send one request over a connection of its own.

    Raises:
        OSError: nobody answers there.
    """
    url = urlsplit(sent.url)
    connection = HTTPConnection(url.hostname or "", url.port, timeout=_SECONDS)
    try:
        # Header by header: `request` would add some of its own, and the transcript shows what was sent.
        connection.putrequest(sent.method, url.path, skip_accept_encoding=True)
        for name, value in sent.headers.items():
            connection.putheader(name, value)
        connection.endheaders(sent.body or None)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        cookies = tuple(response.headers.get_all("set-cookie", []))
        return Answer(response.status, response.reason, headers, response.read(), cookies)
    finally:
        connection.close()


def request(
    method: str,
    url: str,
    *,
    json_body: Mapping[str, object] | None = None,
    bearer: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Sent:
    """A request with the headers that it needs and no others (the connection adds `Host`)."""
    body = b"" if json_body is None else json.dumps(json_body).encode()
    named = dict(headers or {})
    if bearer is not None:
        named["Authorization"] = f"Bearer {bearer}"
    if json_body is not None:
        named |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    elif method == "POST":
        named["Content-Length"] = "0"
    return Sent(method, url, named, body)
