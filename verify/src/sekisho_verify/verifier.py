"""Verifier: text in, AccessToken out, or TokenRefused. No lock, no clock of its own.

Keys that change come from a `KeySource`, revocations from a `FeedSource`. Both put what is new in place from
threads of their own; only the very first of it is waited for.
"""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING, Final, Literal, Self, cast

from sekisho_verify import steady_clock
from sekisho_verify.access_token import AccessToken, verified_token
from sekisho_verify.claims import Expectations, read_claims
from sekisho_verify.errors import (
    ConfigurationError,
    KeySetUnavailable,
    RevocationsUnavailable,
    TokenRefused,
)
from sekisho_verify.feed_sources import OFF, FeedSource, FeedStatus, status_of
from sekisho_verify.jws import MAX_TOKEN
from sekisho_verify.key_ring import UNMARKED, KeyRing
from sekisho_verify.key_sources import KeySource, KeyStatus
from sekisho_verify.revocations.live import marks
from sekisho_verify.revocations.policy import RevocationPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sekisho_verify.keys import VerificationKey
    from sekisho_verify.revocations.live import Revocations
    from sekisho_verify.revocations.policy import OnCut

NO_FEED: Final = "sensitive routes need a verifier with a revocation feed; this one has feed=None"


class Verifier:
    """Checks access tokens of one issuer for one audience, by keys at hand.

    Safe to share among threads and tasks; make one and keep it. `with`, `async with`, `start` and `stop` mark
    the time in which the verifier is in use; with keys given and no feed there is nothing to start or stop.

    Keys that are not given are loaded, and the feed is followed, from `start` or the first `verify` on, which
    then waits for them, some seconds at most; in an event loop use `astart`, because that wait would hold up
    the loop. From then on background threads keep them fresh and no call waits for anything. All verifiers
    of one issuer share them. A process that is forked has its own threads from its first `verify` on.

    Args:
        issuer: the exact `iss`.
        audience: this API's own name, one of the token's `aud`.
        keys: typed public keys, or shared secrets, never both; or a source of one or the other, such as
            `IssuerKeys` and `HmacKeySource`. By default `IssuerKeys(issuer)`: public keys, found by the
            issuer's name.
        feed: the revocations that every token is checked against, a remembered one too. By default those of
            the issuer, found by its name and followed over the network; an `IssuerFeed` that you made;
            `Revocations` that you feed; or None, which must be written: a verifier without revocation should
            be seen in the code that makes it.
        on_cut: what happens when nothing has come from the feed for a minute: `accept` (a token ends by its
            own `exp`), `young` (one of five minutes and more must be refreshed) or `refuse`.
        leeway: seconds, 0 to 60, that `exp` and `nbf` are stretched by.
        max_lifetime: seconds that may lie between `iat` and `exp`.
        cache_size: how many verified tokens are remembered at least, by their whole text, so that the next
            call with the same one costs a look-up (times and revocations are still checked); at most twice
            as many are. One of 450 characters takes 1.6 KiB, one of 620 with roles and groups 3 KiB, with a
            feed 0.3 KiB more. By default that is 6 MiB with tokens as sekisho writes them. A token above 4
            KiB is verified each time and never remembered; the costliest below that, a long list of short
            names, takes 65 KiB, so nothing but those would take 130 MiB. 0 remembers none.
        clock: gives seconds since 1970.
        steady: gives seconds of a clock that never steps, to tell how fresh `Revocations` are that you feed.

    Raises:
        ConfigurationError: if any of it could not be safe; the message says what to write.
    """

    __slots__ = (
        "__weakref__",
        "_cache_size",
        "_clock",
        "_expectations",
        "_feed",
        "_policy",
        "_ring",
        "_source",
        "_steady",
    )

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        feed: FeedSource | Revocations | Literal["issuer"] | None = "issuer",
        on_cut: OnCut = "accept",
        keys: Iterable[VerificationKey] | KeySource | None = None,
        leeway: float = 0.0,
        max_lifetime: float = 86400.0,
        cache_size: int = 1024,
        clock: Callable[[], float] = time.time,  # noqa: TID251 -- the one place of this distribution that names it
        steady: Callable[[], float] = steady_clock.steady,
    ) -> None:
        if type(cache_size) is not int or cache_size < 0:
            raise ConfigurationError(f"cache_size is a number of tokens, 0 or more; got {cache_size!a}")
        self._expectations: Final = Expectations(
            issuer=issuer, audience=audience, leeway=leeway, max_lifetime=max_lifetime
        )
        self._clock: Final = clock
        self._cache_size: Final = cache_size
        self._source: Final = _source(keys, issuer)
        held: tuple[VerificationKey, ...] = ()
        if self._source is None:
            held = tuple(cast("Iterable[VerificationKey]", keys))
            if not held:
                raise ConfigurationError("no keys: give at least one, or none at all to ask the issuer")
        self._feed: Final = _feed(feed, issuer, self._source or held)
        self._steady: Final = steady if self._feed is None else self._feed.steady
        self._policy: Final = _policy(self._feed or feed, on_cut=on_cut, steady=self._steady)
        # With something to start, even given keys are cold until that is done.
        lasting = self._source is None and self._feed is None
        self._ring = KeyRing(held, size=cache_size, until=inf if lasting else -inf)

    @property
    def issuer(self) -> str:
        """The issuer whose tokens are accepted."""
        return self._expectations.issuer

    @property
    def audience(self) -> str:
        """The name of this API in the tokens' `aud`."""
        return self._expectations.audience

    @property
    def feed(self) -> Revocations | None:
        """The revocations that tokens are checked against, if any."""
        return None if self._policy is None else self._policy.feed

    def verify(self, text: str, *, sensitive: bool = False) -> AccessToken:
        """The access token that `text` is, as it stands after `Authorization: Bearer`.

        Args:
            text: the token.
            sensitive: refuse rather than rely on revocations that are more than 2 seconds old.

        Raises:
            TokenRefused: for anything that is not a good token at this moment, whatever was given.
            KeySetUnavailable: there are no keys to verify with; `detail` says why.
            RevocationsUnavailable: what was revoked is not known, or not as of lately enough.
            ConfigurationError: for `sensitive` without a feed, which would promise what nobody keeps.
        """
        # The look-up is by the whole text, which a stranger does not know; Python's string hash is keyed, so
        # its time tells nothing of how much of a guess was right. Length and type first: hashing is work too.
        if type(text) is not str or len(text) > MAX_TOKEN:
            raise TokenRefused("token_malformed", f"not text of at most {MAX_TOKEN} characters")
        now = self._clock()
        ring = self._ring
        known = ring.recent.get(text) or ring.older.get(text)
        if known is not None:
            token, claims, marked = known
            self._expectations.check_times(claims, now=now)
        else:
            # Asked for here, not above: only a thread that has died or never ran leaves a ring in place
            # beyond its time, and then what is already known ends by its own `exp`.
            if not now < ring.until:
                ring = self._ring_at_hand()
            payload = self._opened(ring, text)
            claims = read_claims(payload)
            self._expectations.check(claims, now=now)
            token = verified_token(claims, payload)
            marked = UNMARKED if self._policy is None else marks(claims, kid=ring.kid_of(text))
        if self._policy is not None:
            try:
                self._policy.check(marked, now=now, sensitive=sensitive)
            except RevocationsUnavailable:
                if not self._waited_for_snapshot():
                    raise
                self._policy.check(marked, now=now, sensitive=sensitive)
        elif sensitive:
            raise ConfigurationError(NO_FEED)
        if text not in ring.recent:
            ring.remember(text, (token, claims, marked))
        return token

    def _opened(self, ring: KeyRing, text: str) -> bytes:
        try:
            return ring.open(text)
        except TokenRefused as refused:
            # An algorithm that no key here is for speaks of a key that is not here either.
            source = self._source
            if source is not None and refused.code in {"token_key_unknown", "token_alg_not_allowed"}:
                source.key_unknown()
            raise

    def told(self, payload: bytes) -> AccessToken:
        """The access token that these claims would make; for `SessionCookies`, which the issuer told them.

        Issuer, audience and times are checked as ever. But there is no seal, so nothing here shows who wrote
        the claims: only what came from the issuer itself, over a channel that proves it, may be given.

        Raises:
            TokenRefused: they are not well formed, or not for us, or not good now.
        """
        claims = read_claims(payload)
        self._expectations.check(claims, now=self._clock())
        return verified_token(claims, payload)

    def _ring_at_hand(self) -> KeyRing:
        """The slow way to the keys: at first use, in a new process, and when they are too old.

        Raises:
            KeySetUnavailable: there are none.
            RevocationsUnavailable: the feed cannot be followed in this process.
        """
        self.start()
        if not self._ring.keys and self._source is not None:
            raise KeySetUnavailable(self._source.status.last_error or "the keys are not loaded yet")
        return self._ring

    def _waited_for_snapshot(self) -> bool:
        """Whether it is worth checking again: another thread has begun, and the first was still to come."""
        if self._feed is None or self._feed.revocations.rv is not None:
            return False
        self._feed.wait()
        return True

    def _cool(self) -> None:
        """Called by the feed, on any thread, when it is not followed any more: to be started at next use."""
        keys = self._ring.keys if self._source is None else ()
        self._ring = KeyRing(keys, size=self._cache_size, until=-inf)

    def _warm(self) -> None:
        """The keys that were given are good from now on."""
        if self._source is None:
            self._ring.until = inf

    def _take(self, keys: tuple[VerificationKey, ...], remaining: float) -> None:
        """Called by the source, on any thread: what holds from now on."""
        until = self._clock() + remaining if keys else -inf
        if keys and keys is self._ring.keys:
            self._ring.until = until
        else:
            self._ring = KeyRing(keys, size=self._cache_size, until=until)

    @property
    def ready(self) -> bool:
        """Whether keys and revocations are at hand, so that `verify` answers without waiting."""
        ring = self._ring
        known = self._policy is None or self._policy.feed.rv is not None
        return bool(ring.keys) and ring.until > -inf and known

    @property
    def key_status(self) -> KeyStatus:
        """How the verifier stands with its keys: for health checks and metrics."""
        if self._source is None:
            return KeyStatus(state="fixed", kids=tuple(key.kid for key in self._ring.keys))
        return self._source.status

    @property
    def feed_status(self) -> FeedStatus:
        """How the verifier stands with the revocations: for health checks and metrics."""
        if self._feed is not None:
            return self._feed.status
        return OFF if self._policy is None else status_of(self._policy.feed, steady_now=self._steady())

    def start(self) -> None:
        """Load keys and revocations and keep them fresh; does nothing where that is done, or both were given.

        It returns when the first load is over, or has taken too long. If it has failed, that is logged, and
        tried again in the background; `verify` raises `VerificationUnavailable` until it succeeds.

        Raises:
            KeySetUnavailable: if no thread can be had.
            RevocationsUnavailable: same.
        """
        if self._feed is not None:
            self._feed.attach(self._cool)
        if self._source is not None:
            self._source.provide(self._take)
        if self._feed is not None:
            self._feed.wait()
            self._warm()

    async def astart(self) -> None:
        """`start` for asyncio: the event loop goes on meanwhile.

        Raises:
            KeySetUnavailable: if no thread can be had.
            RevocationsUnavailable: same.
        """
        if self._feed is not None:
            self._feed.attach(self._cool)
        if self._source is not None:
            await self._source.aprovide(self._take)
        if self._feed is not None:
            await self._feed.await_first()
            self._warm()

    def stop(self) -> None:
        """End what `start` began. To use the verifier again is to start it again."""
        if self._source is not None:
            self._source.withdraw(self._take)
        if self._feed is not None:
            self._feed.detach(self._cool)

    async def astop(self) -> None:
        """`stop` for asyncio."""
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await self.astart()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.astop()

    def __repr__(self) -> str:
        return f"Verifier(issuer={self.issuer!r}, audience={self.audience!r})"


