"""The stage's own AWS Secrets Manager: moto's, a real HTTP API on loopback, and its operator."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from multiprocessing.connection import Connection
from socket import socket
from typing import Any, Final

from sekisho.adapters import system
from sekisho.cli.demo_servers import told_to_stop, write_to
from sekisho.cli.stage_servers import Watched, serve_stage_auth
from sekisho.features.explorer.secrets_tap import HEADERS, REDACTED, SecretsTap
from sekisho.features.explorer.tables import Rows
from sekisho.features.explorer.telling import ACT, telling
from sekisho.rules.refusals import Refusal
from sekisho.settings import Settings
from sekisho_verify import HmacKey

HOST: Final = "127.0.0.1"
SECRET_ID: Final = "explorer/secret_key"  # noqa: S105 - its name, not its value
REFERENCE: Final = f"aws-sm:{SECRET_ID}"
#: Above the minute between two readings of AWS, so that a token lives to see the next key.
ACCESS_TTL: Final = "5m"
_REGION: Final = "eu-west-1"
_SECRET_BYTES: Final = 32
_KEY_BYTES: Final = 8
_PARTS: Final = ("boto3", "moto", "flask", "flask_cors")
_STAGES: Final = ("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS")


def lacking() -> str | None:
    """The command that brings what this Python lacks for it; none where it lacks nothing."""
    if all(find_spec(part) is not None for part in _PARTS):
        return None
    # By its path: the demo is often started by its own, and `pip` would then be another Python's.
    return f"{shlex.quote(sys.executable)} -m pip install boto3 'moto[server]'"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One access key of this run."""

    key: str
    secret: str = field(repr=False)

    @classmethod
    def fresh(cls) -> Credentials:
        """A new one."""
        return cls(f"AKIA{system.entropy(_KEY_BYTES).hex().upper()}", system.entropy(_SECRET_BYTES).hex())


@dataclass(frozen=True, slots=True)
class Emulated:
    """What the process of Secrets Manager is told: who asks by which access key, and where it is."""

    askers: Mapping[str, str]
    host: str


@dataclass(frozen=True, slots=True)
class AwsAuth:
    """What an auth server is told whose signing key is there."""

    settings: Settings
    environ: Mapping[str, str]


