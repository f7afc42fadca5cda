"""Keys from PEM files. Apart from JWK because `cryptography` loads all it knows of file formats with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from sekisho_verify.errors import KeyRefused
from sekisho_verify.keypairs import SigningKey, public_verification_key

if TYPE_CHECKING:
    from sekisho_verify.keypairs import EcKey, OkpKey, PairAlg, RsaKey


def key_from_pem(
    pem: bytes, *, alg: PairAlg | None = None, kid: str | None = None
) -> EcKey | OkpKey | RsaKey | SigningKey:
    """The key of one PEM file: `SigningKey` for a private key (PKCS#8, SEC 1 or PKCS#1), else a public key.

    Args:
        pem: the file's bytes, not encrypted.
        alg: the algorithm; only RSA leaves a choice, and RS256 is its default.
        kid: the key id; by default the thumbprint.

    Raises:
        KeyRefused: if it is a certificate, is encrypted, or holds a key that cannot be used.
    """
    if b"-----BEGIN CERTIFICATE" in pem:
        raise KeyRefused("this is a certificate: give the public key alone (openssl x509 -pubkey -noout)")
    try:
        if b"PRIVATE KEY-----" in pem:
            private = load_pem_private_key(pem, password=None)
            if isinstance(
                private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
            ):
                return SigningKey(private, alg=alg, kid=kid)
        else:
            public = load_pem_public_key(pem)
            if isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
                return public_verification_key(public, alg=alg, kid=kid)
    except TypeError:
        raise KeyRefused("the PEM file is encrypted: decrypt it first (openssl pkey)") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        if isinstance(error, KeyRefused):
            raise
        raise KeyRefused("not a PEM key that can be read") from None
    raise KeyRefused("the PEM file holds a key that is not P-256, Ed25519 or RSA")
