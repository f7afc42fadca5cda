"""The commands of the command line, each with how it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below one, and itself, with how it is called: `sekisho user create`."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, f"{path} {name}")
