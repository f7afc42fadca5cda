"""What a frame of the revocation feed says, read as it passes: unverified, for a person to see."""

from __future__ import annotations

from typing import Any

from sekisho_verify.encoding import b64url_decode
from sekisho_verify.errors import RevocationsUnavailable
from sekisho_verify.forgeries.forging import parts
from sekisho_verify.revocations.packed import PackedEntries


def frame(line: bytes) -> dict[str, Any] | None:
    """The entries in one line of the stream; none for a heartbeat, of which there are two a second."""
    name, _, text = line.partition(b":")
    if name != b"data":
        return None
    try:
        read = parts(text.strip().decode("ascii")).payload
        first, last = int(read["first"]), int(read["last"])
        entries = PackedEntries(b64url_decode(str(read["entries"]).encode()), head=last)
    except (KeyError, TypeError, ValueError, RevocationsUnavailable):
        return None
    shown = [{"seq": each.number, "kind": each.kind, "effect": each.effect} for each in entries]
    return {"first": first, "last": last, "entries": shown}
