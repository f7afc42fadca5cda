"""AWS Secrets Manager, by the real client over HTTP: stages, fields, and every way in which it refuses."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from sekisho.adapters.secrets.aws import ATTEMPTS, AwsSecretsManager
from sekisho.adapters.secrets.kept import Kept
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.settings import SettingsRefused
from tests.parts import aws as parts
from tests.parts.aws import Answer, Aws, Rotating

if TYPE_CHECKING:
    from sekisho.adapters.secrets.versions import Versions

SETTING = "SEKISHO_SIGNING_KEY"
CANARY = "aw5canary-9xQ7w2Lr8vTn4Kp6Yd1Hs5Zb"


@pytest.fixture(scope="module")
def emulator() -> Iterator[tuple[str, int]]:
    """Moto's server for this module."""
    with parts.emulator() as address:
        yield address


@pytest.fixture
def aws(emulator: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """AWS as this process sees it."""
    with Aws(emulator).running() as running:
        parts.use(running, monkeypatch)
        yield running


@pytest.fixture
def secret(aws: Aws) -> Rotating:
    """A secret with the canary as its first version."""
    return Rotating(aws, f"prod/{uuid4()}", CANARY)


def versions(reference: str, **environ: str) -> Versions:
    """What is behind the reference."""
    return Secrets(sources(environ)).versions(reference, setting=SETTING)


def shown(read: Versions) -> tuple[str | None, str, list[str]]:
    """Pending, current and previous as text."""
    return (
        None if read.pending is None else read.pending.reveal().decode(),
        read.current.reveal().decode(),
        [secret.reveal().decode() for secret in read.previous],
    )


def refusal(reference: str, **environ: str) -> SettingsRefused:
    """The refusal; nothing that it or its traceback prints is the secret."""
    with pytest.raises(SettingsRefused) as caught:
        versions(reference, **environ)
    printed = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert CANARY not in printed
    assert "testing-no-secret" not in printed
    (fault,) = caught.value.faults
    assert fault.problem.ja != fault.problem.en
    assert fault.fix.ja != fault.fix.en
    assert caught.value.__context__ is None
    return caught.value


def test_a_new_secret_has_only_a_current_version(aws: Aws, secret: Rotating) -> None:
    """AWSPENDING and AWSPREVIOUS are absent, which is normal; each stage is asked for by its name."""
    assert shown(versions(f"aws-sm:{secret.name}")) == (None, CANARY, [])
    assert aws.stages() == ["AWSPENDING", "AWSCURRENT", "AWSPREVIOUS"]
    assert {asked.operation for asked in aws.asked} == {"GetSecretValue"}


def test_a_rotation_passes_through_the_stages(secret: Rotating) -> None:
    """Pending is seen before it is current; the one before stays as previous; then the oldest is gone."""
    reference = f"aws-sm:{secret.name}"
    second = secret.put_pending("second")
    assert shown(versions(reference)) == ("second", CANARY, [])
    secret.promote(second)
    assert shown(versions(reference)) == (None, "second", [CANARY])  # AWSPENDING is still on it
    secret.take_off_pending(second)
    assert shown(versions(reference)) == (None, "second", [CANARY])
    third = secret.put_pending("third")
    assert shown(versions(reference)) == ("third", "second", [CANARY])
    secret.promote(third)
    assert shown(versions(reference)) == (None, "third", ["second"])


def test_a_promotion_while_it_is_read_loses_no_version(aws: Aws, secret: Rotating) -> None:
    """A version that AWS moved between two calls is found by reading again: none that counts is missed."""
    reference = f"aws-sm:{secret.name}"
    second = secret.put_pending("second")
    secret.promote(second)
    third = secret.put_pending("third")

    def promote_before_previous(asked: parts.Asked) -> None:
        if asked.parameters["VersionStage"] == "AWSPREVIOUS":
            aws.before = lambda _asked: None
            secret.promote(third)

    aws.before = promote_before_previous
    assert shown(versions(reference)) == (None, "third", ["second"])


def test_an_arn_decides_the_region(aws: Aws, secret: Rotating) -> None:
    """A whole ARN is asked for in its own region, whatever the environment says, and with its `#field`."""
    assert shown(versions(f"aws-sm:{secret.arn}"))[1] == CANARY
    far = aws.admin("ap-northeast-1").create_secret(Name=f"tokyo-{uuid4()}", SecretString='{"root": "far"}')
    aws.asked.clear()
    assert shown(versions(f"aws-sm:{far['ARN']}#root"))[1] == "far"
    assert {asked.region for asked in aws.asked} == {"ap-northeast-1"}


def test_regions_that_containers_are_given(
    aws: Aws, secret: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_REGION counts where boto3 knows no region; without any, the refusal names what to set."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert shown(versions(f"aws-sm:{secret.name}", AWS_REGION=parts.REGION))[1] == CANARY
    assert "set AWS_DEFAULT_REGION" in str(refusal(f"aws-sm:{secret.name}"))
    assert len(aws.asked) == 3


def test_binary_secrets(aws: Aws) -> None:
    """SecretBinary arrives as the bytes that were put; a JSON object in it has fields too."""
    raw = bytes(range(256))
    binary = Rotating(aws, f"bin-{uuid4()}", raw)
    assert versions(f"aws-sm:{binary.name}").current.reveal() == raw
    held = Rotating(aws, f"bin-{uuid4()}", b'{"root": "in bytes"}')
    assert shown(versions(f"aws-sm:{held.name}#root"))[1] == "in bytes"


@pytest.mark.parametrize(("stored", "read"), [("value\n", "value"), ("value\r\n", "value"), ("v\n\n", "v\n")])
def test_one_trailing_newline_is_dropped(aws: Aws, stored: str, read: str) -> None:
    """As for files and variables, in the whole secret and in a field of it."""
    whole = Rotating(aws, f"nl-{uuid4()}", stored)
    assert shown(versions(f"aws-sm:{whole.name}"))[1] == read
    field = Rotating(aws, f"nl-{uuid4()}", json.dumps({"a/b c": stored}))
    assert shown(versions(f"aws-sm:{field.name}#a/b c"))[1] == read


def test_fields_through_a_rotation(aws: Aws) -> None:
    """The field is read in each version; a version from before the field was added had no such secret."""
    name = f"json-{uuid4()}"
    held = Rotating(aws, name, json.dumps({"signing": "s1"}))
    second = held.put_pending(json.dumps({"signing": "s2", "root": "r2"}))
    held.promote(second)
    assert shown(versions(f"aws-sm:{name}#signing")) == (None, "s2", ["s1"])
    assert shown(versions(f"aws-sm:{name}#root")) == (None, "r2", [])
    third = held.put_pending(json.dumps({"signing": "s3", "root": "r3"}))
    assert shown(versions(f"aws-sm:{name}#root")) == ("r3", "r2", [])
    held.promote(third)
    assert shown(versions(f"aws-sm:{name}#root")) == (None, "r3", ["r2"])


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        (CANARY, "is not a JSON object, so it has no field root"),
        (f'["{CANARY}"]', "is not a JSON object, so it has no field root"),
        (f'"{CANARY}"', "is not a JSON object, so it has no field root"),
        (f'{{"root": "{CANARY}", "root": "b"}}', "is not a JSON object, so it has no field root"),
        (f'{{"signing": "{CANARY}"}}', "has no field root"),
        (f'{{"root": {{"k": "{CANARY}"}}}}', "has a field root that is not a string"),
        ('{"root": 12345678901234567890}', "has a field root that is not a string"),
        ('{"root": null}', "has a field root that is not a string"),
        ('{"root": ""}', "is empty"),
    ],
    ids=["text", "array", "string", "twice", "missing", "object", "number", "null", "empty"],
)
def test_what_is_no_field(aws: Aws, stored: str, problem: str) -> None:
    """A secret that has no such text is refused by its reference, with what is wrong and nothing of it."""
    held = Rotating(aws, f"json-{uuid4()}", stored)
    words = str(refusal(f"aws-sm:{held.name}#root"))
    assert problem in words
    assert f"aws-sm:{held.name}#root" in words


