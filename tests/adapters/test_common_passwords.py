"""Passwords that everybody tries first, and those that only seem so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from sekisho.adapters.common_passwords import is_common

EMAIL = ["taro.yamada85@shop.example.com"]


@pytest.mark.requirement("W2")
@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1!",
        "P@ssw0rd123",
        "12345678",
        "1234567890",
        "1q2w3e4r5t",
        "qwertyuiop",
        "iloveyou1",
        "aaaaaaaaaaaa",
        "a" * 256,
        "abcabcabcabc",
        "abcdefghijk",
        "19871203",
        "summer2026",
        "drowssap",
        "password" * 30,
    ],
)
def test_common_passwords(password: str) -> None:
    """Favourites, keyboard walks, repetitions, sequences, dates and their decorations are common."""
    assert is_common(password, [])


@pytest.mark.requirement("W2")
@pytest.mark.parametrize(
    "password",
    [
        "taro.yamada85@shop.example.com",
        "taro.yamada85",
        "taroyamada",
        "taroyamada85",
        "TaroYamada1!",
        "yamadayamada",
        "t@royam@da",
        "85adamay",
    ],
)
def test_passwords_made_from_the_address(password: str) -> None:
    """What is built from the owner's address is common for its owner, and would not be for another."""
    assert is_common(password, EMAIL)


@pytest.mark.requirement("W2")
@pytest.mark.parametrize("password", ["sekisho123", "Sekisho!", "関所関所関所"])
def test_passwords_made_from_the_service(password: str) -> None:
    """The name of the service is what a guesser tries too."""
    assert is_common(password, [])


@pytest.mark.requirement("W1")
@pytest.mark.parametrize(
    "password",
    [
        "x7Gq2mLp",
        "83920475",
        "correct horse battery staple",
        "correct horse",
        "門をくぐる合言葉",
        "はるのうみひねもすのたり",
        "4@8({[<3691!|70$5+%2",
        "пароль не простой",
    ],
)
def test_good_passwords(password: str) -> None:
    """Random ones, phrases and other scripts pass: nothing is asked for but that it is hard to guess."""
    assert not is_common(password, EMAIL)


@pytest.mark.parametrize(
    ("password", "context"), [("", []), ("x7Gq2mLp", ["\ud800@x", "", "@", "a" * 100_000, "\x00"])]
)
def test_strange_words_do_no_harm(password: str, context: Sequence[str]) -> None:
    """Whatever was typed as an address, the estimate has an answer."""
    assert is_common(password, context) == (password == "")


def test_no_password_makes_the_estimate_slow() -> None:
    """Symbols that could all stand for letters take a fraction of what estimating them in full takes."""
    from zxcvbn_rs_py import zxcvbn  # noqa: PLC0415 - the full estimate, for comparison

    hostile = "4@8({[<3691!|70$5+%2" + "$@1(0+8<3!{5"
    assert len(hostile) == 32

    def seconds(estimate: Callable[[str, list[str]], object]) -> float:
        begin = time.perf_counter()
        estimate(hostile, [])
        return time.perf_counter() - begin

    assert min(seconds(is_common) for _ in range(3)) < min(seconds(zxcvbn) for _ in range(3)) / 5
