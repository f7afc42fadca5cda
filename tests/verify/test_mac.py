"""HMAC from blocks that were hashed once."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sekisho_verify.encoding import b64url_encode
from sekisho_verify.errors import EncodingError, TokenRefused
from sekisho_verify.mac import Hmac

HASHES = ["sha256", "sha384", "sha512"]


@pytest.mark.parametrize("name", HASHES)
@given(secret=st.binary(max_size=300), messages=st.lists(st.binary(max_size=300), min_size=1, max_size=3))
@example(secret=b"", messages=[b""])
@example(secret=b"k" * 64, messages=[b"x"])
@example(secret=b"k" * 65, messages=[b"x"])
@example(secret=b"k" * 128, messages=[b"x"])
@example(secret=b"k" * 129, messages=[b"x"])
def test_it_is_the_hmac_of_the_standard_library(name: str, secret: bytes, messages: list[bytes]) -> None:
    """For keys below, at and above the block of the hash, and however many messages came before."""
    mac = Hmac(secret, getattr(hashlib, name))
    assert [mac.digest(message) for message in messages] == [
        hmac.digest(secret, message, name) for message in messages
    ]


def test_its_secret_is_not_printed() -> None:
    """Neither by `repr` nor in the attributes that a debugger shows."""
    mac = Hmac(b"hunter2", hashlib.sha256)
    shown = repr(mac) + "".join(repr(getattr(mac, name)) for name in mac.__slots__)
    assert "hunter2" not in shown


@pytest.mark.parametrize("name", HASHES)
def test_a_seal_is_the_mac_in_base64url(name: str) -> None:
    """The MAC itself is accepted; another, shorter or longer one, none, or its bytes are refused."""
    mac = Hmac(b"k" * 64, getattr(hashlib, name))
    right = hmac.digest(b"k" * 64, b"message", name)
    mac.check(b"message", b64url_encode(right))
    others = [bytes(len(right)), right[:-1], right[:-3], right + b"\0", right + right, b""]
    for other in others:
        with pytest.raises(TokenRefused) as caught:
            mac.check(b"message", b64url_encode(other))
        assert caught.value.code == "token_signature_mismatch"
    for malformed in (b64url_encode(right) + b"=", right.hex().encode() + b".", right):
        with pytest.raises(EncodingError):
            mac.check(b"message", malformed)


def test_threads_share_one_hmac() -> None:
    """Eight threads, each with messages long enough to be hashed without the interpreter's lock."""
    secret = b"k" * 64
    mac = Hmac(secret, hashlib.sha256)
    messages = [bytes([n]) * (4000 + n) for n in range(200)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(mac.digest, messages * 8))
    assert found == [hmac.digest(secret, message, "sha256") for message in messages] * 8
