"""Where the signing keys come from: given by reference, or made on the first run."""

from __future__ import annotations

from typing import Protocol

from sekisho.adapters.given_keys import SignerKey, SigningKeys, given_keys
from sekisho.adapters.made_keys import key_added, keys_in_directory, keys_in_store
from sekisho.adapters.sealing import Sealing
from sekisho.adapters.secrets.references import Secrets
from sekisho.ports import Entropy, EventStore, KeyStore
from sekisho.rules.keyring import is_shared
from sekisho.settings import Settings


class KeysOnRecord(KeyStore, EventStore, Protocol):
    """Where keys and the record of them are kept."""


async def signing_keys(
    settings: Settings,
    *,
    secrets: Secrets,
    store: KeysOnRecord,
    sealing: Sealing,
    now: float,
    entropy: Entropy,
) -> SigningKeys:
    """The keys of this issuer.

    Raises:
        SettingsRefused: a key or a key file cannot be used; with the fix.
    """
    if settings.signing_key is not None:
        return _given(settings, settings.signing_key, secrets)
    if settings.sqlite_path is not None:
        made: list[SignerKey] = []
        keys = keys_in_directory(
            settings.data, alg=settings.signing_alg, now=now, entropy=entropy, made=made.append
        )
        for key in made:
            await store.record(key_added(key, now=now, entropy=entropy))
        return keys
    return await keys_in_store(store, sealing=sealing, alg=settings.signing_alg, now=now, entropy=entropy)


def verifies_by_secret(settings: Settings, *, secrets: Secrets) -> bool:
    """Whether access tokens are verified by the secret that signs them: whoever verifies can also make them.

    Raises:
        SettingsRefused: the key that was given cannot be used; with the fix.
    """
    if settings.signing_key is None:
        return settings.signing_alg.startswith("HS")
    return is_shared(_given(settings, settings.signing_key, secrets).signing)


def _given(settings: Settings, reference: str, secrets: Secrets) -> SigningKeys:
    name = "SEKISHO_SIGNING_KEY"
    secret = secrets.read(reference, setting=name)
    return given_keys(secret, alg=settings.signing_alg, where=f"{name} ({reference})")
