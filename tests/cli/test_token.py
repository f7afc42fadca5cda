"""`sekisho token`: what it reads, what it believes, and the order in which it checks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from sekisho.cli.token_findings import told
from sekisho.cli.wording import wording
from sekisho_verify import HmacKey
from sekisho_verify.explain import CHECKS, explain
from sekisho_verify.forgeries import Forged
from sekisho_verify.forgeries.forging import tampered, unsigned
from sekisho_verify.jws import sign
from sekisho_verify.testing import Issuer
from tests.parts.serving import Server

if TYPE_CHECKING:
    from pathlib import Path

    from sekisho_verify.key_generation import Alg
    from tests.cli.conftest import Run

SECRET = b"a test secret of more than thirty-two bytes"
KEY = HmacKey(SECRET)
NOW = 1_700_000_000
CENTURY = 4_102_444_800
EXPECTED = ("--issuer", "http://localhost:1", "--audience", "api")


def token(key: HmacKey = KEY, *, typ: str = "at+jwt", **changes: object) -> str:
    """An access token that the key seals, good from NOW for fifteen minutes but for the changes."""
    claims = {
        "iss": "http://localhost:1",
        "sub": "somebody",
        "aud": "api",
        "exp": NOW + 900,
        "iat": NOW,
        "jti": "1",
        "client_id": "first-party",
        "sid": "s",
        "rv": "1.0",
    }
    return sign(json.dumps(claims | changes).encode(), {"typ": typ}, key)


#: One of each kind, with the check that has to refuse it.
BAD = {
    "form": "one.two",
    "algorithm": unsigned(token(), {}, signature="AA"),
    "type": token(typ="rt+jwt"),
    "key": token(HmacKey(b"another test secret of more than 32 bytes")),
    "signature": tampered(token(), {"roles": ["admin"]}),
    "claims": token(sub=1),
    "issuer": token(iss="http://localhost:2"),
    "audience": token(aud="other"),
    "lifetime": token(exp=NOW + 86_401),
    "expiry": token(exp=NOW - 1),
    "not before": token(nbf=NOW + 100),
}


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    """A file with the shared secret and a newline, as editors leave it."""
    path = tmp_path / "secret"
    path.write_bytes(SECRET + b"\n")
    return str(path)


def test_decode_shows_everything_and_believes_nothing(sekisho: Run) -> None:
    """Header, payload and times are shown of any token, and stderr says that none of it was verified."""
    result = sekisho("token", "decode", "--json", text=BAD["signature"])
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown["header"]["alg"] == "HS256"
    assert shown["payload"]["roles"] == ["admin"]
    assert shown["times"] == {"iat": NOW, "exp": NOW + 900}
    assert "NOT VERIFIED" in result.stderr
    plain = sekisho("token", "decode", text=BAD["signature"])
    assert "2023-11-14T22:28:20Z" in plain.stdout
    assert "s ago" in plain.stdout


def test_decode_reads_what_can_be_read_of_a_broken_token(sekisho: Run) -> None:
    """A payload that is no JSON does not hide the header; where nothing can be read the code says so."""
    header = token().partition(".")[0]
    shown = json.loads(sekisho("token", "decode", "--json", text=f"{header}.!!.x").stdout)
    assert shown["header"]["typ"] == "at+jwt"
    assert "base64url" in shown["payload"]
    lost = sekisho("token", "decode", text="nothing at all")
    assert (lost.exit_code, lost.stdout) == (1, "")
    assert "error[token_malformed]" in lost.stderr


@pytest.mark.parametrize("command", ["decode", "verify", "explain"])
def test_an_empty_stdin_is_said_with_its_fix(sekisho: Run, command: str) -> None:
    """A token comes on stdin; without one the command says how."""
    result = sekisho("token", command, *(EXPECTED if command != "decode" else ()))
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1] == f'fix: pipe it in: printf %s "$TOKEN" | sekisho token {command}'


def test_verify_refuses_with_the_code(sekisho: Run, key_file: str) -> None:
    """Exit code 1, nothing on stdout, and the code for programs; no expectation has a default."""
    refused = sekisho("token", "verify", *EXPECTED, "--key-file", key_file, text=token())
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("error[token_expired]: ")
    assert sekisho("token", "verify", "--key-file", key_file, text=token()).exit_code == 2


def test_verify_asks_the_issuer_for_its_keys(sekisho: Run, tmp_path: Path) -> None:
    """Without a key file the published keys are fetched: a token of that server passes, a changed one not."""
    with Server(tmp_path / "data") as server:
        alice = {"email": "alice@example.com", "password": "a gate at the sixth bell"}
        server.ask("POST", "/v1/accounts", alice)
        text = server.ask("POST", "/v1/login", {**alice, "mode": "token"}).json["access_token"]
        expected = ("--issuer", server.url, "--audience", "api")
        good = sekisho("token", "verify", *expected, text=text + "\n")
        assert good.exit_code == 0, good.stderr
        assert json.loads(good.stdout)["iss"] == server.url
        bad = sekisho("token", "verify", *expected, text=tampered(text, {"roles": ["admin"]}))
        assert bad.exit_code == 1
        assert "error[token_signature_mismatch]" in bad.stderr
        explained = sekisho("token", "explain", *expected, text=text)
        assert explained.exit_code == 0
        assert {line[0] for line in explained.stdout.splitlines()} == {"✓", "·"}
        keys = tmp_path / "jwks.json"
        keys.write_text(sekisho("key", "jwks").stdout)
        server.stop()
    offline = sekisho("token", "verify", *expected, "--key-file", str(keys), text=text)
    assert offline.exit_code == 0, offline.stderr
    gone = sekisho("token", "verify", *expected, text=text)
    assert gone.exit_code == 1
    assert gone.stderr.startswith("error[unavailable]")


def test_a_key_file_that_holds_no_key_is_said(sekisho: Run, tmp_path: Path) -> None:
    """Too short a secret, no file, a certificate: one line, no traceback, and the content is not repeated."""
    short = tmp_path / "short"
    short.write_text("hunter2")
    result = sekisho("token", "verify", *EXPECTED, "--key-file", str(short), text=token())
    assert result.exit_code == 1
    assert "error[key_refused]" in result.stderr
    assert "hunter2" not in result.stderr
    missing = sekisho("token", "verify", *EXPECTED, "--key-file", str(tmp_path / "none"), text=token())
    assert missing.exit_code == 1
    assert "error[input_unreadable]" in missing.stderr
    assert "fix: give the right file" in missing.stderr


def test_an_issuer_that_could_never_be_right_is_a_fault_of_usage(sekisho: Run, key_file: str) -> None:
    """It is no fault of the key: exit code 2, and the sentence says what to write."""
    expected = ("--issuer", "ftp://id", "--audience", "api")
    result = sekisho("token", "verify", *expected, text=token())
    assert result.exit_code == 2
    assert result.stderr.startswith("error[usage]: issuer: not a plain URL of a host")
    assert "give it as https://id.example.com" in result.stderr
    assert sekisho("token", "verify", *expected, "--key-file", key_file, text=token()).exit_code == 1


def test_an_issuer_that_does_not_answer_is_said_with_both_ways_on(sekisho: Run) -> None:
    """Nobody listens at the discard port: correct the issuer, or bring the key."""
    result = sekisho("token", "verify", "--issuer", "http://localhost:9", "--audience", "api", text=token())
    assert result.exit_code == 1
    assert "error[unavailable]" in result.stderr
    assert "fix: see that --issuer is right and answers, or give its key with --key-file" in result.stderr


@pytest.mark.parametrize("name", BAD)
def test_explain_names_the_check_that_refuses(sekisho: Run, key_file: str, name: str) -> None:
    """Exit code 1, and as JSON each check with its verdict: passed before the one, not reached behind it."""
    result = sekisho("token", "explain", *EXPECTED, "--json", "--key-file", key_file, text=BAD[name])
    assert result.exit_code == 1
    checks = json.loads(result.stdout)["checks"]
    assert [check["check"] for check in checks] == list(CHECKS)
    if name == "not before":
        # The real clock is long past the token's time: its end is what refuses first.
        name = "expiry"
    at = CHECKS.index(name)
    assert [check["verdict"] for check in checks] == (
        ["passed"] * at + ["refused"] + ["not_reached"] * (len(CHECKS) - at - 1)
    )
    assert [check["check"] for check in checks if check["code"] is not None] == [name]
    assert checks[at].keys() == {"check", "verdict", "code", "detail"}


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        (
            "en",
            (
                "✓ form        ASCII text of at most 16,384 characters, in three segments with two dots",
                "✗ signature   token_signature_mismatch",
                "              checked  the signature is that key's, over exactly these bytes",
                "              why      Header or payload were changed after signing",
                "              do       Get the token anew.",
                "- claims      not reached",
            ),
        ),
        (
            "ja",
            (
                "✓ form        16,384 文字以内の ASCII で",
                "✗ signature   token_signature_mismatch",
                "              検査  署名が、その鍵で",
                "              理由  署名の後でヘッダーかペイロードが書き換えられたか",
                "              対処  トークンを取得し直してください。",
                "- claims      ここまで進んでいません",
            ),
        ),
    ],
)
def test_explain_tells_a_person_what_was_checked_and_what_to_do(
    sekisho: Run, key_file: str, lang: str, sentences: tuple[str, ...]
) -> None:
    """A sentence for each check that passed; for the one that refused also why, and what to do."""
    result = sekisho(
        *("token", "explain", *EXPECTED, "--key-file", key_file),
        text=BAD["signature"],
        SEKISHO_LANG=lang,
    )
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    for sentence in sentences:
        assert [line for line in lines if line.startswith(sentence)], sentence


@pytest.mark.parametrize("pasted", ["Bearer {}", "bearer  {}", "Authorization: Bearer {}", '"Bearer {}"'])
@pytest.mark.parametrize(
    ("lang", "fix"),
    [
        ("en", "fix: paste the token alone, without Bearer"),
        ("ja", "Bearer を付けず、トークンだけを貼り付けてください"),
    ],
)
def test_a_pasted_header_is_told_what_it_is(
    sekisho: Run, key_file: str, pasted: str, lang: str, fix: str
) -> None:
    """Nothing is cut off in silence, and nothing of the token is repeated."""
    for command in ("explain", "verify"):
        result = sekisho(
            *("token", command, *EXPECTED, "--key-file", key_file),
            text=pasted.format(token()),
            SEKISHO_LANG=lang,
        )
        assert (result.exit_code, result.stdout) == (1, "")
        assert "token_malformed" in result.stderr
        assert fix in result.stderr
        assert token().split(".")[1] not in result.stderr


@pytest.mark.parametrize(
    ("lang", "expired", "early"),
    [
        (
            "en",
            r"expired at 2023-11-14T22:13:19Z, [\d,]+ s ago \(now 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\)",
            r"valid from 2100-01-01T00:00:00Z, in [\d,]+ s \(now 20\d\d-.*Z\)",
        ),
        (
            "ja",
            r"2023-11-14T22:13:19Z に期限切れ、[\d,]+ 秒前 \(現在 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\)",
            r"2100-01-01T00:00:00Z から有効、あと [\d,]+ 秒 \(現在 20\d\d-.*Z\)",
        ),
    ],
)
def test_times_are_instants_and_a_difference(
    sekisho: Run, key_file: str, lang: str, expired: str, early: str
) -> None:
    """Nobody reads seconds since 1970; of a token for later it is `nbf` that is shown, not `iat`."""
    later = token(nbf=CENTURY, iat=CENTURY - 60, exp=CENTURY + 60)
    for text, sentence in ((BAD["expiry"], expired), (later, early)):
        result = sekisho(
            *("token", "explain", *EXPECTED, "--key-file", key_file), text=text, SEKISHO_LANG=lang
        )
        assert re.search(sentence, result.stdout), result.stdout


@pytest.mark.parametrize("alg", ["HS256", "ES256", "EdDSA", "RS256"])
def test_what_was_found_is_said_in_the_readers_language(alg: Alg) -> None:
    """Of every forgery there is: Japanese where the language is Japanese, with none of the English left."""
    issuer = Issuer(alg=alg, clock=lambda: NOW)
    said: dict[str, str] = {}
    for forged in issuer.forgeries():
        if isinstance(forged, Forged) and forged.text is not None:
            checks = explain(
                forged.text, keys=issuer.keys, issuer=issuer.url, audience="api", feed=None, now=NOW
            )
            said |= {check.detail: told(check.detail, wording("ja")) for check in checks if check.detail}
    assert len(said) > 30
    assert [detail for detail, words in said.items() if words.isascii() or words == detail] == []
    assert told("kid is 'x'", wording("ja")) == "kid は 'x'"
    assert told("not three segments", wording("ja")) == "セグメントが 3 つではありません"
    assert told("nobody's \x1b words", wording("ja")) == "nobody's \N{REPLACEMENT CHARACTER} words"


def test_explain_says_that_nobody_asked_for_revocations(sekisho: Run, tmp_path: Path) -> None:
    """Even of a good token it is said which check was not made: there is no feed at a command line."""
    issuer = Issuer()
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [issuer.keys[0].to_jwk()]}))  # type: ignore[attr-defined]  # of a key pair
    command = ("token", "explain", "--issuer", issuer.url, "--audience", "api", "--key-file", str(jwks))
    result = sekisho(*command, text=issuer.token())
    assert result.exit_code == 0, result.stdout
    assert [line[0] for line in result.stdout.splitlines()] == ["✓"] * 13 + ["·"]
    assert result.stdout.splitlines()[-1].startswith("· revocation  not asked: there is no revocation feed")
    last = json.loads(sekisho(*command, "--json", text=issuer.token()).stdout)["checks"][-1]
    assert last == {"check": "revocation", "verdict": "not_asked", "code": None, "detail": None}


def test_explain_shows_values_of_a_stranger_escaped(sekisho: Run, key_file: str) -> None:
    """What a token says is shown to whoever asks, and moves no cursor: control characters are escaped."""
    evil = "\x1b[2J\r\nverified\u202e"
    for text in (token(iss=evil), token(aud=evil), token(typ=evil)):
        result = sekisho("token", "explain", *EXPECTED, "--key-file", key_file, text=text)
        (found,) = (line for line in result.stdout.splitlines() if "found    " in line)
        assert "\\x1b[2J" in found
        assert not [
            character for character in result.stdout if not (character.isprintable() or character == "\n")
        ]
