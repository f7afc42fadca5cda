"""Commands as they explain themselves in Japanese: copies, as one process may be asked in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from typing import Final, TypeVar
from unicodedata import east_asian_width

import click

from sekisho.words.catalogue import Say, words

C = TypeVar("C", bound=click.Command)

#: Columns. Click counts characters and breaks at spaces, so lines of Japanese are broken here.
_TEXT: Final = 76
_OPTION: Final = 48
#: Keeps Click from filling the lines anew.
_AS_THEY_ARE: Final = "\b\n"
#: A line may begin with any of these but what no line begins with (JIS X 4051).
_PIECES: Final = re.compile(r"[!-~]+ *|.")
_NEVER_FIRST: Final = frozenset("、。」)ーっゃゅょッャュョァィゥェォ")


def in_japanese(command: C, path: str) -> C:
    """A copy of a command, and of those below it, with the Japanese words of its path: `user.create`."""
    texts = _texts()
    told = copy(command)
    told.help = "\n\n".join(_folded(each, _TEXT) for each in texts(f"{path}.what").strip().split("\n\n"))
    told.short_help = summary(path)
    told.params = [_option(each, path, texts) for each in command.params]
    if f"{path}.epilog" in texts:
        told.epilog = _folded(texts(f"{path}.epilog"), _TEXT)
    elif command.epilog is not None:
        told.epilog = command.epilog.replace("Examples:", texts("sekisho.examples"))
    if isinstance(told, click.Group):
        told.commands = {name: in_japanese(each, f"{path}.{name}") for name, each in told.commands.items()}
    return told


def summary(path: str) -> str:
    """What a list of commands shows of one: its first sentence."""
    return _texts()(f"{path}.what").strip().partition("。")[0] + "。"


def _texts() -> Say:
    return words("sekisho.cli.help", "ja")


def _option(parameter: click.Parameter, path: str, texts: Say) -> click.Parameter:
    if not isinstance(parameter, click.Option):
        return parameter
    told, own = copy(parameter), f"{path}.{parameter.name}"
    told.help = _folded(texts(own if own in texts else f"option.{parameter.name}"), _OPTION)
    return told


def _folded(text: str, columns: int) -> str:
    return _AS_THEY_ARE + "\n".join(line.rstrip() for line in _lines(text, columns))


def _lines(text: str, columns: int) -> Iterator[str]:
    line, used = "", 0
    for piece in _PIECES.findall(text):
        wide = sum(2 if east_asian_width(char) in "WF" else 1 for char in piece.rstrip())
        if line and used + wide > columns and piece not in _NEVER_FIRST:
            yield line
            line, used = "", 0
        line += piece
        used += wide + len(piece) - len(piece.rstrip())
    yield line
