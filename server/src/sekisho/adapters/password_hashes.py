"""Password hashes: Argon2id by the names of its recommendations, and bcrypt.

All of this takes long on purpose: run it on a thread.
"""

from __future__ import annotations

import base64
import re
from typing import Final, Protocol

from sekisho.frozen import Frozen
from sekisho.ports import Entropy

SALT_BYTES: Final = 16
_DIGEST_BYTES: Final = 32

#: What bcrypt takes. Its ancestors cut the rest off in silence, and whoever knew the first 72 bytes got in.
BCRYPT_MAX_BYTES: Final = 72
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-7])\$[./A-Za-z0-9]{53}", re.ASCII)
_BCRYPT_ALPHABET = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
)
# An imported hash names its own cost; one that would take a gibibyte, or minutes, is not computed at all.
_ARGON2_MOST_KIB: Final = 1 << 20
_ARGON2_MOST_WORK: Final = 1 << 23
_ARGON2 = re.compile(
    r"\$(?P<type>argon2id|argon2i)\$v=19\$m=(?P<m>\d{1,7}),t=(?P<t>\d{1,4}),p=(?P<p>\d{1,3})"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<digest>[A-Za-z0-9+/]{22,171})",
    re.ASCII,
)


class PasswordHash(Protocol):
    """How new passwords are hashed."""

    @property
    def max_bytes(self) -> int | None:
        """The longest password it takes, in bytes of UTF-8, or none."""
        ...

    def hash(self, password: bytes, *, entropy: Entropy) -> str:
        """The text to store. Raises ValueError for a password above `max_bytes`: nothing is ever cut off."""
        ...

    def decoy(self, *, entropy: Entropy) -> str:
        """A hash of no password at all, as expensive to check as a real one."""
        ...

    def made(self, hashed: str) -> bool:
        """Whether `hashed` is of this kind and these parameters."""
        ...


class Argon2id(Frozen):
    """Argon2id version 1.3 (RFC 9106): passes, KiB of memory, lanes."""

    time_cost: int
    memory_cost: int
    parallelism: int = 1

    @property
    def max_bytes(self) -> int | None:
        """None: Argon2 takes any length."""
        return None

    @property
    def _prefix(self) -> str:
        return f"$argon2id$v=19$m={self.memory_cost},t={self.time_cost},p={self.parallelism}$"

    def hash(self, password: bytes, *, entropy: Entropy) -> str:
        """See `PasswordHash`: a PHC string."""
        from argon2.low_level import Type, hash_secret  # noqa: PLC0415 - an idle server hashes nothing

        return hash_secret(
            password,
            entropy(SALT_BYTES),
            self.time_cost,
            self.memory_cost,
            self.parallelism,
            _DIGEST_BYTES,
            Type.ID,
        ).decode()

    def decoy(self, *, entropy: Entropy) -> str:
        """See `PasswordHash`: nobody knows a password for random bytes, and none is computed to make them."""
        return f"{self._prefix}{_phc_base64(entropy(SALT_BYTES))}${_phc_base64(entropy(_DIGEST_BYTES))}"

    def made(self, hashed: str) -> bool:
        """See `PasswordHash`."""
        form = len(_phc_base64(bytes(SALT_BYTES))) + 1 + len(_phc_base64(bytes(_DIGEST_BYTES)))
        return hashed.startswith(self._prefix) and len(hashed) == len(self._prefix) + form


class Bcrypt(Frozen):
    """bcrypt `$2b$` of that cost (the binary logarithm of its rounds)."""

    cost: int = 12

    @property
    def max_bytes(self) -> int | None:
        """72: more is refused."""
        return BCRYPT_MAX_BYTES

    @property
    def _prefix(self) -> str:
        return f"$2b${self.cost:02}$"

    def hash(self, password: bytes, *, entropy: Entropy) -> str:
        """See `PasswordHash`."""
        import bcrypt  # noqa: PLC0415 - most servers never need it

        return bcrypt.hashpw(password, (self._prefix + _bcrypt_base64(entropy(SALT_BYTES))).encode()).decode()

    def decoy(self, *, entropy: Entropy) -> str:
        """See `PasswordHash`."""
        return self._prefix + _bcrypt_base64(entropy(SALT_BYTES)) + _bcrypt_base64(entropy(23))

    def made(self, hashed: str) -> bool:
        """See `PasswordHash`."""
        return hashed.startswith(self._prefix)


#: By the names under which they are recommended: OWASP Password Storage Cheat Sheet, five of equal strength
#: that trade memory for time, and the second recommendation of RFC 9106.
PROFILES: Final[dict[str, Argon2id]] = {
    "OWASP_46MIB_T1": Argon2id(time_cost=1, memory_cost=47_104),
    "OWASP_19MIB_T2": Argon2id(time_cost=2, memory_cost=19_456),
    "OWASP_12MIB_T3": Argon2id(time_cost=3, memory_cost=12_288),
    "OWASP_9MIB_T4": Argon2id(time_cost=4, memory_cost=9_216),
    "OWASP_7MIB_T5": Argon2id(time_cost=5, memory_cost=7_168),
    "RFC_9106_LOW_MEMORY": Argon2id(time_cost=3, memory_cost=65_536, parallelism=4),
}


def readable(hashed: str) -> bool:
    """Whether `matches` can check against `hashed`: Argon2id, Argon2i or bcrypt, of a bearable cost."""
    match = _ARGON2.fullmatch(hashed)
    if match is not None:
        memory, passes, lanes = int(match["m"]), int(match["t"]), int(match["p"])
        return (
            8 * lanes <= memory <= _ARGON2_MOST_KIB and 0 < passes * memory <= _ARGON2_MOST_WORK and lanes > 0
        )
    return _BCRYPT.fullmatch(hashed) is not None


def matches(hashed: str, password: bytes) -> bool:
    """Whether `hashed`, which is `readable`, is of `password`.

    bcrypt against more than 72 bytes does its work and answers no, whatever the hash says of the first 72.
    """
    if hashed.startswith("$2"):
        import bcrypt  # noqa: PLC0415 - most servers never need it

        return (
            bcrypt.checkpw(password[:BCRYPT_MAX_BYTES], hashed.encode()) and len(password) <= BCRYPT_MAX_BYTES
        )
    from argon2.exceptions import VerificationError  # noqa: PLC0415 - an idle server hashes nothing
    from argon2.low_level import Type, verify_secret  # noqa: PLC0415 - as above

    try:
        return verify_secret(hashed.encode(), password, Type.ID if hashed.startswith("$argon2id") else Type.I)
    except VerificationError:  # also what it cannot decode after all
        return False


def _phc_base64(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()


def _bcrypt_base64(data: bytes) -> str:
    """In the alphabet of bcrypt, which takes the bits in the usual order."""
    return _phc_base64(data).translate(_BCRYPT_ALPHABET)
