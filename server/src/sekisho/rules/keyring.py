"""Which key signs, which are believed and published, and when the next step is due. Pure: now is given.

The keys that the server makes carry two instants: when they were published, and from when they sign. Who
reads both and knows the time knows everything else, so no step of a rotation has to be taken by anybody:
every node comes to the next one by itself, and none can be forgotten by a node that dies.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final, Generic, Literal, Protocol, TypeAlias, TypeVar

from sekisho.frozen import Frozen, Hidden
from sekisho_verify.claims import MAX_LEEWAY

KeyState = Literal["pending", "current", "previous", "believed"]

#: Seconds from one load of a verifier to the next (`refresh_every` of sekisho-verify), and for which a cache
#: on the way may keep the JWK set that we answer.
REFRESH: Final = 300.0
JWKS_MAX_AGE: Final = 60
#: Seconds by which loads take longer, nodes look later and clocks differ than they should.
SLACK: Final = 60.0
#: Seconds from publishing a key until it signs: by then every verifier that asks has it.
LEAD: Final = REFRESH + JWKS_MAX_AGE + SLACK


class NamedKey(Protocol):
    """A key as far as a ring has to know it."""

    @property
    def kid(self) -> str:
        """The id by which tokens name it."""
        ...

    @property
    def alg(self) -> str:
        """Its one JWS algorithm."""
        ...


S = TypeVar("S", bound=NamedKey)
V = TypeVar("V", bound=NamedKey)


class SealedKey(Frozen):
    """A signing key that the server has made, as the database keeps it.

    `sealed` is the private key under a key derived from the root secret; empty where a file holds it.
    `created_at`: since when it is published; `signs_at`: from when it signs, if no later key does.
    """

    kid: str
    alg: str
    created_at: float
    signs_at: float
    sealed: Hidden[bytes]


class RetiredKey(Frozen):
    """A key that is never used or published again, wherever it turns up: known by its thumbprint."""

    kid: str
    alg: str
    thumbprint: str
    at: float
    compromised: bool


class KeyRecords(Frozen):
    """What the database knows of signing keys; those that it keeps, the oldest first."""

    keys: tuple[SealedKey, ...] = ()
    retired: tuple[RetiredKey, ...] = ()


class AddFirst(Frozen):
    """Keep these keys, the oldest first, iff there is none."""

    keys: tuple[SealedKey, ...]


class Add(Frozen):
    """Keep the key iff the newest is still `after`: of several that rotate at once, one does."""

    key: SealedKey
    after: str


class SignFrom(Frozen):
    """Let the key sign from `at` on, iff it would begin later."""

    kid: str
    at: float


class Reseal(Frozen):
    """Put the key under another seal, iff `was` is the present one."""

    kid: str
    was: Hidden[bytes]
    sealed: Hidden[bytes]


class Drop(Frozen):
    """Keep these no longer."""

    kids: tuple[str, ...]


class Retire(Frozen):
    """Never use the key again, and, if it is compromised, publish that.

    Where it was the one that signs, the pending key signs at once; where there is none, `successor` does.
    """

    key: RetiredKey
    successor: SealedKey | None


KeyStep: TypeAlias = AddFirst | Add | SignFrom | Reseal | Drop | Retire


class KeyringRefused(ValueError):
    """These keys must not stand in one ring; the message says why."""


class Keyring(Frozen, Generic[S, V]):
    """`signing` signs every new token; whatever one of `verifying` signed is believed, the newest first.

    Raises:
        KeyringRefused: the signing key is not among those that verify, two keys have one id, or shared
            secrets stand beside public keys: that is how a public key comes to be used as a secret (J9).
    """

    signing: S
    verifying: tuple[V, ...]

    def __post_init__(self) -> None:
        kids = [key.kid for key in self.verifying]
        if self.signing.kid not in kids:
            raise KeyringRefused("the key that signs must be among those that verify")
        if len(set(kids)) != len(kids):
            raise KeyringRefused("two keys have the same kid")
        if len({is_shared(key) for key in self.verifying}) != 1:
            raise KeyringRefused("shared secrets and key pairs do not stand in one ring")

    @property
    def published(self) -> tuple[V, ...]:
        """The keys that anybody may have: all that verify, or none where they are shared secrets (A12)."""
        return () if is_shared(self.signing) else self.verifying


class KeyTimes(Frozen):
    """How the keys that the server makes follow each other, in seconds.

    Attributes:
        lead: for which a key is published before it signs.
        believed: for which tokens of a key may live once another signs.
        age: for which a key signs before the next does; none: until somebody rotates it.
    """

    lead: float
    believed: float
    age: float | None = None


class Standing(Frozen):
    """How a key stands: since when, and until when where that is settled (POSIX seconds).

    A pending key signs from `until` on; a previous one is not believed from `until` on. One that an operator
    gave beside the one that signs is believed for as long as it is given.
    """

    kid: str
    alg: str
    state: KeyState
    since: float | None = None
    until: float | None = None


def is_shared(key: NamedKey) -> bool:
    """Whether whoever can verify with the key can also sign with it (RFC 7518 section 3.2)."""
    return key.alg.startswith("HS")


def next_alg(present: str, wanted: str) -> str:
    """The algorithm of the key after one for `present`: the one that is wanted, where both can be believed.

    A verifier holds public keys or shared secrets, never both (J9), so nobody can rotate from one to the
    other: that is a change of what verifiers are given.
    """
    return wanted if wanted.startswith("HS") == present.startswith("HS") else present


def believed_for(access_ttl: float) -> float:
    """Seconds for which a key that signs no more is needed: its last token may live for as long.

    A verifier may be lenient about the end of a token, and a node may come late to the next key.
    """
    return access_ttl + MAX_LEEWAY + SLACK


def standings(keys: Sequence[SealedKey], *, now: float, times: KeyTimes) -> tuple[Standing, ...]:
    """How each key stands at `now`, the newest first; those that nobody needs any more are left out.

    `keys`: the oldest first. At `signs_at` itself a key signs; at the end of its time it is gone.
    """
    if not keys:
        return ()
    # A clock that went back before the first key has none to sign; it signs all the same.
    at = max((i for i, key in enumerate(keys) if key.signs_at <= now), default=0)
    found = [
        *(Standing(key.kid, key.alg, "pending", key.created_at, key.signs_at) for key in keys[at + 1 :]),
        Standing(
            keys[at].kid,
            keys[at].alg,
            "current",
            keys[at].signs_at,
            min((key.signs_at for key in keys[at + 1 :]), default=None),
        ),
    ]
    for i, key in enumerate(keys[:at]):
        followed = min(later.signs_at for later in keys[i + 1 : at + 1])
        if now < followed + times.believed:
            found.append(Standing(key.kid, key.alg, "previous", followed, followed + times.believed))
    newest_first = {key.kid: -i for i, key in enumerate(keys)}
    return tuple(sorted(found, key=lambda each: newest_first[each.kid]))


def gone(keys: Sequence[SealedKey], *, now: float, times: KeyTimes) -> tuple[str, ...]:
    """The ids of the keys that nobody needs any more."""
    needed = {each.kid for each in standings(keys, now=now, times=times)}
    return tuple(key.kid for key in keys if key.kid not in needed)


def rotation_due(keys: Sequence[SealedKey], *, times: KeyTimes) -> float:
    """When the key after the newest is to be published: so that it signs when that one is `age` old.

    Infinite where keys have no age. `keys`: the oldest first.
    """
    if times.age is None or not keys:
        return inf
    return keys[-1].signs_at + max(0.0, times.age - times.lead)


def next_step(keys: Sequence[SealedKey], *, now: float, times: KeyTimes) -> float:
    """When the standings change by themselves: a pending key signs, or a previous one is gone."""
    return min(
        (
            each.until
            for each in standings(keys, now=now, times=times)
            if each.until is not None and now < each.until
        ),
        default=inf,
    )
