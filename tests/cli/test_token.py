"""`sekisho token`: what it reads, what it believes, and the order in which it checks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sekisho.cli.explaining import explain
from sekisho_verify import HmacKey, TokenRefused, Verifier
from sekisho_verify.forging import tampered, unsigned
from sekisho_verify.jws import sign
from tests.parts.serving import Server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

SECRET = b"a test secret of more than thirty-two bytes"
KEY = HmacKey(SECRET)
NOW = 1_700_000_000
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
        assert {line[0] for line in explained.stdout.splitlines()} == {"✓"}
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
    assert result.stderr.startswith("error[usage]: issuer: https only")
    assert sekisho("token", "verify", *expected, "--key-file", key_file, text=token()).exit_code == 1


def test_an_issuer_that_does_not_answer_is_said_with_both_ways_on(sekisho: Run) -> None:
    """Nobody listens at the discard port: correct the issuer, or bring the key."""
    result = sekisho("token", "verify", "--issuer", "http://localhost:9", "--audience", "api", text=token())
    assert result.exit_code == 1
    assert "error[unavailable]" in result.stderr
    assert "fix: see that --issuer is right and answers, or give its key with --key-file" in result.stderr


@pytest.mark.parametrize("name", BAD)
def test_explain_names_the_check_that_refuses(name: str) -> None:
    """All checks before it have passed, none after it was reached, and the code is the verifier's own."""
    issuer, audience = EXPECTED[1], EXPECTED[3]
    checks = explain(BAD[name], keys=[KEY], now=NOW, issuer=issuer, audience=audience)
    names = [check.name for check in checks]
    assert names == list(BAD)
    at = names.index(name)
    assert [check.verdict for check in checks] == (
        ["passed"] * at + ["refused"] + ["not_reached"] * (len(BAD) - at - 1)
    )
    with pytest.raises(TokenRefused) as refused:
        Verifier(keys=[KEY], feed=None, clock=lambda: float(NOW), issuer=issuer, audience=audience).verify(
            BAD[name]
        )
    assert checks[at].code == refused.value.code


def test_explain_ends_with_1_and_says_the_same_as_json(sekisho: Run, key_file: str) -> None:
    """The list for programs has every check with its verdict and code."""
    result = sekisho("token", "explain", *EXPECTED, "--json", "--key-file", key_file, text=BAD["type"])
    assert result.exit_code == 1
    checks = json.loads(result.stdout)["checks"]
    assert checks[1] == {"check": "algorithm", "verdict": "passed", "code": None, "detail": None}
    assert (checks[2]["check"], checks[2]["code"]) == ("type", "token_type_mismatch")
    assert {check["verdict"] for check in checks[3:]} == {"not_reached"}
