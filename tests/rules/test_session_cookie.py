"""The session cookie: sealed by us, in one spelling, and no other kind of token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.rules import csrf, device, refresh, session_cookie
from sekisho.rules.device import Device
from sekisho.rules.opaque import MacKey, MacKeys
from sekisho.rules.refresh import RefreshToken
from sekisho.rules.refusals import Refusal
from sekisho.rules.session_cookie import SessionCookie

if TYPE_CHECKING:
    from collections.abc import Callable

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OLD = MacKey(b"old!", b"o" * 32)
NEW = MacKey(b"new!", b"n" * 32)
KEYS = MacKeys(NEW, (OLD,))
COOKIE = SessionCookie("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", b"s" * 32)


def refused(text: str, keys: MacKeys = KEYS) -> str:
    """The code that a cookie is refused with."""
    with pytest.raises(Refusal) as caught:
        session_cookie.decode(text, keys)
    return caught.value.code


@pytest.mark.requirement("SE2")
def test_what_was_sealed_comes_back() -> None:
    """With nothing in it but an id and random bytes, and short enough for every browser."""
    text = session_cookie.encode(COOKIE, KEYS)
    assert session_cookie.decode(text, KEYS) == COOKIE
    assert text.startswith("sks1_")
    assert text.isascii()
    assert len("__Host-sekisho=" + text) < 200


@pytest.mark.requirement("SE1")
def test_the_row_keeps_a_digest() -> None:
    """What the database has is not what the cookie has, and nothing prints the secret."""
    assert COOKIE.secret_digest != COOKIE.secret
    assert len(COOKIE.secret_digest) == 32
    assert "sss" not in repr(COOKIE)


@pytest.mark.requirement("SE1")
@given(st.data())
def test_one_changed_character_breaks_the_seal(data: st.DataObject) -> None:
    """Any other character anywhere, so there is one spelling of a cookie and no way to another session."""
    text = session_cookie.encode(COOKIE, KEYS)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != text[at]]))
    assert refused(text[:at] + other + text[at + 1 :]) == "session_unknown"


@pytest.mark.requirement("X16")
@pytest.mark.parametrize(
    "mutilate",
    [
        lambda t: t[:-1],
        lambda t: t + "A",
        lambda t: t + "=",
        lambda t: f'"{t}"',
        lambda t: " " + t,
        lambda t: t.upper(),
        lambda t: t[5:],
        lambda t: t[:20] + "\u00e9" + t[21:],
        lambda t: t[:20] + "\x00" + t[21:],
        lambda _: "",
        lambda _: "sks1_",
        lambda t: t * 100,
    ],
)
def test_truncated_overlong_and_recased_cookies_are_unknown(mutilate: Callable[[str], str]) -> None:
    """Compare whole: a part or another spelling of a cookie is no cookie."""
    assert refused(mutilate(session_cookie.encode(COOKIE, KEYS))) == "session_unknown"


def test_a_cookie_outlives_a_rotation_of_the_root_secret_while_its_key_is_known() -> None:
    """Nobody is logged out by it; a key that was dropped, or is somebody else's, is not believed."""
    before = session_cookie.encode(COOKIE, MacKeys(OLD))
    assert session_cookie.decode(before, KEYS) == COOKIE
    assert refused(before, MacKeys(NEW)) == "session_unknown"
    stranger = MacKeys(MacKey(b"new!", b"x" * 32))
    assert refused(session_cookie.encode(COOKIE, stranger)) == "session_unknown"


@pytest.mark.requirement("C6", "X06")
def test_kinds_are_never_confused() -> None:
    """Even with one key for all kinds, and with the prefix rewritten; either way round."""
    cookie = session_cookie.encode(COOKIE, KEYS)
    others = [
        refresh.encode(RefreshToken(COOKIE.session_id, 0, COOKIE.secret), KEYS),
        device.encode(Device(COOKIE.session_id, b"p" * 16, b"n" * 32), KEYS),
        csrf.encode(COOKIE.secret_digest, nonce=b"n" * 16, keys=KEYS),
        csrf.encode_cookie(COOKIE.secret),
    ]
    for other in others:
        assert refused(other) == "session_unknown"
        assert refused("sks1_" + other[5:]) == "session_unknown"
    for prefix in ("sks1_", "skr1_"):
        with pytest.raises(Refusal) as caught:
            refresh.decode(prefix + cookie[5:], KEYS)
        assert caught.value.code == "refresh_unknown"
