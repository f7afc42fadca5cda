"""Secrets: how they are read, what is refused, and that none of them ever shows itself."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from sekisho.adapters.given_keys import given_keys
from sekisho.adapters.secrets.file import MAX_BYTES
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.adapters.secrets.secret import Secret, strong
from sekisho.settings import SettingsRefused

CANARY = b"zM3canary-9xQ7w2Lr8vTn4Kp6Yd1Hs5"
SETTING = "SEKISHO_SIGNING_KEY"


def private(path: Path, content: bytes, mode: int = 0o600) -> str:
    """A reference to a file with that content and mode."""
    path.write_bytes(content)
    path.chmod(mode)
    return f"file:{path}"


def read(reference: str, **environ: str) -> bytes:
    """What is behind the reference."""
    return Secrets(sources(environ)).read(reference, setting=SETTING).reveal()


def refusal(act: Callable[[], object]) -> str:
    """What an operator reads, with everything a traceback would print of it."""
    with pytest.raises(SettingsRefused) as refused:
        act()
    return f"{refused.value}\n" + "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("written", "content"),
    [
        (CANARY, CANARY),
        (CANARY + b"\n", CANARY),
        (CANARY + b"\r\n", CANARY),
        (CANARY + b"\n\n", CANARY + b"\n"),
        (b" " + CANARY + b" ", b" " + CANARY + b" "),
        (b"\x00\xff\n", b"\x00\xff"),
    ],
)
def test_one_trailing_newline_is_dropped(tmp_path: Path, written: bytes, content: bytes) -> None:
    """Exactly one newline at the end is dropped, and nothing else is touched."""
    assert read(private(tmp_path / "secret", written)) == content


def test_environment_secrets() -> None:
    """A variable is read by name, its newline dropped; bytes that are no UTF-8 arrive as they are."""
    assert read("env:SHARED", SHARED="secret\n") == b"secret"
    assert read("env:SHARED", SHARED=os.fsdecode(b"\xff\xfe")) == b"\xff\xfe"


@pytest.mark.requirement("H5")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o602, 0o610, 0o777])
def test_files_open_to_others_are_refused(tmp_path: Path, mode: int) -> None:
    """A file that group or others may use in any way is refused with the exact command that closes it."""
    path = tmp_path / "secret"
    reference = private(path, CANARY, mode)
    words = refusal(lambda: read(reference))
    assert f"chmod 600 {path}" in words
    assert CANARY.decode() not in words


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_files_of_their_owner_are_read(tmp_path: Path, mode: int) -> None:
    """What only its owner may use is read."""
    assert read(private(tmp_path / "secret", CANARY, mode)) == CANARY


@pytest.mark.requirement("H5")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of root's and read it as another")
def test_files_of_root_are_read_by_our_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Kubernetes mounts secrets: root's file that the group of the server reads, and nobody writes."""
    nobody = 65534
    path = tmp_path / "secret"
    private(path, CANARY)
    os.chown(path, 0, nobody)
    tmp_path.chmod(0o711)
    monkeypatch.chdir(tmp_path)  # whoever we become may not walk down to it
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(nobody)
    os.seteuid(nobody)
    try:
        for mode, good in ((0o440, True), (0o640, True), (0o660, False), (0o444, False), (0o650, False)):
            os.seteuid(0)
            path.chmod(mode)
            os.seteuid(nobody)
            if good:
                assert read("file:secret") == CANARY
            else:
                assert "is open to others" in refusal(lambda: read("file:secret"))
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
    path.chmod(0o440)
    assert "is open to others" in refusal(lambda: read("file:secret")), "root itself needs no group"


def test_a_link_is_judged_by_its_target(tmp_path: Path) -> None:
    """A symbolic link, as orchestrators make them, is followed, and the mode of the file itself counts."""
    target = tmp_path / "target"
    reference = private(target, CANARY)
    link = tmp_path / "link"
    link.symlink_to(target)
    assert read(f"file:{link}") == read(reference) == CANARY
    target.chmod(0o644)
    assert "chmod 600" in refusal(lambda: read(f"file:{link}"))


