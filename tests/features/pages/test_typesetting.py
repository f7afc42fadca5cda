"""What a line of a page may not part."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sekisho.features.pages.printing import PAGES
from sekisho.features.pages.typesetting import typeset
from sekisho.words.catalogue import SHARED, words

if TYPE_CHECKING:
    from tests.features.pages.visitor import Visitor


def test_a_number_stays_with_what_it_counts() -> None:
    """The space between them does not end a line in Japanese; other spaces stay, and so does English."""
    say = typeset(PAGES, "ja")
    assert "(最長\u00a015\u00a0分)" in say("logout.done", count=15)
    assert "記録は、90\u00a0日間保存されます" in say("delete.kept")
    assert say("time.minutes", count=5) == "5\u00a0分前"
    assert say("account.device_on", system="Linux", program="Chrome") == "Linux の Chrome"
    assert typeset(SHARED, "ja")("field.password_too_short", limit=8).startswith("8\u00a0文字以上")
    assert typeset(PAGES, "en").texts == words(PAGES, "en").texts


def test_no_line_begins_with_a_particle() -> None:
    """What is written in Latin letters holds on to it; a word of Japanese is left to the browser."""
    say = typeset(PAGES, "ja")
    assert "SEKISHO_SIGNUP=closed\u00a0を設定" in say("welcome.signup_no")
    assert "aya@example.com\u00a0とその権限" in say("delete.what", email="aya@example.com")
    assert "収めた JSON ファイル" in say("account.data_hint")


def test_a_word_of_two_phrases_is_not_parted() -> None:
    """A browser that ends lines between phrases would leave "もう" behind."""
    assert "、もう\u2060一度お試し" in typeset(SHARED, "ja")("problem.invalid_credentials.detail")


async def test_a_page_is_set_so(visitor: Visitor) -> None:
    """In its own words and in those of a refusal, none of which ends a line between the two."""
    visitor.headers = {**visitor.headers, "Accept-Language": "ja"}
    answer = await visitor.ask("GET", "/signup")
    assert "8\u00a0文字以上" in answer.text
    assert not re.search("[0-9] [ぁ-ヿ一-鿿]", answer.text)
    refused = await visitor.fill("/signup", email="ken@example.com", password="short")
    assert refused.text.count("パスワード: 8\u00a0文字以上に") == 2
