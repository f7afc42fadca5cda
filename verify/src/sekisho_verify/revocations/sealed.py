"""The feed on the wire: snapshots, frames and heartbeats, each a JWS by the issuer's signing key.

So a relay, a CDN or plain http can withhold and repeat, but not make up "nothing happened" or "everything is
revoked". What is repeated does no harm, since numbers and times only go forward. A seal is made once and read
by all. Issuer and verifier write and read by these functions alone.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from sekisho_verify import jws
from sekisho_verify.encoding import b64url_decode, b64url_encode
from sekisho_verify.errors import EncodingError, RevocationsUnavailable, TokenRefused
from sekisho_verify.keys import HmacKey
from sekisho_verify.revocations.entries import Frame, Heartbeat, Snapshot
from sekisho_verify.revocations.packed import PackedEntries, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sekisho_verify.keys import Signer, VerificationKey

T = TypeVar("T", bound="_Sealed")
K = TypeVar("K")

MAX_SNAPSHOT: Final = 64 * 1024 * 1024
"""Characters of the longest snapshot that is read: 2.7 million entries."""
MAX_FRAME: Final = 256 * 1024
"""Characters of the longest frame, heartbeat or answer about the time that is read: 11,000 entries."""

_FEED: Final = "revocation feed"
# An algorithm that no key here is for speaks of a key that is not here either.
_OF_OTHER_KEYS: Final = frozenset({"token_key_unknown", "token_alg_not_allowed"})


class SealKeyUnknown(RevocationsUnavailable):
    """Sealed by a key that is not here: the keys may have changed."""


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    iss: str


class _Snapshot(_Sealed, frozen=True, kw_only=True):
    epoch: int
    head: int
    as_of: float
    ttl: float
    entries: str


class _Frame(_Sealed, frozen=True, kw_only=True):
    epoch: int
    first: int
    last: int
    as_of: float
    entries: str


class _Heartbeat(_Sealed, frozen=True, kw_only=True):
    epoch: int
    head: int
    as_of: float


class _Time(_Sealed, frozen=True, kw_only=True):
    nonce: str
    now: float


# A media type each, so that none can stand in for another (RFC 8725 section 3.11).
_TYPES: Final[dict[type[_Sealed], str]] = {
    _Snapshot: "revocation-snapshot+jwt",
    _Frame: "revocation-frame+jwt",
    _Heartbeat: "revocation-heartbeat+jwt",
    _Time: "revocation-time+jwt",
}


def seal(news: Snapshot | Frame | Heartbeat, *, issuer: str, key: Signer) -> str:
    """What goes over the wire, sealed by the issuer's key; a shared secret yields a key of its own."""
    if isinstance(news, Heartbeat):
        return _seal(_Heartbeat(iss=issuer, epoch=news.epoch, head=news.head, as_of=news.as_of), key)
    if isinstance(news, Frame):
        return _seal(
            _Frame(
                iss=issuer,
                epoch=news.epoch,
                first=news.first,
                last=news.last,
                as_of=news.as_of,
                entries=b64url_encode(pack(news.entries, head=news.last)).decode(),
            ),
            key,
        )
    return _seal(
        _Snapshot(
            iss=issuer,
            epoch=news.epoch,
            head=news.head,
            as_of=news.as_of,
            ttl=news.ttl,
            entries=b64url_encode(pack(news.entries, head=news.head)).decode(),
        ),
        key,
    )


def seal_time(now: float, *, nonce: str, issuer: str, key: Signer) -> str:
    """The issuer's time, in seconds since 1970, for the one who asked with that nonce.

    The nonce is what makes it an answer: a time that was recorded earlier would make a verifier believe that
    a feed which is delayed is fresh.
    """
    return _seal(_Time(iss=issuer, nonce=nonce, now=now), key)


def _seal(claims: _Sealed, key: Signer) -> str:
    return jws.sign(msgspec.json.encode(claims), {"typ": _TYPES[type(claims)]}, _for_feed(key))


def _for_feed(key: K) -> K | HmacKey:
    return key.derived(_FEED) if isinstance(key, HmacKey) else key


class FeedSeals:
    """Reads what `seal` and `seal_time` have written, by the issuer's keys as they are at one time.

    Every method raises `RevocationsUnavailable` for anything else: a seal that does not hold, another issuer,
    another kind, more than is ever written, contradictions. For a key that is not here it is
    `SealKeyUnknown`.

    Args:
        keys: those that access tokens are verified with.
        issuer: the exact `iss`.
        leaked: whether the key with that `kid` has leaked: its holder could then say whatever he likes.
    """

    __slots__ = ("_issuer", "_keys", "_leaked", "_seals")

    def __init__(
        self, keys: Iterable[VerificationKey], *, issuer: str, leaked: Callable[[str], bool]
    ) -> None:
        self._issuer: Final = issuer
        self._leaked: Final = leaked
        self._keys: Final = tuple(map(_for_feed, keys))
        self._seals: Final = {
            shape: jws.CompactVerifier(
                self._keys, typ=typ, max_length=MAX_SNAPSHOT if shape is _Snapshot else MAX_FRAME
            )
            for shape, typ in _TYPES.items()
        }

    def snapshot(self, text: str) -> Snapshot:
        """The snapshot that `text` is."""
        read = self._read(text, _Snapshot)
        return Snapshot(
            epoch=read.epoch,
            head=read.head,
            as_of=read.as_of,
            ttl=read.ttl,
            entries=_entries(read.entries, head=read.head),
        )

    def frame(self, text: str) -> Frame:
        """The frame that `text` is."""
        read = self._read(text, _Frame)
        return Frame(
            epoch=read.epoch,
            first=read.first,
            last=read.last,
            as_of=read.as_of,
            entries=_entries(read.entries, head=read.last),
        )

    def heartbeat(self, text: str) -> Heartbeat:
        """The heartbeat that `text` is."""
        read = self._read(text, _Heartbeat)
        return Heartbeat(epoch=read.epoch, head=read.head, as_of=read.as_of)

    def time(self, text: str, *, nonce: str) -> float:
        """The issuer's time, in seconds since 1970, as it answers the question with that nonce."""
        read = self._read(text, _Time)
        if read.nonce != nonce:
            raise RevocationsUnavailable("the time is an answer to another question")
        if not isfinite(read.now):
            raise RevocationsUnavailable(f"a time of {read.now!a}")
        return read.now

    def _read(self, text: str, shape: type[T]) -> T:
        seals = self._seals[shape]
        try:
            payload = seals.open(text)
            kid = seals.kid_of(text)
            claims = msgspec.json.decode(payload, type=shape)
        except (TokenRefused, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            unknown = isinstance(error, TokenRefused) and error.code in _OF_OTHER_KEYS
            refusal = SealKeyUnknown if unknown else RevocationsUnavailable
            raise refusal(f"not a {_TYPES[shape]} of this issuer: {_reason(error)}") from None
        if claims.iss != self._issuer:
            raise RevocationsUnavailable(f"a {_TYPES[shape]} of another issuer: {claims.iss!a:.200}")
        if self._leaked(kid):
            raise RevocationsUnavailable(f"a {_TYPES[shape]} by the leaked key {kid}")
        return claims


def _reason(error: Exception) -> str:
    if isinstance(error, TokenRefused):
        return f"{error.code} {error.detail}".rstrip()
    return f"{str(error)!a:.200}"


def _entries(text: str, *, head: int) -> PackedEntries:
    try:
        return PackedEntries(b64url_decode(text.encode()), head=head)
    except EncodingError as error:
        raise RevocationsUnavailable(f"entries: {error}") from None
