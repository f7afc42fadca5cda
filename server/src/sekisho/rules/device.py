"""Known devices: a secret handed out at login and shown at the next one.

It proves nothing but "somebody logged in to this account from here before", and that is enough to keep the
owner's path open while an attacker burns the attempts of everybody else (OWASP, device cookies). Nothing is
stored: the seal is the proof, and the nonce names the device in the throttle.
"""

from __future__ import annotations

from dataclasses import dataclass

from sekisho.rules.ids import uuid_bytes, uuid_text
from sekisho.rules.opaque import MacKeys, OpaqueRefused, seal, unseal

PREFIX = "skd1_"
NONCE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Device:
    """A device on which `user_id` has logged in."""

    user_id: str
    nonce: bytes


def encode(device: Device, keys: MacKeys) -> str:
    """The text handed to the client."""
    return seal(PREFIX, uuid_bytes(device.user_id) + device.nonce, keys)


def decode(text: str | None, keys: MacKeys) -> Device | None:
    """The device that `text` names, or none. A bad one is simply an unknown device, never a refusal."""
    if text is None:
        return None
    try:
        body = unseal(PREFIX, text, keys, body_bytes=16 + NONCE_BYTES)
    except OpaqueRefused:
        return None
    return Device(uuid_text(body[:16]), body[16:])
