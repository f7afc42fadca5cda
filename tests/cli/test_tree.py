"""The tree of commands: quick to ask for help, the same rules everywhere, words in both languages."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from sekisho.cli.main import NOUNS, tree
from tests.cli.walking import commands
from tests.parts.serving import environment, run

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    "rich",
    "uvicorn",
    "starlette",
    "cryptography",
    "sqlite3",
    "sqlalchemy",
    "alembic",
    "msgspec",
    "asyncio",
}


def imported(*arguments: str) -> set[str]:
    """The top-level packages that a command has imported when it ends."""
    code = (
        "import sys, sekisho.cli.main as m\n"
        "try: m.tree.main(sys.argv[1:])\n"
        "except SystemExit: print('\\n' + ' '.join({n.partition('.')[0] for n in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return set(done.stdout.splitlines()[-1].split())


COMMANDS = dict(commands(tree, "sekisho"))


def test_help_imports_nothing_that_a_command_needs() -> None:
    """`sekisho --help` loads Click and no more; completion runs it at every press of TAB."""
    found = imported("--help")
    assert "click" in found
    assert not found & HEAVY


def test_config_show_needs_no_database_and_no_server() -> None:
    """A command imports what it needs: looking at settings is not running a server."""
    assert not imported("config", "show") & (HEAVY - {"msgspec"})


def test_the_list_of_help_is_what_the_nouns_say_of_themselves() -> None:
    """`--help` knows every noun without importing it, and says the same as the noun's own help."""
    for noun, line in NOUNS.items():
        assert (
            COMMANDS[f"sekisho {noun}"]
            .get_short_help_str(limit=200)
            .startswith(line.rstrip(".").split(":")[0])
        )
    shown = CliRunner().invoke(tree, ["--help"])
    assert all(f"  {noun} " in shown.stdout for noun in NOUNS)
    assert "130 interrupted" in shown.stdout


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_explains_itself(path: str) -> None:
    """Every command has a sentence of help, and every option too."""
    command = COMMANDS[path]
    assert command.help
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or getattr(parameter, "help", None), parameter.name


@pytest.mark.parametrize("path", COMMANDS)
def test_no_secret_is_a_flag(path: str) -> None:
    """Arguments are seen by every user of a machine: secrets come from a file, stdin or the keyboard."""
    names = {parameter.name for parameter in COMMANDS[path].params}
    assert not names & {"password", "secret", "token", "key"}


def test_a_command_that_does_not_exist_is_a_usage_error() -> None:
    """Exit code 2, one line of what and one of fix."""
    result = CliRunner().invoke(tree, ["usr"], env=environment())
    assert result.exit_code == 2
    assert result.stdout == ""
    what, fix = result.stderr.splitlines()
    assert what == "error[usage]: No such command 'usr'."
    assert fix == "fix: sekisho --help"


@pytest.mark.parametrize("arguments", [[], ["user"]])
def test_a_name_without_a_verb_is_answered_with_the_help(arguments: list[str]) -> None:
    """Whoever types less than a command is shown what there is, line by line; exit code 2."""
    result = CliRunner().invoke(tree, arguments, env=environment())
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == CliRunner().invoke(tree, [*arguments, "--help"], env=environment()).stdout


def test_with_json_a_fault_is_the_problem_object() -> None:
    """A program reads on stderr the same object that the API would have sent."""
    result = CliRunner().invoke(tree, ["user", "list", "--json", "--limit", "0"], env=environment())
    assert result.exit_code == 2
    problem = json.loads(result.stderr)
    assert problem["code"] == "usage"
    assert problem["type"] == "urn:sekisho:problem:usage"
    assert problem["detail"] == "sekisho user list --help"


def test_a_fault_in_the_settings_names_setting_and_fix(tmp_path: Path) -> None:
    """Every fault at once, each with its fix, and never a traceback."""
    wrong = {"SEKISHO_ACCESS_TLT": "1m", "SEKISHO_REFRESH_TTL": "soon"}
    done = run("config", "show", "--data", str(tmp_path), **wrong)
    assert done.returncode == 1
    assert "error[setting_invalid]: SEKISHO_ACCESS_TLT" in done.stderr
    assert "did you mean SEKISHO_ACCESS_TTL?" in done.stderr
    assert "error[setting_invalid]: SEKISHO_REFRESH_TTL" in done.stderr
    assert done.stdout == ""


def test_faults_are_told_in_japanese_where_that_is_the_language(tmp_path: Path) -> None:
    """Sentences follow the language; the code does not."""
    done = run("user", "list", "--data", str(tmp_path / "none"), SEKISHO_LANG="ja")
    assert done.returncode == 1
    assert "error[unavailable]" in done.stderr
    assert "データベースがありません" in done.stderr


@pytest.mark.parametrize(
    ("module", "settings", "told"),
    [
        (
            "psycopg",
            {"SEKISHO_DATABASE_URL": "postgresql://x@localhost/y"},
            ("SEKISHO_DATABASE_URL names PostgreSQL, and psycopg is not installed", "sekisho[postgres]"),
        ),
        (
            "redis",
            {"SEKISHO_SESSION_STORE_URL": "redis://localhost:6379/0"},
            ("SEKISHO_SESSION_STORE_URL names Redis, and redis is not installed", "sekisho[redis]"),
        ),
    ],
)
def test_a_driver_that_is_missing_is_said_with_what_to_install(
    tmp_path: Path, module: str, settings: dict[str, str], told: tuple[str, str]
) -> None:
    """Drivers are extras: the absence of one is a fault of the settings, and no traceback."""
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("a test's own root secret, of more than 32 bytes")
    settings = {**settings, "SEKISHO_ROOT_SECRET": f"file:{secret}", "SEKISHO_DATA": str(tmp_path / "data")}
    code = f"import sys; sys.modules[{module!r}] = None; from sekisho.cli.main import main; main()"
    commands = [["db", "status"], ["config", "check"], ["serve", "--port", "0"]]
    for command in commands if module == "psycopg" else commands[2:]:
        done = subprocess.run(
            [sys.executable, "-c", code, *command],
            capture_output=True,
            text=True,
            check=False,
            env=environment(**settings),
        )
        assert done.returncode == 1
        assert done.stderr.splitlines()[-2:] == [
            f"error[setting_invalid]: {told[0]}",
            f"fix: pip install '{told[1]}'",
        ]


def test_what_the_log_says_in_english_is_told_behind_a_sentence_of_the_reader(tmp_path: Path) -> None:
    """In Japanese too it is named which account is not there; an operator's fix is not a caller's."""
    (tmp_path / "sekisho.db").write_text("this is no database")
    tmp_path.chmod(0o700)
    done = run("user", "list", "--data", str(tmp_path), SEKISHO_LANG="ja")
    assert done.returncode == 1
    assert "(sqlite: file is not a database)" in done.stderr
    assert "サーバーは今お答えできません" in done.stderr
    assert "fix: データベースが動いていて" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    """`sekisho config show | head -0` ends quietly."""
    writing = subprocess.Popen(
        [sys.executable, "-m", "sekisho", "config", "show", "--json", "--data", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert writing.stdout is not None
    assert writing.stderr is not None
    writing.stdout.close()
    told = writing.stderr.read()
    writing.stderr.close()
    assert (writing.wait(), told) == (0, "")
