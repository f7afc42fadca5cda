"""A compact JWS is split, its key found and its seal checked; nothing in it can choose how."""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sekisho_verify import ConfigurationError, HmacKey, SigningKey, TokenRefused
from sekisho_verify.encoding import b64url_encode
from sekisho_verify.jws import MAX_HEADER, MAX_TOKEN, CompactVerifier, sign
from tests.verify.tokens import (
    ABSENT,
    ALGS,
    EC,
    HMAC,
    OKP,
    OTHER_HMAC,
    SECRET,
    claims,
    header,
    public,
    refusal,
    rsa_private,
    seal,
    signer,
    token,
    vector,
    verifier,
)

GOOD = token()
HEAD, PAYLOAD, SEAL = GOOD.split(".")


def with_header(raw: bytes | dict[str, object]) -> str:
    """A token with this header, truly sealed."""
    return seal(raw, claims())


@pytest.mark.parametrize("alg", ALGS)
def test_a_token_of_each_algorithm_is_opened(alg: str) -> None:
    """The payload comes out as it went in, byte for byte, twice: by the header's text and by its bytes."""
    key = signer(alg)
    payload = b'{"any":"bytes"} \xff\n'
    text = sign(payload, {"typ": "at+jwt"}, key)
    opened = CompactVerifier([public(key)], typ="at+jwt")
    assert opened.open(text) == payload
    assert opened.open(text) == payload
    assert json.loads(base64.urlsafe_b64decode(text.split(".", maxsplit=1)[0] + "==")) == header(key)


def test_signing_says_what_the_key_is() -> None:
    """A header that would say alg or kid itself is refused."""
    for member in ("alg", "kid"):
        with pytest.raises(ConfigurationError, match="leave them out"):
            sign(b"{}", {"typ": "at+jwt", member: "none"}, HMAC)


def test_the_hs256_token_of_rfc_7515_is_made_again() -> None:
    """Appendix A.1, from its key, header bytes and payload bytes to its text."""
    case = vector("rfc7515")["vectors"][0]
    head, payload, _ = (base64.urlsafe_b64decode(part + "==") for part in case["token"].split("."))
    secret = base64.urlsafe_b64decode(case["jwk"]["k"] + "==")
    assert seal(head, payload, HmacKey(secret)) == case["token"]


@pytest.mark.requirement("J1")
@pytest.mark.parametrize(
    "text",
    [
        "A" * 2**20 + "." + PAYLOAD + "." + SEAL,
        HEAD + "." + PAYLOAD + "." + "A" * 2**20,
        HEAD + "." + "A" * 2**20 + "." + SEAL,
        "." * 10**6,
        GOOD + "A" * (MAX_TOKEN + 1 - len(GOOD)),
    ],
    ids=["header", "signature", "payload", "dots", "one too many"],
)
def test_length_is_refused_before_any_work(text: str) -> None:
    """A megabyte anywhere is refused at once, without memory to show for it."""
    using = verifier()
    refusal(text, using)
    tracemalloc.start()
    took = []
    for _ in range(5):  # the best of five: the machine may be busy with something else
        begin = time.perf_counter()
        assert refusal(text, using) == "token_malformed"
        took.append(time.perf_counter() - begin)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    with pytest.raises(TokenRefused) as caught:
        CompactVerifier([HMAC], typ="at+jwt").open(text)
    assert caught.value.detail == f"not ASCII text of at most {MAX_TOKEN} characters"
    assert min(took) < 0.005
    assert peak < 2**16


