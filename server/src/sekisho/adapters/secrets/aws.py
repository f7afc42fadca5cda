"""`aws-sm:ID[#field]`: AWS Secrets Manager, read by boto3, which knows every way to hold credentials.

The stages AWSPENDING, AWSCURRENT and AWSPREVIOUS are our pending, current and previous. A stage is always
named: what a secret is without one is the store's to say, and not what rotates.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from sekisho.adapters.secrets.aws_faults import (
    aws_refused,
    no_boto3,
    no_id,
    not_an_arn,
)
from sekisho.adapters.secrets.json_field import json_field
from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.secrets.versions import Versions
from sekisho.settings import SettingsRefused

#: Seconds to connect, and between two bytes of an answer; and how often a call is made at most. With the
#: pauses in between (up to 1 and 2 s) a call that never succeeds takes 18 s.
CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 3.0
ATTEMPTS: Final = 3

#: How often the stages are read again because a rotation moved them in between.
_REREADS: Final = 2


class _Held(NamedTuple):
    """One version: its id at AWS, and what it holds."""

    version: str
    content: Secret


class _Stages(NamedTuple):
    """In the order in which they were read."""

    pending: _Held | None
    current: _Held
    previous: _Held | None

    @property
    def torn(self) -> bool:
        """Whether a promotion came between: what was current when it was read is the previous one now.

        The previous one was missed then, and what it made would be refused. In this order a promotion before
        the current one was read does no harm.
        """
        return self.previous is not None and self.previous.version == self.current.version

    def versions(self) -> Versions:
        """Each version once, in the first place it has of: current, previous, pending."""
        # Some rotations leave AWSPENDING on the version that they promoted: nothing is pending then.
        pending = self.pending if self.pending and self.pending.version != self.current.version else None
        previous = None if self.torn else self.previous
        return Versions(
            self.current.content,
            (previous.content,) if previous else (),
            pending.content if pending else None,
        )


class AwsSecretsManager:
    """Reads from AWS Secrets Manager; blocks for as long as the limits above allow.

    Credentials and endpoint are boto3's affair: environment, profile, container, instance or web identity,
    and `AWS_ENDPOINT_URL`. The region is that of the ARN, else boto3's, else `AWS_REGION` of `environ`, which
    containers are given and boto3 does not read.
    """

    def __init__(self, environ: Mapping[str, str], *, read_seconds: float = READ_SECONDS) -> None:
        self._environ = environ
        self._read_seconds = read_seconds
        self._clients: dict[str | None, Any] = {}
        self._making = threading.Lock()

    def __call__(self, name: str, /) -> Versions:
        """The three stages of the secret; AWSPENDING and AWSPREVIOUS may be absent.

        Raises:
            SettingsRefused: boto3 is not installed, AWS does not give the secret, or it has no such field.
        """
        where = f"aws-sm:{name}"
        secret_id, hash_sign, field = name.partition("#")
        if not secret_id or (hash_sign and not field):
            raise no_id(where)
        versions = self._stages(secret_id, where).versions()
        return _field_of(versions, field, where) if field else versions

    def _stages(self, secret_id: str, where: str) -> _Stages:
        """The stages as they stood together: each is a call of its own, and a rotation may come between."""
        for _ in range(_REREADS):
            stages = self._stages_now(secret_id, where)
            if not stages.torn:
                return stages
        return self._stages_now(secret_id, where)

    def _stages_now(self, secret_id: str, where: str) -> _Stages:
        region = _region_of(secret_id, where)
        pending = self._get(secret_id, "AWSPENDING", region, where)
        current = self._get(secret_id, "AWSCURRENT", region, where)
        if current is None:
            raise self._refused(where, "ResourceNotFoundException", "AWSCURRENT", region)
        return _Stages(pending, current, self._get(secret_id, "AWSPREVIOUS", region, where))

    def _get(self, secret_id: str, stage: str, region: str | None, where: str) -> _Held | None:
        faults = _what_boto_raises(where)
        try:
            answer = self._client(region).get_secret_value(SecretId=secret_id, VersionStage=stage)
        except faults as fault:
            code = _code(fault)
        else:
            return _Held(str(answer["VersionId"]), _content(answer))
        if code == "ResourceNotFoundException":
            return None
        # Outside of the handler, so that no traceback carries the locals of boto3.
        refusal = self._refused(where, code, stage, region)
        with self._making:
            # boto3 remembers that it found no credentials; the next reading has to look again.
            self._clients.pop(region, None)
        raise refusal

    def _client(self, region: str | None) -> Any:  # noqa: ANN401 - made at run time, so it has no narrower type
        with self._making:
            if region not in self._clients:
                region_given = self._environ.get("AWS_REGION")
                self._clients[region] = _connected(region, region_given, read_seconds=self._read_seconds)
            return self._clients[region]

    def _refused(self, where: str, code: str, stage: str, region: str | None) -> SettingsRefused:
        client = self._clients.get(region)
        asked = region or (client.meta.region_name if client is not None else None) or "?"
        return aws_refused(where, code, stage=stage, region=str(asked))


def _region_of(secret_id: str, where: str) -> str | None:
    """The region that an ARN names (`arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME`)."""
    if not secret_id.startswith("arn:"):
        return None
    _, _, service, region, _, kind, *rest = [*secret_id.split(":", 6), *[""] * 6]
    if service != "secretsmanager" or kind != "secret" or not region or not rest[0]:
        raise not_an_arn(where)
    return region


def _connected(region: str | None, otherwise: str | None, *, read_seconds: float) -> Any:  # noqa: ANN401 - made at run time, so it has no narrower type
    """A client of its own, with limits that also hold for the calls that fetch credentials."""
    from boto3.session import Session  # type: ignore[import-untyped]  # noqa: PLC0415 - an optional dependency
    from botocore.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415 - same
    from botocore.session import get_session  # type: ignore[import-untyped]  # noqa: PLC0415 - same

    # At DEBUG it writes every answer into the log, ours among them.
    logging.getLogger("botocore.parsers").setLevel(logging.INFO)
    core: Any = get_session()
    core.set_default_client_config(
        Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
    )
    session: Any = Session(botocore_session=core)
    return session.client("secretsmanager", region_name=region or session.region_name or otherwise)


def _what_boto_raises(where: str) -> tuple[type[Exception], ...]:
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise no_boto3(where) from None
    return BotoCoreError, ClientError, ValueError  # an endpoint that is no URL


def _code(fault: Exception) -> str:
    """What AWS answered, or the class of the exception where it did not answer."""
    response = getattr(fault, "response", None)
    return str(response["Error"]["Code"]) if response else type(fault).__name__


def _content(answer: Mapping[str, Any]) -> Secret:
    text = answer.get("SecretString")
    return Secret(answer["SecretBinary"] if text is None else text.encode("utf-8", "surrogatepass"))


def _field_of(versions: Versions, field: str, where: str) -> Versions:
    """The field in each version. One before the field was added had no such secret, which is no fault."""
    previous: list[Secret] = []
    for content in versions.previous:
        with suppress(SettingsRefused):
            previous.append(json_field(content, field, where=where))
    pending = versions.pending
    return Versions(
        json_field(versions.current, field, where=where),
        tuple(previous),
        None if pending is None else json_field(pending, field, where=f"{where} (AWSPENDING)"),
    )
