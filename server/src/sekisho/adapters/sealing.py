"""Private keys at rest: sealed with AES-256-GCM under a key derived from the root secret."""

from __future__ import annotations

from sekisho.frozen import Frozen
from sekisho.ports import Entropy
from sekisho.rules.opaque import KEY_ID_BYTES, MacKeys

#: NIST SP 800-38D section 8.2.2: random, and safe far beyond the handful of keys a server ever seals.
NONCE_BYTES = 12


class UnsealRefused(Exception):
    """The seal is broken, belongs to other data, or was made under a root secret that is not at hand."""


class Sealing(Frozen):
    """Seals with the current key; opens what the current or a previous one sealed."""

    keys: MacKeys

    def seal(self, plain: bytes, *, about: bytes, entropy: Entropy) -> bytes:
        """`plain` sealed: key id (4 bytes), nonce (12), ciphertext. `about` is authenticated, not stored."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - a start from files needs none

        key = self.keys.current
        nonce = entropy(NONCE_BYTES)
        return key.id + nonce + AESGCM(key.secret).encrypt(nonce, plain, key.id + about)

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed with the current key."""
        return sealed[:KEY_ID_BYTES] == self.keys.current.id

    def unseal(self, sealed: bytes, *, about: bytes) -> bytes:
        """What was sealed, if it is whole and was sealed about the same.

        Raises:
            UnsealRefused: otherwise.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

        key = self.keys.find(sealed[:KEY_ID_BYTES])
        nonce, ciphertext = sealed[KEY_ID_BYTES:][:NONCE_BYTES], sealed[KEY_ID_BYTES + NONCE_BYTES :]
        if key is None:
            raise UnsealRefused("sealed under another root secret")
        try:
            return AESGCM(key.secret).decrypt(nonce, ciphertext, key.id + about)
        except (InvalidTag, ValueError):
            raise UnsealRefused("the seal does not fit") from None
