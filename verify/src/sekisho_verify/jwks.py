"""An issuer's public keys, found by its name: RFC 8414 metadata, then its JWK set. Once, or kept fresh.

On the standard library's HTTP client, which knows no proxy: `HTTPS_PROXY` and its like change nothing here.
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sekisho_verify import steady_clock
from sekisho_verify.encoding import json_object
from sekisho_verify.errors import ConfigurationError, EncodingError, KeyRefused, KeySetUnavailable
from sekisho_verify.key_cache import KeyCache
from sekisho_verify.keysets import key_set_from_jwks
from sekisho_verify.refreshed_keys import RefreshedKeys
from sekisho_verify.urls import safe_place

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from sekisho_verify.keys import VerificationKey
    from sekisho_verify.keysets import KeySet
    from sekisho_verify.urls import Place

MAX_BODY: Final = 256 * 1024
"""Bytes of the largest answer that is read."""
METADATA_PATH: Final = "/.well-known/oauth-authorization-server"

_log: Final = logging.getLogger("sekisho_verify.jwks")


def fetch_key_set(issuer: str, *, timeout: float = 5.0) -> KeySet:
    """The issuer's public keys, as they are now.

    Reads `{issuer}/.well-known/oauth-authorization-server`, which must name this very issuer, and then the
    set at its `jwks_uri`. https only, except to this machine; no redirect is followed (CVE-2026-102267) and
    no other scheme exists here (CVE-2026-48522). The `jwks_uri` must be of the issuer's own origin: scheme,
    host and port. So nothing is asked but what the operator has named, whatever the metadata say, and the
    addresses behind the names need no check against request forgery (RFC 8725 section 3.10).

    Args:
        issuer: the `iss` of the tokens.
        timeout: seconds for the whole exchange: names, connections and both answers together.

    Raises:
        ConfigurationError: if the issuer is not an acceptable URL, or the timeout not above 0.
        KeySetUnavailable: if anything else goes wrong; the message says what.
    """
    if not timeout > 0:
        raise ConfigurationError(f"timeout is a number of seconds above 0; got {timeout!a}")
    place = _metadata_place(issuer)
    return _within(timeout, lambda exchange: _fetch(exchange, issuer, place))


class IssuerKeys(RefreshedKeys):
    """The public keys of an issuer, found by its name and kept fresh in the background.

    `Verifier(issuer=..., audience=..., feed=None)` makes one by itself; make it yourself to set the times, to
    share it between verifiers, or to have a cache file.

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
        _metadata_place(issuer)
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


def _metadata_place(issuer: str) -> Place:
    try:
        return safe_place(issuer.rstrip("/") + METADATA_PATH)
    except ValueError as error:
        raise ConfigurationError(f"issuer: {error}; give it as https://id.example.com") from None


def _fetch(exchange: _Exchange, issuer: str, place: Place) -> KeySet:
    try:
        metadata = json_object(exchange.get(place), unique_members=True)
        # Byte for byte: otherwise one issuer could stand in for another (RFC 8414 section 3.3).
        if metadata.get("issuer") != issuer:
            raise KeySetUnavailable(_of_another(metadata.get("issuer"), issuer))
        jwks_uri = metadata.get("jwks_uri")
        if not isinstance(jwks_uri, str):
            raise KeySetUnavailable("the metadata has no jwks_uri")
        source = safe_place(jwks_uri)
        if source.origin != place.origin:
            raise KeySetUnavailable(f"jwks_uri is not of the issuer's own origin: {jwks_uri!a}")
        found = key_set_from_jwks(exchange.get(source))
        if any(key.symmetric for key in found.keys):
            raise KeySetUnavailable("the set publishes a shared secret: replace it, it is known")
    except EncodingError as error:
        raise KeySetUnavailable(f"{issuer}: {error}") from None
    except KeyRefused as error:
        raise KeySetUnavailable(f"the key set of {issuer}: {error}") from None
    except ValueError as error:
        raise KeySetUnavailable(f"jwks_uri: {error}") from None
    for reason in found.skipped:
        _log.warning("skipped a key of %s: %s", issuer, reason)
    return found


def _of_another(named: object, issuer: str) -> str:
    reason = f"the metadata is of issuer {named!a}, not {issuer!a}"
    # Not refused beforehand: an issuer may well be spelled with that slash (RFC 8414 section 3.1), and only
    # its metadata say which it is. No other name of theirs is recommended to the operator.
    if isinstance(named, str) and named.rstrip("/") == issuer.rstrip("/"):
        reason += f"; the slash at the end counts: give issuer={named!a}"
    return reason


class _Exchange:
    """Requests one after the other on connections of their own, which another thread may cut."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._cut = False

    def get(self, place: Place) -> bytes:
        """The body of a 200 answer to a GET."""
        connection = self._connection(place)
        try:
            connection.connect()
            # Kept here, because the connection gives it away to the answer.
            self._socket = connection.sock
            if self._cut:
                raise KeySetUnavailable("out of time")
            headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}
            connection.request("GET", place.target, headers=headers)
            with connection.getresponse() as answer:
                if answer.status != http.client.OK:
                    raise KeySetUnavailable(f"{place.host}{place.target} answered {answer.status}")
                body = answer.read(MAX_BODY + 1)
        except (OSError, http.client.HTTPException) as error:
            raise KeySetUnavailable(f"{place.host}: {type(error).__name__}: {str(error)!a}") from None
        finally:
            connection.close()
        if len(body) > MAX_BODY:
            raise KeySetUnavailable(f"{place.host}{place.target} sent more than {MAX_BODY} bytes")
        return body

    def _connection(self, place: Place) -> http.client.HTTPConnection:
        if not place.secure:
            return http.client.HTTPConnection(place.host, place.port, timeout=self._timeout)
        # Named, because the default is a global that programs are told to replace where a certificate is a
        # nuisance to them; these keys are believed for nothing but the certificate.
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(place.host, place.port, timeout=self._timeout, context=context)

    def cut(self) -> None:
        """End whatever is under way."""
        self._cut = True
        if self._socket is not None:
            with suppress(OSError):  # it may have ended by itself
                self._socket.shutdown(socket.SHUT_RDWR)


def _within(timeout: float, work: Callable[[_Exchange], KeySet]) -> KeySet:
    # A socket's timeout starts anew with each byte, and a name look-up has none at all. Only waiting from
    # outside bounds the whole, whatever the other side drips; the thread left behind is cut, and holds
    # nothing.
    exchange = _Exchange(timeout)
    outcome: list[KeySet | BaseException] = []

    def run() -> None:
        try:
            outcome.append(work(exchange))
        except BaseException as error:  # noqa: BLE001 -- raised again below, in the thread that asked
            outcome.append(error)

    thread = threading.Thread(target=run, name="sekisho-key-set", daemon=True)
    thread.start()
    thread.join(timeout)
    if not outcome:
        exchange.cut()
        raise KeySetUnavailable(f"no key set within {timeout} seconds")
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
