"""Which language is answered."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.web.language import choose, first_known
from sekisho.words.catalogue import LANGUAGES
from tests.web.served import Served


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (b"", "en"),
        (b"ja", "ja"),
        (b"JA-jp", "ja"),
        (b"ja,en;q=0.9", "ja"),
        (b"en,ja", "en"),
        (b"en;q=0.5,ja;q=0.8", "ja"),
        (b"fr;q=1,ja;q=0.1", "ja"),
        (b"fr", "en"),
        (b"*", "en"),
        (b"ja;q=0", "en"),
        (b"ja;q=nan", "en"),
        (b"ja;q=1e9,en;q=0.1", "en"),
        (b"jav", "en"),
        (b" ja ; q = 0.5 ", "ja"),
        (b"ja;v=1", "en"),
        (b"," * 10_000 + b"ja", "en"),
        (b"\xff\x00", "en"),
    ],
)
def test_the_best_fit_is_chosen(header: bytes, language: str) -> None:
    """By quality, the first of equals; English where nothing fits or nothing is understood."""
    assert choose(header) == language


@given(st.binary(max_size=100))
def test_any_header_has_a_language(header: bytes) -> None:
    """Nothing that is sent can be an error."""
    assert choose(header) in LANGUAGES


def test_a_long_header_is_not_kept() -> None:
    """What is remembered of what was asked is as short as what is read of it, however much is sent."""
    tracemalloc.start()
    for number in range(256):
        assert choose(b"ja,%d" % number + b"x" * 65_536) == "ja"
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1 << 20


async def test_problems_are_told_in_the_language_asked_for(served: Served) -> None:
    """Title and detail follow Accept-Language, caches are told so, and the code is the same word."""
    english = await served.client.get("/v1/me")
    japanese = await served.client.get("/v1/me", headers={"Accept-Language": "ja-JP,ja;q=0.9,en;q=0.8"})
    assert (english.headers["content-language"], japanese.headers["content-language"]) == ("en", "ja")
    assert {english.headers["vary"], japanese.headers["vary"]} == {"Accept-Language"}
    assert english.json()["title"] == "This needs an access token"
    assert japanese.json()["title"] == "アクセストークンが必要です"
    assert english.json()["code"] == japanese.json()["code"] == "token_missing"
    assert english.headers["www-authenticate"] == japanese.headers["www-authenticate"] == "Bearer"


async def test_faults_of_fields_are_told_in_the_language_asked_for(served: Served) -> None:
    """With the number they were measured against, in both languages."""
    body = {"email": "x", "password": "short"}
    for language, sentences in (
        ("en", ["is not an e-mail address", "must have at least 8 characters"]),
        ("ja", ["メールアドレスではありません", "8 文字以上にしてください"]),
    ):
        answer = await served.client.post("/v1/accounts", json=body, headers={"Accept-Language": language})
        assert [each["detail"] for each in answer.json()["errors"]] == sentences


@pytest.mark.parametrize(
    ("tags", "language"),
    [
        ("ja", "ja"),
        ("JA-jp en", "ja"),
        ("fr-CA en ja", "en"),
        ("fr de", None),
        ("", None),
        ("jav", None),
        ("ja;q=1", None),
        ("x " * 1000 + "ja", None),
    ],
)
def test_the_first_tag_that_is_known_counts(tags: str, language: str | None) -> None:
    """In the order of preference, as OpenID Connect Core 3.1.2.1 has it; what is not known is passed over."""
    assert first_known(tags) == language
