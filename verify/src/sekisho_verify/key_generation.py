"""New keys, for issuers of tests and for forgers. The server makes its own, which it must store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sekisho_verify.errors import ConfigurationError
from sekisho_verify.keypairs import PairAlg, SigningKey
from sekisho_verify.keys import HmacAlg, HmacKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from sekisho_verify.keypairs import PrivateKey

Alg = Literal[HmacAlg, PairAlg]

_RSA_BITS: Final = 2048
"""The least that is accepted: such keys live as long as a test, and larger ones take seconds to make."""
_SECRET_BYTES: Final[dict[str, int]] = {"HS256": 32, "HS384": 48, "HS512": 64}
_PRIVATE: Final[dict[str, Callable[[], PrivateKey]]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(65537, _RSA_BITS),
    "PS256": lambda: rsa.generate_private_key(65537, _RSA_BITS),
}


def new_key(
    alg: Alg,
    *,
    kid: str | None = None,
    entropy: Callable[[int], bytes] = os.urandom,  # noqa: TID251 -- as key pairs take theirs from OpenSSL
) -> HmacKey | SigningKey:
    """A new key for `alg`.

    Args:
        alg: its algorithm.
        kid: its id; by default from its thumbprint.
        entropy: gives as many random bytes as it is asked for. Key pairs take theirs from OpenSSL itself,
            which has no seam for another.

    Raises:
        ConfigurationError: for an algorithm that does not exist here.
    """
    if alg not in get_args(Alg):
        raise ConfigurationError(f"alg is one of {', '.join(get_args(Alg))}; got {alg!a}")
    if alg in _SECRET_BYTES:
        return HmacKey(entropy(_SECRET_BYTES[alg]), alg=cast("HmacAlg", alg), kid=kid)
    return SigningKey(_PRIVATE[alg](), alg=cast("PairAlg", alg), kid=kid)
