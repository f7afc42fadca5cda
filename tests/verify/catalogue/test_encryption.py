"""The catalogue of vulnerabilities: encrypted tokens. We have none; the door is shut before anything is done.

What is refused here was really made, by another library and for the very keys that our verifier holds:
whoever looked inside could decrypt, inflate and believe it.
"""

from __future__ import annotations

import hashlib
import json
import warnings
import zlib
from typing import Any

import joserfc.jwe
import joserfc.jwk
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from sekisho_verify import KeyRefused, TokenRefused, key_from_jwk
from sekisho_verify.encoding import b64url_encode
from sekisho_verify.keypairs import number
from tests.verify.catalogue.watching import CountingHmacKey, memory, seeing_outside
from tests.verify.tokens import (
    EC,
    SECRET,
    claims,
    header,
    public,
    refusal,
    rsa_private,
    seal,
    signer,
    token,
    verifier,
)

BOMB = b'{"x":"' + bytes(8 * 2**20) + b'"}'
ALGS = [
    "dir",
    "A128KW",
    "A256KW",
    "A256GCMKW",
    "RSA1_5",
    "RSA-OAEP",
    "RSA-OAEP-256",
    "ECDH-ES",
    "ECDH-ES+A256KW",
    "PBES2-HS256+A128KW",
    "PBES2-HS512+A256KW",
]


def recipient(alg: str) -> Any:  # noqa: ANN401 -- a key of joserfc
    """The key to encrypt for: of the pairs, our own public key; of the secrets, bytes of ours."""
    if alg.startswith("RSA"):
        return joserfc.jwk.RSAKey.import_key(rsa_private())
    if alg.startswith("ECDH"):
        return joserfc.jwk.ECKey.import_key(EC._private)  # type: ignore[arg-type]  # of P-256
    return joserfc.jwk.OctKey.import_key(SECRET[:16] if alg == "A128KW" else SECRET[:32])


