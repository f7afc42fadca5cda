"""E-mail addresses as user names: one account, one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.adapters.addresses import MAX_LENGTH, EmailAddresses

normalize = EmailAddresses().normalize


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("taro@example.com", "taro@example.com"),
        (" Taro.Yamada@Example.COM\n", "taro.yamada@example.com"),
        ("ｔａｒｏ＠ｅｘａｍｐｌｅ．ｃｏｍ", "taro@example.com"),
        ("taro+shop@example.co.jp", "taro+shop@example.co.jp"),
        ("名前@例え.jp", "名前@例え.jp"),
        ("taro@example.test", "taro@example.test"),
        ("taro@XN--R8JZ45G.jp", "taro@例え.jp"),
        ("taro@straße.de", "taro@straße.de"),
        ("TARO@\N{KELVIN SIGN}.example.com", "taro@k.example.com"),
    ],
)
def test_spellings(typed: str, kept: str) -> None:
    """Case, width and the two forms of a domain make no second account; different owners stay different."""
    assert normalize(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "taro",
        "taro@",
        "@example.com",
        "taro@example",
        "taro@localhost",
        "taro@[127.0.0.1]",
        "taro yamada@example.com",
        "taro@exam ple.com",
        "taro@example.com, jiro@example.com",
        "Taro <taro@example.com>",
        '"taro"@example.com',
        "taro@example.com\x00",
        "taro@exa\nmple.com",
        "taro@-example.com",
        "taro..yamada@example.com",
        "\ud800@example.com",
        "taro@\ud800.com",
        "a" * 65 + "@example.com",
        "taro@" + "a" * 64 + ".com",
        "a" * 100_000 + "@example.com",
    ],
)
def test_what_is_no_address(typed: str) -> None:
    """Anything else is no address, and that is said by none, not by an exception."""
    assert normalize(typed) is None


@given(
    st.one_of(
        st.text(), st.emails(), st.from_regex(r"[\w.+ßİK-]{1,9}@[\w-]{1,9}\.(com|jp|de)", fullmatch=True)
    )
)
def test_normal_forms_are_stable(typed: str) -> None:
    """Whatever is kept is an address whose normal form is itself, short enough to be sent to."""
    kept = normalize(typed)
    assert kept is None or (normalize(kept) == kept and len(kept) <= MAX_LENGTH)
