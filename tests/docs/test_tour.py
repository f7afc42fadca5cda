"""The tour of the README, run as it is written, on ports of its own and with a shorter life of tokens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts.ports import free_port

ROOT = Path(__file__).parents[2]
#: Seconds an access token lives, in place of the README's minute: long enough for a loaded machine to use it.
LIFE = 20
#: Nothing that the tour starts outlives it, even if the shell is killed in the middle.
BOUND = f"timeout {LIFE + 60}"


def blocks(readme: str) -> list[str]:
    """The shell blocks of a README from the tour on, without the two commands of the first screen."""
    found = re.findall(r"```sh\n(.*?)```", (ROOT / readme).read_text("utf-8"), re.DOTALL)
    return [block for block in found if not block.startswith("make ")]


def told(script: str, folder: Path) -> str:
    """What the script prints, run in a shell that has job control."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")}
    programs = f"{Path(sys.executable).parent}:{environ['PATH']}"
    output = folder / "output"
    with output.open("w") as file:
        subprocess.run(
            ["bash", "-mc", f"trap 'kill $(jobs -p) 2> {os.devnull}' EXIT\n{script}"],
            cwd=ROOT,
            env=environ | {"PATH": programs, "SEKISHO_LANG": "en", "TMPDIR": str(folder)},
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=LIFE + 60,
        )
    return output.read_text("utf-8")


@pytest.mark.long
@pytest.mark.parametrize("readme", ["README.md", "README.ja.md"])
def test_every_command_of_the_tour_does_what_the_readme_says(readme: str, tmp_path: Path) -> None:
    """Login, call, forgery, expiry, refresh, a second tab and logout go as shown, in both languages."""
    for program in ("curl", "openssl", "timeout"):
        if shutil.which(program) is None:
            assert not os.environ.get("CI"), f"{program} is not installed"
            pytest.skip(f"{program} is not installed")
    start, api, login, call, decode, seal, forge, expire, refresh, logout, stop = blocks(readme)
    steps = [start, api, login, call, decode, seal, forge, expire, refresh, logout, stop]
    script = "\necho @@\n".join(steps)
    for shown, used in (
        ("localhost:8400", f"localhost:{(auth := free_port())}"),
        ("sekisho serve", f"{BOUND} sekisho serve --port {auth}"),
        ("uvicorn --port", f"{BOUND} uvicorn --port"),
        ("8001", str(free_port())),
        ("SEKISHO_ACCESS_TTL=1m", f"SEKISHO_ACCESS_TTL={LIFE}s"),
        ("sleep 60", f"sleep {LIFE}"),
        ('export PATH="$PWD/.venv/bin:$PATH"', ":"),
    ):
        assert shown in script
        script = script.replace(shown, used)

    _, _, pair, called, decoded, seals, forged, expired, refreshed, ended, _ = told(script, tmp_path).split(
        "@@"
    )
    assert f'"expires_in":{LIFE}' in pair
    assert '"asked_by"' in called
    assert '"alg": "HS256"' in decoded
    assert len(set(seals.split())) == 1
    assert "✗ signature   token_signature_mismatch" in forged
    assert '"code":"token_expired"' in expired
    answer, *tokens = refreshed.split()
    assert "Hakone" in answer
    assert tokens[-1].startswith("skr1_")
    assert tokens[-1] == tokens[-2]
    assert ended.split()[0] == "204"
    assert '"code":"session_revoked"' in ended
    assert '"code":"token_revoked"' in ended