@pytest.mark.requirement("J1")
def test_a_header_has_a_length_of_its_own() -> None:
    """A header segment of 4 KiB is read, one character more is not, although its seal holds."""
    short = json.dumps(header(pad="")).encode()

    def of_length(characters: int) -> str:
        raw = short.replace(b'"pad": ""', b'"pad": "' + b"x" * (characters * 3 // 4 - len(short)) + b'"')
        text = with_header(raw)
        assert len(text.split(".", maxsplit=1)[0]) == characters
        return text

    assert verifier().verify(of_length(MAX_HEADER)).sub
    with pytest.raises(TokenRefused) as caught:
        verifier().verify(of_length(MAX_HEADER + 2))
    assert (caught.value.code, caught.value.detail) == (
        "token_malformed",
        "a header of more than 4096 characters",
    )


@pytest.mark.requirement("J2")
@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "..", "...", "....", HEAD, f"{HEAD}.{PAYLOAD}", f"{HEAD}.{SEAL}"),
        *(f".{PAYLOAD}.{SEAL}", f"{HEAD}..{SEAL}", f"{HEAD}.{PAYLOAD}."),
        *(f"{GOOD}.", f".{GOOD}", f"{GOOD}.{SEAL}", f"{HEAD}.{PAYLOAD}..{SEAL}", f"{GOOD}.."),
    ],
)
def test_a_token_has_three_segments(text: str) -> None:
    """Any other number of segments, or an empty one, is malformed."""
    assert refusal(text) == "token_malformed"


@pytest.mark.requirement("J2", "J16")
def test_an_encrypted_token_is_refused_as_what_it_is() -> None:
    """JWE, with its five segments or declared in a header, is refused; the operator reads why."""
    jwe = seal({"alg": "dir", "enc": "A256GCM", "typ": "at+jwt"}, claims()).split(".")
    with pytest.raises(TokenRefused) as caught:
        verifier().verify(".".join((jwe[0], "", "iv", "text", "tag")))
    assert (caught.value.code, caught.value.detail) == ("token_malformed", "encrypted (JWE)")
    assert refusal(with_header(header(enc="A256GCM"))) == "token_malformed"
    assert refusal(with_header(header(zip="DEF"))) == "token_malformed"
    assert refusal(with_header(header(cty="JWT"))) == "token_malformed"
    assert refusal(".".join(jwe)) == "token_alg_not_allowed"


@pytest.mark.requirement("J3")
@pytest.mark.parametrize(
    "character", [*" \t\r\n\0\v\x7f=+/{}[]\"'\\,;:%&", "é", "鍵", "\u2028", "\ud800", "Ａ"]
)
@pytest.mark.parametrize("at", [0, 5, len(HEAD), len(HEAD) + 5, len(GOOD) - 5, len(GOOD)])
def test_a_foreign_character_is_refused_anywhere(character: str, at: int) -> None:
    """Nothing but base64url and two dots is in a token, also when its header is known already."""
    using = verifier()
    using.verify(GOOD)
    assert refusal(GOOD[:at] + character + GOOD[at:], using) in {
        "token_malformed",
        "token_signature_mismatch",
    }
    assert refusal(f"Bearer {GOOD}", using) == "token_malformed"


@pytest.mark.requirement("J4")
def test_no_two_texts_are_one_token() -> None:
    """Of all tokens that differ in one last character of a segment, only the one that was signed passes."""
    using = verifier(cache_size=0)
    for segment in range(3):
        passed = []
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
            parts = GOOD.split(".")
            parts[segment] = parts[segment][:-1] + last
            try:
                using.verify(".".join(parts))
            except TokenRefused:
                continue
            passed.append(".".join(parts))
        assert passed == [GOOD]


@pytest.mark.requirement("J5")
@pytest.mark.parametrize(
    "raw",
    [
        b'{"alg":"HS256","alg":"HS256","kid":"%s","typ":"at+jwt"}',
        b'{"alg":"HS256","kid":"%s","typ":"JWT","typ":"at+jwt"}',
        b'{"alg":"HS256","kid":"%s","typ":"at+jwt","x":{"a":1,"a":2}}',
        b'\xef\xbb\xbf{"alg":"HS256","kid":"%s","typ":"at+jwt"}',
        b'{"alg":"HS256","kid":"%s","typ":"at+jwt","x":NaN}',
        b'{"alg":"HS256","kid":"%s","typ":"at+jwt","x":1e999}',
        b'{"alg":"HS256","kid":"%s","typ":"at+jwt","x":"\\ud800"}',
        b'{"alg":"HS256","kid":"%s","typ":"at+jwt","x":"\xff"}',
        b'{"alg":"HS256","kid":"%s","typ":"at+jwt"} x',
        b'{"alg":"HS256","kid":"%s","typ":"at+jwt","x":' + b"[" * 33 + b"]" * 33 + b"}",
        b'[{"alg":"HS256","kid":"%s","typ":"at+jwt"}]',
        b'"%s"',
        b"%s",
    ],
)
def test_a_header_is_strict_json(raw: bytes) -> None:
    """A header that parsers could read in two ways is malformed, although its seal holds."""
    assert refusal(with_header(raw.replace(b"%s", HMAC.kid.encode()))) == "token_malformed"


