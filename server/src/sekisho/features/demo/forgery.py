"""Tokens taken apart, and put together as a forger would: without the key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sekisho_verify.encoding import b64url_decode, b64url_encode


@dataclass(frozen=True, slots=True)
class Parts:
    """What anybody can read of a compact JWS, key or no key."""

    header: dict[str, Any]
    payload: dict[str, Any]
    signature: bytes


def parts(token: str) -> Parts:
    """The three parts of `token`, decoded and not verified."""
    header, payload, signature = (b64url_decode(part.encode()) for part in token.split("."))
    return Parts(json.loads(header), json.loads(payload), signature)


def tampered(token: str, changes: Mapping[str, object]) -> str:
    """The token with other claims under the old signature."""
    header, _, signature = token.split(".")
    return ".".join((header, _segment(parts(token).payload | dict(changes)), signature))


def unsigned(token: str, changes: Mapping[str, object], *, signature: str = "") -> str:
    """The token with other claims, saying `alg: none` (RFC 7519 section 6), with any signature or none."""
    read = parts(token)
    header = _segment({**read.header, "alg": "none"})
    return ".".join((header, _segment(read.payload | dict(changes)), signature))


def _segment(members: Mapping[str, object]) -> str:
    return b64url_encode(json.dumps(members).encode()).decode()