def test_a_pending_version_without_the_field_is_told_by_its_stage(aws: Aws) -> None:
    """What would be current next is refused while it is pending: a rotation that forgot a field."""
    held = Rotating(aws, f"json-{uuid4()}", json.dumps({"root": CANARY}))
    held.put_pending(json.dumps({"signing": "s2"}))
    assert "(AWSPENDING): has no field root" in str(refusal(f"aws-sm:{held.name}#root"))


@pytest.mark.parametrize("reference", ["aws-sm:", "aws-sm:#root", "aws-sm:prod/sekisho#"])
def test_references_that_name_nothing(aws: Aws, reference: str) -> None:
    """No name, or no field behind the `#`, is refused with the forms there are; nobody is asked."""
    assert "write aws-sm:NAME, aws-sm:ARN or aws-sm:NAME#FIELD" in str(refusal(reference))
    assert aws.asked == []


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:::bucket",
        "arn:aws:secretsmanager::123456789012:secret:a-AbCdEf",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:",
        "arn:aws:secretsmanager:eu-west-1:123456789012:policy:a",
        "arn:",
    ],
)
def test_arns_of_something_else(aws: Aws, arn: str) -> None:
    """An ARN that is not one of a secret with its region is refused with the form; nobody is asked."""
    assert "is not the ARN of a secret" in str(refusal(f"aws-sm:{arn}"))
    assert aws.asked == []