@pytest.mark.requirement("J6")
@pytest.mark.parametrize(
    "alg",
    [
        *("none", "None", "NONE", "nOnE", "", ABSENT, None, 1, True, ["HS256"], {"HS256": 1}, 1.5),
        *("hs256", "HS256 ", " HS256", "HS256\0", "ＨＳ256", "HS384", "HS512", "RS256", "ES256", "EdDSA"),
    ],
)
def test_an_algorithm_that_is_not_the_keys_is_refused(alg: object) -> None:
    """`alg` is one of the held keys' own, in exactly their spelling, with the true MAC or with none."""
    text = with_header(header(alg=alg))
    assert refusal(text) == "token_alg_not_allowed"
    assert refusal(text.rpartition(".")[0] + ".") == "token_alg_not_allowed"


@pytest.mark.requirement("J7")
def test_the_algorithm_must_be_that_of_the_named_key() -> None:
    """An algorithm that another held key has is refused for this one (CVE-2026-48523)."""
    long, rsa_key = HmacKey(SECRET, alg="HS512"), signer("RS256")
    assert refusal(with_header(header(alg="HS512")), verifier(HMAC, long)) == "token_alg_not_allowed"
    text = seal(header(EC, alg="RS256"), claims(), EC)
    assert refusal(text, verifier(EC.public, public(rsa_key))) == "token_alg_not_allowed"


def public_spellings(key: SigningKey) -> dict[str, bytes]:
    """The published key in the eight ways in which an attacker may spell it as a secret."""
    published: Any = key._private.public_key()
    pem = published.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = published.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    jwk = json.dumps(key.public.to_jwk()).encode()
    return {
        "PEM": pem,
        "PEM with CRLF": pem.replace(b"\n", b"\r\n"),
        "PEM with a space": pem + b" ",
        "DER": der,
        "base64": base64.b64encode(der),
        "JWK": jwk,
        "JWK set": b'{"keys":[' + jwk + b"]}",
        "SSH": published.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    }


class RawHmac:
    """A signer without scruples: HMAC with whatever bytes it is given."""

    def __init__(self, secret: bytes, alg: str, kid: str) -> None:
        self.secret, self.alg, self.kid = secret, alg, kid

    def sign(self, signing_input: bytes) -> bytes:
        """The MAC."""
        import hmac  # noqa: PLC0415 -- the attacker's tool, not ours

        return hmac.digest(self.secret, signing_input, "sha" + self.alg[2:])


@pytest.mark.requirement("J9")
@pytest.mark.parametrize("spelling", public_spellings(EC))
@pytest.mark.parametrize("pair", ["ES256", "EdDSA", "RS256", "PS256"])
def test_a_public_key_is_no_secret(pair: str, spelling: str) -> None:
    """A token sealed with the published key as HMAC secret is refused by the holder of that key."""
    key = signer(pair)
    assert isinstance(key, SigningKey)
    for alg in ("HS256", "HS384", "HS512"):
        forger = RawHmac(public_spellings(key)[spelling], alg, key.kid)
        assert (
            refusal(seal(header(forger), claims(), forger), verifier(key.public)) == "token_alg_not_allowed"
        )
        forger.alg = pair
        lying = seal(
            header(RawHmac(forger.secret, pair, key.kid)), claims(), RawHmac(forger.secret, alg, key.kid)
        )
        assert refusal(lying, verifier(key.public)) == "token_signature_mismatch"


