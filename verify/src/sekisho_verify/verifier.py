"""Verifier: text in, AccessToken out, or TokenRefused. No lock, no clock of its own.

Keys that change come from a `KeySource`, which puts the next ones in place from a thread of its own; only
the very first are waited for.
"""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING, Final, NoReturn, Self, cast

from sekisho_verify import steady_clock
from sekisho_verify.access_token import AccessToken, verified_token
from sekisho_verify.claims import Expectations, read_claims
from sekisho_verify.errors import ConfigurationError, KeySetUnavailable, TokenRefused
from sekisho_verify.jws import MAX_TOKEN, CompactVerifier
from sekisho_verify.key_sources import KeySource, KeyStatus
from sekisho_verify.revocations.live import Marks, marks
from sekisho_verify.revocations.policy import RevocationPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sekisho_verify.claims import AccessClaims
    from sekisho_verify.keys import VerificationKey
    from sekisho_verify.revocations.live import Revocations
    from sekisho_verify.revocations.policy import OnCut

ACCESS_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 -- a media type (RFC 9068 section 2.1), no secret
MAX_REMEMBERED: Final = 4 * 1024
"""Characters of the longest token that is remembered.

Longer ones fit into no cookie and hardly into a header, so they are rare; to remember the default number of
16 KiB each could take half a GiB.
"""
NO_FEED: Final = "sensitive routes need a verifier with a revocation feed; this one has feed=None"

# What is remembered of a token: what is handed out, and what is checked at each use.
_Verified = tuple[AccessToken, "AccessClaims", Marks]
_UNMARKED: Final = Marks((), 0, 0.0)  # for a verifier without a feed, which looks at none


class _KeyRing:
    """One set of keys, and the tokens that were verified by it.

    A verifier holds one, in one attribute, and gets another when its keys change. So a token is never
    remembered longer than the keys that proved it: a thread that is just about to remember one writes into
    the ring that it began with, which nobody reads any more.
    """

    __slots__ = ("_size", "keys", "kid_of", "older", "open", "recent", "until")

    def __init__(self, keys: tuple[VerificationKey, ...], *, size: int, until: float) -> None:
        self.keys: Final = keys
        seals = CompactVerifier(keys, typ=ACCESS_TOKEN_TYPE) if keys else None
        self.open: Final[Callable[[str], bytes]] = _no_keys if seals is None else seals.open
        self.kid_of: Final[Callable[[str], str]] = _no_keys if seals is None else seals.kid_of
        self.until = until
        """Seconds since 1970 after which the keys are to be asked for again before they prove anything."""
        self.recent: dict[str, _Verified] = {}
        self.older: dict[str, _Verified] = {}
        self._size: Final = size

    def remember(self, text: str, verified: _Verified) -> None:
        # Two generations instead of a linked list: what was not used while the recent ones filled up is
        # dropped with the older. Each step is one operation on a dict, so threads need no lock; a race
        # forgets at most.
        if not self._size or len(text) > MAX_REMEMBERED:
            return
        if len(self.recent) >= self._size:
            self.older, self.recent = self.recent, {}
        self.recent[text] = verified


def _no_keys(_: str) -> NoReturn:
    raise KeySetUnavailable("no keys")


