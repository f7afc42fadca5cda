"""A key is of one kind, for one algorithm, strong enough, consistent, and never shows its secret."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import hmac
import pickle
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import assume, given
from hypothesis import strategies as st

from sekisho_verify import EcKey, HmacKey, KeyRefused, OkpKey, RsaKey, SigningKey, TokenRefused
from sekisho_verify.encoding import b64url_decode, b64url_encode
from sekisho_verify.errors import EncodingError
from sekisho_verify.key_sniffing import is_guessable
from sekisho_verify.keypairs import public_verification_key
from sekisho_verify.mac import Hmac
from tests.verify.tokens import ALGS, EC, SECRET, public, rsa_private, signer, vector

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
MESSAGE = b"header.payload"


def refuses(key: HmacKey | SigningKey, message: bytes, signature: bytes) -> str:
    """The code with which a signature is refused."""
    with pytest.raises(TokenRefused) as caught:
        public(key).check(message, b64url_encode(signature))
    return caught.value.code


@pytest.mark.requirement("J7")
@pytest.mark.parametrize("alg", ALGS)
def test_a_key_checks_what_it_signed_and_nothing_else(alg: str) -> None:
    """A signature holds for its own bytes and key, and not with a bit changed anywhere."""
    key = signer(alg)
    signature = key.sign(MESSAGE)
    public(key).check(MESSAGE, b64url_encode(signature))
    assert refuses(key, b"header.payloae", signature) == "token_signature_mismatch"
    for at in (0, len(signature) // 2, len(signature) - 1):
        changed = bytearray(signature)
        changed[at] ^= 1
        assert refuses(key, MESSAGE, bytes(changed)) == "token_signature_mismatch"


@pytest.mark.parametrize("alg", ALGS)
def test_a_signature_of_another_length_is_refused(alg: str) -> None:
    """Cut short, made longer, or empty, a signature is a mismatch and never an error of the engine."""
    key = signer(alg)
    signature = key.sign(MESSAGE)
    for other in (
        b"",
        signature[:-1],
        signature + b"\0",
        signature * 2,
        b"\0" + signature,
        bytes(len(signature)),
    ):
        assert refuses(key, MESSAGE, other) == "token_signature_mismatch"


@pytest.mark.parametrize("alg", ALGS)
def test_a_signature_in_another_spelling_is_malformed(alg: str) -> None:
    """The right signature with padding or a foreign character is not base64url, and is said to be that."""
    key = signer(alg)
    seal = b64url_encode(key.sign(MESSAGE))
    for other in (seal + b"=", seal + b"\n", b" " + seal, seal[:-1] + b"!"):
        with pytest.raises(EncodingError):
            public(key).check(MESSAGE, other)


# What hashes, or asks an engine, by the names under which the interpreter reports calls into C.
ENGINES = {
    *("HASH.copy", "HASH.update", "HASH.digest"),
    *("encode_dss_signature", "ECPublicKey.verify", "Ed25519PublicKey.verify", "RSAPublicKey.verify"),
}


def asked(key: HmacKey | SigningKey, signature: bytes) -> set[str]:
    """The engines that a check has called, whatever its verdict."""
    called: set[str] = set()
    held, seal = public(key), b64url_encode(signature)

    def note(_frame: object, event: str, function: object) -> None:
        if event == "c_call":
            called.add(getattr(function, "__qualname__", ""))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        with contextlib.suppress(TokenRefused):
            held.check(MESSAGE, seal)
    finally:
        sys.setprofile(before)
    return called & ENGINES


@pytest.mark.requirement("J1")
@pytest.mark.parametrize("alg", ALGS)
def test_no_cryptography_on_a_refused_length(alg: str) -> None:
    """A signature of a wrong length is refused before anything is hashed; one of the right length is not."""
    key = signer(alg)
    signature = key.sign(MESSAGE)
    assert asked(key, signature)
    assert asked(key, b"\1" * len(signature))
    for size in (0, 1, len(signature) - 1, len(signature) + 1, 2 * len(signature), 12_000):
        assert asked(key, b"\1" * size) == set()


@pytest.mark.requirement("J14")
def test_an_ecdsa_signature_is_two_numbers_in_range() -> None:
    """Zero (CVE-2022-21449), the order of the curve and anything above are refused in either place."""
    right = EC.sign(MESSAGE)
    for bad in (0, P256_ORDER, P256_ORDER + 1, 2**256 - 1):
        number = bad.to_bytes(32)
        assert refuses(EC, MESSAGE, number + right[32:]) == "token_signature_mismatch"
        assert refuses(EC, MESSAGE, right[:32] + number) == "token_signature_mismatch"
        assert refuses(EC, MESSAGE, number + number) == "token_signature_mismatch"
        for pair in (right[:32] + number, number + right[32:]):  # by us, not only by the engine beneath
            with pytest.raises(TokenRefused) as caught:
                EC.public.check(MESSAGE, b64url_encode(pair))
            assert caught.value.detail == "not two numbers of P-256"


@pytest.mark.requirement("J14")
def test_an_ecdsa_signature_has_one_length() -> None:
    """The two right numbers in 65 bytes, with a zero that changes neither, are refused."""
    right = EC.sign(MESSAGE)
    for longer in (right[:32] + b"\0" + right[32:], right[:32] + bytes(32) + right[32:]):
        assert refuses(EC, MESSAGE, longer) == "token_signature_mismatch"


@pytest.mark.requirement("J14")
def test_an_ecdsa_signature_in_der_is_refused() -> None:
    """JOSE has its own form; the one of X.509 is not taken for it."""
    private = ec.derive_private_key(int.from_bytes(SECRET[:32]), ec.SECP256R1())
    der = private.sign(MESSAGE, ec.ECDSA(SHA256()))
    assert refuses(EC, MESSAGE, der) == "token_signature_mismatch"


@pytest.mark.requirement("J14")
@pytest.mark.parametrize("salt", [0, 20, 64])
def test_a_pss_salt_is_as_long_as_the_hash(salt: int) -> None:
    """PS256 with another salt length is refused."""
    from_elsewhere = rsa_private().sign(MESSAGE, padding.PSS(padding.MGF1(SHA256()), salt), SHA256())
    assert refuses(signer("PS256"), MESSAGE, from_elsewhere) == "token_signature_mismatch"
    right = rsa_private().sign(MESSAGE, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    public(signer("PS256")).check(MESSAGE, b64url_encode(right))


@pytest.mark.requirement("J7")
def test_one_rsa_key_is_for_one_algorithm() -> None:
    """What a key signed as RS256 does not hold for the same numbers as PS256, nor the other way round."""
    for one, other in (("RS256", "PS256"), ("PS256", "RS256")):
        assert refuses(signer(other), MESSAGE, signer(one).sign(MESSAGE)) == "token_signature_mismatch"


@pytest.mark.parametrize("case", vector("rfc4231")["vectors"], ids=lambda case: case["data"][:12])
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_hmac_is_hmac(case: dict[str, str], alg: str) -> None:
    """The MAC from two prepared hashes is that of RFC 4231, with a key longer than a block too.

    Its keys repeat one byte, so they are given to the MAC itself: no `HmacKey` is made of such.
    """
    new_hash = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[alg]
    assert Hmac(bytes.fromhex(case["key_hex"]), new_hash).digest(case["data"].encode()).hex() == case[alg]


@pytest.mark.requirement("J8")
@pytest.mark.parametrize(("alg", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_the_hash(alg: str, size: int) -> None:
    """One byte less is refused, and so is nothing at all (CVE-2026-49852)."""
    assert HmacKey(SECRET[:size], alg=alg).alg == alg  # type: ignore[arg-type]  # one of the three
    for secret in (SECRET[: size - 1], b""):
        with pytest.raises(KeyRefused, match=f"at least {size} bytes"):
            HmacKey(secret, alg=alg)  # type: ignore[arg-type]  # one of the three


@pytest.mark.requirement("J8")
@pytest.mark.parametrize("secret", ["x" * 64, bytearray(64), memoryview(SECRET), None, 1, [SECRET]])
def test_a_secret_is_bytes(secret: object) -> None:
    """Text is refused, because nobody knows whether it is meant as it is or as base64."""
    with pytest.raises(KeyRefused, match="encode text"):
        HmacKey(secret)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("alg", ["hs256", "HS257", "none", "", "ES256", "RS256", None])
def test_a_secret_is_for_hmac_only(alg: object) -> None:
    """A shared secret cannot be given another algorithm."""
    with pytest.raises(KeyRefused, match="HS256, HS384 and HS512"):
        HmacKey(SECRET, alg=alg)  # type: ignore[arg-type]  # that is the point


@pytest.mark.requirement("J8", "J13")
@pytest.mark.parametrize("bits", [1024, 2047])
def test_a_short_rsa_key_is_refused(bits: int) -> None:
    """Fewer than 2048 bits are too few."""
    with pytest.raises(KeyRefused, match=f"this one has {bits}"):
        SigningKey(rsa.generate_private_key(65537, bits))


@pytest.mark.requirement("J13")
@pytest.mark.parametrize("exponent", [3, 17, 257, 65535, 2**32 + 1])
def test_an_odd_public_exponent_is_refused(exponent: int) -> None:
    """An exponent below 65537, or so large that verifying is work, is refused."""
    modulus = rsa_private().public_key().public_numbers().n
    with pytest.raises(KeyRefused, match="exponent"):
        RsaKey(rsa.RSAPublicNumbers(exponent, modulus).public_key())


@pytest.mark.requirement("J7", "J8")
def test_each_class_takes_its_own_kind_of_key() -> None:
    """A key of another kind or curve is refused by its class, whatever it is said to be for."""
    p384 = ec.derive_private_key(7, ec.SECP384R1())
    rsa_public = rsa_private().public_key()
    okp_public = ed25519.Ed25519PrivateKey.from_private_bytes(SECRET[:32]).public_key()
    for make in (
        lambda: EcKey(p384.public_key()),
        lambda: EcKey(rsa_public),  # type: ignore[arg-type]  # that is the point
        lambda: EcKey(b"-----BEGIN PUBLIC KEY-----"),  # type: ignore[arg-type]  # that is the point
        lambda: OkpKey(rsa_public),  # type: ignore[arg-type]  # that is the point
        lambda: RsaKey(okp_public),  # type: ignore[arg-type]  # that is the point
        lambda: RsaKey(rsa_public, alg="HS256"),  # type: ignore[arg-type]  # that is the point
        lambda: SigningKey(p384),
        lambda: SigningKey(ed448.Ed448PrivateKey.generate()),  # type: ignore[arg-type]  # that is the point
        lambda: SigningKey(rsa_public),  # type: ignore[arg-type]  # that is the point
        lambda: public_verification_key(okp_public, alg="ES256"),
        lambda: public_verification_key(rsa_public, alg="ES256"),
    ):
        with pytest.raises(KeyRefused):
            make()


@pytest.mark.requirement("J20")
def test_the_thumbprints_of_the_rfcs() -> None:
    """The thumbprints of RFC 7638 section 3.1 and RFC 8037 appendix A.3."""
    from_7638, from_8037 = vector("rfc7638"), vector("rfc8037")
    numbers = [int.from_bytes(b64url_decode(from_7638["jwk"][name].encode())) for name in ("e", "n")]
    assert RsaKey(rsa.RSAPublicNumbers(*numbers).public_key()).thumbprint == from_7638["thumbprint"]
    x = b64url_decode(from_8037["jwk"]["x"].encode())
    assert OkpKey(ed25519.Ed25519PublicKey.from_public_bytes(x)).thumbprint == from_8037["thumbprint"]


@pytest.mark.requirement("J20")
@pytest.mark.parametrize("alg", ALGS)
def test_the_key_id_comes_from_the_thumbprint(alg: str) -> None:
    """A key pair's id is its whole thumbprint, a shared secret's the first 8 characters of it."""
    key = signer(alg)
    assert len(key.thumbprint) == 43
    assert key.kid == (key.thumbprint[:8] if alg.startswith("HS") else key.thumbprint)
    assert public(key).kid == key.kid


@pytest.mark.requirement("J10")
@pytest.mark.parametrize(
    "kid",
    [
        "",
        "x" * 129,
        "../../../../dev/null",
        "x' UNION SELECT 'k'--",
        "key.pem|sleep 5",
        "a\0b",
        "鍵",
        1,
        ["a"],
    ],
)
def test_a_key_has_a_harmless_id(kid: object) -> None:
    """A key cannot be given an id that no token is allowed to carry."""
    with pytest.raises(KeyRefused, match="a kid is"):
        HmacKey(SECRET, kid=kid)  # type: ignore[arg-type]  # that is the point


def test_a_key_may_have_an_id_of_its_own() -> None:
    """An id given is kept, by the public key of a pair too."""
    assert HmacKey(SECRET, kid="2026-11:a@b+c=.~").kid == "2026-11:a@b+c=.~"
    assert SigningKey(ed25519.Ed25519PrivateKey.from_private_bytes(SECRET[:32]), kid="k").public.kid == "k"


@pytest.mark.parametrize("alg", ALGS)
def test_a_key_shows_its_name_and_no_secret(alg: str) -> None:
    """Neither repr, str nor format prints anything of the key itself."""
    key = signer(alg)
    secret = key.to_private_jwk()
    for shown in (key, public(key)):
        expected = f"{type(shown).__name__}(alg={alg!r}, kid={key.kid!r}, key=[redacted])"
        assert repr(shown) == str(shown) == f"{shown}" == expected
        assert not any(secret[member] in expected for member in ("k", "d", "p", "q") if member in secret)


@pytest.mark.parametrize("alg", ALGS)
def test_a_key_stays_where_it_is(alg: str) -> None:
    """A key is neither pickled nor copied nor changed."""
    for key in (signer(alg), public(signer(alg))):
        for act in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="not copied or pickled"):
                act(key)
        with pytest.raises(AttributeError):
            key.alg = "none"  # type: ignore[misc]  # that is the point
        with pytest.raises(AttributeError):
            key._alg = "none"
        with pytest.raises(AttributeError):
            del key._alg
        assert not hasattr(key, "__dict__")


@given(st.binary(min_size=32, max_size=64))
def test_any_long_secret_makes_the_key_that_everybody_else_makes(secret: bytes) -> None:
    """A random secret is taken, and its MAC is that of the standard library."""
    assume(not is_guessable(secret))
    assert HmacKey(secret).sign(MESSAGE) == hmac.digest(secret, MESSAGE, "sha256")
