"""The server as the world sees it: by HTTP, from here, with nothing that changes anything."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

from sekisho.cli.checkup.findings import Finding, bad, good, skipped, warning
from sekisho.ports import Clock
from sekisho.setting_urls import is_loopback
from sekisho.web.cookies import REFRESH, SESSION

PATIENCE: Final = 10.0
MAX_BODY: Final = 1 << 20
#: Seconds of HSTS below which browsers forget it between two visits: half a year.
LONG_HSTS: Final = 15_552_000
#: Seconds that two clocks may differ, beside what the question took and the second that `Date` leaves out.
CLOCKS: Final = 2.0
#: Days of a certificate below which it is told.
SOON: Final = 14
_FOREIGN: Final = "https://attacker.example"
# What no public key has (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1).
_PRIVATE: Final = {"d", "k", "p", "q", "dp", "dq", "qi"}


class Silent(Exception):
    """No answer came; the message says why."""


@dataclass(frozen=True, slots=True)
class Came:
    """An answer: status, headers in lower case (several lines of one joined by a line break), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    asked: float = 0.0
    came: float = 0.0
    certificate: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def member(self, name: str) -> object:
        """That member of the JSON object in the body; none where there is no such thing."""
        try:
            said: object = json.loads(self.body)
        except ValueError:
            return None
        return cast("dict[str, object]", said).get(name) if isinstance(said, dict) else None