class Verifier:
    """Checks access tokens of one issuer for one audience, by keys at hand.

    Safe to share among threads and tasks; make one and keep it. `with`, `async with`, `start` and `stop` mark
    the time in which the verifier is in use; with keys given there is nothing to start or stop.

    Keys that are not given are loaded by `start` or by the first `verify`, which then waits for them, some
    seconds at most; in an event loop use `astart`, because that wait would hold up the loop. From then on a
    background thread keeps them fresh and no call waits for anything. A process that is forked has its own
    thread from its first `verify` on.

    Args:
        issuer: the exact `iss`.
        audience: this API's own name, one of the token's `aud`.
        keys: typed public keys, or shared secrets, never both; or a source of one or the other, such as
            `IssuerKeys` and `HmacKeySource`. By default `IssuerKeys(issuer)`: public keys, found by the
            issuer's name.
        feed: the revocations that every token is checked against, a remembered one too; or None, which must
            be written: a verifier without revocation should be seen in the code that makes it. The feed that
            is found by the issuer comes with a later release; until then a `Revocations` is fed by whoever
            made it.
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
        steady: gives seconds of a clock that never steps, to tell how fresh the revocations are.

    Raises:
        ConfigurationError: if any of it could not be safe; the message says what to write.
    """

    __slots__ = ("__weakref__", "_cache_size", "_clock", "_expectations", "_policy", "_ring", "_source")

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        feed: Revocations | None,
        on_cut: OnCut = "accept",
        keys: Iterable[VerificationKey] | KeySource | None = None,
        leeway: float = 0.0,
        max_lifetime: float = 86400.0,
        cache_size: int = 1024,
        clock: Callable[[], float] = time.time,  # noqa: TID251 -- the one place of this distribution that names it
        steady: Callable[[], float] = steady_clock.steady,
    ) -> None:
        self._policy: Final = None if feed is None else RevocationPolicy(feed, on_cut=on_cut, steady=steady)
        if type(cache_size) is not int or cache_size < 0:
            raise ConfigurationError(f"cache_size is a number of tokens, 0 or more; got {cache_size!a}")
        self._expectations: Final = Expectations(
            issuer=issuer, audience=audience, leeway=leeway, max_lifetime=max_lifetime
        )
        self._clock: Final = clock
        self._cache_size: Final = cache_size
        self._source: Final = _source(keys, issuer)
        if self._source is None:
            held = tuple(cast("Iterable[VerificationKey]", keys))
            if not held:
                raise ConfigurationError("no keys: give at least one, or none at all to ask the issuer")
            self._ring = _KeyRing(held, size=cache_size, until=inf)
        else:
            self._ring = _KeyRing((), size=cache_size, until=-inf)

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
            try:
                payload = ring.open(text)
            except TokenRefused as refused:
                # An algorithm that no key here is for speaks of a key that is not here either.
                source = self._source
                if source is not None and refused.code in {"token_key_unknown", "token_alg_not_allowed"}:
                    source.key_unknown()
                raise
            claims = read_claims(payload)
            self._expectations.check(claims, now=now)
            token = verified_token(claims, payload)
            marked = _UNMARKED if self._policy is None else marks(claims, kid=ring.kid_of(text))
        if self._policy is not None:
            self._policy.check(marked, now=now, sensitive=sensitive)
        elif sensitive:
            raise ConfigurationError(NO_FEED)
        if text not in ring.recent:
            ring.remember(text, (token, claims, marked))
        return token

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

    def _ring_at_hand(self) -> _KeyRing:
        """The slow way to the keys: at first use, in a new process, and when they are too old.

        Raises:
            KeySetUnavailable: there are none.
        """
        if self._source is not None:
            self._source.provide(self._take)
            if not self._ring.keys:
                raise KeySetUnavailable(self._source.status.last_error or "the keys are not loaded yet")
        return self._ring

    def _take(self, keys: tuple[VerificationKey, ...], remaining: float) -> None:
        """Called by the source, on any thread: what holds from now on."""
        until = self._clock() + remaining if keys else -inf
        if keys and keys is self._ring.keys:
            self._ring.until = until
        else:
            self._ring = _KeyRing(keys, size=self._cache_size, until=until)

    @property
    def ready(self) -> bool:
        """Whether keys are at hand, so that `verify` answers without waiting."""
        return bool(self._ring.keys)

    @property
    def key_status(self) -> KeyStatus:
        """How the verifier stands with its keys: for health checks and metrics."""
        if self._source is None:
            return KeyStatus(state="fixed", kids=tuple(key.kid for key in self._ring.keys))
        return self._source.status

    def start(self) -> None:
        """Load the keys and keep them fresh; does nothing where that is done already, or keys were given.

        It returns when the first load is over, or has taken too long. If it has failed, that is logged, and
        tried again in the background; `verify` raises `KeySetUnavailable` until it succeeds.

        Raises:
            KeySetUnavailable: if no thread can be had.
        """
        if self._source is not None:
            self._source.provide(self._take)

    async def astart(self) -> None:
        """`start` for asyncio: the event loop goes on meanwhile.

        Raises:
            KeySetUnavailable: if no thread can be had.
        """
        if self._source is not None:
            await self._source.aprovide(self._take)

    def stop(self) -> None:
        """End what `start` began. To use the verifier again is to start it again."""
        if self._source is not None:
            self._source.withdraw(self._take)

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
