"""Opaque tokens, and the two kinds made of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.rules import device, refresh
from sekisho.rules.device import Device
from sekisho.rules.opaque import MacKey, MacKeys, OpaqueRefused, seal, unseal
from sekisho.rules.refresh import RefreshToken
from sekisho.rules.refusals import Refusal

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OLD = MacKey(b"old!", b"o" * 32)
NEW = MacKey(b"new!", b"n" * 32)
KEYS = MacKeys(NEW, (OLD,))
TOKEN = RefreshToken("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 7, b"f" * 32)


def test_round_trip() -> None:
    """What was sealed comes back, and the text has the prefix that secret scanners look for."""
    text = refresh.encode(TOKEN, KEYS)
    assert text.startswith("skr1_")
    assert refresh.decode(text, KEYS) == TOKEN


def test_a_previous_key_is_still_believed() -> None:
    """A token sealed before the root secret was rotated keeps working, and its successor has the new seal."""
    text = refresh.encode(TOKEN, MacKeys(OLD))
    assert refresh.decode(text, KEYS) == TOKEN
    with pytest.raises(Refusal) as refused:
        refresh.decode(refresh.encode(TOKEN, KEYS), MacKeys(OLD))
    assert refused.value.code == "refresh_unknown"


@pytest.mark.requirement("R10")
@given(st.data())
def test_one_changed_character_breaks_the_seal(data: st.DataObject) -> None:
    """Any other character anywhere makes it unknown; so there is one spelling of a token."""
    text = refresh.encode(TOKEN, KEYS)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != text[at]]))
    with pytest.raises(Refusal) as refused:
        refresh.decode(text[:at] + other + text[at + 1 :], KEYS)
    assert refused.value.code == "refresh_unknown"


@pytest.mark.requirement("R10", "X16")
@pytest.mark.parametrize(
    "mutilate",
    [
        lambda t: t[:-1],
        lambda t: t + "A",
        lambda t: t + "=",
        lambda t: t + "\n",
        lambda t: " " + t,
        lambda t: t.upper(),
        lambda t: t[5:],
        lambda t: "skr2_" + t[5:],
        lambda t: t[:20] + "\u3042" + t[21:],
        lambda _: "",
        lambda t: t * 100,
    ],
)
def test_truncated_padded_and_recased_tokens_are_unknown(mutilate: object) -> None:
    """Compare whole: a prefix, a suffix or another case of a token is no token."""
    with pytest.raises(Refusal) as refused:
        refresh.decode(mutilate(refresh.encode(TOKEN, KEYS)), KEYS)  # type: ignore[operator]  # parametrized lambdas
    assert refused.value.code == "refresh_unknown"


@given(st.text())
def test_any_text_is_refused_in_one_way(text: str) -> None:
    """Whatever is presented, there is no exception but the refusal."""
    with pytest.raises(Refusal) as refused:
        refresh.decode(text, KEYS)
    assert refused.value.code == "refresh_unknown"
    assert device.decode(text, KEYS) is None


@pytest.mark.requirement("C6", "X06")
def test_one_kind_is_never_another() -> None:
    """The prefix is under the seal: bytes of one kind under the prefix of another are refused."""
    body = b"x" * 48
    text = seal("skd1_", body, KEYS)
    assert unseal("skd1_", text, KEYS, body_bytes=48) == body
    with pytest.raises(OpaqueRefused):
        unseal("skr1_", "skr1_" + text[5:], KEYS, body_bytes=48)


def test_a_device_names_its_account() -> None:
    """The device secret says on which account it was given out, so it is worth nothing on another."""
    known = Device(TOKEN.session_id, b"p" * 16, b"d" * 32)
    assert device.decode(device.encode(known, KEYS), KEYS) == known
    assert device.decode(None, KEYS) is None


def test_secrets_are_not_printed() -> None:
    """Neither the family secret nor a MAC key appears in a repr."""
    assert "fff" not in repr(TOKEN)
    assert "nnn" not in repr(KEYS)
