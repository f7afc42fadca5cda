"""Passwords that a guesser tries early, by the estimate of zxcvbn; no list of our own to age."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

#: Fewer guesses than this and the password is refused. Our throttle leaves an attacker about a hundred a day,
#: so a million is a lifetime; it is also where zxcvbn's score leaves "very guessable".
FEWEST_GUESSES: Final = 1_000_000

# The estimate holds the interpreter lock, and its time explodes with the symbols that may stand for letters:
# 64 characters full of them took 0.9 s. On 32 characters with ten different ones it took 9 ms at worst, as a
# rule 0.2 ms. The price: a longer password is judged by its beginning, so one that begins with something very
# common and goes on at random is refused as well.
_EXAMINED: Final = 32
_AMBIGUOUS: Final = frozenset("4@8({[<3691!|70$5+%2")
_MOST_AMBIGUOUS: Final = 10

_SERVICE_WORDS: Final = ("sekisho", "関所")
_SHORTEST_WORD: Final = 3
_MOST_WORDS: Final = 32


def is_common(password: str, context: Sequence[str]) -> bool:
    """Whether a guesser who knows the words in `context` (an address, a name) would try `password` early."""
    from zxcvbn_rs_py import zxcvbn  # noqa: PLC0415 - 9 MiB that a server needs only once somebody registers

    words = list(dict.fromkeys(_words(context)))[:_MOST_WORDS]
    return zxcvbn(_beginning(password), words).guesses < FEWEST_GUESSES


def _beginning(password: str) -> str:
    seen: set[str] = set()
    for end, character in enumerate(password[:_EXAMINED]):
        if character in _AMBIGUOUS:
            seen.add(character)
        if len(seen) > _MOST_AMBIGUOUS:
            return password[:end]
    return password[:_EXAMINED]


def _words(context: Sequence[str]) -> Iterator[str]:
    """What people build passwords from: `taro.yamada@example.com` gives taro, yamada, taroyamada, example."""
    yield from _SERVICE_WORDS
    for text in context:
        # Half a surrogate pair is no character, and the estimator would choke on it.
        clean = text[:320].encode("utf-8", "ignore").decode().lower()
        for part in (clean, *clean.split("@")):
            pieces = [piece for piece in re.split(r"[\W_]+", part) if len(piece) >= _SHORTEST_WORD]
            bare = [piece.rstrip("0123456789") for piece in pieces]
            yield from (part, "".join(pieces), "".join(bare), *pieces, *bare)
