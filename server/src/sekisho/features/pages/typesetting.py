"""Words as a page sets them: a number stays on the line of what it counts."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from sekisho.words.catalogue import Language, Say, words

#: Japanese has a space between the two, and to a browser that is where a line may end: "90 | 日間".
_COUNTED: Final = re.compile(r"([0-9]|\{(?:count|limit|minimum)\}) (?=[ぁ-ヿ一-鿿])")


@cache
def typeset(package: str, language: Language) -> Say:
    """The words of a package, for pages."""
    texts = {
        key: _COUNTED.sub("\\1\u00a0", text) if isinstance(text, str) else text
        for key, text in words(package, language).texts.items()
    }
    return Say(language, texts)
