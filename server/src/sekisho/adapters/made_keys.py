"""The signing key that the server makes for itself: a file beside SQLite, or sealed in PostgreSQL."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sekisho.adapters.data_directory import make_directory, sync_directory, write_private
from sekisho.adapters.given_keys import SignerKey, SigningKeys, keyring, unusable
from sekisho.adapters.sealing import Sealing, UnsealRefused
from sekisho.adapters.secrets.file import read_file
from sekisho.ports import Entropy, KeyStore
from sekisho.rules.events import Event
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.keyring import KeyringRefused, SealedKey
from sekisho.setting_values import Words
from sekisho.settings import Alg, refused
from sekisho_verify import HmacKey, KeyRefused, SigningKey, key_from_jwk, key_from_pem
from sekisho_verify.keypairs import PairAlg

DIRECTORY = "keys"

#: ASVS 11.2.3 asks for 128 bits of strength, which is what 3072 bits of RSA are worth.
_RSA_BITS = 3072
_SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
_NAME = re.compile(
    r"\d{4}-\d{2}-\d{2}-(?P<alg>[A-Z][A-Za-z0-9]{3,5})-(?P<kid>[A-Za-z0-9_-]+)\.(?P<kind>pem|jwk)"
)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key, and what its file holds: PKCS #8 for a pair, a JWK for a secret."""

    key: SignerKey
    content: bytes = field(repr=False)

    def file_name(self, now: float) -> str:
        """`2026-11-21-ES256-<kid>.pem`: sorts by age, and binds the key to its algorithm for good."""
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        return f"{day}-{self.key.alg}-{self.key.kid}.{'jwk' if isinstance(self.key, HmacKey) else 'pem'}"


def make_key(alg: Alg, *, entropy: Entropy) -> MadeKey:
    """A new key for `alg`. Pairs take their randomness from OpenSSL itself, which has no seam for another."""
    if alg == "HS256" or alg == "HS384" or alg == "HS512":  # noqa: PLR1714 - type checkers narrow this form
        secret = HmacKey(entropy(_SECRET_BYTES[alg]), alg=alg)
        return MadeKey(secret, msgspec.json.encode(secret.to_private_jwk()))
    private = _PRIVATE[alg]()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return MadeKey(SigningKey(private, alg=alg), pem)


_PRIVATE: dict[
    str, Callable[[], ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey]
] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(65537, _RSA_BITS),
    "PS256": lambda: rsa.generate_private_key(65537, _RSA_BITS),
}


def keys_in_directory(
    data: Path,
    *,
    alg: Alg,
    now: float,
    entropy: Entropy,
    made: Callable[[SignerKey], None] = lambda _: None,
) -> SigningKeys:
    """The keys of `<data>/keys`, of which the newest signs; one for `alg` is made where there is none.

    `made` is told of the key if it was this call that made it.

    Servers that start at once on one directory agree: the first key arrives together with its directory, by
    one `rename`, which succeeds only where there is none yet or an empty one.

    Raises:
        SettingsRefused: a file is open to others, no key, or not the key that its name says.
    """
    directory = data / DIRECTORY
    if not _files(directory):
        new = make_key(alg, entropy=entropy)
        draft = data / f".{DIRECTORY}.{entropy(8).hex()}"
        make_directory(draft)
        write_private(draft / new.file_name(now), new.content)
        sync_directory(draft)
        try:
            draft.rename(directory)
        except OSError as fault:
            shutil.rmtree(draft)
            if fault.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                raise unusable(str(directory), fault.strerror or "cannot be made") from None
            # Another process was first: its key is read below.
        else:
            made(new.key)
        sync_directory(data)
    make_directory(directory)
    files = _files(directory)
    try:
        return keyring([_read(path) for path in reversed(files)])
    except KeyringRefused as fault:
        raise unusable(str(directory), str(fault)) from None


def _files(directory: Path) -> list[Path]:
    """Its files, oldest first; those with a leading dot belong to the file system or to an editor."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if not path.name.startswith("."))


def _read(path: Path) -> SignerKey:
    content = read_file(str(path))
    try:
        return _named_key(path.name, content)
    except KeyRefused as fault:
        raise unusable(str(path), str(fault)) from None


def _named_key(file_name: str, content: bytes) -> SignerKey:
    name = _NAME.fullmatch(file_name)
    if name is None:
        raise KeyRefused("the name is not DATE-ALG-KID.pem or .jwk")
    alg = cast("PairAlg", name["alg"])  # any other is refused by the loader
    key = key_from_jwk(content) if name["kind"] == "jwk" else key_from_pem(content, alg=alg)
    if not isinstance(key, SignerKey) or (key.alg, key.kid) != (alg, name["kid"]):
        raise KeyRefused("the file does not hold the key that its name says")
    return key


async def keys_in_store(
    store: KeyStore, *, sealing: Sealing, alg: Alg, now: float, entropy: Entropy
) -> SigningKeys:
    """The keys that the database keeps sealed; the newest signs. One for `alg` is made where there is none.

    Raises:
        SettingsRefused: one of them was sealed under another root secret, or its row was changed.
    """
    held = await store.signing_keys()
    if not held:
        made = make_key(alg, entropy=entropy).key
        plain = msgspec.json.encode(made.to_private_jwk())
        about = _about(made.kid, made.alg)
        row = SealedKey(made.kid, made.alg, now, sealing.seal(plain, about=about, entropy=entropy))
        held = await store.add_first_signing_key(row, event=key_added(made, now=now, entropy=entropy))
    try:
        return keyring([_open(row, sealing) for row in reversed(held)])
    except (UnsealRefused, KeyRefused, KeyringRefused) as fault:
        raise refused(
            "SEKISHO_ROOT_SECRET",
            Words(f"does not open the signing keys: {fault}", f"署名鍵を開けません: {fault}"),
            Words(
                "give the root secret under which this database was first started",
                "このデータベースを最初に起動したときのルート秘密を指定してください",
            ),
        ) from None


def key_added(key: SignerKey, *, now: float, entropy: Entropy) -> Event:
    """The record of a new signing key."""
    about = {"kid": key.kid, "alg": key.alg}
    return Event("signing_key_added", now, uuid7(now, entropy(ENTROPY_BYTES)), about=about)


def _open(row: SealedKey, sealing: Sealing) -> SignerKey:
    key = key_from_jwk(sealing.unseal(row.sealed, about=_about(row.kid, row.alg)))
    if not isinstance(key, SignerKey) or (key.kid, key.alg) != (row.kid, row.alg):
        raise UnsealRefused("a row holds another key than it says")
    return key


def _about(kid: str, alg: str) -> bytes:
    """What the seal binds the key to, so that rows cannot be swapped or an algorithm rewritten."""
    return f"signing key|{kid}|{alg}".encode()