@pytest.mark.requirement("J9")
@pytest.mark.parametrize("alg", ALGS)
def test_a_holder_of_a_secret_takes_its_own_algorithm_only(alg: str) -> None:
    """Tokens of every other algorithm, truly sealed and naming the secret's id, are refused."""
    key = signer(alg)
    text = seal(header(key, kid=HMAC.kid), claims(), key)
    if alg == "HS256":
        assert verifier().verify(text).sub
    else:
        assert refusal(text) == "token_alg_not_allowed"


@pytest.mark.requirement("J9")
def test_a_set_of_keys_is_of_one_kind() -> None:
    """Shared secrets beside public keys are refused when the verifier is made."""
    with pytest.raises(ConfigurationError, match="one verifier for each kind"):
        CompactVerifier([HMAC, EC.public], typ="at+jwt")


@pytest.mark.requirement("J8", "J13")
@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ([], "at least one"),
        ([HMAC, HMAC], "same kid"),
        ([HMAC, HmacKey(SECRET, kid=HMAC.kid)], "same kid"),
        ([EC], "public part"),
        ([SECRET], "key_from_pem"),
        (["-----BEGIN PUBLIC KEY-----"], "key_from_pem"),
        ([{"kty": "oct"}], "key_from_jwk"),
        ([None], "HmacKey, EcKey"),
        ([rsa_private().public_key()], "key_from_pem"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_verifier_is_made_of_typed_keys(keys: list[Any], reason: str) -> None:
    """No keys, twins, private keys and untyped material are refused, with what to give instead."""
    with pytest.raises(ConfigurationError, match=reason):
        CompactVerifier(keys, typ="at+jwt")


@pytest.mark.requirement("J10")
@pytest.mark.parametrize(
    "kid",
    [
        *("../../../../dev/null", "x' UNION SELECT 'k'--", "key.pem|sleep 5", "a\0b", "x" * 10240, "x" * 129),
        *(
            "",
            ABSENT,
            None,
            1,
            True,
            ["k"],
            {"k": 1},
            OTHER_HMAC.kid,
            HMAC.kid + " ",
            HMAC.kid.swapcase(),
            "鍵",
        ),
    ],
    ids=lambda kid: "absent" if kid is ABSENT else repr(kid)[:24],
)
def test_a_key_id_is_looked_up_and_nothing_else(kid: object) -> None:
    """An id that is none, or not held, is an unknown key; a log line cannot be forged with it."""
    with pytest.raises(TokenRefused) as caught:
        verifier().verify(seal(header(kid=kid), claims()))
    if kid is not ABSENT and isinstance(kid, str) and len(kid) > MAX_HEADER:
        assert caught.value.code == "token_malformed"
    else:
        assert caught.value.code == "token_key_unknown"
    assert caught.value.detail.isascii()
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) < 200


@pytest.mark.requirement("J11")
@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"])
def test_a_token_does_not_bring_its_own_key(member: str) -> None:
    """A header that offers a key or says where one is, is refused, by whichever key its seal holds."""
    offers = {
        "jwk": OKP.public.to_jwk(),
        "jku": "http://127.0.0.1:9/keys",
        "x5u": "file:///etc/passwd",
        "x5c": ["MIIB"],
        "x5t": "AAAA",
        "x5t#S256": "AAAA",
    }
    held = verifier(EC.public)
    assert refusal(seal(header(EC, **{member: offers[member]}), claims(), EC), held) == "token_malformed"
    foreign = seal(header(OKP, alg="ES256", **{member: offers[member]}), claims(), OKP)
    assert refusal(foreign, held) == "token_malformed"
    assert refusal(seal(header(EC, **{member: None}), claims(), EC), held) == "token_malformed"


@pytest.mark.requirement("J12")
@pytest.mark.parametrize(
    "members",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["typ"]},
        {"crit": []},
        {"crit": None},
        {"crit": "b64"},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"b64": True},
        {"crit": ["http://example.com/understood"], "http://example.com/understood": 1},
    ],
)
def test_no_extension_is_understood(members: dict[str, object]) -> None:
    """Any `crit` and any `b64` is refused (CVE-2025-59420, CVE-2026-48990)."""
    assert refusal(with_header(header() | members)) == "token_malformed"


