"""What Click says of its own accord, in the language of the reader."""

from __future__ import annotations

import ast
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sekisho.cli.click_words import MODULES, TABLE
from sekisho.cli.main import tree
from tests.parts.serving import environment, run
from tests.words.reading import forms, texts

_NAMELESS = (
    "No options defined but a name was passed ({name}). Did you mean to declare an argument instead? "
    "Did you mean to pass '--{name}'?"
)
#: Sentences of Click that nobody can get to see here, by the reason.
UNSAID = {
    "its own error reports, in whose place ours stand": {
        "Aborted!",
        "Error: {message}",
        "Try '{command} {option}' for help.",
        "unknown error",
    },
    "to whoever declares a command or a parameter": {
        "Name '{name}' defined twice",
        "Boolean option {decl!r} cannot use the same flag for true/false.",
        "Could not determine name for option with declarations {decls!r}",
        _NAMELESS,
        "Arguments take exactly one parameter declaration, got {length}: {decls}.",
        "Invalid start character for option ({option})",
        "Unknown color {colour!r}",
        "Choice({choices})",
        "Missing parameter",
        "Missing {param_type}",
        "Missing parameter: {param_name}",
        "deprecated",
        "DeprecationWarning: The command {name!r} is deprecated.{extra_message}",
        "DeprecationWarning: The {param_type} {name!r} is deprecated.{extra_message}",
    },
    "of parameters that no command of ours has": {
        "(dynamic)",
        "env var: {var}",
        "Value must be an iterable.",
        "Takes {nargs} values but 1 was given.",
        "Takes {nargs} values but {len} were given.",
        "Argument {name!r} takes {nargs} values.",
        "Choose from:\n\t{choices}",
        "{value!r} does not match the format {format}.",
        "{value!r} does not match the formats {formats}.",
        "{value!r} is not a valid boolean. Recognized values: {states}",
        "{len_type} values are required, but {len_value} was given.",
        "{len_type} values are required, but {len_value} were given.",
        "{value!r} is not a valid UUID.",
        "file",
        "directory",
        "path",
        "{name} {filename!r} is a file.",
        "{name} {filename!r} is a directory.",
        "{name} {filename!r} is not readable.",
        "{name} {filename!r} is not writable.",
        "{name} {filename!r} is not executable.",
        "{name} {filename!r} does not exist.",
        "Could not open file {filename!r}: {message}",
    },
    "of helpers that we do not use": {
        "Do you want to continue?",
        "Confirm the action without prompting.",
        "%(prog)s, version %(version)s",
        "Press any key to continue...",
    },
}


def looked_up() -> set[str]:
    """Every sentence that the modules of Click look up, as their source has it."""
    sources = [Path(str(module.__file__)).read_text("utf-8") for module in MODULES]
    calls = [node for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    found: set[str] = set()
    for call in calls:
        match call.func:
            case ast.Name("_"):
                asked = call.args
            case ast.Name("ngettext"):
                asked = call.args[:2]
            case _:
                continue
        # The one that is looked up by a variable is the word "required".
        found |= {str(each.value) if isinstance(each, ast.Constant) else "required" for each in asked}
    return found


def test_every_sentence_of_click_is_translated() -> None:
    """All but those that nobody can get to see; and none is kept that Click does not say any more."""
    ours = {
        form
        for key, text in texts("sekisho.cli", "en").items()
        if key.startswith(TABLE)
        for form in forms(text).values()
    }
    unsaid = set().union(*UNSAID.values())
    assert ours | unsaid == looked_up()
    assert ours & unsaid == set()


def test_click_has_no_other_modules_with_sentences() -> None:
    """The rest of Click speaks of editors, pagers, Windows and completion only."""
    folder = Path(str(click.__file__)).parent
    others = {path.stem for path in folder.glob("*.py") if "from gettext import" in path.read_text("utf-8")}
    assert others - {module.__name__.rpartition(".")[2] for module in MODULES} == {
        "_termui_impl",
        "_winconsole",
        "shell_completion",
        "utils",
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("usr", "'usr' というコマンドはありません。"),
        ("user create", "引数がありません: 'EMAIL'"),
        ("token verify", "オプションがありません: '--issuer'"),
        ("user list a b", "余分な引数があります (a b)"),
        ("user list --limit", "オプション '--limit' には値が必要です。"),
        ("user list --json=3", "オプション '--json' に値は付けられません。"),
        ("user list --limit many", "'--limit' の値が正しくありません: 'many' は数ではありません。"),
        ("user list --limit 0", "'--limit' の値が正しくありません: 0 は範囲 1<=x<=10000 の外です。"),
        ("session revoke", "SESSION_ID か --user EMAIL のどちらか一方が必要です"),
        ("doctor example.com", "URL は https:// (このマシンなら http:// でも可) で始まります"),
    ],
)
def test_a_fault_in_the_usage_is_told_in_japanese(arguments: str, told: str) -> None:
    """The sentence follows the language; code, names and exit code do not."""
    result = CliRunner().invoke(tree, arguments.split(), env=environment(SEKISHO_LANG="ja"))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == f"error[usage]: {told}"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("user crate", "もしかすると 'create', 'grant' のことでしょうか。"),
        ("user list --limt 3", "もしかすると '--limit' のことでしょうか。"),
        ("demo --lang xx", "'xx' は選べません。選べるのは 'en', 'ja' です。"),
    ],
)
def test_a_slip_of_the_pen_is_guessed_in_japanese(arguments: str, told: str) -> None:
    """What there is instead is named, for commands, options and choices."""
    result = CliRunner().invoke(tree, arguments.split(), env=environment(SEKISHO_LANG="ja"))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0].endswith(f" {told}")


