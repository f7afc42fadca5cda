"""`sekisho demo`: the main job, from the outside, as `make run` and a newcomer run it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sekisho.cli import demo as cli
from sekisho.cli.main import tree
from sekisho.features.demo.clock import ClockHand
from tests.parts.serving import ask, environment, wait_until_gone

if TYPE_CHECKING:
    from pathlib import Path

    from sekisho.features.demo.two_servers import SecondServers

STEPS = 18


def demo(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `sekisho demo` to its end, with `folder` for its temporary directory."""
    return subprocess.run(
        [sys.executable, "-m", "sekisho", "demo", *arguments],
        capture_output=True,
        text=True,
        env=environment(TMPDIR=str(folder)) | variables,
        check=False,
    )


@pytest.mark.parametrize(("alg", "lang"), [("HS256", "en"), ("ES256", "ja")])
def test_the_whole_story_behaves(alg: str, lang: str, tmp_path: Path) -> None:
    """Every step has its verdict, the transcript is what went over the wire, and nothing is left behind."""
    done = demo(tmp_path, "--once", "--alg", alg, "--lang", lang)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert len(re.findall(r"^   ✓  ", done.stdout, re.MULTILINE)) == STEPS
    assert "✗" not in done.stdout
    assert "\x1b" not in done.stdout
    for code in (
        "token_signature_mismatch",
        "token_alg_not_allowed",
        "token_expired",
        "insufficient_scope",
        "refresh_reused",
        "session_revoked",
        "session_unknown",
        "token_revoked",
        "token_stale",
    ):
        assert f'"code": "{code}"' in done.stdout
    assert f'"alg": "{alg}"' in done.stdout
    told = r"(?:refused it |から |^   ✓  )\d+\.\d\d (?:s|秒)"
    assert len(re.findall(told, done.stdout, re.MULTILINE)) == 2
    assert ("Aya logs in" if lang == "en" else "Aya がログインする") in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_does_not_behave_ends_with_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a clock that stands still no token expires: the story says which step, and the exit code is 1."""
    monkeypatch.setattr(ClockHand, "forward", lambda *_: None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = CliRunner().invoke(tree, ["demo", "--once", "--lang", "en"], env=environment())
    assert result.exit_code == 1
    assert "✗  401 token_expired != 200" in result.stdout
    assert result.stdout.rstrip().endswith("Step 8 did not behave; 10 steps were not reached.")
    assert '"event":"request"' in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("which", "step", "verdict"),
    [(1, 17, "✗  401 session_unknown != 200"), (0, 18, "✗  200 != 401 session_unknown")],
    ids=["both share", "neither shares"],
)
def test_the_chapter_of_two_servers_can_fail(
    which: int, step: int, verdict: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """If both servers B looked where A looks, or neither did, the story would say so and end with 1."""
    start = cli._second_servers

    def one_for_both(stage: cli._Stage) -> SecondServers:
        urls = start(stage)
        return lambda: (urls()[which], urls()[which])

    monkeypatch.setattr(cli, "_second_servers", one_for_both)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = CliRunner().invoke(tree, ["demo", "--once", "--lang", "en"], env=environment())
    assert result.exit_code == 1
    assert verdict in result.stdout
    assert f"Step {step} did not behave" in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_waiting_it_can_be_played_with_and_leaves_nothing(how: signal.Signals, tmp_path: Path) -> None:
    """Without --once it prints URLs and users that work; its end removes everything, processes included.

    Started as `nohup` and a shell without job control start what runs in the background: SIGINT ignored.
    """
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "sekisho", "demo", "--lang", "en"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(tmp_path)),
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        explorer, auth, a, b, *_ = re.findall(r"http://localhost:\d+", said)
        email, password = re.findall(r"^  (ken@example.com)  (\w+)$", said, re.MULTILINE)[0]
        body = {"email": email, "password": password, "mode": "token"}
        token = ask(auth, "POST", "/v1/login", body).json["access_token"]
        assert ask(a, "GET", "/customers", bearer=token).status == 200
        assert ask(b, "GET", "/secret", bearer=token).json["code"] == "insufficient_scope"
        assert ask(explorer, "GET", "/explore").status == 200
        process.send_signal(how)
        assert process.stderr.read() == ""
        process.stdout.close()
        process.stderr.close()
        assert process.wait() == 0
        assert list(tmp_path.iterdir()) == []
    finally:
        # Nothing is left behind where the test fails, either; the group is gone where it passed.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    wait_until_gone(process.pid)
