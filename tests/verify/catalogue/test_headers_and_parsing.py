"""The catalogue of vulnerabilities: what a header may ask for, and what taking a text apart may cost."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sekisho_verify import TokenRefused
from sekisho_verify.encoding import b64url_decode, b64url_encode
from sekisho_verify.jws import MAX_HEADER, MAX_TOKEN, CompactVerifier
from tests.verify.catalogue.watching import (
    CountingEcKey,
    CountingHmacKey,
    has_been_hashed,
    memory,
    seeing_outside,
)
from tests.verify.tokens import ABSENT, EC, HMAC, claims, header, refusal, seal, token, verifier

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 2**20
HEAD, PAYLOAD, SEAL = token().split(".")


def encoded(raw: bytes) -> str:
    """Base64url."""
    return b64url_encode(raw).decode()


# --- V08 to V11: what a header asks for ---


@pytest.mark.requirement("V08", "J11")
@pytest.mark.parametrize("member", ["jku", "x5u"])
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/keys",
        "http://127.0.0.1:9/keys",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "data:application/json,{}",
        "https://id.example.com/.well-known/jwks.json",
        "",
        ["https://evil.example"],
        None,
    ],
)
def test_v08_no_address_in_a_header_is_asked(member: str, url: object) -> None:
    """CVE-2026-48522 and kin: a URL of keys in a header refuses the token, and nothing is opened for it."""
    for key, counting in ((HMAC, CountingHmacKey()), (EC, CountingEcKey())):
        text, using = seal(header(key) | {member: url}, claims(), key), verifier(counting)
        refusal(text, using)
        with seeing_outside() as steps:
            assert refusal(text, using) == "token_malformed"
        assert steps == []
        assert counting.checks == []


@pytest.mark.requirement("V09", "J10")
@pytest.mark.parametrize(
    "kid",
    [
        "../../../../../../dev/null",
        "/etc/passwd",
        "C:\\windows\\win.ini",
        "x' UNION SELECT 'k'--",
        "1; DROP TABLE keys",
        "key.pem|sleep 5",
        "$(touch pwned)",
        "`id`",
        "https://evil.example/key",
        "*)(uid=*",
        "{{7*7}}",
        "%00",
        "a\0b",
        "line\r\nbreak",
        "x" * 10_000 + "!",
        "鍵",
        "",
        None,
        0,
        True,
        [HMAC.kid],
        {"kid": HMAC.kid},
        ABSENT,
    ],
    ids=lambda kid: "absent" if kid is ABSENT else repr(kid)[:24],
)
def test_v09_a_key_id_is_looked_up_and_nothing_else(kid: Any) -> None:  # noqa: ANN401 -- that is the point
    """The kid injections: no such id opens a file, a database, a socket or a shell, nor prints as it came."""
    counting = CountingHmacKey()
    text, using = seal(header(kid=kid), claims()), verifier(counting)
    if isinstance(kid, str) and len(kid) > MAX_HEADER:
        assert refusal(text, using) == "token_malformed"
        return
    with pytest.raises(TokenRefused):
        using.verify(text)
    with seeing_outside() as steps, pytest.raises(TokenRefused) as caught:
        using.verify(text)
    assert steps == []
    assert counting.checks == []
    assert caught.value.code == "token_key_unknown"
    assert caught.value.detail.isprintable()
    assert caught.value.detail.isascii()
    assert len(caught.value.detail) < 200


def test_the_watch_sees_what_it_should(tmp_path: Any) -> None:  # noqa: ANN401 -- a path
    """A file opened, a program begun and a name looked up are seen; so nothing seen means nothing done."""
    import socket  # noqa: PLC0415 -- so that its import is not what is seen
    import sqlite3  # noqa: PLC0415 -- same

    with seeing_outside() as steps:
        (tmp_path / "file").write_text("x")
        sqlite3.connect(":memory:").close()
        socket.socket().close()
    assert {step.partition("(")[0] for step in steps} >= {"open", "sqlite3.connect", "socket.__new__"}
    fresh = f"{token()}."
    assert not has_been_hashed(fresh)
    hash(fresh)
    assert has_been_hashed(fresh)
    counting = CountingHmacKey()
    assert verifier(counting).verify(token()).sub
    assert len(counting.checks) == 1


@pytest.mark.requirement("V10", "J12")
@pytest.mark.parametrize(
    "crit",
    [
        ["exp"],
        ["b64"],
        ["alg"],
        ["x"],
        ["http://example.com/x"],
        ["x", "x"],
        [],
        "x",
        {"x": 1},
        None,
        True,
        [1],
    ],
)
def test_v10_no_extension_is_understood(crit: object) -> None:
    """CVE-2025-59420, CVE-2026-32597: any crit refuses, of whatever form."""
    for more in ({}, {"x": 1, "b64": True, "exp": 1, "https://example.com/x": 1}):
        text = seal(header() | more | {"crit": crit}, claims())
        assert refusal(text) == "token_malformed"


@pytest.mark.requirement("V11", "J12")
@pytest.mark.parametrize("b64", [False, True, None, "false", 0, []])
@pytest.mark.parametrize("crit", [["b64"], [], None])
def test_v11_a_payload_is_encoded(b64: object, crit: object) -> None:
    """CVE-2026-48990, GHSA-w7vc-732c-9m39: b64 refuses, and no payload is taken as it stands."""
    head = header(b64=b64) | ({} if crit is None else {"crit": crit})
    raw = json.dumps(claims()).encode()
    segment = encoded(json.dumps(head).encode())
    for payload in (raw, b"", encoded(raw).encode()):
        signing_input = segment.encode() + b"." + payload
        text = (signing_input + b"." + b64url_encode(HMAC.sign(signing_input))).decode()
        counting = CountingHmacKey()
        assert refusal(text, verifier(counting)) == "token_malformed"
        assert counting.checks == []


# --- V14 to V17, V22: how a text is taken apart ---

HUGE: dict[str, Callable[[], str]] = {
    "a header of 1 MiB": lambda: f"{'A' * MIB}.{PAYLOAD}.{SEAL}",
    "a payload of 1 MiB": lambda: f"{HEAD}.{'A' * MIB}.{SEAL}",
    "a signature of 1 MiB": lambda: f"{HEAD}.{PAYLOAD}.{'A' * MIB}",
    "a million dots": lambda: "." * 10**6,
    "a million empty headers": lambda: f"{HEAD}." * 10**4,
    "a million letters": lambda: "e" * 10**6,
    "32 MiB": lambda: token() + "A" * (32 * MIB),
    "one too many": lambda: token() + "A" * (MAX_TOKEN + 1 - len(token())),
}


@pytest.mark.requirement("V14", "J1", "J2")
@pytest.mark.parametrize("name", HUGE)
def test_v14_what_is_too_long_costs_nothing(name: str) -> None:
    """CVE-2025-61920, CVE-2025-27144, CVE-2025-30204: refused with no copy, no hash, no seal looked at."""
    counting = CountingHmacKey()
    using, opening = verifier(counting), CompactVerifier([counting], typ="at+jwt")
    refusal("x" * (MAX_TOKEN + 1), using)
    text = HUGE[name]()
    with memory() as peak:
        assert refusal(text, using) == "token_malformed"
        with pytest.raises(TokenRefused):
            opening.open(text)
    assert peak[0] < 32 * 1024
    assert not has_been_hashed(text)
    assert counting.checks == []


@pytest.mark.requirement("V14", "J1")
def test_v14_the_longest_that_is_read_is_bounded_too() -> None:
    """CVE-2025-61920: at the limit, dots are counted before a split, and a header has its own limit."""
    using = verifier(CountingHmacKey())
    refusal("x", using)
    for text in ("." * MAX_TOKEN, f"{'A' * (MAX_TOKEN - 4)}.A.A", "A." * (MAX_TOKEN // 2)):
        with memory() as peak:
            assert refusal(text, using) == "token_malformed"
        # A list of sixteen thousand segments would be 128 KiB of pointers alone.
        assert peak[0] < 96 * 1024


@pytest.mark.requirement("V15", "J5")
@pytest.mark.parametrize("place", ["header", "payload", "both"])
@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":', '{"crit":['])
@pytest.mark.parametrize("levels", [33, 500, 1500])
def test_v15_nesting_is_no_recursion(place: str, opening: str, levels: int) -> None:
    """CVE-2026-101918: JSON as deep as a token is long is malformed, and no RecursionError from any depth."""
    closing = "".join({"[": "]", "{": "}"}.get(character, "") for character in reversed(opening))
    for inside in (opening * levels + "1" + closing * levels, opening * levels):
        head = json.dumps(header(x="@@")).replace('"@@"', inside if place != "payload" else "1")
        said = json.dumps(claims(x="@@")).replace('"@@"', inside if place != "header" else "1")
        text = seal(head.encode(), said.encode())

        def at_depth(frames: int, text: str = text) -> str:
            return at_depth(frames - 1, text) if frames else refusal(text)

        assert refusal(text) == "token_malformed"
        assert at_depth(sys.getrecursionlimit() // 2) == "token_malformed"


@pytest.mark.requirement("V16", "J4", "J19")
def test_v16_no_second_spelling_walks_round_a_denylist() -> None:
    """CVE-2026-102269: of one token there is one text, and what revocation goes by is in its claims."""
    good = token()
    jti = verifier().verify(good).jti
    tail = {
        "padded": "=",
        "doubly": "==",
        "thrice": "===",
        "line": "\n",
        "space": " ",
        "dot": ".",
        "NUL": "\0",
    }
    others = [good + end for end in tail.values()] + [f" {good}", f"{good}A", f"{good}AAAA"]
    for at in range(3):
        segments = good.split(".")
        raw = b64url_decode(segments[at].encode())
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
            segments[at] = segments[at][:-1] + last
            others.append(".".join(segments))
        for spelled in (raw + b"\0", raw + b"\n", raw + b" ", b"\0" + raw):
            segments[at] = encoded(spelled)
            others.append(".".join(segments))
        segments[at] = encoded(raw).replace("-", "+").replace("_", "/")
        others.append(".".join(segments))
    for text in set(others) - {good}:
        for using in (verifier(), verifier(cache_size=0)):
            using.verify(good)
            refusal(text, using)
    assert good in others
    assert len(set(others)) > 180
    assert jti == claims()["jti"]


@pytest.mark.requirement("V17", "J15")
@pytest.mark.parametrize("held", [HMAC, EC.public], ids=["secret", "public key"])
def test_v17_a_token_has_one_serialization(held: Any) -> None:  # noqa: ANN401 -- a key
    """CVE-2022-39227, CVE-2026-102946: no JSON form is read, with empty signatures or inside another."""
    good = token(HMAC if held is HMAC else EC)
    head, payload, signature = good.split(".")
    forms: list[object] = [
        {"payload": payload, "signatures": []},
        {"payload": payload},
        {"payload": payload, "signatures": [{"protected": head, "signature": signature}]},
        {"payload": payload, "protected": head, "signature": signature},
        {"payload": payload, "protected": head, "signature": signature, "header": header()},
        [head, payload, signature],
        good,
    ]
    using = verifier(held)
    using.verify(good)
    for form in forms:
        text = json.dumps(form)
        assert refusal(text, using) == "token_malformed"
        # The forgery of CVE-2022-39227: a compact token within what one parser takes for JSON.
        inside = f'{{" {head}.{encoded(json.dumps(claims(sub="admin")).encode())}.":"","protected":"{head}",'
        inside += f'"payload":"{payload}","signature":"{signature}"}}'
        assert refusal(inside, using) == "token_malformed"
        assert refusal(encoded(text.encode()), using) == "token_malformed"
        assert refusal(f"{head}.{encoded(text.encode())}.{signature}", using) == "token_signature_mismatch"


@pytest.mark.requirement("V22", "J5")
@pytest.mark.parametrize(
    "twice",
    [
        '"alg":"none","alg":"HS256"',
        '"alg":"HS256","alg":"none"',
        '"alg":"HS256","\\u0061lg":"HS256"',
        '"alg":"HS256","kid":"a","kid":"%s"',
        '"alg":"HS256","typ":"JWT","typ":"at+jwt"',
        '"alg":"HS256","x":{"y":1,"y":2}',
        '"alg":"HS256","x":[{"y":1,"y":1}]',
    ],
)
def test_v22_no_header_is_read_in_two_ways(twice: str) -> None:
    """Parser differentials: a member named twice in a header, however spelled or deep, is refused."""
    head = "{" + twice.replace("%s", HMAC.kid)
    for name, value in header().items():
        if f'"{name}"' not in head:
            head += f',"{name}":{json.dumps(value)}'
    counting = CountingHmacKey()
    assert refusal(seal(head.encode() + b"}", claims()), verifier(counting)) == "token_malformed"
    assert counting.checks == []


@pytest.mark.requirement("V22", "J5")
def test_v22_of_claims_the_last_counts_everywhere() -> None:
    """RFC 7519 section 4: of two claims of one name the last counts, for our checks as for `claims`."""
    raw = json.dumps(claims(x=[{"a": 1}])).encode()
    for said in (raw[:-1] + b',"sub":"last","roles":["last"]}', b'{"sub":1,"exp":"x","roles":{},' + raw[1:]):
        accepted = verifier().verify(seal(header(), said))
        assert accepted.claims["sub"] == accepted.sub
        assert set(accepted.claims["roles"]) == accepted.roles
    wrong = {
        ("exp", "1"): "token_expired",
        ("aud", '"other"'): "token_audience_mismatch",
        ("iss", '"https://evil.example"'): "token_issuer_mismatch",
        ("sid", '""'): "token_malformed",
    }
    for (name, value), code in wrong.items():
        assert refusal(seal(header(), raw[:-1] + f',"{name}":{value}}}'.encode())) == code
