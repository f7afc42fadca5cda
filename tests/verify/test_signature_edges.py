"""Signatures at the edges of what the mathematics allows: one text a signature, and a key behind each.

An engine beneath may be laxer than the RFCs, and changes with its versions; what is refused here is refused
whatever it does. The tests make each case as an attacker would, most with the right private key at hand.
"""

from __future__ import annotations

from hashlib import sha256, sha512
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA224, SHA256, SHA384, SHA512

from sekisho_verify import EcKey, KeyRefused, OkpKey, TokenRefused, key_from_jwk
from sekisho_verify.ed25519_point import refuse_bad_point
from sekisho_verify.encoding import b64url_encode
from tests.verify.tokens import (
    EC,
    OKP,
    SECRET,
    public,
    rsa_private,
    signer,
    token,
    verifier,
)

MESSAGE = b"header.payload"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_P = 2**255 - 19
ED25519_L = 2**252 + 27742317777372353535851937790883648493
ED25519_D = -121665 * pow(121666, -1, ED25519_P) % ED25519_P
EC_PRIVATE = ec.derive_private_key(int.from_bytes(SECRET[:32]), ec.SECP256R1())
MODULUS = rsa_private().public_key().public_numbers().n


def holds(alg: str, signature: bytes, message: bytes = MESSAGE) -> bool:
    """Whether our key of an algorithm takes a signature; if not, it says so in the one way there is."""
    try:
        public(signer(alg)).check(message, b64url_encode(signature))
    except TokenRefused as refused:
        if refused.code != "token_signature_mismatch":
            raise
        return False
    return True


# --- ECDSA ---


def pair(r: int, s: int) -> bytes:
    """R and S as JOSE has them."""
    return r.to_bytes(32) + s.to_bytes(32)


@pytest.mark.requirement("J14", "V06")
@pytest.mark.parametrize("place", ["r", "s", "both"])
@pytest.mark.parametrize(
    "edge",
    [0, 1, 2, P256_ORDER - 1, P256_ORDER, P256_ORDER + 1, 2**255, 2**256 - 1],
    ids=["0", "1", "2", "n-1", "n", "n+1", "2^255", "2^256-1"],
)
def test_no_edge_of_the_range_is_a_signature(edge: int, place: str) -> None:
    """A number at or beyond an edge, zero above all (CVE-2022-21449), verifies nothing in either place."""
    r, s = (int.from_bytes(half) for half in (EC.sign(MESSAGE)[:32], EC.sign(MESSAGE)[32:]))
    assert not holds("ES256", pair(edge if place != "s" else r, edge if place != "r" else s))


@pytest.mark.requirement("J14", "V06")
def test_a_number_is_taken_in_its_least_form_only() -> None:
    """Adding the order of the curve gives the same number to the mathematics, and no signature here."""
    small = 2**256 - P256_ORDER  # only below it do 32 bytes have room for the sum
    # A key for which a signature with r = 5 or so holds: from any r on the curve and any s, the key follows.
    message, r, s = MESSAGE, *_forged_pair(small)
    key = EcKey(_key_for(message, r, s))
    key.check(message, b64url_encode(pair(r, s)))
    for twin in (pair(r + P256_ORDER, s), pair(r, s + P256_ORDER), pair(r + P256_ORDER, s + P256_ORDER)):
        with pytest.raises(TokenRefused) as caught:
            key.check(message, b64url_encode(twin))
        assert caught.value.detail == "not two numbers of P-256"


P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
Point = tuple[int, int] | None