def test_help_has_japanese_headings() -> None:
    """Those of Click and our own. Each in a process of its own: Click keeps the option --help once made."""
    japanese = run("--help", SEKISHO_LANG="ja").stdout
    assert japanese.startswith("使い方: sekisho [OPTIONS] COMMAND [ARGS]...")
    assert "\nオプション:\n" in japanese
    assert "\nコマンド:\n" in japanese
    assert "  --version   バージョンを表示します。" in japanese
    assert "  -h, --help  この説明を表示します。" in japanese
    assert "[既定値: HS256]" in run("demo", "--help", SEKISHO_LANG="ja").stdout


def test_english_is_what_click_says() -> None:
    """The look-up changes nothing where the reader's language is English, even after Japanese was asked."""
    for language, told in (
        ("ja", "余分な引数があります (x)"),
        ("en", "Got unexpected extra argument (x)"),
    ):
        result = CliRunner().invoke(tree, ["user", "list", "x"], env=environment(SEKISHO_LANG=language))
        assert result.stderr.splitlines()[0] == f"error[usage]: {told}"


def test_a_question_is_asked_in_japanese(tmp_path: Path) -> None:
    """Whoever answers neither yes nor no is asked again, and told what is meant."""
    data = ["--data", str(tmp_path / "data")]
    env = environment(SEKISHO_LANG="ja")
    assert CliRunner().invoke(tree, ["db", "migrate", *data], env=env).exit_code == 0
    asked = ["group", "delete", "staff", *data]
    result = CliRunner().invoke(tree, asked, env=env, input="maybe\nn\n")
    assert "y か n で答えてください。" in result.stderr
    assert "グループ staff を、許可と拒否の設定とともに削除しますか" in result.stderr


def test_what_a_library_says_stands_behind_a_sentence_of_the_reader(tmp_path: Path) -> None:
    """A key that cannot be used, an issuer that is away: the reason is English, the sentence is not."""
    (tmp_path / "key").write_text("short")
    verify = ["token", "verify", "--issuer", "http://localhost:1", "--audience", "api"]
    for more, told in (
        (["--key-file", str(tmp_path / "key")], "error[key_refused]: 鍵として使えません ("),
        ([], "error[unavailable]: 発行者の鍵を取得できません ("),
    ):
        for language, begins in (("ja", told), ("en", told.partition(": ")[0])):
            env = environment(SEKISHO_LANG=language)
            result = CliRunner().invoke(tree, [*verify, *more], env=env, input="a.b.c")
            assert result.exit_code == 1
            assert result.stderr.startswith(begins)
            assert ("使えません" in result.stderr or "取得できません" in result.stderr) == (language == "ja")
