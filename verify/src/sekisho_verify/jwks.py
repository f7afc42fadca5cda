"""An issuer's public keys, found by its name: RFC 8414 metadata, then its JWK set. Once, or kept fresh."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from sekisho_verify import steady_clock
from sekisho_verify.background import LOCK
from sekisho_verify.errors import ConfigurationError, EncodingError, KeyRefused, KeySetUnavailable
from sekisho_verify.http_get import Exchange, HttpFailed, TooLate, within
from sekisho_verify.issuer_metadata import (
    MAX_METADATA,
    METADATA_PATH,
    metadata_place,
    own_place,
    read_metadata,
)
from sekisho_verify.key_cache import KeyCache
from sekisho_verify.keysets import key_set_from_jwks
from sekisho_verify.refreshed_keys import RefreshedKeys

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from sekisho_verify.keys import VerificationKey
    from sekisho_verify.keysets import KeySet

__all__ = ["MAX_BODY", "METADATA_PATH", "IssuerKeys", "fetch_key_set", "shared_issuer_keys"]

MAX_BODY: Final = MAX_METADATA
"""Bytes of the largest answer that is read."""

_log: Final = logging.getLogger("sekisho_verify.jwks")


def fetch_key_set(issuer: str, *, timeout: float = 5.0) -> KeySet:
    """The issuer's public keys, as they are now.

    Reads `{issuer}/.well-known/oauth-authorization-server`, which must name this very issuer, and then the
    set at its `jwks_uri`, which must be of the issuer's own origin: scheme, host and port. https only, except
    to this machine; no redirect is followed (CVE-2026-102267) and no other scheme exists here
    (CVE-2026-48522).

    Args:
        issuer: the `iss` of the tokens.
        timeout: seconds for the whole exchange: names, connections and both answers together.

    Raises:
        ConfigurationError: if the issuer is not an acceptable URL, or the timeout not above 0.
        KeySetUnavailable: if anything else goes wrong; the message says what.
    """
    if not timeout > 0:
        raise ConfigurationError(f"timeout is a number of seconds above 0; got {timeout!a}")
    metadata_place(issuer)
    exchange = Exchange(timeout)
    try:
        return within(timeout, exchange, lambda: _fetch(exchange, issuer), name="sekisho-key-set")
    except TooLate:
        raise KeySetUnavailable(f"no key set within {timeout} seconds") from None


class IssuerKeys(RefreshedKeys):
    """The public keys of an issuer, found by its name and kept fresh in the background.

    `Verifier(issuer=..., audience=...)` makes one by itself, and all those of one issuer share it; make it
    yourself to set the times, or to have a cache file.

    Args:
        issuer: the `iss` of the tokens.
        timeout: seconds for one fetch, and so for what the first use waits.
        refresh_every: seconds from one good fetch to the next. A token that names an unknown key asks sooner.
        max_stale: seconds for which the last good set is used while no fetch succeeds
            (GHSA-fhv5-28vv-h8m8); after that no token is accepted.
        cache_file: where the last good set is kept for a start while the issuer is down; see `KeyCache`. It
            is read only if the first fetch fails.
        clock: gives seconds since 1970, for the age of the cache file.
        steady: gives seconds of a clock that never steps, for everything else.

    Raises:
        ConfigurationError: if the issuer is not an acceptable URL, or the seconds are not as they must be.
    """

    symmetric = False

    def __init__(
        self,
        issuer: str,
        *,
        timeout: float = 5.0,
        refresh_every: float = 300.0,
        max_stale: float = 86400.0,
        cache_file: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] = time.time,  # noqa: TID251 -- a file outlives every other clock
        steady: Callable[[], float] = steady_clock.steady,
    ) -> None:
        metadata_place(issuer)
        super().__init__(
            issuer, timeout=timeout, refresh_every=refresh_every, max_stale=max_stale, steady=steady
        )
        self.issuer: str | None = issuer
        self._max_age: Final = max_stale
        self._wall: Final = clock
        self._cache: Final = None if cache_file is None else KeyCache(cache_file, issuer=issuer)

    def load(self) -> Iterable[VerificationKey]:
        """Fetch the set."""
        return fetch_key_set(self._name, timeout=self._timeout).keys

    def keep(self, keys: tuple[VerificationKey, ...]) -> None:
        """Leave a copy in the cache file."""
        if self._cache is not None:
            self._cache.write(keys, now=self._wall())

    def last_good(self) -> tuple[tuple[VerificationKey, ...], float] | None:
        """What the cache file holds."""
        return None if self._cache is None else self._cache.read(now=self._wall(), max_age=self._max_age)


_shared: Final[WeakValueDictionary[str, IssuerKeys]] = WeakValueDictionary()


def shared_issuer_keys(issuer: str) -> IssuerKeys:
    """The one `IssuerKeys(issuer)` of this process that all share who name nothing but the issuer.

    Raises:
        ConfigurationError: if the issuer is not an acceptable URL.
    """
    with LOCK:
        keys = _shared.get(issuer)
        if keys is None:
            keys = _shared[issuer] = IssuerKeys(issuer)
        return keys


def _fetch(exchange: Exchange, issuer: str) -> KeySet:
    try:
        metadata = read_metadata(exchange, issuer)
        found = key_set_from_jwks(
            exchange.get(own_place(metadata, "jwks_uri", issuer=issuer), limit=MAX_BODY).body
        )
        if any(key.symmetric for key in found.keys):
            raise KeySetUnavailable("the set publishes a shared secret: replace it, it is known")
    except EncodingError as error:
        raise KeySetUnavailable(f"{issuer}: {error}") from None
    except KeyRefused as error:
        raise KeySetUnavailable(f"the key set of {issuer}: {error}") from None
    except TooLate:
        raise
    except (HttpFailed, ValueError) as error:
        raise KeySetUnavailable(str(error)) from None
    for reason in found.skipped:
        _log.warning("skipped a key of %s: %s", issuer, reason)
    return found