def test_a_missing_secret_or_the_wrong_region(aws: Aws, secret: Rotating) -> None:
    """The refusal says in which region it was looked for, and how to choose another."""
    words = str(refusal("aws-sm:no/such/secret"))
    assert "does not exist in region eu-west-1" in words
    assert "AWS_DEFAULT_REGION" in words
    wrong = secret.arn.replace(parts.REGION, "us-east-2")
    assert "does not exist in region us-east-2" in str(refusal(f"aws-sm:{wrong}"))
    assert aws.stages() == ["AWSPENDING", "AWSCURRENT"] * 2


def test_a_secret_scheduled_for_deletion(aws: Aws, secret: Rotating) -> None:
    """What is marked for deletion is refused with the command that restores it, as AWS and moto say it."""
    secret.delete()
    words = str(refusal(f"aws-sm:{secret.name}"))
    assert "is scheduled for deletion" in words
    assert "aws secretsmanager restore-secret" in words
    aws.always = parts.DELETED
    assert "is scheduled for deletion" in str(refusal(f"aws-sm:{secret.name}"))


@pytest.mark.parametrize(
    ("answer", "problem", "fix", "asked"),
    [
        (parts.DENIED, "may not be read by this role", "secretsmanager:GetSecretValue", 1),
        (parts.NO_KMS, "may not be read by this role", "kms:Decrypt", 1),
        (parts.EXPIRED, "does not take these credentials (ExpiredTokenException)", "renew them", 1),
        (parts.UNKNOWN_KEY, "does not take these credentials (UnrecognizedClient", "clock", 1),
        (parts.THROTTLED, "throttles this account (ThrottlingException)", "wait a minute", ATTEMPTS),
        (parts.BROKEN, "AWS has a fault of its own (InternalServiceError)", "health", ATTEMPTS),
        (
            Answer(400, "Brand\nNewException"),
            r"cannot be read from AWS (Brand\nNewException)",
            "GetSecret",
            1,
        ),
    ],
    ids=["denied", "kms", "expired", "unknown-key", "throttled", "broken", "unheard-of"],
)
def test_what_aws_refuses(  # noqa: PLR0917 -- the columns of the table above
    aws: Aws, secret: Rotating, answer: Answer, problem: str, fix: str, asked: int
) -> None:
    """Each refusal of AWS becomes our own words with the fix; only what may pass is asked for again."""
    aws.always = answer
    words = str(refusal(f"aws-sm:{secret.name}"))
    assert problem in words
    assert fix in words
    assert len(aws.asked) == asked


def test_a_stage_that_the_policy_leaves_out_is_named(aws: Aws, secret: Rotating) -> None:
    """A policy for AWSCURRENT alone would take the overlap away, so it is refused, naming the stage."""
    aws.faults.append(parts.DENIED)
    assert "version AWSPENDING" in str(refusal(f"aws-sm:{secret.name}"))


def test_throttling_that_passes_is_not_noticed(aws: Aws, secret: Rotating) -> None:
    """One throttled call and one fault of AWS are tried again, and the secret arrives."""
    aws.faults.extend([parts.THROTTLED, parts.BROKEN])
    assert shown(versions(f"aws-sm:{secret.name}"))[1] == CANARY
    assert aws.stages() == [*["AWSPENDING"] * 3, "AWSCURRENT", "AWSPREVIOUS"]


