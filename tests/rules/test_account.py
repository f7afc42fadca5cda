"""Accounts and passwords."""

import time

import pytest

from sekisho.rules.account import PASSWORD_MAX, locale, normalize_password, normalize_presented_password
from sekisho.rules.refusals import Refusal
from sekisho.rules.session import Lifetimes


@pytest.mark.requirement("W1")
def test_length_is_counted_in_code_points_after_normalization() -> None:
    """Eight emoji are eight, full-width letters become plain ones, and one fewer is too short."""
    assert normalize_password("🗝" * 8, minimum=8, max_bytes=None, pointer="/password") == "🗝" * 8
    assert (
        normalize_password("ｐａｓｓｗｏｒｄ", minimum=8, max_bytes=None, pointer="/password") == "password"
    )
    with pytest.raises(Refusal) as refused:
        normalize_password("🗝" * 7, minimum=8, max_bytes=None, pointer="/password")
    assert [(e.pointer, e.code, e.limit) for e in refused.value.errors] == [
        ("/password", "password_too_short", 8)
    ]


@pytest.mark.requirement("W1")
def test_long_passwords_are_refused_and_never_truncated() -> None:
    """The longest allowed is kept whole; one code point more is refused, not cut."""
    longest = "長" * PASSWORD_MAX
    assert normalize_password(longest, minimum=8, max_bytes=None, pointer="/p") == longest
    with pytest.raises(Refusal) as refused:
        normalize_password(longest + "い", minimum=8, max_bytes=None, pointer="/p")
    assert refused.value.errors[0].code == "password_too_long"


@pytest.mark.requirement("W1")
def test_a_password_typed_as_letters_and_marks_is_measured_as_it_is_kept() -> None:
    """Four code points that become one count as one, at the very limit too."""
    apart = "\u03c9\u0313\u0342\u0345"
    longest = normalize_password(apart * PASSWORD_MAX, minimum=8, max_bytes=None, pointer="/p")
    assert longest == "\u1fa6" * PASSWORD_MAX
    with pytest.raises(Refusal) as refused:
        normalize_password(apart * PASSWORD_MAX + "x", minimum=8, max_bytes=None, pointer="/p")
    assert refused.value.errors[0].code == "password_too_long"


@pytest.mark.requirement("W3")
def test_no_password_costs_more_than_its_longest_kind() -> None:
    """Marks in an order that normalization must undo, as many as a body holds: refused before it begins."""

    def cost(marks: int) -> float:
        began = time.thread_time()
        with pytest.raises(Refusal):
            normalize_password("a" + "\u0301\u0316" * marks, minimum=2000, max_bytes=None, pointer="/p")
        return time.thread_time() - began

    assert cost(16_000) < 20 * min(cost(2 * PASSWORD_MAX - 1) for _ in range(5))


@pytest.mark.requirement("W1")
def test_an_overlong_presented_password_is_never_the_longest_allowed_one() -> None:
    """What is cut for comparison is still too long to be anybody's password."""
    assert len(normalize_presented_password("x" * 10_000)) == PASSWORD_MAX + 1


def test_locales() -> None:
    """Two languages, and none where none was asked for."""
    assert (locale(None, "/locale"), locale("ja", "/locale")) == ("und", "ja")
    with pytest.raises(Refusal) as refused:
        locale("fr", "/locale")
    assert refused.value.errors[0].code == "invalid_locale"


@pytest.mark.requirement("R6")
def test_a_refresh_token_never_outlives_its_session() -> None:
    """Idle time counts from the last use, and the absolute end is inherited by all descendants."""
    lifetimes = Lifetimes(access=900, refresh=700, idle=500, session=3000, grace=10)
    assert lifetimes.expiry("token", now=1000, ends_at=4000) == 1700
    assert lifetimes.expiry("browser", now=3900, ends_at=4000) == 4000
    assert lifetimes.expiry("session", now=1000, ends_at=4000) == 1500
