"""The catalogue of vulnerabilities: who decides on algorithm and key, and which keys there are."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import re
from hmac import digest
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sekisho.adapters.secrets.secret import Secret, strong
from sekisho.settings import SettingsRefused
from sekisho_verify import (
    ConfigurationError,
    HmacKey,
    KeyRefused,
    SigningKey,
    Verifier,
    key_from_jwk,
    key_set_from_jwks,
)
from sekisho_verify.encoding import b64url_encode
from tests.verify.catalogue.watching import CountingEcKey, CountingHmacKey, seeing_outside
from tests.verify.tokens import (
    ABSENT,
    ALGS,
    AUDIENCE,
    EC,
    HMAC,
    ISSUER,
    OTHER_HMAC,
    SECRET,
    claims,
    header,
    public,
    refusal,
    seal,
    signer,
    token,
    verifier,
)

PAIRS = tuple(alg for alg in ALGS if not alg.startswith("HS"))
UNSEALED = seal(header(alg="none"), claims()).rpartition(".")[0]


def segment(part: object) -> str:
    """JSON as base64url."""
    return b64url_encode(json.dumps(part).encode()).decode()


@pytest.mark.requirement("V01")
@pytest.mark.parametrize("held", ALGS)
@pytest.mark.parametrize("end", ["", "AAAA", "e30", segment("none")])
def test_v01_no_signature_is_never_valid(held: str, end: str) -> None:
    """CVE-2015-9235, CVE-2015-2951, CVE-2022-23540: alg none is refused by every key, whatever is hung on."""
    key = public(signer(held))
    for head in (header(alg="none", kid=key.kid), header(alg="none", kid=ABSENT), {"alg": "none"}):
        text = f"{segment(head)}.{segment(claims())}.{end}"
        assert refusal(text, verifier(key)) == "token_alg_not_allowed"


@pytest.mark.requirement("V02")
@pytest.mark.parametrize(
    "alg",
    [*("None", "NONE", "nOnE", "noNe", "none ", "\tnone", "none\0", "ｎone"), *("hs256", "Hs256", "HS256 ")],
)
def test_v02_an_algorithm_is_compared_to_the_letter(alg: str) -> None:
    """RFC 8725 section 3.2: no other case, space or wide letter of an algorithm's name passes."""
    sealed = seal(header(alg=alg), claims())
    assert refusal(sealed) == "token_alg_not_allowed"
    assert refusal(sealed.rpartition(".")[0] + ".") == "token_alg_not_allowed"


def spellings(key: Any) -> dict[str, bytes]:  # noqa: ANN401 -- a pair
    """The published key in the ways in which attackers have spelled it as a secret."""
    published = key._private.public_key()
    pem = published.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = published.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    jwk = json.dumps(key.public.to_jwk()).encode()
    return {
        "CVE-2016-10555 PEM": pem,
        "CVE-2022-29217 SSH": published.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "CVE-2024-33663 DER": der,
        "CVE-2026-85394 DER in base64": base64.b64encode(der),
        "CVE-2026-102268 PEM with other white space": pem.replace(b"\n", b"\r\n") + b" \t",
        "CVE-2026-102268 PEM indented": pem.replace(b"\n", b"\n  "),
        "CVE-2026-102271 JWK": jwk,
        "CVE-2026-102272 JWK set": b'{"keys":[' + jwk + b"]}",
        "CVE-2026-102273 byte order mark": b"\xef\xbb\xbf" + pem,
        "CVE-2026-48526 JWK with spaces": b"\n" + jwk.replace(b",", b" , "),
    }


