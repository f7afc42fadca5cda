"""Known devices: a secret handed out at login and shown at the next one.

It proves nothing but "somebody logged in to this account from here before, with the password it has now", and
that is enough to keep the owner's path open while an attacker burns the attempts of everybody else (OWASP,
device cookies). Nothing is stored: the seal is the proof, and the nonce names the device in the throttle.

Each device has guesses of its own, so the password is in it: whoever knew an earlier one could have gathered
any number of devices, and with them any number of guesses at the next.
"""

from __future__ import annotations

from sekisho.frozen import Frozen, Hidden
from sekisho.rules.ids import UUID_BYTES, uuid_bytes, uuid_text
from sekisho.rules.opaque import MacKeys, OpaqueRefused, digest, seal, unseal

PREFIX = "skd1_"
NONCE_BYTES = 32
_PASSWORD_BYTES = 16


class Device(Frozen):
    """A device on which `user_id` has logged in with `password`, which only `password_of` makes."""

    user_id: str
    password: Hidden[bytes]
    nonce: Hidden[bytes]


def password_of(password_hash: str) -> bytes:
    """16 bytes that name a password hash; they tell nothing of it to whoever does not know its salt."""
    return digest(password_hash.encode())[:_PASSWORD_BYTES]


def encode(device: Device, keys: MacKeys) -> str:
    """The text handed to the client."""
    return seal(PREFIX, uuid_bytes(device.user_id) + device.password + device.nonce, keys)


def decode(text: str | None, keys: MacKeys) -> Device | None:
    """The device that `text` names, or none. A bad one is simply an unknown device, never a refusal."""
    if text is None:
        return None
    try:
        body = unseal(PREFIX, text, keys, body_bytes=UUID_BYTES + _PASSWORD_BYTES + NONCE_BYTES)
    except OpaqueRefused:
        return None
    name, password = body[:UUID_BYTES], body[UUID_BYTES:-NONCE_BYTES]
    return Device(uuid_text(name), password, body[-NONCE_BYTES:])
