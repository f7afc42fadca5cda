"""Keys from JWK, JWK sets and PEM: checked before they are believed, and printed back as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sekisho_verify import HmacKey, KeyRefused, SigningKey, key_from_jwk, key_from_pem, key_set_from_jwks
from sekisho_verify.encoding import b64url_encode
from sekisho_verify.keypairs import number
from tests.verify import test_key_sniffing
from tests.verify.tokens import ALGS, EC, HMAC, OKP, SECRET, public, signer, vector

PAIR_ALGS = tuple(alg for alg in ALGS if not alg.startswith("HS"))
RSA = signer("RS256")


def public_jwk(alg: str, /, **changes: object) -> dict[str, Any]:
    """The public JWK of an algorithm's key, with members changed, or left out by None."""
    jwk = public(signer(alg)).to_jwk() | changes  # type: ignore[attr-defined]  # a public key
    return {name: value for name, value in jwk.items() if value is not None}


def private_jwk(alg: str, /, **changes: object) -> dict[str, Any]:
    """The private JWK of an algorithm's key, with members changed, or left out by None."""
    jwk: dict[str, Any] = {**signer(alg).to_private_jwk(), **changes}
    return {name: value for name, value in jwk.items() if value is not None}


@pytest.mark.parametrize("alg", ALGS)
def test_a_private_jwk_comes_back_as_the_same_key(alg: str) -> None:
    """What is printed is read back, signs what the first verifies, and prints identically."""
    jwk = private_jwk(alg)
    key = key_from_jwk(json.dumps(jwk).encode())
    assert isinstance(key, HmacKey | SigningKey)
    assert (key.alg, key.kid, key.thumbprint) == (alg, signer(alg).kid, signer(alg).thumbprint)
    assert key.to_private_jwk() == jwk
    public(signer(alg)).check(b"x", b64url_encode(key.sign(b"x")))