@pytest.mark.requirement("V03")
@pytest.mark.parametrize("spelling", spellings(EC))
@pytest.mark.parametrize("pair", PAIRS)
def test_v03_a_public_key_is_never_a_secret(pair: str, spelling: str) -> None:
    """CVE-2016-10555 and successors: a MAC by the published key opens nothing, and makes no HmacKey."""
    key, secret = signer(pair), spellings(signer(pair))[spelling]
    for alg in ("HS256", "HS384", "HS512"):
        for stated in (alg, pair):
            signing_input = f"{segment(header(key, alg=stated))}.{segment(claims())}"
            mac = b64url_encode(digest(secret, signing_input.encode(), "sha" + alg[2:])).decode()
            expected = "token_signature_mismatch" if stated == pair else "token_alg_not_allowed"
            assert refusal(f"{signing_input}.{mac}", verifier(public(key))) == expected
    with pytest.raises(KeyRefused, match="others may know it"):
        HmacKey(secret.ljust(32))


@pytest.mark.requirement("V03")
def test_v03_no_verifier_holds_both_kinds() -> None:
    """CVE-2024-54150, CVE-2026-27804: who holds a public key and a secret could take one for the other."""
    with pytest.raises(ConfigurationError, match="one verifier for each kind"):
        Verifier(issuer=ISSUER, audience=AUDIENCE, keys=[EC.public, HMAC], feed=None)
    with pytest.raises(KeyRefused, match="one verifier for each kind"):
        key_set_from_jwks({"keys": [EC.public.to_jwk(), HMAC.to_private_jwk()]})


@pytest.mark.requirement("V03")
@pytest.mark.parametrize("key", ["text", b"bytes", None, {"kty": "oct"}, EC, EC.to_private_jwk(), object()])
def test_v03_a_verifier_takes_typed_keys_only(key: Any) -> None:  # noqa: ANN401 -- that is the point
    """CVE-2022-29217: no text, bytes, dictionary or private key is a key of a verifier."""
    with pytest.raises(KeyRefused, match="keys are HmacKey, EcKey, OkpKey or RsaKey"):
        Verifier(issuer=ISSUER, audience=AUDIENCE, keys=[key], feed=None)


