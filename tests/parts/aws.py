"""AWS on loopback: moto's Secrets Manager over HTTP, and a front that answers as AWS does on bad days.

The emulator refuses nothing and is never slow, so the front does that, with the bodies that AWS sends: what
is tested is how boto3 and we understand them, not our idea of boto3.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3  # type: ignore[import-untyped]  # it has no types
import pytest
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REGION = "eu-west-1"
PATIENCE = 30.0


class Answer(NamedTuple):
    """A fault as AWS sends it."""

    status: int
    code: str
    message: str = ""


#: Recorded shapes: Secrets Manager speaks JSON 1.1, the code stands in `__type`.
DENIED = Answer(
    400,
    "AccessDeniedException",
    "User: arn:aws:sts::123456789012:assumed-role/auth/i-0abc is not authorized to perform:"
    " secretsmanager:GetSecretValue on resource: prod/sekisho because no identity-based policy allows the"
    " secretsmanager:GetSecretValue action",
)
NO_KMS = Answer(400, "AccessDeniedException", "Access to KMS is not allowed")
EXPIRED = Answer(400, "ExpiredTokenException", "The security token included in the request is expired")
UNKNOWN_KEY = Answer(
    400, "UnrecognizedClientException", "The security token included in the request is invalid."
)
THROTTLED = Answer(400, "ThrottlingException", "Rate exceeded")
BROKEN = Answer(500, "InternalServiceError", "An error occurred on the server side.")
DELETED = Answer(
    400,
    "InvalidRequestException",
    "You can't perform this operation on the secret because it was marked for deletion.",
)


class Asked(NamedTuple):
    """One request: the operation, its parameters, and the region of the signature."""

    operation: str
    parameters: dict[str, Any]
    region: str


class Aws:
    """The emulator with its front. `faults` answer first, one a request; then `always`; then the emulator."""

    def __init__(self, emulator: tuple[str, int]) -> None:
        self.emulator = emulator
        self.faults: deque[Answer] = deque()
        self.always: Answer | None = None
        self.asked: list[Asked] = []
        self.before: Callable[[Asked], None] = lambda _asked: None
        self.go_on = threading.Event()
        self.go_on.set()
        self._front = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._front.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it is; boto3 finds it by AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self._front.server_port}"

    @property
    def environ(self) -> dict[str, str]:
        """What makes boto3 come here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing-no-secret",  # what the emulator's documentation shows
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        }

    def admin(self, region: str = REGION) -> Any:  # noqa: ANN401 - boto3 makes the class at run time
        """A client of the emulator itself, behind the front."""
        host, port = self.emulator
        return boto3.session.Session().client(
            "secretsmanager",
            region_name=region,
            endpoint_url=f"http://{host}:{port}",
            aws_access_key_id="testing",
            aws_secret_access_key="testing-no-secret",
        )

    def stages(self) -> list[str]:
        """The version stages that were asked for, in order."""
        return [str(asked.parameters.get("VersionStage")) for asked in self.asked]

    @contextmanager
    def running(self) -> Iterator[Aws]:
        """Serve until the end."""
        thread = threading.Thread(target=self._front.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.go_on.set()
            self._front.shutdown()
            self._front.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        aws = self

        class Front(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # one packet an answer: two would wait for each other

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                scope = self.headers["Authorization"].partition("Credential=")[2].split("/")
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                asked = Asked(operation, json.loads(body), scope[2])
                aws.asked.append(asked)
                aws.before(asked)
                aws.go_on.wait(PATIENCE)
                fault = aws.faults.popleft() if aws.faults else aws.always
                if fault is not None:
                    content = json.dumps({"__type": fault.code, "Message": fault.message}).encode()
                    self.answer(fault.status, content)
                else:
                    self.answer(*aws.forward(self.path, body, dict(self.headers.items())))

            def answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("x-amzn-RequestId", "00000000-0000-4000-8000-000000000000")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
                pass

        return Front

    def forward(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """What the emulator answers."""
        connection = HTTPConnection(*self.emulator, timeout=PATIENCE)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


class Rotating:
    """A secret of the emulator that goes through AWS's rotation: put as pending, then promoted."""

    def __init__(self, aws: Aws, name: str, content: str | bytes) -> None:
        self.name = name
        self._client = aws.admin()
        self.arn: str = self._client.create_secret(Name=name, **_as(content))["ARN"]

    def put_pending(self, content: str | bytes) -> str:
        """What `createSecret` of a rotation does; the id of the version."""
        version: str = self._client.put_secret_value(
            SecretId=self.name, VersionStages=["AWSPENDING"], **_as(content)
        )["VersionId"]
        return version

    def promote(self, version: str) -> None:
        """What `finishSecret` does: AWSCURRENT moves, AWSPREVIOUS stays behind, AWSPENDING is taken off."""
        stages = self._client.describe_secret(SecretId=self.name)["VersionIdsToStages"]
        current = next(held for held, names in stages.items() if "AWSCURRENT" in names)
        self._client.update_secret_version_stage(
            SecretId=self.name,
            VersionStage="AWSCURRENT",
            MoveToVersionId=version,
            RemoveFromVersionId=current,
        )

    def take_off_pending(self, version: str) -> None:
        """What newer rotations do at their end."""
        self._client.update_secret_version_stage(
            SecretId=self.name, VersionStage="AWSPENDING", RemoveFromVersionId=version
        )

    def delete(self) -> None:
        """Schedule it for deletion."""
        self._client.delete_secret(SecretId=self.name)


def _as(content: str | bytes) -> dict[str, str | bytes]:
    return {"SecretString": content} if isinstance(content, str) else {"SecretBinary": content}


@contextmanager
def emulator() -> Iterator[tuple[str, int]]:
    """Host and port of moto's server, on a port that it picked."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield host, int(port)
    finally:
        server.stop()


def use(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process a customer of the emulator: boto3 reads the process's own environment."""
    for name, value in aws.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
