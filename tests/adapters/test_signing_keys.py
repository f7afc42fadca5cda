"""Signing keys: what an operator may give, what the server makes, and what is refused with which words."""

from __future__ import annotations

import os
import traceback

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sekisho.adapters.given_keys import SigningKeys, given_keys
from sekisho.adapters.secrets.secret import Secret
from sekisho.settings import Alg, SettingsRefused
from sekisho_verify import HmacKey, SigningKey
from sekisho_verify.encoding import b64url_encode

SHARED = b"zM3canary-9xQ7w2Lr8vTn4Kp6Yd1Hs5" + b"Bf0Gj3Zt6Xc9Vm2Nq5Wr8Ek1Uy4Iop7A"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
EC_JWK = SigningKey(EC_KEY).to_private_jwk()
ED_JWK = SigningKey(ed25519.Ed25519PrivateKey.generate()).to_private_jwk()
RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_JWK = SigningKey(RSA_KEY).to_private_jwk()
OCT_JWK = HmacKey(SHARED[:40]).to_private_jwk()


def pem(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    """PKCS #8, not encrypted."""
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def jwk(members: dict[str, str], *without: str) -> bytes:
    """A JWK as text, less some members."""
    return msgspec.json.encode({name: value for name, value in members.items() if name not in without})


def jwks(*entries: object) -> bytes:
    """A JWK set as text."""
    return msgspec.json.encode({"keys": entries})


PUBLIC_PEM = EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PUBLIC_JWK = {name: value for name, value in EC_JWK.items() if name != "d"}


def given(content: bytes, alg: Alg = "ES256") -> SigningKeys:
    """The ring that this content makes."""
    return given_keys(Secret(content), alg=alg, where="SEKISHO_SIGNING_KEY (file:key)")


@pytest.mark.requirement("J7")
@pytest.mark.parametrize(
    ("content", "setting", "alg"),
    [
        (SHARED, "ES256", "HS256"),
        (SHARED, "HS384", "HS384"),
        (SHARED, "HS512", "HS512"),
        (os.urandom(32), "HS256", "HS256"),
        (pem(EC_KEY), "ES256", "ES256"),
        (pem(EC_KEY), "HS256", "ES256"),
        (pem(EC_KEY), "PS256", "ES256"),
        (pem(RSA_KEY), "ES256", "RS256"),
        (pem(RSA_KEY), "PS256", "PS256"),
        (jwk(EC_JWK), "ES256", "ES256"),
        (jwk(EC_JWK, "alg", "kid"), "RS256", "ES256"),
        (jwk(ED_JWK), "ES256", "EdDSA"),
        (jwk(RSA_JWK), "PS256", "RS256"),
        (jwk(RSA_JWK, "alg"), "PS256", "PS256"),
        (b"\n" + jwk(OCT_JWK) + b"\n", "HS512", "HS256"),
        (jwks(ED_JWK, EC_JWK), "ES256", "EdDSA"),
        (jwks(PUBLIC_JWK, ED_JWK), "ES256", "EdDSA"),
    ],
)
def test_the_kind_of_key_decides(content: bytes, setting: Alg, alg: Alg) -> None:
    """The content decides the algorithm; the setting chooses only where the kind of key leaves a choice."""
    ring = given(content, setting)
    assert ring.signing.alg == alg
    assert ring.signing.kid in {key.kid for key in ring.verifying}


def test_a_set_signs_with_its_first_private_key() -> None:
    """Of a JWK set the first private key signs, and every key verifies, public ones included."""
    ring = given(jwks(PUBLIC_JWK, ED_JWK))
    assert [key.alg for key in ring.verifying] == ["ES256", "EdDSA"]
    secrets = given(jwks(OCT_JWK, HmacKey(SHARED).to_private_jwk()))
    assert secrets.signing.kid == OCT_JWK["kid"]
    assert len(secrets.verifying) == 2
    assert secrets.published == ()


@pytest.mark.requirement("J8")
@pytest.mark.requirement("J13")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"too-short-zM3canary", "a secret has 32 or more"),
        (b"zM3canary" * 8, "can be guessed"),
        (PUBLIC_PEM, "only public keys"),
        (jwk(PUBLIC_JWK), "only public keys"),
        (jwks(PUBLIC_JWK), "only public keys"),
        (pem(EC_KEY) + pem(RSA_KEY), "more than one PEM block"),
        (b"-----BEGIN PRIVATE KEY-----\nzM3canary\n-----END PRIVATE KEY-----", "not a PEM key"),
        (b"-----BEGIN CERTIFICATE-----\nzM3canary\n-----END CERTIFICATE-----", "certificate"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (pem(rsa.generate_private_key(65537, 1024)), "2048"),  # noqa: S505 - weak on purpose
        (jwks(EC_JWK, OCT_JWK), "do not stand in one ring"),
        (jwks(EC_JWK, EC_JWK), "same kid"),
        (jwks(), "at least one key"),
        (jwks("zM3canary"), "not an object"),
        (b'{"keys": "zM3canary"}', "array named keys"),
        (b'{"kty": "EC", "zM3canary"', "is not JSON"),
        (b'{"kty": "oct", "k": "zM3canaryyyy"}', "at least 32 bytes"),
        (jwk({**EC_JWK, "d": ED_JWK["d"]}), "do not belong together"),
        (jwk({**EC_JWK, "use": "enc"}), "not sig"),
        (jwk({**OCT_JWK, "k": b64url_encode(b"0123456789abcdef" * 2).decode()}), "can be guessed"),
        (PUBLIC_PEM.replace(b"\n", b" "), "only public keys"),
    ],
)
def test_what_is_no_signing_key(content: bytes, words: str) -> None:
    """What cannot sign is refused with the reason and the name of the setting, and is never repeated."""
    with pytest.raises(SettingsRefused, match=words) as refused:
        given(content)
    everything = "".join(traceback.format_exception(refused.value))
    assert "SEKISHO_SIGNING_KEY (file:key)" in everything
    assert "zM3canary" not in everything


@pytest.mark.requirement("J8")
def test_a_public_key_is_no_shared_secret() -> None:
    """A public key in DER or base64, which everybody may know, is not taken for an HMAC secret."""
    der = EC_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    body = b"".join(PUBLIC_PEM.splitlines()[1:-1])
    for content in (der, body):
        with pytest.raises(SettingsRefused, match="others may know it"):
            given(content)


def test_refusals_speak_japanese() -> None:
    """A refusal has its words in both languages."""
    with pytest.raises(SettingsRefused) as refused:
        given(PUBLIC_PEM)
    (fault,) = refused.value.faults
    assert "署名に使える鍵ではありません" in fault.problem.ja
    assert "32 バイト以上" in fault.fix.ja