@pytest.mark.requirement("V04")
@pytest.mark.parametrize(("alg", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_v04_no_secret_is_empty_or_short(alg: str, size: int) -> None:
    """CVE-2019-20933, CVE-2026-49852, CVE-2026-102266: too short a secret is refused, as bytes and as JWK."""
    for length in (0, 1, 16, size - 1):
        secret = SECRET[:length]
        with pytest.raises(KeyRefused, match=f"at least {size} bytes; this one has {length}"):
            HmacKey(secret, alg=alg)  # type: ignore[arg-type]  # one of the three
        jwk = {"kty": "oct", "alg": alg, "k": b64url_encode(secret).decode()}
        with pytest.raises(KeyRefused, match=f"at least {size} bytes"):
            key_from_jwk(jwk)
        with pytest.raises(KeyRefused, match="no usable key"):
            key_set_from_jwks({"keys": [jwk]})


@pytest.mark.requirement("V04")
def test_v04_a_public_jwk_is_no_empty_secret() -> None:
    """CVE-2026-44699: a JWK of another kind has no `k`, which is an error and not an empty secret."""
    for jwk in (EC.public.to_jwk(), public(signer("RS256")).to_jwk()):  # type: ignore[attr-defined]  # public
        with pytest.raises(KeyRefused, match="the member k is missing"):
            key_from_jwk({name: value for name, value in jwk.items() if name != "alg"} | {"kty": "oct"})


@pytest.mark.requirement("V05")
@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("end", ["", "A", "AA", "AAAA"])
def test_v05_a_null_signature_is_none(alg: str, end: str) -> None:
    """CVE-2020-28042: a token whose third segment is empty, or next to nothing, is refused by every key."""
    key = signer(alg)
    using = verifier(public(key))
    good = token(key)
    using.verify(good)
    for judge in (using, verifier(public(key))):
        assert refusal(f"{good.rpartition('.')[0]}.{end}", judge) in {
            "token_malformed",
            "token_signature_mismatch",
        }


@pytest.mark.requirement("V06")
@pytest.mark.parametrize("r", [0, 1])
@pytest.mark.parametrize("s", [0, 1])
def test_v06_zero_signs_nothing(r: int, s: int) -> None:
    """CVE-2022-21449: R or S of zero is refused before any engine is asked, in JOSE's form and in DER."""
    signing_input = token(EC).rpartition(".")[0]
    for signature in (r.to_bytes(32) + s.to_bytes(32), encode_dss_signature(r, s)):
        text = f"{signing_input}.{b64url_encode(signature).decode()}"
        assert refusal(text, verifier(EC.public)) == "token_signature_mismatch"


@pytest.mark.requirement("V07")
@pytest.mark.parametrize("member", ["jwk", "x5c", "x5u", "jku"])
@pytest.mark.parametrize("kid", ["theirs", "ours", "none"])
def test_v07_a_token_does_not_bring_its_own_key(member: str, kid: str) -> None:
    """CVE-2018-0114, CVE-2026-27962: a key in the header verifies nothing, and is not fetched."""
    theirs = SigningKey(ec.derive_private_key(12345, ec.SECP256R1()))
    brought = {
        "jwk": theirs.public.to_jwk(),
        "x5c": [base64.b64encode(b"certificate").decode()],
        "x5u": "https://evil.example/chain.pem",
        "jku": "https://evil.example/jwks.json",
    }
    kids = {"theirs": theirs.kid, "ours": EC.kid, "none": ABSENT}
    text = seal(header(theirs, kid=kids[kid]) | {member: brought[member]}, claims(), theirs)
    using, counting = verifier(EC.public), CountingEcKey()
    refusal(text, using)
    with seeing_outside() as steps:
        assert refusal(text, using) == "token_malformed"
    assert steps == []
    assert refusal(text, verifier(counting)) == "token_malformed"
    assert counting.checks == []


@pytest.mark.requirement("V07")
def test_v07_no_keys_are_an_error() -> None:
    """CVE-2026-27962: a verifier without keys is not made, so there is no None to fall back from."""
    with pytest.raises(ConfigurationError, match="no keys"):
        Verifier(issuer=ISSUER, audience=AUDIENCE, keys=[], feed=None)


@pytest.mark.requirement("V18")
def test_v18_only_the_sealed_header_counts() -> None:
    """GHSA-5739-39v2-5754: alg and kid beside the protected header, are not seen."""
    head, payload, signature = token().split(".")
    bare = segment({"typ": "at+jwt"})
    flattened = {"protected": bare, "header": {"alg": "HS256", "kid": HMAC.kid}, "payload": payload}
    assert refusal(json.dumps(flattened | {"signature": signature})) == "token_malformed"
    assert refusal(f"{bare}.{payload}.{signature}") == "token_alg_not_allowed"
    nested = header(header={"alg": "HS256"}, unprotected={"alg": "HS256"}, alg="none")
    assert refusal(seal(nested, claims())) == "token_alg_not_allowed"
    assert verifier().verify(f"{head}.{payload}.{signature}").sub


@pytest.mark.requirement("V19")
@pytest.mark.parametrize("named", PAIRS)
@pytest.mark.parametrize("stated", PAIRS)
def test_v19_the_algorithm_is_that_of_the_named_key(named: str, stated: str) -> None:
    """CVE-2026-48523: an algorithm that another key of the set has is refused for this one."""
    keys = {alg: public(signer(alg)) for alg in PAIRS}
    keys["PS256"] = key_from_jwk({**keys["PS256"].to_jwk(), "kid": "ps"})  # type: ignore[attr-defined, assignment]  # public
    maker: Any = signer(named)
    text = seal(header(maker, alg=stated, kid=keys[named].kid), claims(), maker)
    using = verifier(*keys.values())
    if named == stated:
        assert using.verify(text).sub
    else:
        assert refusal(text, using) == "token_alg_not_allowed"


@pytest.mark.requirement("V19")
def test_v19_one_secret_has_one_algorithm() -> None:
    """CVE-2026-48523: HS512 by the right secret is refused by its HS256 key, beside an HS512 key too."""
    long = HmacKey(SECRET[:64], alg="HS512", kid="long")
    text = seal(header(alg="HS512"), claims(), HmacKey(SECRET, alg="HS512"))
    assert refusal(text, verifier(HMAC)) == "token_alg_not_allowed"
    assert refusal(text, verifier(HMAC, long)) == "token_alg_not_allowed"
    counting = CountingHmacKey()
    assert refusal(text, verifier(counting, long)) == "token_alg_not_allowed"
    assert counting.checks == []


@pytest.mark.requirement("V24")
@pytest.mark.parametrize(
    "secret",
    [
        b"",
        b"secret",
        b"your-256-bit-secret",
        b"your-256-bit-secret, your-256-bit-secret",
        b"a-string-secret-at-least-256-bits-long",
        b"change-me-change-me-change-me-change-me",
        b"0" * 64,
        b"password" * 8,
        bytes(32),
    ],
)
def test_v24_a_secret_out_of_a_word_list_is_refused(secret: bytes) -> None:
    """CVE-2022-23529, CVE-2025-45768: what is short, published or of few letters signs and checks nothing."""
    with pytest.raises(SettingsRefused, match=r"32 or more|guessed"):
        strong(Secret(secret), "env:SEKISHO_TEST")
    with pytest.raises(KeyRefused, match=r"at least 32 bytes|can be guessed"):
        HmacKey(secret)


@pytest.mark.requirement("V27")
@pytest.mark.parametrize("alg", PAIRS)
def test_v27_both_halves_of_a_key_belong_together(alg: str) -> None:
    """CVE-2026-102275: a private JWK whose public part is another key's is refused, alone and in a set."""
    jwk: dict[str, Any] = {**signer(alg).to_private_jwk()}
    theirs = {
        "EC": SigningKey(ec.derive_private_key(12345, ec.SECP256R1())),
        "OKP": SigningKey(ed25519.Ed25519PrivateKey.from_private_bytes(SECRET[32:])),
        "RSA": SigningKey(rsa.generate_private_key(65537, 2048)),
    }[jwk["kty"]].public.to_jwk()
    mixed = jwk | {name: value for name, value in theirs.items() if name in {"x", "y", "n"}}
    with pytest.raises(KeyRefused, match=r"do not belong together|do not make a key"):
        key_from_jwk(mixed)
    with pytest.raises(KeyRefused, match="no usable key"):
        key_set_from_jwks({"keys": [mixed]})
    assert key_from_jwk(jwk).alg == alg


def needed_by(distribution: str, seen: set[str]) -> set[str]:
    """Every distribution that one needs, with all of its extras, at any remove."""
    if distribution in seen:
        return seen
    seen.add(distribution)
    try:
        requires = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return seen  # an extra that is not installed; its name counts
    for requirement in requires:
        # Of others the extras are not ours to install.
        if "extra ==" in requirement and not distribution.startswith("sekisho"):
            continue
        matched = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert matched
        needed_by(re.sub(r"[-_.]+", "-", matched[0]).lower(), seen)
    return seen


@pytest.mark.requirement("V28")
def test_v28_no_arithmetic_in_python_signs() -> None:
    """CVE-2024-23342: python's `ecdsa` leaks nonces by its timing; neither it nor who brings it is needed."""
    verify, server = needed_by("sekisho-verify", set()), needed_by("sekisho", set())
    assert verify >= {"sekisho-verify", "cryptography", "msgspec"}
    assert server > verify
    assert (verify | server) & {
        "ecdsa",
        "python-jose",
        "rsa",
        "fastecdsa",
        "starkbank-ecdsa",
        "pycrypto",
    } == set()


def test_another_secret_is_another_key() -> None:
    """The keys that the catalogue plays with are told apart at all."""
    assert refusal(seal(header(HMAC), claims(), OTHER_HMAC)) == "token_signature_mismatch"
    assert refusal(f"{UNSEALED}.") == "token_alg_not_allowed"
