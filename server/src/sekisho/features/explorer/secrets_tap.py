"""Around the stage's AWS Secrets Manager: tells what it was asked and what it answered, and never a secret.

What is told is made of the members that are known to hold none. So a secret does not leave this process but
to whoever asked for it with one of the two access keys of this run; each says who asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO
from itertools import count
from typing import Any, Final, TypeAlias, cast

from sekisho.features.explorer.telling import ACT, Tell
from sekisho.ports import Clock

#: A WSGI application (PEP 3333); the tap finds the headers in their order under `HEADERS`.
App: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Pairs: TypeAlias = Sequence[tuple[str, str]]

HEADERS: Final = "sekisho.headers"
REDACTED: Final = "[redacted]"
#: The explorer's own look at the versions, as it looks into the database: no part of the story.
LOOK: Final = "DescribeSecret"
#: Bytes of a request; ours are far below.
_MOST: Final = 1 << 16
_TARGET: Final = "secretsmanager."
_SHOWN: Final = frozenset(
    {
        *("ARN", "Name", "SecretId", "VersionId", "VersionStage", "VersionStages", "ClientRequestToken"),
        *("MoveToVersionId", "RemoveFromVersionId", "CreatedDate", "__type", "message", "Message"),
    }
)


class SecretsTap:
    """The WSGI application around another one.

    Args:
        app: Secrets Manager.
        askers: who has which access key: by the key, what they are called on the stage.
        host: under which it is asked; under another name it does not answer (DNS rebinding).
        tell: takes the records.
        steady: gives seconds on the clock that all processes of the machine share.
    """

    def __init__(self, app: App, *, askers: Mapping[str, str], host: str, tell: Tell, steady: Clock) -> None:
        self._app: Final = app
        self._askers: Final = askers
        self._host: Final = host
        self._tell: Final = tell
        self._steady: Final = steady
        self._ids: Final = map("aws-{}".format, count(1))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Let it answer one request, and tell of both."""
        headers: Pairs = environ[HEADERS]
        given = {name.lower(): value for name, value in headers}
        asker, operation = self._asker(given), given.get("x-amz-target", "").removeprefix(_TARGET)
        size = environ.get("CONTENT_LENGTH") or "0"
        if asker is None or not size.isdigit() or int(size) > _MOST:
            start_response("403 Forbidden", [("Content-Type", "application/x-amz-json-1.1")])
            return [b'{"__type":"AccessDeniedException"}']
        body: bytes = environ["wsgi.input"].read(int(size))
        environ["wsgi.input"] = BytesIO(body)
        told = operation != LOOK
        about = {"server": "aws", "id": next(self._ids)}
        began = self._steady()
        if told:
            self._tell({**about, **_request(environ, headers, body, asker, operation), "at": began})
        started: list[tuple[str, Pairs]] = []

        def start(status: str, answered: Pairs, *more: Any) -> Any:  # noqa: ANN401 - as PEP 3333 has it
            started.append((status, answered))
            return start_response(status, answered, *more)

        answer = b"".join(self._app(environ, start))
        if told:
            status, answered = started[-1]
            record = _response(environ, status, answered, answer)
            at = self._steady()
            self._tell({**about, **record, "at": at, "ms": round((at - began) * 1000, 3)})
        return [answer]

    def _asker(self, given: Mapping[str, str]) -> str | None:
        """Who asks: one with an access key of this run. A browser says from which page, and is none."""
        key = given.get("authorization", "").partition("Credential=")[2].partition("/")[0]
        secrets_manager = given.get("x-amz-target", "").startswith(_TARGET)
        if "origin" in given or given.get("host") != self._host or not secrets_manager:
            return None
        return self._askers.get(key)


def _request(
    environ: Mapping[str, Any], headers: Pairs, body: bytes, asker: str, operation: str
) -> dict[str, object]:
    members = _object(body)
    stages = members.get("VersionStage") or members.get("VersionStages") or ""
    given = {name.lower(): value for name, value in headers}
    line = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {environ['SERVER_PROTOCOL']}"
    return {
        "kind": "http.request",
        "client": [environ["REMOTE_ADDR"], environ["REMOTE_PORT"]],
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "preflight": False,
        "lane": None,
        "act": given.get(ACT),
        "cookie": None,
        "credential": None,
        "asker": asker,
        "operation": operation,
        "stage": " ".join(cast("list[str]", stages)) if isinstance(stages, list) else str(stages),
        "raw": _raw(line, headers, members),
    }


def _response(environ: Mapping[str, Any], status: str, headers: Pairs, body: bytes) -> dict[str, object]:
    members = _object(body)
    number = int(status.partition(" ")[0])
    return {
        "kind": "http.response",
        "status": number,
        "code": str(members.get("__type", number)) if number >= 400 else None,
        "raw": _raw(f"{environ['SERVER_PROTOCOL']} {status}", headers, members),
    }


def _raw(line: str, headers: Pairs, members: Mapping[str, Any]) -> str:
    shown = [f"{name}: {REDACTED if name.lower() == 'authorization' else value}" for name, value in headers]
    text = json.dumps({name: value if name in _SHOWN else REDACTED for name, value in members.items()})
    return "\r\n".join([line, *shown, "", text])


def _object(body: bytes) -> dict[str, Any]:
    """The members of a JSON object; of anything else none, and nothing of it is shown."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
