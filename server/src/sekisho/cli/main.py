"""`sekisho VERB` and `sekisho NOUN VERB`: the tree of commands, each noun loaded when it is named.

Completion runs the program at every press of TAB, so what `--help` does not need is not imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Never, TypeVar

import click

from sekisho.cli import click_words
from sekisho.cli.fault import Exit
from sekisho.cli.wording import language

C = TypeVar("C", bound=click.Command)

#: Every command: the module of its name in this package, and the line that `--help` shows for it.
NOUNS = {
    "serve": "Run the server.",
    "demo": "Run everything on a temporary directory, to be watched.",
    "user": "Accounts: create, look, disable, roles and permissions.",
    "group": "Groups: members, and what they may do.",
    "session": "Where an account is logged in.",
    "key": "Signing keys.",
    "token": "Read, verify and explain an access token.",
    "db": "The database: schema, backups and leftovers.",
    "config": "What is set, and whether it works.",
    "doctor": "What has to be put right before anybody relies on this server.",
}


class Sekisho(click.Group):
    """The root of the tree: loads a noun when it is named, and turns every fault into its exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's signature
        """The nouns, in the order of a first visit."""
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - same
        """The command of that name, imported now."""
        if cmd_name not in NOUNS:
            return None
        command: click.Command = import_module(f"sekisho.cli.{cmd_name}").command
        return _in_language(command, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - same
        """The list of `--help`, for which Click would import every noun."""
        with formatter.section(click_words.told("Commands")):
            formatter.write_dl(_nouns())

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. A reader that has seen enough (`| head`) is no fault; for Click it is one."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return Exit.OK

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Never:  # type: ignore[override]  # noqa: ANN401, ARG002 - Click's; ours never returns
        """Run, and end the process with one of our exit codes."""
        sys.exit(self.run(list(sys.argv[1:] if args is None else args), **extra))

    def run(self, arguments: list[str], **extra: Any) -> int:  # noqa: ANN401 - Click's
        """Run, and return one of our exit codes."""
        extra["standalone_mode"] = False
        click_words.speak()
        try:
            result = click.Group.main(_in_language(self, "sekisho"), arguments, "sekisho", **extra)
        except (KeyboardInterrupt, click.Abort):
            return Exit.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - what is not an expected fault is raised again there
            from sekisho.cli.telling import tell  # noqa: PLC0415 - only a fault needs the words for it

            return tell(error, as_json="--json" in arguments)
        return result if isinstance(result, int) else Exit.OK


def _in_language(command: C, path: str) -> C:
    """The command as it explains itself to this reader: in English it is what it was written as."""
    if language(os.environ) == "en":
        return command
    from sekisho.cli.help.japanese import in_japanese  # noqa: PLC0415 - English needs none of it

    return in_japanese(command, path)


def _nouns() -> list[tuple[str, str]]:
    if language(os.environ) == "en":
        return list(NOUNS.items())
    from sekisho.cli.help.japanese import summary  # noqa: PLC0415 - same

    return [(noun, summary(noun)) for noun in NOUNS]


@click.command(
    cls=Sekisho,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 failed or refused, 2 usage, 3 not found, 4 not allowed, 5 conflict, "
    "6 partly done, 130 interrupted.",
)
@click.version_option(
    package_name="sekisho",
    message="%(prog)s %(version)s",
    help=click_words.told("Show the version and exit."),
)
def tree() -> None:
    """関所 sekisho: one login, as a session cookie or as a JWT.

    Data goes to stdout, everything else to stderr; every read takes --json. Settings come from the
    environment (SEKISHO_*) and from sekisho.toml in the data directory: see `sekisho config show`.
    """


def run(arguments: list[str], given: object) -> int:
    """Run a command in this process, in what is `given` (`options.Given`); its exit code."""
    return tree.run(arguments, obj=given)


def main() -> Never:
    """The entry point."""
    tree.main()
