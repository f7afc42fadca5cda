"""Whether 32 bytes are a public key on Ed25519 at all, and one that binds anybody (RFC 8032 section 5.1).

The engine beneath loads any 32 bytes. By a point of small order, which anybody can write down, a signature
made with no key verifies; for one of them, the neutral element, the same signature verifies every message.
"""

from __future__ import annotations

from typing import Final

from sekisho_verify.errors import KeyRefused

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P


def refuse_bad_point(encoded: bytes) -> None:
    """Return if `encoded` is the one spelling of a point whose order is not 1, 2, 4 or 8.

    Public keys only, so nothing here needs to run in constant time; about 0.3 ms, once a key.

    Raises:
        KeyRefused: for another spelling, a number that is on no point, or a point of small order.
    """
    y = int.from_bytes(encoded, "little") & (1 << 255) - 1  # above it stands the sign of x
    if y >= _P:
        raise KeyRefused("a public key on Ed25519 has one spelling, and this is another")
    squared = _x_squared(y)
    if pow(squared, (_P - 1) // 2, _P) not in {0, 1}:
        raise KeyRefused("this public key is not on Ed25519")
    for _ in range(3):
        # Doubling (RFC 8032 section 5.1.4) of y alone. The divisor is zero for no point of the curve.
        y = (y * y + squared) * pow(1 - _D * squared * y * y, -1, _P) % _P
        squared = _x_squared(y)
    if y == 1:
        raise KeyRefused("this public key is a point of small order: signatures by it need no private key")


def _x_squared(y: int) -> int:
    # From the curve's equation -x*x + y*y = 1 + d*x*x*y*y; d*y*y is never -1, since d has no root and -1 has.
    return (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
