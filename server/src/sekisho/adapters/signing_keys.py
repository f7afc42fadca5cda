"""Where the signing keys come from: given by reference, or made on the first run."""

from __future__ import annotations

from sekisho.adapters.given_keys import SigningKeys, given_keys
from sekisho.adapters.made_keys import keys_in_directory, keys_in_store
from sekisho.adapters.sealing import Sealing
from sekisho.adapters.secrets.references import Secrets
from sekisho.ports import Entropy, KeyStore
from sekisho.settings import Settings


async def signing_keys(
    settings: Settings,
    *,
    secrets: Secrets,
    store: KeyStore,
    sealing: Sealing,
    now: float,
    entropy: Entropy,
) -> SigningKeys:
    """The keys of this issuer.

    Raises:
        SettingsRefused: a key or a key file cannot be used; with the fix.
    """
    if settings.signing_key is not None:
        name = "SEKISHO_SIGNING_KEY"
        secret = secrets.read(settings.signing_key, setting=name)
        return given_keys(secret, alg=settings.signing_alg, where=f"{name} ({settings.signing_key})")
    if settings.sqlite_path is not None:
        return keys_in_directory(settings.data, alg=settings.signing_alg, now=now, entropy=entropy)
    return await keys_in_store(store, sealing=sealing, alg=settings.signing_alg, now=now, entropy=entropy)
