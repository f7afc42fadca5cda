"""Texts near to good tokens, by the thousand: a seed decides which, and `trial` has them judged."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sekisho_verify import TokenRefused
from sekisho_verify.encoding import b64url_encode
from tests.verify.tokens import AUDIENCE, EC, HMAC, ISSUER, NOW, SECRET, public, signer, token, verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
TEXT: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
FOREIGN: Final = "=+/. \n\0é{}\"'鍵"
ENDS: Final = ("=", "==", ".", "..", "\n", " ", "A", "AA", "AAAA", "\0", ",", ".e30")
# Both the prime orders of the two curves: a number plus one of them is the same number to the mathematics.
ORDERS: Final = (
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    2**252 + 27742317777372353535851937790883648493,
)
MEMBERS: Final[dict[str, tuple[Any, ...]]] = {
    "alg": ("none", "None", "nOnE", "", None, "HS256", "HS384", "HS512", "ES256", "EdDSA", "RS256", "PS256"),
    "kid": (None, "", HMAC.kid, EC.kid, "../../dev/null", "x' OR 1=1--", ["x"], 0),
    "typ": ("JWT", "at+JWT", "jwt", None, "", "logout+jwt", "application/at+jwt"),
    "jwk": ({"kty": "oct", "k": base64.urlsafe_b64encode(SECRET).decode().rstrip("=")}, EC.public.to_jwk()),
    "jku": ("https://evil.example/keys",),
    "x5u": ("https://evil.example/chain",),
    "x5c": (["MIIB"],),
    "crit": ([], ["exp"], ["b64"]),
    "b64": (False, True),
    "zip": ("DEF",),
    "cty": ("JWT",),
    "iss": ("https://evil.example", ISSUER + "/", ""),
    "aud": ("other", [AUDIENCE], [], "*"),
    "exp": (NOW + 10**6, "1800000900", 1e300, None, True),
    "iat": (0, NOW - 1, -1),
    "nbf": (NOW + 10**6, 0),
    "sub": ("admin",),
    "sid": ("other",),
    "roles": (["admin"], "admin", None),
    "entitlements": (["*"],),
    "rv": ("9.999999999",),
}
NAMES: Final = tuple(MEMBERS)


def _at(text: str, source: Random) -> int:
    return int(source.random() * (len(text) + 1))


def _one_of(values: Sequence[Item], source: Random) -> Item:
    # Several times as quick as Random.choice, and this is called by the million.
    return values[int(source.random() * len(values))]


def _replace(text: str, _other: str, source: Random) -> str:
    at = _at(text, source)
    return text[:at] + _one_of(TEXT, source) + text[at + 1 :]


def _replace_by_foreign(text: str, _other: str, source: Random) -> str:
    at = _at(text, source)
    return text[:at] + _one_of(FOREIGN, source) + text[at + 1 :]


def _insert(text: str, _other: str, source: Random) -> str:
    at = _at(text, source)
    return text[:at] + _one_of(TEXT + FOREIGN, source) + text[at:]


def _cut(text: str, _other: str, source: Random) -> str:
    at, end = sorted((_at(text, source), _at(text, source)))
    return text[:at] + text[end:]


def _cut_off(text: str, _other: str, source: Random) -> str:
    return text[: _at(text, source)]


def _other_case(text: str, _other: str, source: Random) -> str:
    at, end = sorted((_at(text, source), _at(text, source)))
    return text[:at] + text[at:end].swapcase() + text[end:]


def _turn_round(text: str, _other: str, source: Random) -> str:
    at, end = sorted((_at(text, source), _at(text, source)))
    return text[:at] + text[at:end][::-1] + text[end:]


def _repeat(text: str, _other: str, source: Random) -> str:
    at, end = sorted((_at(text, source), _at(text, source)))
    return text[:end] + text[at:]


def _splice(text: str, other: str, source: Random) -> str:
    return text[: _at(text, source)] + other[_at(other, source) :]


def _mix_segments(text: str, other: str, source: Random) -> str:
    pairs = zip(text.split("."), other.split("."), strict=False)
    return ".".join(_one_of(pair, source) for pair in pairs)


def _deal_segments(text: str, _other: str, source: Random) -> str:
    parts = text.split(".")
    return ".".join(_one_of([*parts, "", "e30"], source) for _ in range(1 + int(source.random() * 5)))


def _append(text: str, _other: str, source: Random) -> str:
    return text + _one_of(ENDS, source)


def _replace_all(text: str, _other: str, source: Random) -> str:
    return text.replace(_one_of(text or "A", source), _one_of(TEXT + FOREIGN, source))


def _segment(text: str, source: Random) -> tuple[list[str], int, bytes]:
    """The segments, the number of one of them, and its bytes."""
    parts = text.split(".")
    at = int(source.random() * len(parts))
    letters = "".join(letter for letter in parts[at] if letter in TEXT)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return parts, at, base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))


def _put(parts: list[str], at: int, data: bytes) -> str:
    return ".".join((*parts[:at], b64url_encode(data).decode(), *parts[at + 1 :]))


def _flip_bit(text: str, _other: str, source: Random) -> str:
    parts, at, data = _segment(text, source)
    where = int(source.random() * max(1, len(data)))
    changed = data[:where] + bytes(byte ^ 1 << int(source.random() * 8) for byte in data[where : where + 1])
    return _put(parts, at, changed + data[where + 1 :])


def _resize(text: str, _other: str, source: Random) -> str:
    parts, at, data = _segment(text, source)
    half = len(data) // 2
    sizes = (
        data[1:],
        data[:-1],
        b"\0" + data,
        data + b"\0",
        data[half:] + data[:half],
        data * 2,
        data[::-1],
        data.lstrip(b"\0"),
        bytes(len(data)),
        b"\xff" * len(data),
        b"\xef\xbb\xbf" + data,
        data + b" ",
        data[:half] + b"\0" + data[half:],
    )
    return _put(parts, at, _one_of(sizes, source))


def _add_order(text: str, _other: str, source: Random) -> str:
    parts = text.split(".")
    _, _, data = _segment(parts[-1], source)
    half, order = len(data) // 2, _one_of(ORDERS, source)
    end: Any = _one_of(("big", "little"), source)
    halves = [data[:half], data[half:]]
    place = int(source.random() * 2)
    number = int.from_bytes(halves[place], end) + order
    halves[place] = number.to_bytes(max(half, (number.bit_length() + 7) // 8), end)
    return _put(parts, len(parts) - 1, b"".join(halves))


def _change_member(text: str, _other: str, source: Random) -> str:
    parts = text.split(".")
    at = int(source.random() * 2) % len(parts)
    try:
        members = json.loads(base64.urlsafe_b64decode(parts[at] + "=="))
        name = _one_of(NAMES, source)
        if source.random() < 0.2:
            members.pop(name, None)
        else:
            members[name] = _one_of(MEMBERS[name], source)
    except (ValueError, AttributeError, TypeError):  # an earlier step has left no JSON object there
        return text + "."
    written = json.dumps(members, separators=_one_of(((",", ":"), (", ", ": ")), source))
    if source.random() < 0.2:  # the same member once more, at the end
        written = f"{written[:-1]},{json.dumps(name)}:{json.dumps(_one_of(MEMBERS[name], source))}}}"
    changed = _put(parts, at, written.encode())
    return changed.rpartition(".")[0] + "." if source.random() < 0.2 else changed


STEPS: Final[tuple[Callable[[str, str, Random], str], ...]] = (
    _replace,
    _replace_by_foreign,
    _insert,
    _cut,
    _cut_off,
    _other_case,
    _turn_round,
    _repeat,
    _splice,
    _mix_segments,
    _deal_segments,
    _append,
    _replace_all,
    _flip_bit,
    _flip_bit,
    _resize,
    _add_order,
    _change_member,
)


def mutated(text: str, other: str, source: Random) -> str:
    """A text one step away from `text`, and now and then a few; `other` is a second token of the same key."""
    text = _one_of(STEPS, source)(text, other, source)
    while source.random() < 0.25:
        text = _one_of(STEPS, source)(text, other, source)
    return text


@cache
def good_and_other(alg: str) -> tuple[str, str]:
    """A good token, and one by the same key that is for another audience."""
    key = signer(alg)
    return token(key), token(key, sub="other", aud="other", jti="x", roles=["admin"])


@dataclass
class Verdicts:
    """What became of many texts.

    Attributes:
        refused: how often each code was given.
        same: how many texts were the good token itself, changed into itself; it was accepted.
        found: every text that was accepted, or raised something foreign, with what happened. None, we hope.
    """

    refused: Counter[str] = field(default_factory=Counter)
    same: int = 0
    found: list[str] = field(default_factory=list)


def trial(alg: str, *, seed: str, count: int, judge: Callable[[str], object] | None = None) -> Verdicts:
    """Have `count` mutations of a good token judged, by default by a verifier that knows it already.

    The seals of ES256 and PS256 are made anew in each process, so a text that is found is given whole.
    """
    source = Random(f"{seed} {alg}")  # noqa: S311 -- must repeat
    good, other = good_and_other(alg)
    using = judge or verifier(public(signer(alg)), cache_size=_one_of((0, 4, 1024), source)).verify
    verdicts = Verdicts()
    for _ in range(count):
        text = mutated(good, other, source)
        try:
            using(text)
        except TokenRefused as refused:
            verdicts.refused[refused.code] += 1
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is a find
            verdicts.found.append(f"{alg} raised {error!r} for {text!a}")
        else:
            if text == good:
                verdicts.same += 1
            else:
                verdicts.found.append(f"{alg} accepted {text!a} beside {good!a}")
    if judge is None:
        using(good)  # after all that as before
    return verdicts
