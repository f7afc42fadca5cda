"""The keys of a file to verify with: a shared secret, PEM, a JWK or a JWK set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sekisho_verify import HmacKey, SigningKey, key_from_jwk, key_from_pem, key_set_from_jwks
from sekisho_verify.encoding import json_object
from sekisho_verify.errors import EncodingError
from sekisho_verify.keys import VerificationKey

_RSA: dict[str | None, Any] = {"RS256": "RS256", "PS256": "PS256"}
_SHARED: dict[str | None, Any] = {"HS256": "HS256", "HS384": "HS384", "HS512": "HS512"}


def read_keys(path: str, *, alg: str | None) -> tuple[VerificationKey, ...]:
    """The keys of the file; of a private key its public part. `alg` chooses where the kind of key does not.

    Raises:
        KeyRefused: it holds no key.
        OSError: it cannot be read.
    """
    content = Path(path).read_bytes()
    if b"-----BEGIN" in content:
        return (_public(key_from_pem(content, alg=_RSA.get(alg))),)
    try:
        document = json_object(content.strip(), unique_members=True)
    except EncodingError:
        secret = content[:-2] if content.endswith(b"\r\n") else content.removesuffix(b"\n")
        return (HmacKey(secret, alg=_SHARED.get(alg, "HS256")),)
    if "keys" in document:
        return key_set_from_jwks(document).keys
    return (_public(key_from_jwk(document, alg=None if "alg" in document else (_RSA | _SHARED).get(alg))),)


def _public(key: VerificationKey | SigningKey) -> VerificationKey:
    return key.public if isinstance(key, SigningKey) else key
