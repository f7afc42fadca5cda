"""The guide on secrets: what it shows runs against the emulator, and what it quotes is what is said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sekisho.adapters.secrets.aws_faults import aws_refused, no_boto3
from tests.house.tree import ROOT
from tests.parts import aws as parts
from tests.parts.aws import Aws
from tests.parts.serving import Server

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGES = ("en", "ja")
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


def test_the_laptop_walk_through_works(tmp_path: Path) -> None:
    """The script puts the secrets, and a server with the references that the page shows signs with them."""
    script = next(code for language, code in blocks("en") if language == "python")
    shell = "".join(code for language, code in blocks("en") if language == "sh")
    references = dict(re.findall(r"^export (SEKISHO_[A-Z_]+)='(aws-sm:[^']+)'$", shell, re.MULTILINE))
    assert references.keys() == {"SEKISHO_SIGNING_KEY", "SEKISHO_ROOT_SECRET"}
    with parts.emulator() as address, Aws(address).running() as aws:
        environ = {**os.environ, **aws.environ}
        subprocess.run([sys.executable, "-c", script], env=environ, check=True)
        with Server(tmp_path / "data", settings={**aws.environ, **references}) as server:
            assert server.ask("GET", "/readyz").status == 200
            assert server.stop() == 0
        assert {
            asked.parameters["SecretId"] for asked in aws.asked if "VersionStage" in asked.parameters
        } == {"prod/sekisho"}


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