def _lift(x: int) -> Point:
    """The point of P-256 with this x, if there is one."""
    squared = (x**3 - 3 * x + P256_B) % P256_P
    y = pow(squared, (P256_P + 1) // 4, P256_P)
    return (x, y) if y * y % P256_P == squared else None


def _add(a: Point, b: Point) -> Point:
    """The sum of two points of P-256."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P256_P == 0:
        return None
    rise, run = (3 * a[0] ** 2 - 3, 2 * a[1]) if a == b else (b[1] - a[1], b[0] - a[0])
    slope = rise * pow(run, -1, P256_P)
    x = (slope * slope - a[0] - b[0]) % P256_P
    return x, (slope * (a[0] - x) - a[1]) % P256_P


def _times(number: int, point: Point) -> Point:
    """A multiple of a point of P-256."""
    result: Point = None
    while number:
        if number & 1:
            result = _add(result, point)
        point, number = _add(point, point), number >> 1
    return result


def _forged_pair(below: int) -> tuple[int, int]:
    """The least r that is the x of a point, and an s, both below a bound."""
    r = next(x for x in range(5, 1000) if _lift(x))
    assert r < below
    return r, 7


def _key_for(message: bytes, r: int, s: int) -> ec.EllipticCurvePublicKey:
    """The public key under which (r, s) is the signature of a message: (s*R - h*G) / r."""
    hashed = int.from_bytes(sha256(message).digest())
    base = ec.derive_private_key(1, ec.SECP256R1()).public_key().public_numbers()
    over = pow(r, -1, P256_ORDER)
    point = _add(
        _times(s * over % P256_ORDER, _lift(r)), _times(-hashed * over % P256_ORDER, (base.x, base.y))
    )
    assert point is not None
    return ec.EllipticCurvePublicNumbers(*point, ec.SECP256R1()).public_key()


@pytest.mark.requirement("J14")
@pytest.mark.parametrize("size", [0, 1, 32, 63, 65, 66, 96, 128, 132])
def test_an_ecdsa_signature_of_another_length_verifies_nothing(size: int) -> None:
    """Cut short, drawn out at either end, or of another curve's length."""
    right = EC.sign(MESSAGE)
    assert not holds("ES256", right[:size].ljust(size, b"\0"))
    assert not holds("ES256", right[-size:].rjust(size, b"\0") if size else b"")


@pytest.mark.requirement("J14")
def test_an_ecdsa_signature_in_other_clothes_verifies_nothing() -> None:
    """DER, R and S exchanged, little-endian, or of the other hash."""
    der = EC_PRIVATE.sign(MESSAGE, ec.ECDSA(SHA256()))
    r, s = decode_dss_signature(der)
    assert holds("ES256", pair(r, s))
    assert not holds("ES256", der)
    assert not holds("ES256", pair(s, r))
    assert not holds("ES256", pair(r, s)[::-1])
    assert not holds("ES256", r.to_bytes(32, "little") + s.to_bytes(32, "little"))
    for other in (SHA384(), SHA512()):
        assert not holds("ES256", pair(*decode_dss_signature(EC_PRIVATE.sign(MESSAGE, ec.ECDSA(other)))))


@pytest.mark.requirement("J19")
def test_a_token_of_es256_has_a_twin_which_says_the_same() -> None:
    """Anybody can turn S to n-S: the text is another, the claims and so the revocation are the same.

    JOSE allows both (RFC 7518 section 3.4), and signers make both. That is why nothing goes by the text.
    """
    signing_input, _, _ = token(EC).rpartition(".")
    r, s = decode_dss_signature(EC_PRIVATE.sign(signing_input.encode(), ec.ECDSA(SHA256())))
    one, twin = (f"{signing_input}.{b64url_encode(pair(r, value)).decode()}" for value in (s, P256_ORDER - s))
    using = verifier(EC.public)
    first, second = using.verify(one), using.verify(twin)
    assert one != twin
    assert (first.sid, first.sub, first.jti) == (second.sid, second.sub, second.jti)


# --- RSA ---


def begins_with_zero(alg: str) -> tuple[bytes, bytes]:
    """A message and its signature that happens to begin with a zero byte: one in 256 does."""
    for count in range(20_000):
        message = b"%d" % count
        signature = signer(alg).sign(message)
        if signature[0] == 0:
            return message, signature
    raise AssertionError("none of twenty thousand")


@pytest.mark.requirement("J14", "V16")
@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_an_rsa_signature_is_as_long_as_the_modulus(alg: str) -> None:
    """Its leading zero belongs to it: without it, or with one more, the same number is no signature.

    RFC 8017 says so (sections 8.1.2 and 8.2.2); OpenSSL keeps to it for PKCS #1 v1.5 only.
    """
    message, signature = begins_with_zero(alg)
    assert holds(alg, signature, message)
    assert not holds(alg, signature[1:], message)
    assert not holds(alg, signature.lstrip(b"\0"), message)
    assert not holds(alg, b"\0" + signature, message)
    assert not holds(alg, signature + b"\0", message)


@pytest.mark.requirement("J14", "V16")
@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_an_rsa_signature_is_below_the_modulus(alg: str) -> None:
    """The same number plus the modulus, where it has room, is no signature; nor are 0, 1, n-1 and n."""
    for count in range(64):
        message = b"%d" % count
        twin = int.from_bytes(signer(alg).sign(message)) + MODULUS
        if twin < 2**2048:
            assert not holds(alg, twin.to_bytes(256), message)
            break
    for number in (0, 1, MODULUS - 1, MODULUS):
        assert not holds(alg, number.to_bytes(256))


def by_padding(padded: bytes) -> bytes:
    """The RSA signature of a block padded by hand: what a signer with the right key could be made to make."""
    numbers = rsa_private().private_numbers()
    return pow(int.from_bytes(padded), numbers.d, MODULUS).to_bytes(256)


# DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1), with and without its NULL.
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
SHA256_INFO_WITHOUT_NULL = bytes.fromhex("302f300b0609608648016503040201 0420")


@pytest.mark.requirement("J14")
def test_pkcs1_padding_has_one_form() -> None:
    """Anything left over, short padding, another type or another hash verifies nothing (CVE-2006-4339)."""
    hashed = sha256(MESSAGE).digest()

    def block(info: bytes, *, fill: bytes = b"\xff", after: bytes = b"", kind: bytes = b"\0\1") -> bytes:
        rest = b"\0" + info + hashed + after
        return kind + (fill * 256)[: 256 - len(kind) - len(rest)] + rest

    assert holds("RS256", by_padding(block(SHA256_INFO)))
    for wrong in (
        block(SHA256_INFO_WITHOUT_NULL),
        block(SHA256_INFO, after=b"\0"),
        block(SHA256_INFO, after=bytes(190)),
        block(SHA256_INFO, fill=b"\xfe"),
        block(SHA256_INFO, kind=b"\0\2"),
        block(SHA256_INFO, kind=b"\0\0"),
        block(b""),
        block(SHA256_INFO[:-1] + b"\x1f"),
    ):
        assert not holds("RS256", by_padding(wrong))


@pytest.mark.requirement("J14")
@pytest.mark.parametrize("other", [SHA224(), SHA384(), SHA512()], ids=lambda hashed: hashed.name)
def test_an_rsa_signature_of_another_hash_verifies_nothing(other: Any) -> None:  # noqa: ANN401 -- any hash
    """RS256 and PS256 are of SHA-256, in the hash, the mask and the salt."""
    private = rsa_private()
    assert not holds("RS256", private.sign(MESSAGE, padding.PKCS1v15(), other))
    for digest, mask in ((SHA256(), other), (other, SHA256()), (other, other)):
        assert not holds("PS256", private.sign(MESSAGE, padding.PSS(padding.MGF1(mask), 32), digest))


@pytest.mark.requirement("J14")
@pytest.mark.parametrize("salt", [0, 1, 31, 33, 64, padding.PSS.MAX_LENGTH])
def test_a_pss_salt_of_another_length_verifies_nothing(salt: Any) -> None:  # noqa: ANN401 -- a number or a mark
    """A salt a byte shorter or longer than the hash, the longest there is, and none."""
    private = rsa_private()
    assert not holds("PS256", private.sign(MESSAGE, padding.PSS(padding.MGF1(SHA256()), salt), SHA256()))


# --- Ed25519 ---


@pytest.mark.requirement("J14", "V16")
def test_an_ed25519_scalar_is_below_the_order() -> None:
    """S plus the order of the group satisfies the equation, and is refused (RFC 8032 section 5.1.7)."""
    right = OKP.sign(MESSAGE)
    scalar = int.from_bytes(right[32:], "little")
    assert holds("EdDSA", right)
    for times in range(1, 16):
        assert not holds("EdDSA", right[:32] + (scalar + times * ED25519_L).to_bytes(32, "little"))
    for edge in (0, ED25519_L, ED25519_L - 1, 2**252, 2**256 - 1):
        assert not holds("EdDSA", right[:32] + edge.to_bytes(32, "little"))
    assert not holds("EdDSA", right[:63] + bytes([right[63] | 0xE0]))


def small_order_points() -> list[tuple[int, int]]:
    """The eight points of small order, found by walking from one of order 8."""

    def plus(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        cross = ED25519_D * a[0] * b[0] * a[1] * b[1]
        x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + cross, -1, ED25519_P)
        y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - cross, -1, ED25519_P)
        return x % ED25519_P, y % ED25519_P

    # The double of one has y = 0, so d*y^4 + 2*y^2 = 1 and x^2 = -y^2.
    root = square_root(1 + ED25519_D)
    assert root is not None
    over = pow(ED25519_D, -1, ED25519_P)
    y = next(
        found for sign in (root, -root) if (found := square_root((sign - 1) * over % ED25519_P)) is not None
    )
    minus_one = square_root(ED25519_P - 1)
    assert minus_one is not None
    walk = [(minus_one * y % ED25519_P, y)]
    while len(walk) < 8:
        walk.append(plus(walk[-1], walk[0]))
    assert walk[-1] == (0, 1)
    assert len(set(walk)) == 8
    return walk