def encrypted(alg: str, plain: bytes, **more: object) -> str:
    """A compact JWE of the type of an access token."""
    head: Any = {"alg": alg, "enc": "A256GCM", "typ": "at+jwt", "kid": EC.kid, **more}
    registry = joserfc.jwe.JWERegistry(algorithms=[alg, "A256GCM", "DEF"], strict_check_header=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of algorithms that one should not use
        return joserfc.jwe.encrypt_compact(head, plain, recipient(alg), registry=registry)


class Counted:
    """How often something was called, which goes on as before."""

    def __init__(self, patch: pytest.MonkeyPatch, places: list[tuple[Any, str]]) -> None:
        self.calls: list[str] = []
        for holder, name in places:
            patch.setattr(holder, name, self._counting(name, getattr(holder, name)))

    def _counting(self, name: str, act: Any) -> Any:  # noqa: ANN401 -- any callable
        def counting(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- passed on
            self.calls.append(name)
            return act(*args, **kwargs)

        return counting


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Every inflation, key derivation, unwrapping, agreement and decryption that Python code can ask for."""
    places: list[tuple[Any, str]] = [
        (zlib, "decompress"),
        (zlib, "decompressobj"),
        (hashlib, "pbkdf2_hmac"),
        (PBKDF2HMAC, "derive"),
        (Cipher, "decryptor"),
        (joserfc.jwe, "decrypt_compact"),
    ]
    return Counted(monkeypatch, places)


@pytest.mark.requirement("V12", "V13", "V25", "J16", "J2")
@pytest.mark.parametrize("alg", ALGS)
def test_no_encrypted_token_is_opened(alg: str, opening: Counted) -> None:
    """CVE-2023-51774: a JWE of each kind, for our own keys, is refused as one; nothing is decrypted."""
    jwe = encrypted(alg, token().encode())
    assert jwe.count(".") == 4
    opening.calls.clear()
    for using in (verifier(CountingHmacKey()), verifier(EC.public, public(signer("RS256")))):
        refusal(jwe, using)
        with seeing_outside() as steps, pytest.raises(TokenRefused) as caught:
            using.verify(jwe)
        assert (caught.value.code, caught.value.detail) == ("token_malformed", "encrypted (JWE)")
        assert steps == []
    assert opening.calls == []


@pytest.mark.requirement("V12", "J16")
def test_v12_a_compressed_token_is_not_inflated(opening: Counted) -> None:
    """CVE-2024-33664, CVE-2024-21319, CVE-2025-62706: 8 MiB of zeros stay the 12 KiB that came."""
    bomb = encrypted("dir", BOMB, zip="DEF")
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = squeezed.compress(BOMB) + squeezed.flush()
    assert len(bomb) < 16 * 1024
    opening.calls.clear()
    signed = [
        seal(header(zip="DEF"), deflated),
        seal(header(), deflated),
        seal(header(zip="DEF"), claims()),
        seal(header(cty="JWT", zip="DEF"), deflated),
    ]
    for text in (bomb, *signed):
        using = verifier(CountingHmacKey())
        refusal(text, using)
        with memory() as peak:
            assert refusal(text, using) == "token_malformed"
        assert peak[0] < 256 * 1024
    assert opening.calls == []


@pytest.mark.requirement("V13", "J16")
@pytest.mark.parametrize("count", [1000, 310_000, 10**9, 2**31 - 1, 2**64, -1, 1e300, "1000000000"])
def test_v13_no_key_is_derived_from_a_password(count: object, opening: Counted) -> None:
    """CVE-2023-51775, CVE-2022-36083: however many rounds p2c asks for, not one of them is run."""
    jwe = encrypted("PBES2-HS256+A128KW", b"{}", p2c=1000)
    rest = jwe.partition(".")[2]
    head = {
        "alg": "PBES2-HS256+A128KW",
        "enc": "A256GCM",
        "typ": "at+jwt",
        "p2s": "c2FsdHNhbHQ",
        "p2c": count,
    }
    segment = b64url_encode(json.dumps(head).encode()).decode()
    opening.calls.clear()
    assert refusal(f"{segment}.{rest}") == "token_malformed"
    assert refusal(".".join((segment, *token().split(".")[1:]))) == "token_alg_not_allowed"
    assert refusal(seal(header(p2c=count, p2s="c2FsdA", enc="A256GCM"), claims())) == "token_malformed"
    assert opening.calls == []


@pytest.mark.requirement("V25", "J13", "J16")
def test_v25_no_point_off_the_curve_is_multiplied(opening: Counted) -> None:
    """Invalid-curve ECDH-ES: an epk off the curve is not looked at, and as a key it is refused."""
    published = EC.public.to_jwk()
    off = {"kty": "EC", "crv": "P-256", "x": published["x"], "y": number(5, 32)}
    rest = encrypted("ECDH-ES", b"{}").partition(".")[2]
    opening.calls.clear()
    for epk in (off, {**off, "x": "AA", "y": "AA"}, published, None):
        head = {"alg": "ECDH-ES", "enc": "A256GCM", "typ": "at+jwt", "epk": epk, "apu": "", "apv": ""}
        segment = b64url_encode(json.dumps(head).encode()).decode()
        assert refusal(f"{segment}.{rest}", verifier(EC.public)) == "token_malformed"
        assert refusal(f"{segment}.AAAA.AAAA", verifier(EC.public)) == "token_alg_not_allowed"
    assert opening.calls == []
    with pytest.raises(KeyRefused, match="do not make a key"):
        key_from_jwk(off)
    with pytest.raises(KeyRefused, match="curve of an EC key"):
        key_from_jwk({**off, "crv": "P-384"})


@pytest.mark.requirement("V25")
def test_v25_a_key_for_encryption_verifies_nothing() -> None:
    """RSA1_5 and kin: a key of use enc, or of another algorithm's name, is no key of a verifier."""
    jwk = public(signer("RS256")).to_jwk()  # type: ignore[attr-defined]  # public
    for change in (
        {"use": "enc"},
        {"alg": "RSA1_5"},
        {"alg": "RSA-OAEP"},
        {"key_ops": ["decrypt", "unwrapKey"]},
    ):
        with pytest.raises(KeyRefused):
            key_from_jwk(jwk | change)


def test_what_is_refused_here_could_be_opened(opening: Counted) -> None:
    """The tokens above are whole: another library decrypts and inflates them, and the count sees it."""
    for alg in ("dir", "ECDH-ES", "PBES2-HS256+A128KW"):
        registry = joserfc.jwe.JWERegistry(algorithms=[alg, "A256GCM", "DEF"], strict_check_header=False)
        plain = joserfc.jwe.decrypt_compact(
            encrypted(alg, b"inside", zip="DEF"), recipient(alg), registry=registry
        )
        assert plain.plaintext == b"inside"
    assert {"decrypt_compact", "decryptor", "decompressobj"} <= set(opening.calls)
