"""A new signing key, for the algorithm that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sekisho.adapters.given_keys import SignerKey
from sekisho.frozen import Frozen, Hidden
from sekisho.ports import Entropy
from sekisho.settings import Alg
from sekisho_verify import HmacKey, SigningKey

#: ASVS 11.2.3 asks for 128 bits of strength, which is what 3072 bits of RSA are worth.
_RSA_BITS: Final = 3072
_SECRET_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}


class MadeKey(Frozen):
    """A key, and what a file of it holds: PKCS #8 for a pair, a JWK for a secret."""

    key: SignerKey
    content: Hidden[bytes]


def make_key(alg: Alg, *, entropy: Entropy) -> MadeKey:
    """A new key for `alg`; one of RSA takes up to some seconds.

    Pairs take their randomness from OpenSSL itself, which has no seam for another.
    """
    if alg == "HS256" or alg == "HS384" or alg == "HS512":  # noqa: PLR1714 - type checkers narrow this form
        secret = HmacKey(entropy(_SECRET_BYTES[alg]), alg=alg)
        return MadeKey(secret, msgspec.json.encode(secret.to_private_jwk()))
    private = _PRIVATE[alg]()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return MadeKey(SigningKey(private, alg=alg), pem)


_PRIVATE: dict[
    str, Callable[[], ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey]
] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(65537, _RSA_BITS),
    "PS256": lambda: rsa.generate_private_key(65537, _RSA_BITS),
}
