"""Opaque tokens: `prefix_` + base64url(key id | body | HMAC-SHA256), one spelling each.

The MAC is checked before anything else happens, so a forged or mutilated token costs no I/O and can neither
probe for ids nor set off the reuse detection of somebody else's session. The prefix is under the MAC:
a token of one kind is never valid as another (requirement C6). It also lets secret scanners know ours.
"""

from __future__ import annotations

import hashlib
from hmac import compare_digest
from typing import Final, NoReturn

from sekisho.frozen import Frozen
from sekisho_verify.encoding import b64url_decode, b64url_encode
from sekisho_verify.errors import EncodingError
from sekisho_verify.mac import Hmac

KEY_ID_BYTES = 4
MAC_BYTES = 32


class OpaqueRefused(ValueError):
    """Not a token of this kind made with one of these keys; it never says which half was wrong."""


class MacKey:
    """One key of a ring: four public bytes that name it, and the secret.

    It is never printed, and no struct, so that whatever copies or encodes the rest refuses at it.
    """

    __slots__ = ("_hmac", "id", "secret")

    def __init__(self, id: bytes, secret: bytes) -> None:  # noqa: A002 - what it is called wherever a key has one
        self.id: Final = id
        self.secret: Final = secret
        self._hmac: Final = Hmac(secret, hashlib.sha256)

    def __repr__(self) -> str:
        return f"MacKey(id={self.id.hex()}, secret=[redacted])"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a key is not copied or pickled: it stays where it was derived")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a key is not copied or pickled: it stays where it was derived")

    def mac(self, prefix: str, body: bytes) -> bytes:
        """HMAC-SHA256 of a token's kind, this key's id and the body."""
        return self._hmac.digest(prefix.encode() + b"\x00" + self.id + body)


class MacKeys(Frozen):
    """The key that seals now, and those whose seals are still believed."""

    current: MacKey
    previous: tuple[MacKey, ...] = ()

    def find(self, key_id: bytes) -> MacKey | None:
        """The key of that id. Ids are public, so the comparison need not be in constant time."""
        if key_id == self.current.id:
            return self.current
        return next((key for key in self.previous if key.id == key_id), None)


def digest(secret: bytes) -> bytes:
    """SHA-256 of a secret of 256 random bits: what a database may keep in its place.

    No salt and no slow hash: there is nothing to guess in 256 random bits.
    """
    return hashlib.sha256(secret).digest()


def seal(prefix: str, body: bytes, keys: MacKeys) -> str:
    """The token of this kind for `body`, sealed with the current key."""
    key = keys.current
    return prefix + b64url_encode(key.id + body + key.mac(prefix, body)).decode()


def unseal(prefix: str, text: str, keys: MacKeys, *, body_bytes: int) -> bytes:
    """The body of a token that one of `keys` sealed.

    Raises:
        OpaqueRefused: anything else: another kind, length, spelling, key or seal.
    """
    size = KEY_ID_BYTES + body_bytes + MAC_BYTES
    if not text.startswith(prefix) or len(text) != len(prefix) + (size * 4 + 2) // 3:
        raise OpaqueRefused(prefix)
    try:
        raw = b64url_decode(text[len(prefix) :].encode())
    except EncodingError:
        raise OpaqueRefused(prefix) from None
    key = keys.find(raw[:KEY_ID_BYTES])
    body, presented = raw[KEY_ID_BYTES:-MAC_BYTES], raw[-MAC_BYTES:]
    if key is None or not compare_digest(key.mac(prefix, body), presented):
        raise OpaqueRefused(prefix)
    return body
