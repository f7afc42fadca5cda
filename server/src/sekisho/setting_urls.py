"""What the URLs of settings must look like, and how one is shown that may hold a password."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from sekisho.setting_values import Unfit, quoted
from sekisho.setting_words import Words
from sekisho_verify.urls import LOOPBACK

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\Z|[0-9a-f:]+\Z")
#: One host of libpq's list; a socket's directory comes percent-encoded.
_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.%a-z]+\]|[^:\[\]@]*)(?::[0-9]{0,5})?")


def _url(text: str) -> SplitResult:
    """An http or https URL in its one canonical spelling, so that equal means byte-identical."""
    example = Words(
        "write it like https://id.example.com: lower case, no default port, no trailing slash",
        "https://id.example.com のように、小文字で、既定のポートと末尾の / を付けずに書いてください",
    )
    problem = Words(f"{quoted(text)} is no such URL", f"{quoted(text)} は URL として使えません")
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
        address = ipaddress.ip_address(host) if ":" in host else None
    except ValueError:
        raise Unfit(problem, example) from None
    if url.scheme not in _DEFAULT_PORTS or not _HOST.match(host) or ".." in host:
        raise Unfit(problem, example)
    authority = f"[{address}]" if address else host
    if port is not None and port != _DEFAULT_PORTS[url.scheme]:
        authority = f"{authority}:{port}"
    path = url.path
    if path and not re.fullmatch(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", path):
        raise Unfit(problem, example)
    if text != f"{url.scheme}://{authority}{path}":
        raise Unfit(problem, example)
    if url.scheme == "http" and host not in LOOPBACK:
        raise Unfit(
            Words(
                f"{quoted(text)} is http off loopback", f"{quoted(text)} はループバックではないのに http です"
            ),
            Words(
                "use https; http is for localhost, 127.0.0.1 and [::1] only",
                "https にしてください。http を使えるのは localhost、127.0.0.1、[::1] だけです",
            ),
        )
    return url


def issuer(text: str) -> str:
    """An issuer identifier (RFC 8414 section 2): https off loopback, no query, no fragment, one spelling."""
    _url(text)
    return text


def issuer_at(port: int) -> str:
    """The issuer of a server on this port of this machine, spelled as `issuer` has it."""
    return "http://localhost" if port == _DEFAULT_PORTS["http"] else f"http://localhost:{port}"


def origin(text: str) -> str:
    """An origin exactly as a browser sends it: `scheme://host[:port]` (RFC 6454 section 6.2)."""
    if _url(text).path:
        raise Unfit(
            Words(f"{quoted(text)} has a path", f"{quoted(text)} にパスが付いています"),
            Words("an origin ends with its host or port", "オリジンはホストかポートまでで終わります"),
        )
    return text


def origin_of(url: str) -> str:
    """The origin of an issuer that has been checked."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(url: str) -> bool:
    """Whether the issuer can be reached from this machine alone."""
    return urlsplit(url).hostname in LOOPBACK


def database_url(text: str) -> str:
    """`sqlite:///path` or `postgresql://...`. Never shown in an error: it may hold a password."""
    plain = text.isprintable() and " " not in text
    if plain and text.startswith("postgresql://") and len(text) > len("postgresql://"):
        _refuse_torn_password(text)
        return text
    path = text.removeprefix("sqlite:///")
    if plain and path not in {text, "", ":memory:"} and not set(path) & set("?#"):
        return text
    raise Unfit(
        Words("is no database that sekisho knows", "sekisho が扱えるデータベースではありません"),
        Words(
            "use sqlite:///relative.db, sqlite:////absolute.db or postgresql://user@host/name",
            "sqlite:///相対.db、sqlite:////絶対.db、postgresql://user@host/name のどれかにしてください",
        ),
    )


def _refuse_torn_password(url: str) -> None:
    """Refuse a URL whose password holds `/`, `?`, `#` or `@` as they are.

    Its rest would be taken for a port, a path or a query, and be printed as such.
    """
    after = url.partition("://")[2]
    authority = re.split(r"[/?#]", after, maxsplit=1)[0]
    hosts = authority.rpartition("@")[2].split(",")
    if after.count("@") > min(authority.count("@"), 1) or not all(map(_HOST_AND_PORT.fullmatch, hosts)):
        raise Unfit(
            Words("has an address that cannot be read", "アドレスの部分を読み取れません"),
            Words(
                "write / ? # @ : % in a password as %2F %3F %23 %40 %3A %25",
                "パスワードの中の / ? # @ : % は %2F %3F %23 %40 %3A %25 と書いてください",
            ),
        )


def session_store_url(text: str) -> str:
    """`redis://`, `rediss://` or `redis+cluster://` with a host. Never shown in an error, as above."""
    if text.startswith(("redis://", "rediss://", "redis+cluster://")):
        _refuse_torn_password(text)
    try:
        url = urlsplit(text)
        fit = bool(url.hostname) and url.port != 0
    except ValueError:
        url, fit = urlsplit(""), False
    if fit and url.scheme in {"redis", "rediss", "redis+cluster"} and text.isprintable() and " " not in text:
        return text
    raise Unfit(
        Words("is no session store that sekisho knows", "sekisho が扱えるセッションストアではありません"),
        Words(
            "use redis://host:6379/0, rediss://... or redis+cluster://..., or leave it out for the database",
            "redis://host:6379/0、rediss://...、redis+cluster://... のどれか。省略すればデータベース",
        ),
    )


def without_password(url: str) -> str:
    """A database or store URL as it may be shown: what could be a password is `***`."""
    parts = urlsplit(url)
    credentials, at, host = parts.netloc.rpartition("@")
    user, colon, _ = credentials.partition(":")
    query = [(name, "***" if "pass" in name.lower() else value) for name, value in parse_qsl(parts.query)]
    shown = parts._replace(
        netloc=f"{user}{':***' if colon else ''}{at}{host}", query=urlencode(query, safe="*/:,")
    )
    # urlunsplit would drop the empty authority of sqlite:///path.
    tail = f"?{shown.query}" if shown.query else ""
    return f"{shown.scheme}://{shown.netloc}{shown.path}{tail}"
