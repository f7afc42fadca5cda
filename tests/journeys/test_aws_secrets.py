"""A whole server whose keys are in AWS Secrets Manager, and one whose AWS says no."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sekisho_verify import HmacKey, Verifier
from tests.parts import aws as parts
from tests.parts.aws import Aws, Rotating
from tests.parts.serving import Server, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = {"email": "aya@example.com", "password": "a checkpoint on the road to Edo"}


@pytest.fixture
def aws() -> Iterator[Aws]:
    """AWS for processes that are given its environment."""
    with parts.emulator() as address, Aws(address).running() as running:
        yield running


def secret() -> str:
    """As `openssl rand -base64 48` makes one."""
    return b64encode(os.urandom(48)).decode()


def held(aws: Aws, **fields: str) -> dict[str, str]:
    """Put a JSON secret into AWS; the settings that refer to its fields."""
    name = f"prod/sekisho-{uuid4()}"
    Rotating(aws, name, json.dumps(fields))
    references = {f"SEKISHO_{field.upper()}": f"aws-sm:{name}#{field}" for field in fields}
    return {**aws.environ, **references}


def test_one_secret_holds_both_keys_of_a_server(aws: Aws, tmp_path: Path) -> None:
    """Signing key and root secret are fields of one secret: none is on the disk, a restart finds both."""
    signing, root = secret(), secret()
    server = Server(tmp_path / "data", settings=held(aws, signing_key=signing, root_secret=root))
    with server:
        assert server.ask("POST", "/v1/accounts", ACCOUNT).status == 201
        login = server.ask("POST", "/v1/login", {**ACCOUNT, "mode": "token"})
        verifier = Verifier(
            issuer=server.url, audience="api", keys=[HmacKey(signing.encode(), alg="HS256")], feed=None
        )
        assert verifier.verify(login.json["access_token"]).sid == login.json["session_id"]
        assert server.ask("GET", "/.well-known/jwks.json").json == {"keys": []}
        server.stop()
        server.start()
        again = server.ask("POST", "/v1/refresh", {"refresh_token": login.json["refresh_token"]})
        assert again.json["session_id"] == login.json["session_id"]
        server.stop()
    assert not list(server.data.glob("root-secret*"))
    on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not [part for part in (signing, root) if part.encode() in on_disk]


def test_a_private_key_signs_and_its_public_half_is_published(aws: Aws, tmp_path: Path) -> None:
    """A PEM in AWS makes an ES256 issuer; who verifies gets the key over JWKS and needs nothing of AWS."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with Server(tmp_path / "data", settings=held(aws, signing_key=pem.decode())) as server:
        (key,) = server.ask("GET", "/.well-known/jwks.json").json["keys"]
        assert (key["alg"], key["kty"]) == ("ES256", "EC")
        assert "d" not in key
        server.stop()


@pytest.mark.parametrize(
    ("language", "problem", "fix"),
    [
        ("en", "may not be read by this role (AccessDeniedException", "allow secretsmanager:GetSecretValue"),
        (
            "ja",
            "このロールには読む権限がありません (AccessDeniedException",
            "secretsmanager:GetSecretValue と",
        ),
    ],
)
def test_a_start_that_aws_denies(aws: Aws, tmp_path: Path, language: str, problem: str, fix: str) -> None:
    """The server does not start, and says why in both languages: reference, reason, fix, no traceback."""
    settings = {**held(aws, signing_key=secret(), root_secret=secret()), "SEKISHO_LANG": language}
    aws.always = parts.DENIED
    started = run("serve", "--port", "0", "--data", str(tmp_path / "data"), **settings)
    assert started.returncode == 1
    for words in (problem, fix, settings["SEKISHO_ROOT_SECRET"]):
        assert words in started.stderr
    assert "Traceback" not in started.stderr
    assert aws.environ["AWS_SECRET_ACCESS_KEY"] not in started.stdout + started.stderr