def square_root(value: int) -> int | None:
    """A square root modulo 2^255 - 19 (RFC 8032 section 5.1.3), if there is one."""
    for root in (
        pow(value, (ED25519_P + 3) // 8, ED25519_P),
        pow(value, (ED25519_P + 3) // 8, ED25519_P) * pow(2, (ED25519_P - 1) // 4, ED25519_P) % ED25519_P,
    ):
        if root * root % ED25519_P == value % ED25519_P:
            return root
    return None


def spelled(x: int, y: int) -> bytes:
    """A point as 32 bytes: y, and the sign of x on top."""
    return (y | (x & 1) << 255).to_bytes(32, "little")


@pytest.mark.requirement("J13")
@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("at", range(8))
def test_a_public_key_of_small_order_is_refused(at: int, sign: int) -> None:
    """Each of the eight points, with either sign and in a set of keys too, is no key."""
    encoded = spelled(sign, small_order_points()[at][1])
    with pytest.raises(KeyRefused, match="small order"):
        OkpKey(ed25519.Ed25519PublicKey.from_public_bytes(encoded))
    with pytest.raises(KeyRefused, match="small order"):
        key_from_jwk({"kty": "OKP", "crv": "Ed25519", "x": b64url_encode(encoded).decode()})


@pytest.mark.requirement("J13")
def test_a_small_order_key_would_verify_what_nobody_signed() -> None:
    """Why: the engine takes one constant signature for every message by the neutral element."""
    neutral = ed25519.Ed25519PublicKey.from_public_bytes(spelled(0, 1))
    for message in (MESSAGE, b"anything", b""):
        neutral.verify(spelled(0, 1) + bytes(32), message)


@pytest.mark.requirement("J13")
def test_a_public_key_has_one_spelling() -> None:
    """A y at or above the prime, which some engines reduce, is refused, and so is a y of no point."""
    for y in range(ED25519_P, 2**255):
        for sign in (0, 1):
            with pytest.raises(KeyRefused, match="one spelling"):
                refuse_bad_point(spelled(sign, y))
    off = [
        y
        for y in range(2, 200)
        if square_root((y * y - 1) * pow(ED25519_D * y * y + 1, -1, ED25519_P)) is None
    ]
    assert 60 < len(off) < 140
    for y in range(2, 200):
        if y in off:
            with pytest.raises(KeyRefused, match="not on Ed25519"):
                refuse_bad_point(spelled(0, y))
        else:
            refuse_bad_point(spelled(0, y))


def test_public_keys_of_private_keys_are_taken() -> None:
    """No honest key is mistaken for a bad one, of either sign."""
    signs = set()
    for count in range(100):
        private = ed25519.Ed25519PrivateKey.from_private_bytes(count.to_bytes(32))
        encoded = private.public_key().public_bytes_raw()
        refuse_bad_point(encoded)
        signs.add(encoded[31] >> 7)
    assert signs == {0, 1}


@pytest.mark.requirement("J14")
def test_r_and_a_of_small_order_help_nobody() -> None:
    """With R of small order, or R and S both zero, nothing verifies by an honest key."""
    for x, y in small_order_points():
        for scalar in (0, 1):
            assert not holds("EdDSA", spelled(x, y) + scalar.to_bytes(32, "little"))
    assert not holds("EdDSA", bytes(64))


@pytest.mark.requirement("J14", "V16")
def test_r_has_one_spelling() -> None:
    """R plus the prime, the sign flipped, or R with a point of small order added to it verifies nothing."""
    right = OKP.sign(MESSAGE)
    assert not holds("EdDSA", right[:31] + bytes([right[31] ^ 0x80]) + right[32:])
    # R of small order with S made to fit by the private key itself: the equation without cofactor decides,
    # so of the right S and R, exactly the canonical spelling of R passes.
    hashed = sha512(SECRET[:32]).digest()
    scalar = (int.from_bytes(hashed[:32], "little") & (1 << 254) - 8) | 1 << 254
    encoded = OKP._private.public_key().public_bytes_raw()  # type: ignore[union-attr]  # Ed25519
    for r, passes in ((spelled(0, 1), True), (spelled(1, 1), False), (spelled(0, ED25519_P + 1), False)):
        challenge = int.from_bytes(sha512(r + encoded + MESSAGE).digest(), "little")
        s = challenge * scalar % ED25519_L
        assert holds("EdDSA", r + s.to_bytes(32, "little")) is passes
