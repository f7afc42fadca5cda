"""The guide on secrets: what it shows runs against the emulator, and what it quotes is what is said."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sekisho.adapters.secrets.aws_faults import aws_refused, no_boto3
from tests.house.tree import ROOT
from tests.parts import aws as parts
from tests.parts.ports import free_port

LANGUAGES = ("en", "ja")
PATIENCE = 240
PART = "-- part --"
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def page(language: str) -> str:
    """The text of the guide."""
    return (ROOT / "docs" / language / "guides/secrets.md").read_text("utf-8")


def blocks(language: str) -> list[tuple[str, str]]:
    """Its code, each with its language."""
    return BLOCK.findall(page(language))


def test_both_languages_show_the_same_code() -> None:
    """A reader of either language copies the same."""
    assert blocks("en") == blocks("ja")


def walk(language: str) -> list[str]:
    """The code of the walk on a laptop, under the last heading, in that language."""
    return [code for each, code in BLOCK.findall(page("en").rpartition("\n## ")[2]) if each == language]


def walked(folder: Path, emulator: str) -> list[str]:
    """What each part of the walk printed, from the second terminal on."""
    (folder / "aws_secret.py").write_text(*walk("python"))
    port = free_port()
    _, *parts = walk("sh")
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
    with parts.emulator() as (host, port):
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


def test_the_policy_is_all_that_is_asked_for() -> None:
    """The policy is JSON and allows the one action that the server uses."""
    policy = json.loads(next(code for language, code in blocks("en") if language == "json"))
    assert [each["Action"] for each in policy["Statement"]] == ["secretsmanager:GetSecretValue"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "code",
    [
        "NoCredentialsError",
        "ExpiredTokenException",
        "AccessDeniedException",
        "InvalidRequestException",
        "ThrottlingException",
        "ReadTimeoutError",
    ],
)
def test_the_page_quotes_what_is_said(language: str, code: str) -> None:
    """Who searches the page for the words of a refusal finds its row."""
    (fault,) = aws_refused("aws-sm:x", code, stage="AWSCURRENT", region="R").faults
    said = re.sub(r"\s*\(.*?\)$", "", getattr(fault.problem, language)).rpartition(": ")[2]
    assert said in page(language)
    (missing,) = no_boto3("aws-sm:x").faults
    assert "pip install 'sekisho[aws]'" in missing.fix.en
