"""Words as a page sets them: what belongs together stays on one line."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from sekisho.words.catalogue import Language, Say, words

#: Japanese has a space between the two, and to a browser that is where a line may end: "90 | 日間".
_COUNTED: Final = re.compile(r"([0-9]|\{(?:count|limit|minimum)\}) (?=[ぁ-ヿ一-鿿])")
#: The same before a particle, with which no line shall begin: "SEKISHO_SIGNUP=closed | を"; and after a word
#: that needs its number: "最長 | 15 分".
_PARTICLE: Final = re.compile(r"([!-z]|\{email\}) (?=[ぁ-ん])")
_BOUND: Final = re.compile(r"(最長|約) (?=[0-9{])")
#: Two phrases to a browser that knows phrases, and one word to whoever reads.
_AGAIN: Final = ("もう一度", "もう\u2060一度")


@cache
def typeset(package: str, language: Language) -> Say:
    """The words of a package, for pages."""
    texts = {
        key: _together(text) if isinstance(text, str) else text
        for key, text in words(package, language).texts.items()
    }
    return Say(language, texts)


def _together(text: str) -> str:
    for each in (_COUNTED, _PARTICLE, _BOUND):
        text = each.sub("\\1\u00a0", text)
    return text.replace(*_AGAIN)