def test_what_is_no_secret_file(tmp_path: Path) -> None:
    """A missing file, a directory, a pipe, a huge or an empty one are each refused in words."""
    assert "No such file" in refusal(lambda: read(f"file:{tmp_path / 'missing'}"))
    assert "not a regular file" in refusal(lambda: read(f"file:{tmp_path}"))
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "not a regular file" in refusal(lambda: read(f"file:{tmp_path / 'pipe'}"))
    huge = private(tmp_path / "huge", bytes(MAX_BYTES + 1))
    assert "larger than 64 KiB" in refusal(lambda: read(huge))
    empty = private(tmp_path / "empty", b"\n")
    assert "is empty" in refusal(lambda: read(empty))
    assert "not a path" in refusal(lambda: read("file:\x00"))


def test_missing_variables() -> None:
    """A variable that is not set, or is empty, is refused by its name."""
    assert "env:SHARED" in refusal(lambda: read("env:SHARED"))
    assert "is empty" in refusal(lambda: read("env:SHARED", SHARED=""))


@pytest.mark.requirement("H5")
@pytest.mark.parametrize("reference", [f"{CANARY.decode()}:x", CANARY.decode(), "gcp-sm:prod/key", ""])
def test_unknown_schemes(reference: str) -> None:
    """A scheme that is not read here is refused with those that are; the reference itself is not repeated."""
    words = refusal(lambda: read(reference))
    assert SETTING in words
    assert "file:, env:, aws-sm:" in words
    assert CANARY.decode() not in words


@pytest.mark.requirement("H5")
def test_a_secret_never_shows_itself() -> None:
    """Printing, formatting, serializing, copying and pickling a secret show nothing of it."""
    secret = Secret(CANARY)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", f"{secret:>20}", f"{[secret]}"]
    shown += ["%s" % secret, str({"key": secret}), str(ValueError(secret)), str(dir(secret))]  # noqa: UP031 - a logger's form
    assert not any(CANARY.decode() in text for text in shown)
    for serialize in (
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
    ):
        with pytest.raises(TypeError):
            serialize(secret)
    with pytest.raises(AttributeError):
        secret.value = b"other"
    assert not hasattr(secret, "__dict__")
    assert (secret.reveal(), len(secret)) == (CANARY, 32)


@pytest.mark.requirement("H5")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        CANARY[:31],
        b"a" * 64,
        b"0123456789abcdef" * 4,
        b"changeme-changeme-changeme-changeme-but-longer",
        b"a-string-secret-at-least-256-bits-long",
        b"Your-256-bit-secret-your-256-bit-secret!",
        bytes(64),
    ],
)
def test_weak_secrets(content: bytes) -> None:
    """A short, repeated, monotonous or published secret is refused with the command that makes a good one."""
    words = refusal(lambda: strong(Secret(content), "env:KEY"))
    assert "openssl rand -base64 48" in words
    assert "env:KEY" in words
    if content:
        assert content.decode() not in words


def test_strong_secrets() -> None:
    """Random bytes pass, raw, in hexadecimal or in base64, from 32 bytes on."""
    raw = os.urandom(32)
    for content in (raw, raw.hex().encode(), CANARY):
        assert strong(Secret(content), "env:KEY").reveal() == content


PRINTED = Path(__file__).parents[1] / "verify" / "vectors" / "rfc7515.json"


def printed_key() -> bytes:
    """The shared secret that RFC 7515 A.1 prints, in base64url."""
    cases = json.loads(PRINTED.read_text("utf-8"))["vectors"]
    return next(str(case["jwk"]["k"]).encode() for case in cases if case["name"] == "A.1")


@pytest.mark.requirement("H5")
def test_published_secrets() -> None:
    """A secret that was printed is refused as published, however random it looks, in each of its forms."""
    text = printed_key()
    raw = base64.urlsafe_b64decode(text + b"==")
    for content in (text, raw, text + b"\r\n", b" " + text):
        words = refusal(partial(strong, Secret(content), "env:KEY"))
        assert "env:KEY" in words
        assert "holds a secret that was published" in words
        assert text.decode() not in words
    other = bytes([raw[0] ^ 1]) + raw[1:]
    assert strong(Secret(other), "env:KEY").reveal() == other


@pytest.mark.requirement("H5")
def test_a_published_signing_key_starts_nothing() -> None:
    """Neither as a raw secret nor inside a JWK set is it taken for a signing key."""
    text = printed_key()
    ring = json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "k": text.decode()}]}).encode()
    for content in (text, ring):
        words = refusal(partial(given_keys, Secret(content), alg="ES256", where="env:KEY"))
        assert "holds a secret that was published" in words
