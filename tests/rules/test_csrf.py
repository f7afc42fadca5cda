"""CSRF tokens: for one cookie, by our keys, in one spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.rules import csrf, device, refresh, session_cookie
from sekisho.rules.device import Device
from sekisho.rules.opaque import MacKey, MacKeys, digest
from sekisho.rules.refresh import RefreshToken
from sekisho.rules.refusals import Refusal
from sekisho.rules.session_cookie import SessionCookie
from sekisho_verify.encoding import b64url_encode

if TYPE_CHECKING:
    from collections.abc import Callable

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OLD = MacKey(b"old!", b"o" * 32)
NEW = MacKey(b"new!", b"n" * 32)
KEYS = MacKeys(NEW, (OLD,))
BINDING = digest(b"the secret in the cookie")
NONCE = b"0123456789abcdef"
SESSION = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def refused(text: str | None, binding: bytes = BINDING, keys: MacKeys = KEYS) -> str:
    """The code that a token is refused with."""
    with pytest.raises(Refusal) as caught:
        csrf.check(text, binding, keys=keys)
    return caught.value.code


@pytest.mark.requirement("F4")
def test_a_token_is_for_the_cookie_that_it_was_made_for() -> None:
    """It passes with that cookie's binding, and with no other."""
    token = csrf.encode(BINDING, nonce=NONCE, keys=KEYS)
    assert token.startswith("skc1_")
    csrf.check(token, BINDING, keys=KEYS)
    assert refused(token, digest(b"another session")) == "csrf_failed"
    assert refused(token, b"") == "csrf_failed"


@pytest.mark.requirement("F4")
def test_each_token_is_another_text() -> None:
    """So that a compressed page does not leak one (BREACH); both are good."""
    tokens = [csrf.encode(BINDING, nonce=nonce * 16, keys=KEYS) for nonce in (b"a", b"b")]
    assert tokens[0] != tokens[1]
    for token in tokens:
        csrf.check(token, BINDING, keys=KEYS)


@pytest.mark.requirement("F4")
@given(st.data())
def test_one_changed_character_is_another_token(data: st.DataObject) -> None:
    """Prefix, key id, nonce and seal are all covered, and there is one spelling."""
    token = csrf.encode(BINDING, nonce=NONCE, keys=KEYS)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != token[at]]))
    assert refused(token[:at] + other + token[at + 1 :]) == "csrf_failed"


@pytest.mark.parametrize(
    "mutilate",
    [
        lambda t: t[:-1],
        lambda t: t + "A",
        lambda t: t + "=",
        lambda t: " " + t,
        lambda t: t[:20] + "\u3042" + t[21:],
        lambda t: t[:20] + "\x00" + t[21:],
        lambda t: t.upper(),
        lambda t: t[5:],
        lambda _: "",
        lambda _: "skc1_",
        lambda t: t * 1000,
    ],
)
def test_mutilated_tokens_are_none(mutilate: Callable[[str], str]) -> None:
    """Compare whole; and one that is missing altogether is refused by the same code."""
    assert refused(mutilate(csrf.encode(BINDING, nonce=NONCE, keys=KEYS))) == "csrf_failed"
    assert refused(None) == "csrf_failed"


def test_a_token_outlives_a_rotation_of_the_root_secret_while_its_key_is_known() -> None:
    """The key before is still believed; a key that was dropped, or is somebody else's, is not."""
    before = csrf.encode(BINDING, nonce=NONCE, keys=MacKeys(OLD))
    csrf.check(before, BINDING, keys=KEYS)
    assert refused(before, keys=MacKeys(NEW)) == "csrf_failed"
    stranger = MacKeys(MacKey(b"new!", b"x" * 32))
    assert refused(csrf.encode(BINDING, nonce=NONCE, keys=stranger)) == "csrf_failed"


@pytest.mark.requirement("C6")
def test_no_other_kind_passes_for_a_csrf_token() -> None:
    """Even with one key for all kinds, and with the prefix rewritten."""
    others = [
        refresh.encode(RefreshToken(SESSION, 0, b"f" * 32), KEYS),
        session_cookie.encode(SessionCookie(SESSION, b"s" * 32), KEYS),
        device.encode(Device(SESSION, b"p" * 16, b"n" * 32), KEYS),
    ]
    for other in others:
        assert refused(other) == "csrf_failed"
        assert refused("skc1_" + other[5:]) == "csrf_failed"


@pytest.mark.requirement("F5")
def test_the_cookie_before_a_login_gives_its_binding() -> None:
    """Of 32 bytes that we made; anything else gives none."""
    text = csrf.encode_cookie(b"r" * 32)
    assert csrf.binding_of_cookie(text) == digest(b"r" * 32)
    for other in ("", text[:-1], text + "A", text + "=", "\u95a2\u6240", b64url_encode(b"r" * 31).decode()):
        assert csrf.binding_of_cookie(other) is None