def test_an_aws_that_does_not_answer_is_given_up(aws: Aws, secret: Rotating) -> None:
    """A connection that stays silent ends after so many tries of so many seconds, with where to look."""
    aws.go_on.clear()
    source = AwsSecretsManager({}, read_seconds=0.05)
    begun = time.monotonic()
    with pytest.raises(
        SettingsRefused, match=r"not answered in time by AWS \(ReadTimeoutError\).*VPC endpoint"
    ):
        source(secret.name)
    assert time.monotonic() - begun < ATTEMPTS * 0.05 + 1 + 2 + 5  # limits, pauses, and a busy machine
    assert len(aws.asked) == ATTEMPTS


def test_an_aws_that_is_not_there(aws: Aws, secret: Rotating, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that nobody listens on, and an endpoint that is no URL, say that AWS is not reached."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert "is not reached in region eu-west-1 (EndpointConnectionError)" in str(
        refusal(f"aws-sm:{secret.name}")
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    words = str(refusal(f"aws-sm:{secret.name}"))
    assert "AWS_ENDPOINT_URL" in words
    assert aws.asked == []


def test_credentials_that_come_later_are_found(
    aws: Aws, secret: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials the refusal says how to give some; once there are, the same server goes on."""
    secrets = Secrets(sources({}))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(SettingsRefused, match=r"boto3 finds no credentials of AWS.*AWS_PROFILE"):
        secrets.read(f"aws-sm:{secret.name}", setting=SETTING)
    assert aws.asked == []
    parts.use(aws, monkeypatch)
    assert secrets.read(f"aws-sm:{secret.name}", setting=SETTING).reveal() == CANARY.encode()


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_PROFILE", "no-such-profile"), ("AWS_SECRET_ACCESS_KEY", "")]
)
def test_half_of_the_credentials(
    secret: Rotating, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A profile that does not exist and a key without its secret are told as missing credentials."""
    monkeypatch.setenv(name, value)
    if name == "AWS_SECRET_ACCESS_KEY":
        monkeypatch.delenv(name)
    assert "finds no credentials" in str(refusal(f"aws-sm:{secret.name}"))


async def test_the_last_good_version_stays_while_aws_is_away(aws: Aws, secret: Rotating) -> None:
    """A re-reading that AWS denies keeps what there was; the next one that succeeds sees the rotation."""
    secrets = Secrets(sources({}))
    kept = Kept(lambda: secrets.versions(f"aws-sm:{secret.name}", setting=SETTING), steady=time.monotonic)
    secret.promote(secret.put_pending("second"))
    aws.always = parts.DENIED
    with pytest.raises(SettingsRefused, match="may not be read"):
        await kept.reread()
    assert shown(kept.value) == (None, CANARY, [])
    aws.always = None
    assert shown(await kept.reread()) == (None, "second", [CANARY])


@pytest.mark.requirement("H4", "H5")
def test_a_log_at_debug_holds_no_secret(secret: Rotating, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever turns every logger to DEBUG sees boto3 at work, and neither the secret nor the AWS key."""
    with caplog.at_level(logging.DEBUG):
        assert shown(versions(f"aws-sm:{secret.name}"))[1] == CANARY
    assert "GetSecretValue" in caplog.text
    assert CANARY not in caplog.text
    assert "testing-no-secret" not in caplog.text


def test_without_the_extra(tmp_path: Path) -> None:
    """Where boto3 is not installed the refusal is the command that installs it, and other sources work."""
    (tmp_path / "botocore.py").write_text("raise ImportError('not here')\n")
    (tmp_path / "boto3.py").write_text("raise ImportError('not here')\n")
    program = (
        "from sekisho.adapters.secrets.references import Secrets, sources\n"
        "secrets = Secrets(sources({'A': 'b'}))\n"
        "print(secrets.read('env:A', setting='S').reveal())\n"
        "secrets.read('aws-sm:prod/key', setting='S')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert ran.stdout == "b'b'\n"
    assert (
        "aws-sm:prod/key: needs boto3, which is not installed; run: pip install 'sekisho[aws]'" in ran.stderr
    )


def test_boto3_is_loaded_by_its_own_references_alone() -> None:
    """A server whose secrets are files pays nothing for AWS."""
    program = (
        "import sys\n"
        "from sekisho.adapters.secrets.references import Secrets, sources\n"
        "Secrets(sources({'A': 'b'})).read('env:A', setting='S')\n"
        "assert not {'boto3', 'botocore'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
