"""The root secret, and the server's keys that derive from it: HKDF-SHA256 (RFC 5869), a label each.

One secret to guard, back up and rotate; no two uses share a key, and none tells anything about another.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sekisho.adapters.data_directory import publish_private
from sekisho.adapters.sealing import Sealing
from sekisho.adapters.secrets.references import Secrets
from sekisho.adapters.secrets.secret import Secret, strong
from sekisho.frozen import Frozen
from sekisho.ports import Entropy
from sekisho.rules.opaque import KEY_ID_BYTES, MacKey, MacKeys

FILE: Final = "root-secret"
_KEY_BYTES: Final = 32


class ServerKeys(Frozen):
    """What the root secret yields. Each ring holds the key of the current root and those of previous ones."""

    refresh: MacKeys
    stateless_refresh: MacKeys
    device: MacKeys
    session_cookie: MacKeys
    session_copy: MacKeys
    csrf: MacKeys
    feed: MacKeys
    sealing: Sealing


def derive_keys(current: Secret, previous: Sequence[Secret] = ()) -> ServerKeys:
    """Derive every key. The four bytes that name a key are derived as well, so all servers agree on them."""

    def ring(label: str) -> MacKeys:
        return MacKeys(_key(current, label), tuple(_key(secret, label) for secret in previous))

    return ServerKeys(
        refresh=ring("refresh token"),
        stateless_refresh=ring("stateless refresh token"),
        device=ring("device secret"),
        session_cookie=ring("session cookie"),
        session_copy=ring("session copy"),
        csrf=ring("csrf token"),
        feed=ring("revocation feed"),
        sealing=Sealing(ring("sealing")),
    )


def _key(root: Secret, label: str) -> MacKey:
    return MacKey(_hkdf(root, "key id", KEY_ID_BYTES), _hkdf(root, label, _KEY_BYTES))


def _hkdf(root: Secret, label: str, size: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - heavy, and needed once at start
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

    # No salt: the input is uniformly random already (RFC 5869 section 3.3).
    return HKDF(SHA256(), size, salt=None, info=b"sekisho 1 " + label.encode()).derive(root.reveal())


class Roots(Frozen):
    """The root secret, and those beside it: what they seal is not made any more, and still counts."""

    current: Secret
    others: tuple[Secret, ...] = ()


def root_secrets(
    reference: str | None, others: Sequence[str] = (), *, data: Path, secrets: Secrets, entropy: Entropy
) -> Roots:
    """The root secret that `reference` names, or the one of the data directory, made there if it is missing.

    Beside it count those that `others` name, and the pending and previous versions of each, where a source
    knows versions. Servers that start at once on one directory agree: one of them makes the file, and all
    read it.

    Raises:
        SettingsRefused: one cannot be read, is open to others, short, or guessable.
    """
    if reference is None:
        path = data / FILE
        if not path.exists():
            publish_private(path, base64.b64encode(entropy(_KEY_BYTES)) + b"\n", entropy=entropy)
        reference = f"file:{path}"
    named = [(reference, "SEKISHO_ROOT_SECRET"), *((each, "SEKISHO_ROOT_SECRET_PREVIOUS") for each in others)]
    found: dict[bytes, Secret] = {}
    for each, setting in named:
        versions = secrets.versions(each, setting=setting)
        pending = () if versions.pending is None else (versions.pending,)
        for secret in (versions.current, *pending, *versions.previous):
            found.setdefault(secret.reveal(), strong(secret, each))
    current, *rest = found.values()
    return Roots(current, tuple(rest))
