"""Failed attempts -> waiting time. Counts live in the store, shared by all nodes; the arithmetic is here.

An attempt is counted *before* the password is checked and given back when it was right, so a thousand
parallel guesses get no further than one after another would.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Literal

from sekisho.frozen import Frozen

Subject = Literal["account", "device", "network", "setup", "signup", "password"]


class Policy(Frozen):
    """`free` attempts at once; then the wait doubles from `base` up to `cap`; forgotten after `forget`.

    All times in seconds. There is no permanent lock that an attacker could set off: the wait ends at `cap`.
    `shared`: many people count there, so the right password of one says nothing about the attempts of others
    and gives back its own alone; elsewhere it gives back all. And somebody is always mistyping there, so a
    shared count is forgotten `forget` after it began, any other once it has been idle for so long.
    """

    free: int
    base: float
    cap: float
    forget: float = 86_400.0
    shared: bool = False

    def wait(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row."""
        beyond = failures - self.free
        return 0.0 if beyond < 0 else min(self.cap, self.base * 2.0 ** min(beyond, 30))


# NIST SP 800-63B allows 100 failures in a row on one account; an attacker gets ten, then about 100 a day.
POLICIES: dict[Subject, Policy] = {
    "account": Policy(free=10, base=1.0, cap=900.0),
    "device": Policy(free=10, base=1.0, cap=900.0),
    "password": Policy(free=10, base=1.0, cap=900.0),
    # A whole office behind one address logs in at nine; successes are given back, so only failures count.
    "network": Policy(free=100, base=1.0, cap=900.0, forget=3600.0, shared=True),
    # 140 bits are not guessed; strangers shall not keep the database busy with it either.
    "setup": Policy(free=10, base=1.0, cap=900.0, forget=3600.0, shared=True),
    # No guess, only a bound on how fast one network can fill the table.
    "signup": Policy(free=100, base=1.0, cap=60.0, forget=3600.0, shared=True),
}


class Bucket(Frozen):
    """What is counted: a subject, and a digest of its id, so that the table holds no address of anybody."""

    subject: Subject
    id: str

    @property
    def key(self) -> bytes:
        """16 bytes of SHA-256(subject | id): the row's key."""
        return hashlib.sha256(f"{self.subject}|{self.id}".encode()).digest()[:16]

    @property
    def policy(self) -> Policy:
        """The policy of the subject."""
        return POLICIES[self.subject]


def network(ip: str) -> str:
    """The network an address counts for: an IPv4 address itself, an IPv6 address its /64 (one household)."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def login_buckets(*, email: str, ip: str, known_device: bytes | None) -> tuple[Bucket, ...]:
    """What a login attempt counts against.

    A device that has logged in to this account before counts for itself alone: whatever strangers did to the
    account or from the same network does not stand in the owner's way.
    """
    if known_device is not None:
        return (Bucket("device", known_device.hex()),)
    return (Bucket("account", email), Bucket("network", network(ip)))
