"""The language of a page: what the link asks for, the person's own, what was chosen, the browser's."""

from __future__ import annotations

import pytest

from tests.features.pages.visitor import Seen, Visitor
from tests.web.served import EMAIL, PASSWORD

ENGLISH = {"Accept-Language": "en"}
JAPANESE = {"Accept-Language": "ja"}


async def spoken(visitor: Visitor, path: str, **headers: str) -> str:
    """The language of a page, which says the same in its headers."""
    page = await visitor.see(path, **headers)
    assert page.answer.headers["content-language"] == page.of("html")["lang"]
    return page.of("html")["lang"]


async def test_a_link_asks_for_a_language(visitor: Visitor) -> None:
    """Above all else, for as long as the form is filled in; what is not spoken here asks for nothing."""
    assert await spoken(visitor, "/login?ui_locales=ja", **ENGLISH) == "ja"
    assert await spoken(visitor, "/login?ui_locales=fr+en-GB+ja", **JAPANESE) == "en"
    for nothing in ("?ui_locales=fr", "?ui_locales=", "?ui_locales=%FF", "?ui_locales=ja&ui_locales=ja"):
        assert await spoken(visitor, f"/login{nothing}", **ENGLISH) == "en", nothing
    visitor.jar["sekisho-language"] = "en"
    page = await visitor.see("/login?ui_locales=ja&next=%2Ftasks", **ENGLISH)
    assert page.of("html")["lang"] == "ja"
    assert page.of("a", href="/signup?next=%2Ftasks&ui_locales=ja")
    page = Seen(await visitor.send(page, "/login?ui_locales=ja", email=EMAIL, password="wrong"))
    assert "メールアドレスかパスワードが違います" in page.words
    answer = await visitor.send(page, "/login?ui_locales=ja", email=EMAIL, password=PASSWORD)
    assert answer.headers["location"] == "/tasks"


async def test_a_choice_on_the_page_ends_what_the_link_asked_for(visitor: Visitor) -> None:
    """The button comes back to the page without it, or it would do nothing."""
    page = await visitor.see("/login?ui_locales=ja&next=%2Ftasks")
    answer = await visitor.send(page, "/preferences", language="en")
    assert answer.headers["location"] == "/login?next=%2Ftasks"
    assert await spoken(visitor, answer.headers["location"], **JAPANESE) == "en"


async def test_a_person_takes_the_language_along(visitor: Visitor) -> None:
    """What was chosen while logged in holds on every device, above what that browser prefers or chose."""
    await visitor.log_in()
    page = await visitor.see("/account", **ENGLISH)
    await visitor.send(page, "/preferences", language="ja")
    assert visitor.jar["sekisho-language"] == "ja"
    phone = Visitor(visitor.served)
    phone.jar["sekisho-language"] = "en"
    assert await spoken(phone, "/login", **ENGLISH) == "en"
    await phone.log_in()
    for path in ("/account", "/account/delete", "/logout"):
        assert await spoken(phone, path, **ENGLISH) == "ja", path
    page = Seen(await phone.fill("/account", "/account/password", current_password="x", new_password="x"))
    assert page.of("html")["lang"] == "ja"
    assert await spoken(phone, "/account?ui_locales=en", **ENGLISH) == "en"
    await phone.send(await phone.see("/account"), "/account/language", locale="en")
    assert await spoken(phone, "/account", **JAPANESE) == "en"
    assert await spoken(visitor, "/account", **JAPANESE) == "en", "the last choice, wherever it was made"


async def test_who_never_chose_is_spoken_to_as_the_browser_asks(visitor: Visitor) -> None:
    """An account that was made without a language has none: that is no choice."""
    await visitor.log_in()
    assert await spoken(visitor, "/account", **JAPANESE) == "ja"
    assert await spoken(visitor, "/account", **ENGLISH) == "en"


async def test_english_can_be_chosen_as_any_other(visitor: Visitor) -> None:
    """A browser that asks for Japanese is then spoken to in English; so too where an account was made so."""
    await visitor.log_in()
    page = await visitor.see("/account", **JAPANESE)
    await visitor.send(page, "/account/language", locale="en")
    phone = Visitor(visitor.served)
    await phone.log_in()
    assert await spoken(phone, "/account", **JAPANESE) == "en"
    made = {"email": "ken@example.com", "password": PASSWORD, "locale": "en"}
    assert (await visitor.served.client.post("/v1/accounts", json=made)).status_code == 201
    ken = Visitor(visitor.served)
    await ken.log_in("ken@example.com")
    assert await spoken(ken, "/account", **JAPANESE) == "en"


@pytest.mark.requirement("F4")
async def test_a_language_is_not_chosen_for_somebody_else(visitor: Visitor) -> None:
    """Without the token of the session nothing is written into the account."""
    await visitor.log_in()
    page = await visitor.see("/account")
    answer = await visitor.send(page, "/preferences", language="ja", csrf_token="")
    assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)
    account = await visitor.served.house.store.find_account(email=EMAIL)
    assert account is not None
    assert account.locale == "und"