def _feed(feed: object, issuer: str, keys: tuple[VerificationKey, ...] | KeySource) -> FeedSource | None:
    """Where the revocations come from, if not from the caller.

    Raises:
        ConfigurationError: if they are another issuer's, or the issuer is not an acceptable URL.
    """
    if feed == "issuer":
        # Here, not above: who writes feed=None loads no network stack.
        from sekisho_verify.feed import shared_issuer_feed  # noqa: PLC0415 -- see above

        return shared_issuer_feed(issuer, keys)
    if not isinstance(feed, FeedSource):
        return None
    if feed.issuer != issuer:
        raise ConfigurationError(f"the feed is that of {feed.issuer!a}, not of {issuer!a}")
    return feed


def _policy(feed: object, *, on_cut: OnCut, steady: Callable[[], float]) -> RevocationPolicy | None:
    if feed is None:
        return None
    if isinstance(feed, FeedSource):
        return RevocationPolicy(feed.revocations, on_cut=on_cut, steady=steady, behind=feed.behind)
    return RevocationPolicy(cast("Revocations", feed), on_cut=on_cut, steady=steady)


def _source(keys: Iterable[VerificationKey] | KeySource | None, issuer: str) -> KeySource | None:
    """Where the keys come from, if not from the caller.

    Raises:
        ConfigurationError: if it is another issuer's.
    """
    if keys is None:
        # Here, not above: who gives keys loads neither a network stack nor cryptography.
        from sekisho_verify.jwks import shared_issuer_keys  # noqa: PLC0415 -- see above

        return shared_issuer_keys(issuer)
    if not isinstance(keys, KeySource):
        return None
    if keys.issuer not in {None, issuer}:
        raise ConfigurationError(f"the keys are those of {keys.issuer!a}, not of {issuer!a}")
    return keys
