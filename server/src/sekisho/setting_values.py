"""What the text of a setting must look like: one pure, strict function a kind of value."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from sekisho.frozen import Frozen
from sekisho_verify.urls import LOOPBACK

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_REFERENCE = re.compile(r"[a-z][a-z0-9-]*:[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\Z|[0-9a-f:]+\Z")
#: One host of libpq's list; a socket's directory comes percent-encoded.
_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.%a-z]+\]|[^:\[\]@]*)(?::[0-9]{0,5})?")
_SHOWN_MAX = 60
#: Characters.
_NAME_MAX = 40


class Words(Frozen):
    """One sentence in both languages."""

    en: str
    ja: str


LIKE_AN_ADDRESS: Final = Words("write it like aya@example.com", "aya@example.com のように書いてください")


class Unfit(ValueError):
    """The text is no such value: what is wrong with it, and what to write instead."""

    def __init__(self, problem: Words, fix: Words) -> None:
        super().__init__(f"{problem.en}: {fix.en}")
        self.problem = problem
        self.fix = fix


def quoted(text: str) -> str:
    """A value as an error may show it: escaped, so that no terminal obeys it, and never endless."""
    return ascii(text) if len(text) <= _SHOWN_MAX else ascii(text[:_SHOWN_MAX]) + "..."


def one_of(*allowed: str) -> Callable[[str], str]:
    """One word of a closed list, spelled exactly."""

    def parse(text: str) -> str:
        if text in allowed:
            return text
        listed = ", ".join(allowed)
        raise Unfit(
            Words(f"{quoted(text)} is not a choice", f"{quoted(text)} は選べません"),
            Words(f"use one of: {listed}", f"次のどれかにしてください: {listed}"),
        )

    return parse


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """A whole number between two bounds, both included."""

    def parse(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", text) and lowest <= int(text) <= highest:
            return int(text)
        raise Unfit(
            Words(f"{quoted(text)} is no number in range", f"{quoted(text)} は範囲内の数ではありません"),
            Words(
                f"use a whole number from {lowest} to {highest}",
                f"{lowest} から {highest} までの整数にしてください",
            ),
        )

    return parse


def seconds(text: str) -> int:
    """The seconds of `15m`, `7d`, `1h30m`, or a plain number of seconds.

    Raises:
        Unfit: anything else.
    """
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise Unfit(
            Words(f"{quoted(text)} is no duration", f"{quoted(text)} は期間として読めません"),
            Words("write it like 10s, 15m, 1h30m or 7d", "10s、15m、1h30m、7d のように書いてください"),
        )
    return sum(int(count or 0) * size for count, (_, size) in zip(match.groups(), _UNITS, strict=True))


def spell(duration: float) -> str:
    """A duration as a person would write it: `900` is `15m`."""
    left = int(duration)
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def duration(lowest: int, highest: int) -> Callable[[str], float]:
    """A duration between two bounds in seconds, both included."""

    def parse(text: str) -> float:
        value = seconds(text)
        if lowest <= value <= highest:
            return float(value)
        bounds = (spell(lowest), spell(highest))
        raise Unfit(
            Words(f"{quoted(text)} is out of bounds", f"{quoted(text)} は範囲外です"),
            Words("use {} to {}".format(*bounds), "{} から {} までにしてください".format(*bounds)),
        )

    return parse


def duration_or_off(lowest: int, highest: int) -> Callable[[str], float]:
    """A duration between two bounds in seconds, or 0 for `off`."""
    parse = duration(lowest, highest)
    return lambda text: 0.0 if text in {"off", "0"} else parse(text)


def spell_or_off(duration: float) -> str:
    """The same as a person would write it."""
    return spell(duration) if duration else "off"


def word(text: str) -> str:
    """A name without spaces or control characters, up to 255 characters."""
    if re.fullmatch(r"[\x21-\x7e]{1,255}", text):
        return text
    raise Unfit(
        Words(
            f"{quoted(text)} has characters that a claim cannot carry",
            f"{quoted(text)} に使えない文字があります",
        ),
        Words(
            "use up to 255 printable ASCII characters, no spaces",
            "空白のない ASCII 文字を 255 文字までで書いてください",
        ),
    )


def email(text: str) -> str:
    """An e-mail address by its shape; what may be an account decides whoever makes it."""
    name, at, host = text.rpartition("@")
    if not (name and at and host) or any(character.isspace() for character in text):
        raise Unfit(
            Words(f"{quoted(text)} is no e-mail address", f"{quoted(text)} はメールアドレスではありません"),
            LIKE_AN_ADDRESS,
        )
    return text


def brand_name(text: str) -> str:
    """What a service is called: one line that fits above a form."""
    if len(text) > _NAME_MAX or not text.isprintable():
        raise Unfit(
            Words(
                f"{quoted(text)} is no name for a page", f"{quoted(text)} はページに出せる名前ではありません"
            ),
            Words(
                f"write {_NAME_MAX} characters at most, on one line",
                f"1 行、{_NAME_MAX} 文字以内にしてください",
            ),
        )
    return text


def colour(text: str) -> str:
    """A colour as CSS writes it in full, `#rrggbb`; small letters."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise Unfit(
            Words(f"{quoted(text)} is no colour", f"{quoted(text)} は色ではありません"),
            Words("write it like #1f5c36", "#1f5c36 のように書いてください"),
        )
    return text.lower()


def path(text: str) -> Path:
    """A path, absolute or relative to where the command runs."""
    if text.startswith("~") or "\x00" in text:
        raise Unfit(
            Words("no shell expands ~ here", "ここでは ~ は展開されません"),
            Words("write the whole path", "パスを省略せずに書いてください"),
        )
    return Path(text)


def reference(text: str) -> str:
    """A reference to a secret, `scheme:name`. Never shown in an error: it may be the secret itself."""
    if len(text) <= 4096 and _REFERENCE.fullmatch(text):
        return text
    raise Unfit(
        Words("is not a reference to a secret", "秘密の参照として読めません"),
        Words(
            "put the secret into a file (mode 0600) and write file:/path/to/it, or env:NAME of a variable",
            "秘密をファイル (モード 0600) に置いて file:/パス と書くか、別の変数を env:NAME で指してください",
        ),
    )


def references(text: str) -> tuple[str, ...]:
    """References to secrets, separated by commas, in order, none twice. Never shown in an error, as above."""
    return tuple(dict.fromkeys(reference(item.strip()) for item in text.split(",")))


def listed(parse: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    """Values separated by commas or spaces, in order, none twice."""
    return lambda text: tuple(dict.fromkeys(parse(item) for item in _items(text)))


def _items(text: str) -> Sequence[str]:
    return [item for item in re.split(r"[,\s]+", text) if item]


def networks(text: str) -> tuple[Network, ...]:
    """IP addresses and networks, separated by commas or spaces. A network of everybody is refused."""
    return tuple(dict.fromkeys(_network(item) for item in _items(text)))


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise Unfit(
            Words(f"{quoted(text)} is no network", f"{quoted(text)} はネットワークとして読めません"),
            Words(
                "write 10.0.0.7, 10.0.0.0/8 or fd00::/8, with no bits set behind the prefix",
                "10.0.0.7、10.0.0.0/8、fd00::/8 のように、ホスト部のビットを 0 にして書いてください",
            ),
        ) from None
    if network.prefixlen == 0:
        raise Unfit(
            Words(f"{quoted(text)} trusts everybody", f"{quoted(text)} は誰でも信頼してしまいます"),
            Words("name the addresses of your proxies", "プロキシのアドレスを指定してください"),
        )
    return network


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
