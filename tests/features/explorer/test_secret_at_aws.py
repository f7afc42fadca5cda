"""The SECRET_KEY at AWS Secrets Manager: when the auth server asks for it, and that nobody else is told."""

from __future__ import annotations

import json
import subprocess
import sys
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from sekisho_verify.forgeries.forging import parts
from tests.parts.explorer import Exploring
from tests.parts.leaks import Wanted
from tests.parts.serving import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Found by every interpreter that is started with its folder on the path; as if nobody had installed it.
NO_MOTO = "import sys\nsys.modules['moto'] = None\n"
STAGES = ["AWSPENDING", "AWSCURRENT", "AWSPREVIOUS"]
#: Has what is put at AWS written down as it is made.
WRITTEN_DOWN = """
import sekisho.cli.stage_aws as stage_aws

make = stage_aws.StageAws._made


def written_down():
    secret = make()
    with open(MADE, "a") as file:
        file.write(secret + "\\n")
    return secret


stage_aws.StageAws._made = staticmethod(written_down)
"""
#: Seconds between two readings.
A_MINUTE = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every secret that the operator puts at AWS is written down, for this test to look for."""
    return tmp_path_factory.mktemp("made") / "secrets"


@pytest.fixture(scope="module")
def begun(
    made: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Exploring, list[dict[str, Any]]]]:
    """The stage with the auth server whose key is at AWS, beside AWS credentials of somebody's own.

    And what had happened when it stood.
    """
    patch = tmp_path_factory.mktemp("patch")
    (patch / "sitecustomize.py").write_text(f"MADE = {str(made)!r}\n{WRITTEN_DOWN}")
    variables = {
        "PYTHONPATH": str(patch),
        "AWS_PROFILE": "somebody",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    with Exploring(tmp_path_factory.mktemp("stage"), variables) as running:
        assert "aws" in running.act("summon", set="aws", act="w0").json["sets"]
        yield running, running.all()


@pytest.fixture
def stage(begun: tuple[Exploring, list[dict[str, Any]]]) -> Exploring:
    """The stage alone."""
    return begun[0]


def asked_of_aws(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every request to AWS among these."""
    return [each for each in events if each["kind"] == "http.request" and each["to"] == "aws"]


def read_stages(events: list[dict[str, Any]]) -> list[str]:
    """Which stages the auth server read, in their order."""
    found = [each for each in asked_of_aws(events) if each["refs"]["operation"] == "GetSecretValue"]
    assert {(each["from"], each["refs"]["by"]) for each in found} <= {("auth", "auth_aws")}
    return [each["refs"]["stage"] for each in found]


def versions(stage: Exploring) -> dict[str, dict[str, Any]]:
    """The versions that the page shows, by their stage."""
    tables = {each["name"]: each["rows"] for each in stage.told("tables")["tables"]}
    rows = [row["cells"] for row in tables["secretsmanager"]]
    return {name: row for row in rows for name in str(row["stages"]).split()}


def log_in(stage: Exploring, act: str) -> str:
    """An access token of the server whose key is at AWS."""
    token: str = stage.log_in(at="auth_aws", headers={"Sekisho-Explorer-Act": act})["access_token"]
    return token


def read_again(stage: Exploring) -> list[dict[str, Any]]:
    """What happens until the auth server has read AWS again, since a minute was skipped."""
    seen = stage.seen
    stage.act("clock", seconds=A_MINUTE)
    last = stage.event(
        lambda each: each["refs"].get("stage") == "AWSPREVIOUS" and each["to"] == "aws", after=seen
    )
    stage.event(lambda each: each["kind"] == "http.response" and each["id"] == last["id"])
    return [each for each in stage.all() if each["seq"] > seen]


def test_the_key_is_read_at_the_start_and_for_no_login(
    begun: tuple[Exploring, list[dict[str, Any]]],
) -> None:
    """Three requests of boto3 before the first login, none because of one; the key is that of AWSCURRENT."""
    stage, before = begun
    assert read_stages(before) == STAGES
    created = next(each for each in asked_of_aws(before) if each["refs"]["operation"] == "CreateSecret")
    assert created["from"] == "operator"
    absent = [each["msg"]["id"] for each in before if each["code"] == "ResourceNotFoundException"]
    assert absent == ["ev.aws.none", "ev.aws.none"]  # nothing is pending, and nothing was there before
    token = log_in(stage, "w1")
    told = stage.of_act("w1")
    assert [each["kind"] for each in told if each["kind"] in {"hash.verify", "token.sign"}] == [
        "hash.verify",
        "token.sign",
    ]
    between = [each for each in stage.all() if told[0]["seq"] <= each["seq"] <= told[-1]["seq"]]
    assert asked_of_aws(between) == []
    assert parts(token).header["kid"] == versions(stage)["AWSCURRENT"]["kid"]


