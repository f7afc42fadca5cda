"""The guides on testing and attacking: every file and command that they show runs as it is shown."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sekisho_verify.testing import BAD, ENDED, Issuer
from tests.docs.test_guides import LANGUAGES, SHELL, blocks, page
from tests.parts.examples import EXAMPLES, running
from tests.parts.serving import environment

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "testing"
FILES = dict(blocks(page(PAGE)))
SUITES = [name for name in FILES if name.startswith("test_")]


@pytest.mark.parametrize("name", [PAGE, "attack-your-api"])
def test_both_languages_show_the_same_code(name: str) -> None:
    """Python and shell alike, so that what runs below is what both show."""
    english, japanese = (page(name, language) for language in LANGUAGES)
    assert blocks(english) == blocks(japanese)
    assert SHELL.findall(english) == SHELL.findall(japanese)
    assert blocks(english) or SHELL.findall(english)


def test_no_block_is_without_a_name() -> None:
    """Each Python block of the guide is a whole file, so that none goes untested."""
    assert "" not in [name for name, _ in blocks(page(PAGE))]
    assert len(SUITES) == 6


def test_the_suites_of_the_guide_pass(tmp_path: Path) -> None:
    """By pytest alone, with the fixture that it finds by itself: every file has a test, and all pass."""
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--import-mode=prepend"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"^(test_\w+\.py)::\S+ PASSED", done.stdout, re.MULTILINE)) == set(SUITES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_of_bad_tokens_is_complete(language: str) -> None:
    """Every bad token stands in the guide with the code that refuses it, and no other does."""
    rows = re.findall(r"^\| (`issuer\..*?) \| `(token_[a-z_]+)`", page(PAGE, language), re.MULTILINE)
    told = {name: code for names, code in rows for name in re.findall(r"issuer\.([a-z_]+)\(\)", names)}
    assert told == {**BAD, **ENDED}


def test_the_command_of_the_attack_guide_does_what_it_says(tmp_path: Path) -> None:
    """The first command, against an example: all refused, in the words of the page."""
    text = page("attack-your-api")
    first, *_ = (line for block in SHELL.findall(text) for line in block.splitlines() if "attack" in line)
    program, *arguments = shlex.split(first)
    assert program == "python"
    issuer = Issuer()
    with issuer.serve() as at, running(EXAMPLES / "asgi" / "orders.py", at, tmp_path / "log") as url:
        (tmp_path / "token").write_text(issuer.token())
        done = subprocess.run(
            [sys.executable, *(word.replace("http://localhost:8001/orders", url) for word in arguments)],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.search(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert shown is not None
    for line in shown[1].splitlines():
        if line != "…":
            assert line in done.stdout.splitlines(), line


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_option_and_verdict_stands_in_the_attack_guide(language: str) -> None:
    """What the command offers is documented, in both languages, and nothing that it does not offer."""
    done = subprocess.run(
        [sys.executable, "-m", "sekisho_verify.attack", "--help"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    offered = set(re.findall(r"--[a-z][a-z-]+", done.stdout)) - {"--help"}
    text = page("attack-your-api", language)
    rows = set(re.findall(r"^\| `(--[a-z-]+)", text, re.MULTILINE))
    assert rows == offered
    for word in {
        "en": ("refused", "ACCEPTED", "FETCHED", "CRASHED", "NO ANSWER", "kept out"),
        "ja": ("拒否", "受け入れた", "取りに来た", "異常終了", "応答なし", "通さない"),
    }[language]:
        assert f"| {word} |" in text
