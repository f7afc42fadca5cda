"""What the text of a setting must look like: one pure, strict function a kind of value."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from sekisho.setting_words import Words

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_REFERENCE = re.compile(r"[a-z][a-z0-9-]*:[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?")
_SHOWN_MAX = 60
#: Characters.
_NAME_MAX = 40


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
