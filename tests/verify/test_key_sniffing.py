"""A shared secret that is really a key file is refused in every dress it may come in."""

from __future__ import annotations

import base64
import datetime as dt
import json
import random
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sekisho_verify import HmacKey, KeyRefused
from tests.verify.tokens import SECRET, public, rsa_private, signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sekisho_verify.keypairs import PrivateKey

SPKI = PublicFormat.SubjectPublicKeyInfo
EC_PRIVATE = ec.derive_private_key(7, ec.SECP256R1())
OKP_PRIVATE = ed25519.Ed25519PrivateKey.from_private_bytes(SECRET[:32])


def certificate() -> x509.Certificate:
    """A self-signed certificate."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example")])
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=EC_PRIVATE.public_key(),
        serial_number=1,
        not_valid_before=begin,
        not_valid_after=begin + dt.timedelta(days=365),
    )
    return builder.sign(EC_PRIVATE, SHA256())


def key_files() -> dict[str, bytes]:
    """Keys and certificates as they lie around on disks."""
    pairs: dict[str, PrivateKey] = {"ec": EC_PRIVATE, "okp": OKP_PRIVATE, "rsa": rsa_private()}
    files = {
        "x509-pem": certificate().public_bytes(Encoding.PEM),
        "x509-der": certificate().public_bytes(Encoding.DER),
        "rsa-pkcs1-pem": rsa_private().public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "rsa-pkcs1-der": rsa_private().public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1),
    }
    for name, pair in pairs.items():
        published = pair.public_key()
        ssh = published.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        files |= {
            f"{name}-spki-pem": published.public_bytes(Encoding.PEM, SPKI),
            f"{name}-spki-der": published.public_bytes(Encoding.DER, SPKI),
            f"{name}-ssh": ssh,
            f"{name}-ssh-blob": base64.b64decode(ssh.split()[1]),
            f"{name}-pkcs8-pem": pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            f"{name}-pkcs8-der": pair.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
            f"{name}-openssh": pair.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
        }
    for alg in ("ES256", "EdDSA", "RS256", "HS256"):
        key = signer(alg)
        jwk = key.to_private_jwk() if alg == "HS256" else public(key).to_jwk()  # type: ignore[attr-defined]  # public
        files[f"{alg}-jwk"] = json.dumps(jwk).encode()
        files[f"{alg}-jwks"] = json.dumps({"keys": [jwk]}, indent=2).encode()
        files[f"{alg}-array"] = json.dumps([jwk]).encode()
    return files


DRESSES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "space around": lambda data: b" \t\n" + data + b" \n",
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "base64": base64.b64encode,
    "base64 in lines": base64.encodebytes,
    "base64url": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "base64 with a byte order mark": lambda data: b"\xef\xbb\xbf" + base64.b64encode(data) + b"\n",
}
KEY_FILES = key_files()


@pytest.mark.requirement("J8")
@pytest.mark.parametrize(
    ("name", "dress"),
    [
        (name, dress)
        for name in KEY_FILES
        for dress in DRESSES
        # A binary file whose line ends were changed is no key any more.
        if not (dress == "CRLF" and name.endswith(("-der", "-blob")))
    ],
)
def test_a_key_file_is_no_secret(name: str, dress: str) -> None:
    """A public or private key, certificate or JWK is refused as a shared secret, with the way out."""
    secret = KEY_FILES[name]
    with pytest.raises(KeyRefused, match=r"others may know it.*key_from_pem"):
        HmacKey(DRESSES[dress](secret))


@pytest.mark.requirement("J8")
@pytest.mark.parametrize("dress", ["as it is", "space around", "byte order mark", "base64"])
def test_a_key_that_ends_in_white_space_is_no_secret(dress: str) -> None:
    """The last byte of a binary key may be that of a space: it belongs to the key, whatever follows it."""
    pair = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(30) + b"\n ")
    der = pair.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert der.endswith(b"\n ")
    with pytest.raises(KeyRefused):
        HmacKey(DRESSES[dress](der))


@pytest.mark.requirement("J8")
@pytest.mark.parametrize("name", [name for name in KEY_FILES if name.endswith(("pem", "jwk"))])
def test_a_key_file_in_utf_16_is_no_secret(name: str) -> None:
    """What an editor on Windows had saved is found too."""
    text = KEY_FILES[name].decode()
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        with pytest.raises(KeyRefused):
            HmacKey(text.encode(encoding))


@pytest.mark.requirement("J8")
def test_the_base64_inside_of_a_pem_file_is_no_secret() -> None:
    """A PEM file without its first and last line is a key all the same."""
    for name in ("ec-spki-pem", "rsa-spki-pem", "x509-pem"):
        with pytest.raises(KeyRefused):
            HmacKey(b"\n".join(KEY_FILES[name].splitlines()[1:-1]))


def test_random_secrets_are_taken() -> None:
    """Of forty thousand random secrets none is mistaken for a key, not even those that begin like one."""
    source = random.Random(20261121)  # noqa: S311 -- must repeat
    for size in (32, 44, 48, 64):
        for _ in range(5000):
            HmacKey(source.randbytes(size))
            HmacKey(b"\x30" + bytes([size - 2]) + source.randbytes(size - 2))
    for size in (33, 48, 64):
        for _ in range(1000):
            HmacKey(base64.b64encode(source.randbytes(size)))
            HmacKey(source.randbytes(size).hex().encode())


def test_readable_secrets_are_taken() -> None:
    """A long passphrase, or one in brackets, is a secret."""
    for secret in (
        b"correct horse battery staple, and then some",
        b"{not json at all, but thirty-two}",
        b"[[[[[[ brackets, and no JSON behind them",
    ):
        assert HmacKey(secret).alg == "HS256"
