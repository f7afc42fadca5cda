"""What Click says of its own accord ("Usage:", "No such option"), in the reader's language.

Click looks each of its sentences up by gettext, which reads compiled files from a directory and nothing else.
There are none here (docs/decisions/0009-words-in-toml.md), so the look-up itself is put in their place. The
price: it sets two names in modules that are not ours. A test reads Click's source, and fails when a release
has a sentence that is neither in our catalogue nor known never to be said here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Final

from click import core, decorators, exceptions, formatting, parser, termui, types

from sekisho.cli.wording import language, wording

#: The modules of Click that can say something to a person here. Each imports `_`, and some `ngettext`.
MODULES: Final = (core, decorators, exceptions, formatting, parser, termui, types)
TABLE: Final = "click."


def speak() -> None:
    """Let Click ask here, from now on. Which language it is to be is found out at each sentence."""
    for module in MODULES:
        vars(module).update(_=told, ngettext=told_of)


def told(message: str) -> str:
    """Click's `message` in the reader's language. It is filled in by Click, afterwards."""
    lang = language(os.environ)
    if lang == "en" or message not in _ids():
        return message
    return str(wording(lang).texts[_ids()[message]])


def told_of(one: str, other: str, count: int) -> str:
    """The same of a sentence with a number."""
    return told(one if count == 1 else other)


@cache
def _ids() -> Mapping[str, str]:
    """Our ids by Click's own texts, which are the English ones."""
    ids: dict[str, str] = {}
    for key, text in wording("en").texts.items():
        if key.startswith(TABLE):
            ids |= dict.fromkeys([text] if isinstance(text, str) else text.values(), key)
    return ids
