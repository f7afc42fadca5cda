"""Where the signing keys come from: given by reference, or made by the server."""

from __future__ import annotations

from sekisho.adapters.key_files import KeyFiles
from sekisho.adapters.made_keys import MadeKeys
from sekisho.adapters.referred_keys import ReferredKeys, read_given
from sekisho.adapters.sealed_keys import SealedKeys
from sekisho.adapters.sealing import Sealing
from sekisho.adapters.secrets.references import Secrets
from sekisho.ports import Clock, Entropy, KeyStore
from sekisho.rules.keyring import LEAD, KeyTimes, believed_for, is_shared
from sekisho.settings import Settings


def key_origin(
    settings: Settings,
    *,
    secrets: Secrets,
    store: KeyStore,
    sealing: Sealing,
    entropy: Entropy,
    steady: Clock,
) -> MadeKeys | ReferredKeys:
    """Where the keys of this issuer come from, not yet asked."""
    if settings.signing_key is not None:
        return ReferredKeys(
            settings.signing_key, alg=settings.signing_alg, secrets=secrets, store=store, steady=steady
        )
    if settings.sqlite_path is not None:
        place: KeyFiles | SealedKeys = KeyFiles(settings.data, entropy)
    else:
        place = SealedKeys(sealing, entropy)
    return MadeKeys(
        store,
        place,
        alg=settings.signing_alg,
        times=key_times(settings),
        entropy=entropy,
        steady=steady,
    )


def key_times(settings: Settings) -> KeyTimes:
    """How keys follow each other; only access tokens are signed by them (refresh tokens have other keys)."""
    return KeyTimes(LEAD, believed_for(settings.access_ttl), settings.signing_key_age or None)


def verifies_by_secret(settings: Settings, *, secrets: Secrets) -> bool:
    """Whether access tokens are verified by the secret that signs them: whoever verifies can also make them.

    Raises:
        SettingsRefused: the key that was given cannot be used; with the fix.
    """
    if settings.signing_key is None:
        return settings.signing_alg.startswith("HS")
    given = read_given(settings.signing_key, alg=settings.signing_alg, secrets=secrets)
    return is_shared(given.keys[0])