class StageAws:
    """Secrets Manager as the operator of the stage uses it, by boto3.

    Args:
        port: where it listens.
    """

    def __init__(self, port: int) -> None:
        self._url: Final = f"http://{HOST}:{port}"
        self._operator: Final = Credentials.fresh()
        self._server: Final = Credentials.fresh()
        self._kids: Final[dict[str, str]] = {}
        self._rows: Rows = {}

    @property
    def emulated(self) -> Emulated:
        """What its process is told."""
        askers = {self._operator.key: "operator", self._server.key: "auth_aws"}
        return Emulated(askers, self._url.partition("//")[2])

    @property
    def environ(self) -> Mapping[str, str]:
        """What makes the boto3 of a server come here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self._url,
            "AWS_ACCESS_KEY_ID": self._server.key,
            "AWS_SECRET_ACCESS_KEY": self._server.secret,
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
        }

    def create(self) -> None:
        """Make the secret, of random bytes. This and the two below raise `Refusal`."""
        secret = self._made()
        with _refusing():
            self._learn(self._client().create_secret(Name=SECRET_ID, SecretString=secret), secret)

    def put(self, act: str) -> None:
        """Put the next version there, as pending."""
        secret = self._made()
        with _refusing():
            answer = self._client(act).put_secret_value(
                SecretId=SECRET_ID, SecretString=secret, VersionStages=["AWSPENDING"]
            )
            self._learn(answer, secret)

    def promote(self, act: str) -> bool:
        """Move AWSCURRENT to the pending version; false if there is none."""
        at = {stage: row["version"] for row in self._rows.values() for stage in str(row["stages"]).split()}
        if at.get("AWSPENDING", at["AWSCURRENT"]) == at["AWSCURRENT"]:
            return False
        with _refusing():
            self._client(act).update_secret_version_stage(
                SecretId=SECRET_ID,
                VersionStage="AWSCURRENT",
                MoveToVersionId=at["AWSPENDING"],
                RemoveFromVersionId=at["AWSCURRENT"],
            )
            self._look()
        return True

    def rows(self) -> Rows:
        """The versions and their stages as they were after the last thing that was done to them."""
        return self._rows

    @staticmethod
    def _made() -> str:
        return system.entropy(_SECRET_BYTES).hex()

    def _learn(self, answer: Mapping[str, Any], secret: str) -> None:
        # The name of a key that stands in the header of every token that it signs; no way leads back from it.
        self._kids[answer["VersionId"]] = HmacKey(secret.encode()).kid
        self._look()

    def _look(self) -> None:
        held = self._client().describe_secret(SecretId=SECRET_ID)["VersionIdsToStages"]
        self._rows = {
            version: {
                "version": version,
                "stages": " ".join(stage for stage in _STAGES if stage in stages),
                "kid": self._kids.get(version),
                "SecretString": REDACTED,
            }
            for version, stages in sorted(held.items(), key=_rank)
            if stages  # AWS lists no others
        }

    def _client(self, act: str = "") -> Any:  # noqa: ANN401 - boto3 makes the class at run time
        """A client with this run's access key, whatever the owner of this machine has set up for his own."""
        from botocore.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415 - an optional dependency
        from botocore.session import Session  # type: ignore[import-untyped]  # noqa: PLC0415 - same

        nowhere = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
        session: Any = Session({"profile": (None, None, None, None), **nowhere})
        client: Any = session.create_client(
            "secretsmanager",
            region_name=_REGION,
            endpoint_url=self._url,
            aws_access_key_id=self._operator.key,
            aws_secret_access_key=self._operator.secret,
            config=Config(proxies={}, connect_timeout=5, read_timeout=20),
        )

        def mark(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
            request.headers.add_header(ACT, act)

        if act:
            client.meta.events.register("before-sign.secretsmanager", mark)
        return client


def _rank(held: tuple[str, Sequence[str]]) -> int:
    """The current version first, then the pending one, then the others."""
    return next((place for place, stage in enumerate(_STAGES) if stage in held[1]), len(_STAGES))


def _forget_owner() -> None:
    """What the owner of this machine has set up for the AWS of his own is nothing to this process."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]


@contextmanager
def _refusing() -> Generator[None]:
    """Refuse where AWS does, or does not answer.

    Raises:
        Refusal: `unavailable`; of what it says no more than the kind.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # noqa: PLC0415 - an optional dependency

    kinds: tuple[type[Exception], ...] = BotoCoreError, ClientError
    try:
        yield
    except kinds as fault:
        raise Refusal("unavailable", f"AWS: {type(fault).__name__}") from None


def serve_stage_aws(
    emulated: Emulated,
    watched: Watched,
    pipe: Connection,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
) -> None:
    """Secrets Manager, until a signal asks to stop."""
    over = told_to_stop(signals)
    write_to(watched.log)
    _forget_owner()
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - optional, and for this process alone  # pyright: ignore[reportMissingTypeStubs] -- it has none
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415 - same

    class Handler(MotoRequestHandler):
        """Hands the headers on in their order."""

        def make_environ(self) -> dict[str, Any]:
            environ = super().make_environ()
            environ[HEADERS] = list(self.headers.items())
            return environ

    told = telling(pipe, steady=system.steady)
    app = SecretsTap(
        DomainDispatcherApplication(create_backend_app),
        askers=emulated.askers,
        host=emulated.host,
        tell=told,
        steady=system.steady,
    )
    [listening] = sockets
    port = listening.getsockname()[1]
    server = make_server(HOST, port, app, threaded=True, request_handler=Handler, fd=listening.fileno())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ready()
    over.wait()
    server.shutdown()


def serve_stage_aws_auth(
    auth: AwsAuth,
    watched: Watched,
    pipe: Connection,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
) -> None:
    """The auth server whose signing key is there."""
    _forget_owner()
    os.environ.update(auth.environ)
    serve_stage_auth(auth.settings, watched, pipe, sockets, ready=ready, signals=signals)
