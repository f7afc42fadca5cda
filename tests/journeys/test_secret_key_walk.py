"""The guide's walk from a secret in AWS to the day it leaks, done as it is written, on the emulator."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import tree
from tests.parts import aws
from tests.parts.nginx import free_port

GUIDE = tree.ROOT / "docs" / "en" / "guides" / "secrets.md"
PATIENCE = 240
PART = "-- part --"


def blocks(language: str) -> list[str]:
    """The code under the last heading of the guide, in that language, in its order."""
    walk = GUIDE.read_text("utf-8").rpartition("\n## ")[2]
    return re.findall(rf"^```{language}[^\n]*\n(.*?)^```", walk, re.MULTILINE | re.DOTALL)


def walked(folder: Path, emulator: str) -> list[str]:
    """What each part of the walk printed, from the second terminal on."""
    (folder / "aws_secret.py").write_text(*blocks("python"))
    port = free_port()
    _, *parts = blocks("sh")
    script = f"\necho '{PART}'\n".join(parts)
    script = script.replace("http://127.0.0.1:5000", emulator).replace(":8400", f":{port}")
    script = script.replace(
        "sekisho serve > server.log 2>&1 &", f"sekisho serve --port {port} > server.log 2>&1 & echo $! > pid"
    )
    environ = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "SEKISHO_ISSUER": f"http://localhost:{port}",
    }
    try:
        done = subprocess.run(
            ["bash", "-u"],
            input=script,
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
    said = done.stdout.split(f"{PART}\n")
    assert len(said) == len(parts), done.stderr
    return said


@pytest.mark.long
@pytest.mark.requirement("H5")
def test_the_walk_of_the_guide_goes_as_it_says(tmp_path: Path) -> None:
    """Kept in AWS alone, found where it was committed, rotated unnoticed, locked out when it leaked."""
    with aws.emulator() as (host, port):
        _, verified, searched, rotated, leaked = walked(tmp_path, f"http://{host}:{port}")
    claims = json.loads(verified[verified.index("{") :])
    assert (claims["aud"], claims["amr"]) == ("api", ["pwd"])
    assert "SEKISHO_SIGNING_KEY\taws-sm:prod/sekisho#signing_key\tenvironment" in searched
    assert "\nnowhere\n" in searched
    assert re.search(r"^bad\thistory\ta secret in use was committed", searched, re.MULTILINE)
    assert re.findall(r"\tHS256\t(\w+)", rotated) == ["current", "pending"]
    assert json.loads(rotated[rotated.index("{") :])["email"] == "aya@example.com"
    refused, accepted = re.findall(r"\{.*?\}(?=\{|\n|$)", leaked)
    assert json.loads(refused)["code"] == "token_key_unknown"
    assert json.loads(accepted)["email"] == "aya@example.com"
    kept = (tmp_path / "shared").read_text().strip()
    for file in (tmp_path / "server.log", *(tmp_path / "sekisho-data").iterdir()):
        assert kept.encode() not in file.read_bytes(), file