class Site:
    """Asks one server; no redirect is followed.

    Args:
        url: as `sekisho doctor` was given it.
        clock: POSIX seconds.
        tls: for https; by default the authorities of this machine.
    """

    def __init__(self, url: str, *, clock: Clock, tls: ssl.SSLContext | None = None) -> None:
        self.url: Final = url.rstrip("/")
        self._place: Final[SplitResult] = urlsplit(self.url)
        self._clock: Final = clock
        self._tls: Final = tls or ssl.create_default_context()

    @property
    def local(self) -> bool:
        """Whether it is http on this machine: a development server, which may be more open."""
        return not self.https and is_loopback(self.url)

    @property
    def https(self) -> bool:
        """Whether it is asked by https."""
        return self._place.scheme == "https"

    def ask(
        self,
        method: str,
        path: str,
        *,
        plain: bool = False,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Came:
        """One request. `plain`: by http on its port, whatever the URL says.

        Raises:
            Silent: nothing came.
        """
        connection = self._connection(plain=plain)
        sent = {"User-Agent": "sekisho doctor", **(headers or {})}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        asked = self._clock()
        try:
            connection.connect()
            certificate: Mapping[str, Any] = {}
            if isinstance(connection.sock, ssl.SSLSocket):
                certificate = connection.sock.getpeercert() or {}
            connection.request(method, self._place.path + path, data, sent)
            answer = connection.getresponse()
            came = self._clock()
            joined: dict[str, str] = {}
            for name, value in answer.getheaders():
                joined[name.lower()] = "\n".join(filter(None, (joined.get(name.lower()), value)))
            return Came(answer.status, joined, answer.read(MAX_BODY), asked, came, certificate)
        except (OSError, http.client.HTTPException) as fault:
            raise Silent(_reason(fault)) from None
        finally:
            connection.close()

    def _connection(self, *, plain: bool) -> http.client.HTTPConnection:
        host = self._place.hostname or ""
        if plain:
            return http.client.HTTPConnection(host, 80, timeout=PATIENCE)
        if self.https:
            return http.client.HTTPSConnection(host, self._place.port, timeout=PATIENCE, context=self._tls)
        return http.client.HTTPConnection(host, self._place.port, timeout=PATIENCE)


def look_at_site(site: Site) -> Iterator[Finding]:
    """Everything that can be seen from outside, in the order in which it matters."""
    try:
        health = site.ask("GET", "/healthz")
    except Silent as silent:
        yield bad("reachable", url=site.url, reason=str(silent))
        return
    yield (
        good("reachable", url=site.url)
        if health.status == 200
        else bad("reachable", "reachable.other", url=site.url, status=health.status)
    )
    yield from _transport(site, health)
    yield _clock(health)
    for look in (_metadata, _jwks, _cookie, _cross_site, _forwarded, _signup, _feed, _metrics, _stage, _page):
        try:
            yield from look(site)
        except Silent as silent:
            yield bad("reachable", url=site.url, reason=str(silent))


def _transport(site: Site, health: Came) -> Iterator[Finding]:
    if not site.https:
        yield skipped("tls", "tls.local") if site.local else bad("tls", url=site.url)
        return
    days = _days_left(health)
    if days is not None and days < SOON:
        yield warning("tls", count=days)
    else:
        yield good("tls", count="?" if days is None else days)
    seconds = _max_age(health.headers.get("strict-transport-security", ""))
    yield good("hsts", seconds=seconds) if seconds >= LONG_HSTS else bad("hsts", seconds=seconds)
    try:
        plain = site.ask("GET", "/healthz", plain=True)
    except Silent:
        yield good("plain_http", "plain_http.closed")
        return
    target = plain.headers.get("location", "")
    moved = plain.status in {301, 302, 307, 308} and target.startswith("https://")
    yield good("plain_http") if moved else bad("plain_http", status=plain.status)


def _days_left(health: Came) -> int | None:
    until = health.certificate.get("notAfter")
    return None if until is None else int((ssl.cert_time_to_seconds(until) - health.came) // 86_400)


def _max_age(header: str) -> int:
    for directive in header.replace(",", ";").split(";"):
        name, _, value = directive.strip().partition("=")
        if name.lower() == "max-age" and value.strip('"').isdigit():
            return int(value.strip('"'))
    return 0


def _clock(health: Came) -> Finding:
    try:
        theirs = parsedate_to_datetime(health.headers.get("date", "")).replace(tzinfo=UTC)
    except ValueError:
        return warning("clock", "clock.unknown")
    # `Date` is cut to the second: the server's clock was between it and a second later, at some time between
    # question and answer.
    at = theirs.timestamp()
    ahead, behind = at - health.came, health.asked - (at + 1)
    off = max(ahead, behind, 0.0)
    return good("clock") if off <= CLOCKS else bad("clock", seconds=round(off))


def _metadata(site: Site) -> Iterator[Finding]:
    issuer = site.ask("GET", "/.well-known/oauth-authorization-server").member("issuer")
    same = issuer == site.url
    yield good("metadata", issuer=issuer) if same else bad("metadata", issuer=issuer, url=site.url)


def _jwks(site: Site) -> Iterator[Finding]:
    came = site.ask("GET", "/.well-known/jwks.json")
    keys = came.member("keys")
    if came.status != 200 or not isinstance(keys, list):
        yield bad("jwks", status=came.status)
        return
    published = cast("list[object]", keys)
    if any(isinstance(key, dict) and _PRIVATE & set(cast("dict[str, object]", key)) for key in published):
        yield bad("jwks", "jwks.secret")
        return
    age = _max_age(came.headers.get("cache-control", ""))
    yield good("jwks", count=len(published), seconds=age) if age else warning("jwks", "jwks.uncached")


def _cookie(site: Site) -> Iterator[Finding]:
    # A logout with cookies that are nobody's ends nothing. It deletes them, by lines with the flags that they
    # are set with, whatever a proxy in between makes of those.
    nobodys = "; ".join(f"{prefix}{name}=0" for prefix in ("", "__Host-") for name in (SESSION, REFRESH))
    cookies: SimpleCookie = SimpleCookie()
    for came in (
        site.ask("GET", "/v1/csrf"),
        site.ask("POST", "/v1/logout", headers={"Cookie": nobodys}),
    ):
        for line in came.headers.get("set-cookie", "").split("\n"):
            with suppress(CookieError):
                cookies.load(line)
    if not cookies:
        yield bad("cookie", "cookie.none")
        return
    faults: list[str] = []
    for name, morsel in cookies.items():
        if not morsel["httponly"]:
            faults.append(f"{name}: HttpOnly")
        if str(morsel["samesite"]).lower() not in {"lax", "strict"}:
            faults.append(f"{name}: SameSite")
        if morsel["domain"]:
            faults.append(f"{name}: Domain={morsel['domain']}")
        if site.https and not (name.startswith("__Host-") and morsel["secure"] and morsel["path"] == "/"):
            faults.append(f"{name}: __Host-, Secure, Path=/")
    yield bad("cookie", faults=", ".join(faults)) if faults else good("cookie", names=", ".join(cookies))


def _cross_site(site: Site) -> Iterator[Finding]:
    headers = {"Origin": _FOREIGN, "Sec-Fetch-Site": "cross-site"}
    came = site.ask(
        "POST", "/v1/login", body={"email": "", "password": "", "mode": "session"}, headers=headers
    )
    refused = came.status == 403 and b"origin_not_allowed" in came.body
    yield good("cross_site") if refused else bad("cross_site", status=came.status)


def _forwarded(site: Site) -> Iterator[Finding]:
    """What a stranger says of himself must reach neither the metadata nor a redirect."""
    said = {
        "X-Forwarded-Host": "attacker.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": "host=attacker.example",
    }
    came = site.ask("GET", "/.well-known/oauth-authorization-server", headers=said)
    page = site.ask("GET", "/account", headers=said)
    echoed = b"attacker.example" in came.body or "attacker.example" in page.headers.get("location", "")
    yield bad("forwarded") if echoed else good("forwarded")


def _signup(site: Site) -> Iterator[Finding]:
    came = site.ask("POST", "/v1/accounts", body={"email": "", "password": ""})
    closed = came.status == 403 and b"signup_closed" in came.body
    if closed or site.local:
        yield good("signup_seen", "signup_seen.good" if closed else "signup_seen.local")
    else:
        yield warning("signup_seen")


def _feed(site: Site) -> Iterator[Finding]:
    came = site.ask("GET", "/v1/revocations")
    if came.status == 401 or site.local:
        yield good("feed", "feed.good" if came.status == 401 else "feed.local")
    elif came.status == 200:
        yield bad("feed")
    else:
        yield warning("feed", "feed.missing", status=came.status)


def _metrics(site: Site) -> Iterator[Finding]:
    came = site.ask("GET", "/metrics")
    shown = came.status == 200 and not site.local
    yield warning("metrics") if shown else good("metrics")


def _stage(site: Site) -> Iterator[Finding]:
    # On this machine the first question starts all of its servers, for nobody.
    if site.local:
        yield good("explorer", "explorer.local")
        return
    came = site.ask("GET", "/explore")
    yield bad("explorer") if came.status < 400 else good("explorer")  # it answers by leading there


def _page(site: Site) -> Iterator[Finding]:
    came = site.ask("GET", "/login", headers={"Accept": "text/html"})
    if came.status != 200:
        yield skipped("page_headers", "page_headers.none", status=came.status)
        return
    wanted = {
        "content-security-policy": "default-src 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "",
        "cache-control": "no-store",
    }
    missing = [name for name, part in wanted.items() if part not in came.headers.get(name, "\0")]
    yield bad("page_headers", names=", ".join(missing)) if missing else good("page_headers")


def _reason(fault: Exception) -> str:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return fault.verify_message
    if isinstance(fault, TimeoutError):
        return f"> {PATIENCE:.0f} s"
    return str(fault) or type(fault).__name__
