"""Which key signs now, which are still believed, and which are published."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


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


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A private signing key as the database holds it: sealed under a key derived from the root secret."""

    kid: str
    alg: str
    created_at: float
    sealed: bytes = field(repr=False)


class KeyringRefused(ValueError):
    """These keys must not stand in one ring; the message says why."""


@dataclass(frozen=True, slots=True)
class Keyring(Generic[S, V]):
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


def is_shared(key: NamedKey) -> bool:
    """Whether whoever can verify with the key can also sign with it (RFC 7518 section 3.2)."""
    return key.alg.startswith("HS")