@pytest.mark.requirement("H5")
def test_a_rotation_is_followed_without_a_restart(stage: Exploring) -> None:
    """Pending changes nothing; once it is current and was read, it signs, and the key before is believed."""
    old = log_in(stage, "w2")
    first = versions(stage)["AWSCURRENT"]
    assert stage.act("secret", step="pending", act="w3").status == 200
    put = next(each for each in asked_of_aws(stage.of_act("w3")))
    assert (put["from"], put["refs"]["operation"], put["refs"]["stage"]) == (
        "operator",
        "PutSecretValue",
        "AWSPENDING",
    )
    assert versions(stage)["AWSCURRENT"] == first
    assert read_stages(read_again(stage)) == STAGES
    assert parts(log_in(stage, "w4")).header["kid"] == first["kid"]
    assert stage.act("secret", step="promote", act="w5").status == 200
    stages = versions(stage)
    assert stages["AWSPREVIOUS"]["version"] == first["version"]
    assert stages["AWSCURRENT"]["kid"] != first["kid"]
    changed = stage.event(
        lambda each: (
            each["kind"] == "rows" and each["refs"]["table"] == "secretsmanager" and each["act"] == "w5"
        )
    )
    assert {(row["key"], row["change"]) for row in changed["refs"]["rows"]} == {
        (first["version"], "changed"),
        (stages["AWSCURRENT"]["version"], "changed"),
    }
    read_again(stage)
    fresh = log_in(stage, "w6")
    assert parts(fresh).header["kid"] == stages["AWSCURRENT"]["kid"]
    for token in (old, fresh):
        assert ask(stage.url("auth_aws"), "GET", "/v1/me", bearer=token).status == 200
    refused = stage.act("secret", step="promote")
    assert (refused.status, refused.json["code"]) == (409, "conflict")


@pytest.mark.requirement("H5")
def test_the_secret_is_nowhere_but_where_it_belongs(stage: Exploring, made: Path) -> None:
    """No version there ever was stands in an event, table, page, argument or file of the stage."""
    stage.act("secret", step="pending")
    log_in(stage, "w7")
    secrets = made.read_text().split()
    assert len(secrets) >= 2
    wanted = Wanted({f"version {place}": each.encode() for place, each in enumerate(secrets)})
    told = [stage.all(), stage.told("tables"), stage.told("state")]
    shown = [json.dumps(told).encode(), b"".join(stage.stream), stage.page(), stage.said.encode()]
    assert b"[redacted]" in shown[0]
    arguments = subprocess.run(["ps", "axo", "args"], capture_output=True, check=True).stdout
    assert wanted.in_bytes(b"".join([*shown, arguments])) == set()
    assert wanted.in_files(*stage.folder.glob("sekisho-demo-*")) == {}
    # The search finds what is there: where each was written down for this test.
    assert wanted.in_files(made.parent)


@pytest.mark.requirement("H5")
@pytest.mark.parametrize("origin", [None, "http://evil.example"])
def test_nobody_else_reads_the_secret(stage: Exploring, origin: str | None) -> None:
    """A program or a page on this machine finds the port, and is refused without one of the two keys."""
    request = asked_of_aws(stage.all())[0]["raw"]
    host = next(line[6:] for line in request.split("\r\n") if line.lower().startswith("host: "))
    assert "Authorization: [redacted]" in request
    headers = {
        "X-Amz-Target": "secretsmanager.GetSecretValue",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=testing/20260101/eu-west-1/secretsmanager/aws4_request",
    }
    if origin is not None:
        headers["Origin"] = origin
    connection = HTTPConnection(host)
    connection.request("POST", "/", json.dumps({"SecretId": "explorer/secret_key"}), headers)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (403, b'{"__type":"AccessDeniedException"}')
    connection.request("GET", "/moto-api/data.json")
    assert connection.getresponse().status == 403
    connection.close()


@pytest.mark.long
def test_where_moto_is_not_installed_that_is_said(tmp_path: Path) -> None:
    """The one command that brings it, a refusal with a code, and the rest works."""
    patch = tmp_path / "patch"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(NO_MOTO)
    stage = tmp_path / "stage"
    stage.mkdir()
    with Exploring(stage, {"PYTHONPATH": str(patch)}) as exploring:
        command = exploring.told("state")["lacking"]["aws"]
        assert command == f"{sys.executable} -m pip install boto3 'moto[server]'"
        refused = exploring.act("summon", set="aws")
        assert (refused.status, refused.json["code"]) == (503, "unavailable")
        assert exploring.act("secret", step="pending").status == 404
        assert exploring.log_in()["access_token"]