@pytest.mark.parametrize("alg", PAIR_ALGS)
def test_a_public_jwk_has_no_private_member(alg: str) -> None:
    """A public JWK holds exactly the published members, and is read back as the same key."""
    jwk = public_jwk(alg)
    required = {"EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}, "RSA": {"n", "e"}}[jwk["kty"]]
    assert jwk.keys() == {"kty", "alg", "kid", "use"} | required
    key = key_from_jwk(jwk)
    assert not isinstance(key, SigningKey)
    assert key.to_jwk() == jwk  # type: ignore[union-attr]  # a public key
    assert key.check(b"x", b64url_encode(signer(alg).sign(b"x"))) is None


@pytest.mark.parametrize("vector", vector("rfc7515")["vectors"], ids=lambda vector: vector["name"])
def test_the_tokens_of_rfc_7515(vector: dict[str, Any]) -> None:
    """The signatures of appendices A.1 to A.3 hold, by keys without alg and kid."""
    key = key_from_jwk(vector["jwk"])
    signing_input, _, seal = vector["token"].encode().rpartition(b".")
    (key.public if isinstance(key, SigningKey) else key).check(signing_input, seal)


def test_the_token_of_rfc_8037() -> None:
    """The Ed25519 signature of appendix A.4 is made and verified."""
    case = vector("rfc8037")
    key = key_from_jwk(case["jwk"])
    assert isinstance(key, SigningKey)
    signing_input, _, seal = case["token"].encode().rpartition(b".")
    assert b64url_encode(key.sign(signing_input)) == seal
    key.public.check(signing_input, seal)


OFF_CURVE = number(5, 32)


@pytest.mark.requirement("J13")
@pytest.mark.parametrize(
    ("jwk", "reason"),
    [
        ({}, "kty is"),
        ({"kty": ["EC"]}, "kty is"),
        ({"kty": "ec"}, "kty is"),
        (public_jwk("ES256", use="enc"), "not sig"),
        (public_jwk("ES256", key_ops=["encrypt"]), "does not allow verify"),
        (public_jwk("ES256", key_ops=[]), "does not allow verify"),
        (public_jwk("ES256", key_ops="verify"), "does not allow verify"),
        (private_jwk("ES256", key_ops=["verify"]), "does not allow sign"),
        (public_jwk("ES256", alg="ES384"), "is for ES256"),
        (public_jwk("ES256", alg="HS256"), "is for ES256"),
        (public_jwk("ES256", alg=1), "is for ES256"),
        (public_jwk("EdDSA", alg="Ed25519"), "is for EdDSA"),
        (public_jwk("RS256", alg="RS512"), "is for PS256 or RS256"),
        (private_jwk("HS256", alg="RS256"), "is for HS256 or HS384 or HS512"),
        (private_jwk("HS256", alg="HS512"), "at least 64 bytes"),
        (private_jwk("HS256", k=""), "at least 32 bytes"),
        (private_jwk("HS256", k=None), "member k"),
        (public_jwk("ES256", kid=7), "kid is a string"),
        (public_jwk("ES256", kid="../key"), "a kid is"),
        (public_jwk("ES256", crv="P-384"), "curve of an EC key"),
        (public_jwk("ES256", crv="P-256K"), "curve of an EC key"),
        (public_jwk("EdDSA", crv="X25519"), "curve of an OKP key"),
        (public_jwk("EdDSA", crv="Ed448"), "curve of an OKP key"),
        (public_jwk("ES256", y=OFF_CURVE), "do not make a key"),
        (public_jwk("ES256", x=number(0, 32), y=number(0, 32)), "do not make a key"),
        (public_jwk("ES256", x=None), "member x"),
        (public_jwk("ES256", x=1), "member x"),
        (public_jwk("ES256", x=number(5, 33)), "33 bytes instead of 32"),
        (public_jwk("ES256", x=number(5, 31)), "31 bytes instead of 32"),
        (public_jwk("ES256", x=OFF_CURVE + "="), "not base64url"),
        (public_jwk("ES256", x="鍵"), "not base64url"),
        (public_jwk("EdDSA", x=b64url_encode(bytes(31)).decode()), "31 bytes"),
        (private_jwk("ES256", d=number(8, 32)), "do not belong together"),
        (private_jwk("ES256", d=number(0, 32)), "do not make a key"),
        (private_jwk("ES256", d=number(2**256 - 1, 32)), "do not make a key"),
        (private_jwk("EdDSA", d=b64url_encode(bytes(32)).decode()), "do not belong together"),
        (private_jwk("EdDSA", d=b64url_encode(bytes(31)).decode()), "31 bytes"),
        (public_jwk("RS256", e=number(1)), "do not make a key|exponent"),
        (public_jwk("RS256", e=number(3)), "exponent"),
        (public_jwk("RS256", e=number(65536)), "do not make a key|exponent"),
        (public_jwk("RS256", n=number(2**1023 + 1)), "1024"),
        (public_jwk("RS256", n=number(2**8192 + 1)), "8193"),
        (public_jwk("RS256", n=""), "do not make a key|bits"),
        (private_jwk("RS256", p=None), "member p"),
        (private_jwk("RS256", d=number(65539)), "do not make a key"),
        (private_jwk("RS256", oth=[]), "oth is not supported"),
        (b"[]", "not an object"),
        (b'{"kty":"oct","kty":"EC"}', "twice"),
        (b"-----BEGIN PUBLIC KEY-----", "not strict JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_jwk_is_refused(jwk: dict[str, Any] | bytes, reason: str) -> None:
    """A weak, inconsistent, misused or malformed key is refused with the reason."""
    with pytest.raises(KeyRefused, match=reason) as caught:
        key_from_jwk(jwk)
    assert str(caught.value).isascii()


@pytest.mark.requirement("J7")
def test_the_algorithm_asked_for_must_be_the_one_stated() -> None:
    """`alg=` says what a JWK leaves open, and contradicts nothing that it says."""
    assert key_from_jwk(public_jwk("RS256", alg=None), alg="PS256").alg == "PS256"
    assert key_from_jwk(public_jwk("RS256", alg=None)).alg == "RS256"
    with pytest.raises(KeyRefused, match="is for 'RS256', not 'PS256'"):
        key_from_jwk(public_jwk("RS256"), alg="PS256")


@pytest.mark.requirement("J13")
def test_a_bad_entry_does_not_spoil_the_set() -> None:
    """Keys that cannot be used are left out and reported, each with its place; the good ones remain."""
    entries = [
        public_jwk("ES256"),
        "nonsense",
        public_jwk("RS256", use="enc"),
        private_jwk("EdDSA"),
        {"kty": "EC", "crv": "P-521"},
        public_jwk("RS256"),
    ]
    found = key_set_from_jwks(json.dumps({"keys": entries}).encode())
    assert [key.kid for key in found.keys] == [EC.kid, RSA.kid]
    assert [reason.partition(":")[0] for reason in found.skipped] == [
        "entry 1",
        "entry 2",
        "entry 3",
        "entry 4",
    ]
    assert "private key in a published set" in found.skipped[2]


@pytest.mark.requirement("J13")
@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "an array named keys"),
        ({"keys": {}}, "an array named keys"),
        ({"keys": []}, "no usable key"),
        ({"keys": [private_jwk("ES256")]}, "no usable key.*private key in a published set"),
        ({"keys": [public_jwk("ES256"), private_jwk("HS256")]}, "shared secrets and public keys"),
        ({"keys": [public_jwk("ES256"), public_jwk("RS256", kid=EC.kid)]}, "the same kid"),
        ({"keys": [public_jwk("ES256"), public_jwk("ES256")]}, "the same kid"),
        (b'{"keys":[],"keys":[]}', "twice"),
    ],
)
def test_a_bad_set_is_refused(document: dict[str, Any] | bytes, reason: str) -> None:
    """No key at all, two of one id, or secrets beside public keys: the whole set is refused."""
    with pytest.raises(KeyRefused, match=reason):
        key_set_from_jwks(document)


def test_a_set_of_secrets_is_a_set() -> None:
    """A file of shared secrets, for rotation, is read like any set."""
    second = {"kty": "oct", "k": b64url_encode(SECRET).decode(), "alg": "HS512"}
    found = key_set_from_jwks({"keys": [private_jwk("HS256"), second]})
    assert [(key.kid, key.alg) for key in found.keys] == [(HMAC.kid, "HS256"), (HmacKey(SECRET).kid, "HS512")]


@pytest.mark.parametrize("alg", PAIR_ALGS)
def test_pem_in_both_halves(alg: str) -> None:
    """A private PEM gives the signing key, a public one the same key's public half."""
    key = signer(alg)
    assert isinstance(key, SigningKey)
    private: Any = key._private
    for form in (PrivateFormat.PKCS8, *([] if alg == "EdDSA" else [PrivateFormat.TraditionalOpenSSL])):
        pem = private.private_bytes(Encoding.PEM, form, NoEncryption())
        loaded = key_from_pem(pem, alg=alg)  # type: ignore[arg-type]  # one of them
        assert isinstance(loaded, SigningKey)
        assert (loaded.alg, loaded.kid) == (alg, key.kid)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert key_from_pem(pem, alg=alg, kid="mine").to_jwk() == key.public.to_jwk() | {"kid": "mine"}  # type: ignore[arg-type, union-attr]  # public


@pytest.mark.requirement("J13")
def test_bad_pem_is_refused() -> None:
    """Certificates, encrypted files, other kinds of key and rubbish are refused with the way out."""

    def pem(key: Any, encryption: Any = NoEncryption()) -> bytes:  # noqa: ANN401, B008 -- any private key
        encoded: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        return encoded

    secret = ed25519.Ed25519PrivateKey.from_private_bytes(SECRET[:32])
    for given, reason in (
        (test_key_sniffing.KEY_FILES["x509-pem"], "openssl x509"),
        (pem(secret, BestAvailableEncryption(b"password")), "encrypted"),
        (pem(ed448.Ed448PrivateKey.generate()), "not P-256, Ed25519 or RSA"),
        (pem(dsa.generate_private_key(2048)), "not P-256, Ed25519 or RSA|not a PEM key"),
        (pem(ec.derive_private_key(7, ec.SECP384R1())), "P-256"),
        (pem(rsa.generate_private_key(65537, 1024)), "2048"),  # noqa: S505 -- that is the point
        (pem(secret)[:60], "not a PEM key"),
        (b"", "not a PEM key"),
        (SECRET, "not a PEM key"),
    ):
        with pytest.raises(KeyRefused, match=reason):
            key_from_pem(given)
    with pytest.raises(KeyRefused, match="is for EdDSA"):
        key_from_pem(pem(secret), alg="ES256")


@pytest.mark.requirement("J13")
@pytest.mark.parametrize(
    ("alg", "names", "least"),
    [
        ("HS256", [*private_jwk("HS256"), "key_ops", "x5c", "crv"], 76),
        ("ES256", [*private_jwk("ES256"), "key_ops", "x5c"], 119),
        ("EdDSA", [*private_jwk("EdDSA"), "key_ops", "x5c"], 105),
        # Its numbers alone: the rest is read before the kind of key matters, and each whole key takes 20 ms.
        ("RS256", ["n", "e", "d", "p", "q", "dp", "dq", "qi"], 112),
    ],
    ids=["HS256", "ES256", "EdDSA", "RS256"],
)
def test_any_member_may_be_anything(alg: str, names: list[str], least: int) -> None:
    """Whatever stands in a member, the key is read or refused, never an error of another kind."""
    values: list[object] = [
        *(None, True, 0, -1, 1.5, "", "A", "A" * 5000, "鍵", [], {}, ["sig"], "sig"),
        OKP.kid,
    ]
    refused = 0
    for name in names:
        for value in values:
            try:
                assert key_from_jwk({**private_jwk(alg), name: value}).alg
            except KeyRefused:
                refused += 1
    assert refused >= least
