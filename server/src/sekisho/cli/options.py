"""What many commands share: settings and `--data`, `--json`, and secrets that are never flags."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, TypeVar

import click

from sekisho.adapters import system
from sekisho.adapters.settings_file import load_settings
from sekisho.cli.fault import Fault
from sekisho.cli.wording import language, wording
from sekisho.frozen import Frozen, Hidden
from sekisho.ports import Clock
from sekisho.settings import Settings
from sekisho.words.catalogue import Say

R = TypeVar("R")


#: More than any password or token, less than a mistake that fills the memory.
_INPUT_MAX = 1 << 20


class Given(Frozen):
    """What a program that runs a command in its own process gives it: the demo has its own time."""

    environ: Hidden[Mapping[str, str]]  # secrets may be in it
    clock: Clock = system.clock


class Surroundings(Frozen):
    """What a command runs in: the settings, the environment they came from, and the words for the person."""

    settings: Settings
    environ: Hidden[Mapping[str, str]]  # secrets may be in it
    say: Say
    clock: Clock = system.clock


def surroundings(command: Callable[Concatenate[Surroundings, ...], R]) -> Callable[..., R]:
    """Give a command its settings, and the option `--data`."""

    @click.option(
        "--data",
        metavar="DIR",
        help="Directory of database, keys and sekisho.toml.  [default: SEKISHO_DATA, else ./sekisho-data]",
    )
    @click.pass_context
    @wraps(command)
    def wrapped(context: click.Context, /, data: str | None, **parameters: Any) -> R:  # noqa: ANN401 - Click's
        given: Given = Given(os.environ) if context.obj is None else context.obj
        environ = dict(given.environ)
        if data is not None:
            environ["SEKISHO_DATA"] = data
        here = Surroundings(load_settings(environ), environ, wording(language(environ)), given.clock)
        return command(here, **parameters)

    return wrapped


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


def examples(*commands: str) -> str:
    """The end of a command's help. The first character keeps Click from filling the lines."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


def read_secret(source: str | None, name: str, say: Say) -> str:
    """A secret from a file, from stdin (`-`), or typed twice; without its one trailing newline.

    Raises:
        Fault: `secret_missing` where nobody can type; `input_unreadable`.
    """
    if source is not None:
        return read_text(source, say).removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        raise Fault("secret_missing", say("fault.secret_missing", name=name), say("fix.secret_missing"))
    typed: str = click.prompt(name, hide_input=True, confirmation_prompt=True, err=True)
    return typed


def read_text(source: str, say: Say) -> str:
    """The text of a file, or of stdin for `-`.

    Raises:
        Fault: `input_unreadable`: it cannot be read, is too long, or is not UTF-8.
    """
    try:
        if source == "-":
            raw = sys.stdin.buffer.read(_INPUT_MAX + 1)
        else:
            with Path(source).open("rb") as file:
                raw = file.read(_INPUT_MAX + 1)
    except OSError as fault:
        raise unreadable(source, fault, say) from None
    if len(raw) > _INPUT_MAX:
        what = say("fault.input_too_long", source=source, limit=_INPUT_MAX)
        raise Fault("input_unreadable", what, say("fix.input"))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Fault("input_unreadable", say("fault.not_utf8", source=source), say("fix.input")) from None


def unreadable(source: str, fault: OSError, say: Say) -> Fault:
    """What is told of a file that cannot be read."""
    what = say("fault.input_failed", source=source, reason=fault.strerror)
    return Fault("input_unreadable", what, say("fix.input"))
