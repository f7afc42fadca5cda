"""Answers that are not sent twice: the condition of a request, and the tag that it is compared with."""

from __future__ import annotations

import hashlib


def tag_of(body: bytes) -> bytes:
    """An entity tag that names these bytes (RFC 9110 section 8.8.3)."""
    return b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'


def matches(condition: bytes, tag: bytes) -> bool:
    """Whether `If-None-Match` names that tag, compared weakly (RFC 9110 section 13.1.2)."""
    offered = {each.strip().removeprefix(b"W/") for each in condition.split(b",")}
    return tag in offered or offered == {b"*"}
