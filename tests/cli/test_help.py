"""What commands say of themselves, in both languages."""

from __future__ import annotations

from unicodedata import east_asian_width

import click
import pytest
from click.testing import CliRunner

from sekisho.cli.main import NOUNS, tree
from tests.cli.walking import commands
from tests.parts.serving import environment, run
from tests.words.reading import IN_JAPANESE, texts

#: Options that mean the same wherever they are; a command may have words of its own for one.
SHARED = {key.removeprefix("option.") for key in texts(IN_JAPANESE, "ja") if key.startswith("option.")}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree as it was written, unless a test says otherwise."""
    monkeypatch.setenv("SEKISHO_LANG", "en")


def columns(line: str) -> int:
    """How wide a terminal draws it."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in line)


def test_every_command_and_option_has_japanese_words() -> None:
    """One text each; and none that no command has any more."""
    named = (
        (path.removeprefix("sekisho ").replace(" ", "."), command)
        for path, command in commands(tree, "sekisho")
    )
    found = dict(named)
    needed = {f"{path}.what" for path in found} | {"sekisho.epilog", "sekisho.examples"}
    shared: set[str] = set()
    for path, command in found.items():
        for option in (each for each in command.params if isinstance(each, click.Option)):
            own = f"{path}.{option.name}"
            if own in texts(IN_JAPANESE, "ja") or option.name not in SHARED:
                needed.add(own)
            else:
                shared.add(f"option.{option.name}")
    assert texts(IN_JAPANESE, "ja").keys() == needed | shared


def test_help_is_japanese_and_fits_a_terminal() -> None:
    """Each command explains itself, in lines of at most 80 columns but where an example is longer."""
    for path in ("sekisho", "user", "user.create", "db.restore", "key.retire", "token.verify"):
        arguments = [] if path == "sekisho" else path.split(".")
        shown = run(*arguments, "--help", SEKISHO_LANG="ja").stdout
        assert shown.startswith("使い方: sekisho")
        words = str(texts(IN_JAPANESE, "ja")[f"{path}.what"])
        joined = "".join(shown.split())
        assert all("".join(each.split()) in joined for each in words.split("\n\n")), path
        described = shown.partition("\n  例:\n")[0].splitlines()
        assert [line for line in described if columns(line) > 80] == []


def test_no_line_begins_with_what_closes() -> None:
    """A full stop, a comma or a small letter stays with what it follows (JIS X 4051)."""
    shown = run("db", "restore", "--help", SEKISHO_LANG="ja").stdout
    shown += run("key", "retire", "--help", SEKISHO_LANG="ja").stdout
    assert [line for line in shown.splitlines() if line.strip()[:1] in tuple("、。」)ーッャュョ")] == []


def test_lists_show_the_first_sentence() -> None:
    """Of each noun and of each verb, whole."""
    nouns = run("--help", SEKISHO_LANG="ja").stdout
    assert "  serve    サーバーを起動します。\n" in nouns
    assert all(f"\n  {noun} " in nouns for noun in NOUNS)
    assert "終了コード: 0 成功" in nouns
    assert "  create       アカウントを作ります。\n" in run("user", "--help", SEKISHO_LANG="ja").stdout


def test_the_english_help_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks in English after somebody asked in Japanese, in the same process, is told in English."""
    monkeypatch.setenv("SEKISHO_LANG", "ja")
    japanese = CliRunner().invoke(tree, ["group", "--help"], env=environment(SEKISHO_LANG="ja")).stdout
    assert "グループを作ります。" in japanese
    monkeypatch.setenv("SEKISHO_LANG", "en")
    english = CliRunner().invoke(tree, ["group", "--help"], env=environment(SEKISHO_LANG="en")).stdout
    assert "Make a group." in english
    assert "グループ" not in english
