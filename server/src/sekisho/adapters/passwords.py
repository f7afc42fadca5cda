"""Passwords: hashed and checked on bounded threads, with the same work for a wrong and an unknown one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final

from sekisho.adapters import common_passwords, watching
from sekisho.adapters.bounded_threads import BoundedThreads
from sekisho.adapters.password_hashes import PROFILES, Bcrypt, PasswordHash, matches, readable
from sekisho.ports import Entropy
from sekisho.rules.account import PASSWORD_MAX, Checked, normalize_presented_password

#: Callers that may wait: with the default profile on two cores, three seconds, which is when clients give up.
WAITING: Final = 128

#: More than one a core would only take memory, and a container with a small share of a large machine sees all
#: of its cores: eight hashes of the default profile take 152 MiB.
MOST_THREADS: Final = 8


def configured_hash(name: str, profile: str) -> PasswordHash:
    """The hash that `SEKISHO_PASSWORD_HASH` and `SEKISHO_PASSWORD_PROFILE` name."""
    return Bcrypt() if name == "bcrypt" else PROFILES[profile]


class HashedPasswords:
    """`ports.Passwords`. New passwords get `hash`; hashes of every other known kind are checked as well.

    Args:
        hash: how new passwords are hashed.
        entropy: for salts.
        threads: how many hash at once; by default one a core, and at most eight.
        waiting: how many callers may wait for them.
    """

    def __init__(
        self,
        hash: PasswordHash,  # noqa: A002 - the word for it
        *,
        entropy: Entropy,
        threads: int | None = None,
        waiting: int = WAITING,
    ) -> None:
        self._hash = hash
        self._entropy = entropy
        self._decoy = hash.decoy(entropy=entropy)
        self._threads = BoundedThreads(
            threads=threads or min(os.cpu_count() or 1, MOST_THREADS), waiting=waiting, name="password"
        )

    @property
    def max_bytes(self) -> int | None:
        """How many bytes of UTF-8 the configured hash takes, where it has a limit."""
        return self._hash.max_bytes

    async def hash(self, password: str) -> str:
        """The hash of a normalized password, to be stored. Raises `Refusal("unavailable")`."""
        return await self._threads.run(lambda: self._hash.hash(_encoded(password), entropy=self._entropy))

    async def check(self, password: str, hashed: str | None) -> Checked:
        """Whether the password, as it was typed, is right. Raises `Refusal("unavailable")`."""
        alg = _kind(hashed or self._decoy)
        work = watching.timed("hash.verify", lambda: self._check(password, hashed), alg=alg)
        return await self._threads.run(work)

    def _check(self, password: str, hashed: str | None) -> Checked:
        # No account, or a hash that no code of ours can read: the decoy costs what a real one costs (W6).
        stored = self._decoy if hashed is None else hashed
        target = stored if readable(stored) else self._decoy
        for attempt in _attempts(password):
            right = matches(target, _encoded(attempt))
            if right and target is hashed and len(attempt) <= PASSWORD_MAX:
                return Checked(correct=True, rehash=self._is_outdated(password, attempt, target))
        return Checked(correct=False)

    def _is_outdated(self, password: str, attempt: str, hashed: str) -> bool:
        normal = normalize_presented_password(password)
        limit = self._hash.max_bytes
        if limit is not None and len(_encoded(normal)) > limit:
            return False  # it is right, and the configured hash could not take it: the old one stays
        return attempt != normal or not self._hash.made(hashed)

    def is_common(self, password: str, context: Sequence[str]) -> bool:
        """Whether a guesser would try it early, given words about its owner."""
        return common_passwords.is_common(password, context)

    def queue(self) -> int:
        """How many passwords are being hashed or wait for it."""
        return len(self._threads)

    def close(self) -> None:
        """End the threads; what waits is dropped."""
        self._threads.close()


def _kind(hashed: str) -> str:
    """Kind and costs, without what follows: salt and digest, which bcrypt writes as one."""
    secret_parts = 1 if hashed.startswith("$2") else 2
    return hashed.rsplit("$", secret_parts)[0].strip("$")


def _encoded(password: str) -> bytes:
    """UTF-8. Half a surrogate pair, which no password that was set has, is as wrong as anything else."""
    return password.encode("utf-8", "surrogatepass")


def _attempts(password: str) -> Iterator[str]:
    """The forms under which a password is tried: as we hash it, and as other systems had hashed it.

    An imported hash may be of the very bytes that were typed. How many attempts there are depends on the
    typed text alone, not on the account, so nothing is told by the time they take.
    """
    normal = normalize_presented_password(password)
    yield normal
    # One code point more than any password has: never right, and not more expensive than the longest.
    raw = password[: PASSWORD_MAX + 1]
    if raw != normal:
        yield raw
