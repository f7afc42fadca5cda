"""Private keys in the database, sealed under a key that derives from the root secret."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sekisho.adapters.given_keys import SignerKey
from sekisho.adapters.key_making import MadeKey, make_key
from sekisho.adapters.sealing import Sealing, UnsealRefused
from sekisho.frozen import Frozen
from sekisho.ports import Entropy
from sekisho.rules.keyring import SealedKey
from sekisho.setting_words import Words
from sekisho.settings import Alg, refused
from sekisho_verify import KeyRefused, key_from_jwk


class SealedKeys(Frozen):
    """Seals what goes into a row, and opens what comes out."""

    sealing: Sealing
    entropy: Entropy

    def first(self, alg: Alg, *, now: float) -> list[SealedKey]:
        """A new key, for a database that knows of none."""
        made = make_key(alg, entropy=self.entropy)
        return [SealedKey(made.key.kid, made.key.alg, now, now, self.keep(made, now=now))]

    def keep(self, made: MadeKey, *, now: float) -> bytes:  # noqa: ARG002 - a row says itself when it was made
        """The private key, sealed."""
        plain = msgspec.json.encode(made.key.to_private_jwk())
        return self.sealing.seal(plain, about=_about(made.key.kid, made.key.alg), entropy=self.entropy)

    def open(self, row: SealedKey) -> SignerKey | None:
        """The key of that row.

        Raises:
            SettingsRefused: it was sealed under another root secret, or the row was changed.
        """
        try:
            key = key_from_jwk(self.sealing.unseal(row.sealed, about=_about(row.kid, row.alg)))
            if not isinstance(key, SignerKey) or (key.kid, key.alg) != (row.kid, row.alg):
                raise UnsealRefused("a row holds another key than it says")  # noqa: TRY301 - one way out for every bad row
        except (UnsealRefused, KeyRefused) as fault:
            raise refused(
                "SEKISHO_ROOT_SECRET",
                Words(f"does not open the signing keys: {fault}", f"署名鍵を開けません: {fault}"),
                Words(
                    "give the root secret that sealed them, or name it in SEKISHO_ROOT_SECRET_PREVIOUS",
                    "封印したルートシークレットを指定するか、SEKISHO_ROOT_SECRET_PREVIOUS に加えてください",
                ),
            ) from None
        return key

    def reseal(self, row: SealedKey) -> bytes | None:
        """The same key under the current root secret; none where it is so already.

        Raises:
            SettingsRefused: as for `open`.
        """
        if self.sealing.is_current(row.sealed):
            return None
        self.open(row)
        about = _about(row.kid, row.alg)
        return self.sealing.seal(
            self.sealing.unseal(row.sealed, about=about), about=about, entropy=self.entropy
        )

    def forget(self, kids: Iterable[str]) -> None:
        """Nothing to do: it went with its row."""


def _about(kid: str, alg: str) -> bytes:
    """What the seal binds the key to, so that rows cannot be swapped or an algorithm rewritten."""
    return f"signing key|{kid}|{alg}".encode()