@pytest.mark.requirement("C1")
@pytest.mark.parametrize(
    "typ",
    [
        *("JWT", "jwt", "", ABSENT, None, 1, ["at+jwt"], "at+jwt ", "at+jw", "xat+jwt", "text/at+jwt"),
        *("application/application/at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "id+jwt", "at+jwt;v=1"),
    ],
)
def test_another_kind_of_token_is_no_access_token(typ: object) -> None:
    """A token of another or no declared type is refused, although everything else is right."""
    assert refusal(with_header(header(typ=typ))) == "token_type_mismatch"


@pytest.mark.requirement("C1")
@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_a_media_type_knows_no_case(typ: str) -> None:
    """The type is compared as media types are (RFC 7515 section 4.1.9)."""
    assert verifier().verify(with_header(header(typ=typ))).sub


def test_a_header_may_say_more() -> None:
    """Members that change nothing are let be, in any order."""
    assert verifier().verify(with_header({"x": [1], "typ": "at+jwt", "kid": HMAC.kid, "alg": "HS256"})).sub


@pytest.mark.requirement("J15")
@pytest.mark.parametrize("form", ["flattened", "general", "empty", "unprotected"])
def test_a_token_in_json_is_refused(form: str) -> None:
    """The JSON serialization is not a bearer token, whatever it holds (CVE-2026-102946)."""
    forms: dict[str, dict[str, Any]] = {
        "flattened": {"protected": HEAD, "payload": PAYLOAD, "signature": SEAL},
        "general": {"payload": PAYLOAD, "signatures": [{"protected": HEAD, "signature": SEAL}]},
        "empty": {"payload": PAYLOAD, "signatures": []},
        "unprotected": {"header": header(), "payload": PAYLOAD, "signature": SEAL},
    }
    text = json.dumps(forms[form])
    assert refusal(text) == "token_malformed"
    assert refusal(f"{HEAD}.{b64url_encode(text.encode()).decode()}.{SEAL}") == "token_signature_mismatch"


@pytest.mark.requirement("J17")
@pytest.mark.parametrize("alg", ALGS)
def test_the_seal_is_judged_before_the_payload_is_read(alg: str) -> None:
    """A payload that is no JSON, is expired or is not even base64url is a mismatch when its seal is wrong."""
    key = signer(alg)
    using = verifier(public(key))
    using.verify(token(key))
    head, payload, signature = token(key).split(".")
    expired = seal(header(key), claims(exp=1), key).split(".")[1]
    for other in (payload[:-4] + "AAAA", expired, "AAAA", "A", "+/=="):
        assert refusal(f"{head}.{other}.{signature}", using) == "token_signature_mismatch"
        assert refusal(f"{head}.{other}.{signature}", verifier(public(key))) == "token_signature_mismatch"


@pytest.mark.requirement("J7")
def test_only_headers_of_our_keys_are_remembered() -> None:
    """A header that a stranger invents is forgotten at once; those of the issuer are bounded in number."""
    using = CompactVerifier([HMAC], typ="at+jwt")
    for n in range(500):
        head = seal(header(x=n), claims()).split(".")[0]
        with pytest.raises(TokenRefused):
            using.open(f"{head}.{PAYLOAD}.{SEAL}")
    assert len(using._known) == 0
    for n in range(500):
        using.open(seal(header(x=n), claims()))
        assert 1 <= len(using._known) <= 64


@pytest.mark.requirement("J7")
def test_a_remembered_header_still_needs_its_seal() -> None:
    """A header known by its bytes opens nothing for another key's seal."""
    using = verifier()
    using.verify(GOOD)
    forged = seal(header(), claims(roles=["admin"]), OTHER_HMAC)
    assert refusal(forged, using) == "token_signature_mismatch"


def test_keys_side_by_side_each_check_their_own() -> None:
    """In a rotation the tokens of both keys pass, and neither key's seal passes as the other's."""
    using = verifier(HMAC, OTHER_HMAC)
    assert using.verify(token(HMAC)).sub
    assert using.verify(token(OTHER_HMAC)).sub
    assert refusal(seal(header(HMAC), claims(), OTHER_HMAC), using) == "token_signature_mismatch"
    assert refusal(token(OTHER_HMAC), verifier(HMAC)) == "token_key_unknown"
