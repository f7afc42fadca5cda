"""HMAC from blocks that were hashed once."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
