"""HMAC (RFC 2104) under one key: its two padded blocks are hashed once, and copied for each message.

So section 4 of the RFC suggests. It takes half the time of `hmac.digest` on the 400 bytes of a token (1.0 us
against 2.2), because OpenSSL looks its HMAC up anew at each call of that.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from sekisho_verify.encoding import b64url_decode, b64url_encode
from sekisho_verify.errors import TokenRefused

if TYPE_CHECKING:
    from collections.abc import Callable

_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


class Hmac:
    """Makes and checks the MAC of one message after another. Safe to share among threads; never printed.

    Threads share the two hashed blocks, which are only ever copied; each message is hashed in its own copies.

    Args:
        secret: the key, of any length.
        new_hash: a constructor of `hashlib`, such as `hashlib.sha256`.
    """

    __slots__ = ("_copy_inner", "_copy_outer", "_seal_length")

    def __init__(self, secret: bytes, new_hash: Callable[[bytes], Any]) -> None:
        block = new_hash(b"").block_size
        padded = (new_hash(secret).digest() if len(secret) > block else secret).ljust(block, b"\0")
        self._copy_inner: Final = new_hash(padded.translate(_INNER)).copy
        self._copy_outer: Final = new_hash(padded.translate(_OUTER)).copy
        self._seal_length: Final = len(b64url_encode(new_hash(b"").digest()))

    def digest(self, message: bytes) -> bytes:
        """The MAC of `message`."""
        inner = self._copy_inner()
        inner.update(message)
        outer = self._copy_outer()
        outer.update(inner.digest())
        mac: bytes = outer.digest()
        return mac

    def check(self, message: bytes, seal: bytes) -> None:
        """Return if `seal` is the MAC of `message` in base64url; one of another length is refused unhashed.

        It is compared as it stands in the token: the MAC has one spelling, so equality proves that canonical.

        Raises:
            TokenRefused: `token_signature_mismatch`.
            EncodingError: the seal is not canonical base64url.
        """
        if len(seal) != self._seal_length or not compare_digest(b64url_encode(self.digest(message)), seal):
            b64url_decode(seal)  # only to say more exactly what is wrong
            raise TokenRefused("token_signature_mismatch")
