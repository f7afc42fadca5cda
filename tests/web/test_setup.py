"""`POST /v1/setup`: the first administrator by JSON, under the rules of the page and no others."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.browser import code_of, cookies_of
from tests.web.served import EMAIL, PASSWORD, Served, Server, bearer

if TYPE_CHECKING:
    import httpx2

WRONG = "0000-0000-0000-0000-0000-0000-0000"


async def set_up(served: Served, code: str, **body: object) -> httpx2.Response:
    """Ask for it, as somebody who would be the administrator unless told otherwise."""
    sent = {"code": code, "email": EMAIL, "password": PASSWORD, **body}
    return await served.client.post("/v1/setup", json=sent)


async def roles(served: Served, email: str = EMAIL) -> list[str]:
    """What whoever logs in with that address may do."""
    me = await served.client.get("/v1/me", headers=bearer(await served.login(email)))
    found: list[str] = me.json()["roles"]
    return found


async def test_the_first_account_is_an_administrator(served: Served) -> None:
    """201 with the account as of `/v1/accounts`; nobody is logged in by it, and the login has the role."""
    answer = await set_up(served, await served.setup_code(), email="Aya@EXAMPLE.com", locale="ja")
    made: dict[str, Any] = answer.json()
    assert answer.status_code == 201
    assert made.keys() == {"id", "email", "locale", "created_at"}
    assert (made["email"], made["locale"]) == ("aya@example.com", "ja")
    assert cookies_of(answer) == {}
    events = await served.house.store.list_events(user_id=made["id"])
    assert {(each.kind, each.about.get("by"), each.ip) for each in events} == {
        ("account_created", "setup", "127.0.0.1"),
        ("role_granted", "setup", "127.0.0.1"),
    }
    assert await roles(served, "aya@example.com") == ["admin"]


async def test_the_whole_link_will_do(served: Served) -> None:
    """What was printed, pasted as it is or typed in small letters; no language where none is named."""
    link = f"http://localhost:8400/setup#{(await served.setup_code()).lower()}"
    answer = await set_up(served, link)
    assert (answer.status_code, answer.json()["locale"]) == (201, "und")


@pytest.mark.requirement("X13")
async def test_a_code_is_used_once(served: Served) -> None:
    """The same request again is 403 `setup_closed`, and there is one account."""
    code = await served.setup_code()
    assert (await set_up(served, code)).status_code == 201
    assert code_of(await set_up(served, code, email="ken@example.com")) == (403, "setup_closed")
    assert [each.email for each in await served.house.store.list_accounts()] == [EMAIL]


@pytest.mark.requirement("X13")
async def test_one_of_twenty_at_once_is_the_administrator(server: Server) -> None:
    """Each with the code and an address of its own: one 201, nineteen refusals, one account, one role."""
    # Each from a network of its own, or the throttle would stop some who are told that their code is spent.
    async with server(trusted_proxies="127.0.0.1/32") as served:
        code = await served.setup_code()
        answers = await asyncio.gather(
            *(
                served.client.post(
                    "/v1/setup",
                    json={"code": code, "email": f"{number}@example.com", "password": PASSWORD},
                    headers={"X-Forwarded-For": f"192.0.2.{number}"},
                )
                for number in range(20)
            )
        )
        won = [number for number, answer in enumerate(answers) if answer.status_code == 201]
        lost = {code_of(answer) for answer in answers if answer.status_code != 201}
        assert (len(won), lost <= {(403, "setup_closed"), (403, "setup_code_invalid")}) == (1, True), lost
        (account,) = await served.house.store.list_accounts()
        assert account.email == f"{won[0]}@example.com"
        assert await roles(served, account.email) == ["admin"]


async def test_an_administrator_closes_the_setup(served: Served) -> None:
    """However he came: the code makes no second beside him."""
    code = await served.setup_code()
    await served.appoint("ken@example.com")
    assert code_of(await set_up(served, code)) == (403, "setup_closed")
    assert [each.email for each in await served.house.store.list_accounts()] == ["ken@example.com"]


async def test_where_nothing_is_offered_nothing_is_set_up(served: Served) -> None:
    """Before the first code, and from the second on at which it expires."""
    assert code_of(await set_up(served, WRONG)) == (403, "setup_closed")
    code = await served.setup_code()
    served.clock.now += 1800
    assert code_of(await set_up(served, code)) == (403, "setup_closed")
    assert (await set_up(served, await served.setup_code())).status_code == 201


@pytest.mark.requirement("X25")
async def test_only_the_newest_code_counts(served: Served) -> None:
    """Another start of the server makes another."""
    old, new = await served.setup_code(), await served.setup_code()
    assert code_of(await set_up(served, old)) == (403, "setup_code_invalid")
    assert (await set_up(served, new)).status_code == 201


@pytest.mark.requirement("W5", "X17")
async def test_guesses_have_to_wait(server: Server) -> None:
    """Ten from one network at once, then 429 for it; another goes on, and so does whoever has the code."""
    async with server(trusted_proxies="127.0.0.1/32") as served:
        code = await served.setup_code()

        async def guess(typed: str, ip: str = "192.0.2.1") -> httpx2.Response:
            body = {"code": typed, "email": EMAIL, "password": PASSWORD}
            return await served.client.post("/v1/setup", json=body, headers={"X-Forwarded-For": ip})

        for _ in range(10):
            assert code_of(await guess(WRONG)) == (403, "setup_code_invalid")
        answer = await guess(WRONG)
        assert (code_of(answer), int(answer.headers["retry-after"])) == ((429, "rate_limited"), 1)
        assert code_of(await guess("no code at all")) == (429, "rate_limited")
        assert code_of(await guess(WRONG, "192.0.2.2")) == (403, "setup_code_invalid")
        served.clock.now += 2
        assert code_of(await guess(WRONG)) == (403, "setup_code_invalid")
        assert code_of(await guess(WRONG)) == (429, "rate_limited")
        # Nobody can shut out whoever started the server by guessing from where he is.
        assert (await guess(code)).status_code == 201


async def test_a_stranger_learns_nothing_by_the_other_fields(served: Served) -> None:
    """Without the code, neither a taken address nor a bad password is told from a good one."""
    await served.setup_code()
    await served.register("ken@example.com")
    for body in ({}, {"email": "ken@example.com"}, {"email": "x"}, {"password": "x"}, {"locale": "tlh"}):
        answer = await set_up(served, WRONG, **body)
        assert code_of(answer) == (403, "setup_code_invalid")
        assert "errors" not in answer.json()


async def test_a_fault_does_not_spend_the_code(served: Served) -> None:
    """Address, password and language are told at once, a taken address after them; then the code counts."""
    code = await served.setup_code()
    answer = await set_up(served, code, email="nobody", password="passwort", locale="tlh")
    assert code_of(answer) == (422, "validation_failed")
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/email", "invalid_email"),
        ("/password", "password_common"),
        ("/locale", "invalid_locale"),
    ]
    await served.register("ken@example.com")
    assert code_of(await set_up(served, code, email="ken@example.com")) == (409, "email_taken")
    assert (await set_up(served, code)).status_code == 201


@pytest.mark.requirement("X25")
async def test_what_is_no_code_is_not_the_code(served: Served) -> None:
    """Whatever is sent in its place is refused as any other wrong one."""
    await served.setup_code()
    for typed in ("", "x", "J4KQ", "0" * 27, "0" * 29, "\ufffd" * 28, "\u5173" * 28, "#" * 2048):
        assert code_of(await set_up(served, typed)) == (403, "setup_code_invalid")


async def test_a_code_has_a_length(served: Served) -> None:
    """More than any link has is a fault of the field, before anything is asked of the database."""
    answer = await set_up(served, "0" * 2049)
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/code", "invalid_value")
    ]


@pytest.mark.requirement("F1", "F2")
async def test_another_site_sets_nothing_up(server: Server) -> None:
    """Though it knew the code: neither a page of another origin nor a form; a listed origin may."""
    app = "https://app.example.com"
    async with server(allowed_origins=app) as served:
        body = {"code": await served.setup_code(), "email": EMAIL, "password": PASSWORD}
        for origin in ("https://evil.example", "null"):
            headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
            answer = await served.client.post("/v1/setup", json=body, headers=headers)
            assert code_of(answer) == (403, "origin_not_allowed")
        answer = await served.client.post("/v1/setup", data=body)
        assert code_of(answer) == (415, "unsupported_media_type")
        assert await served.house.store.list_accounts() == []
        headers = {"Origin": app, "Sec-Fetch-Site": "cross-site"}
        answer = await served.client.post("/v1/setup", json=body, headers=headers)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (201, app)


@pytest.mark.requirement("H4")
async def test_the_code_is_in_no_log_and_in_no_answer(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Right or wrong, spent or not, in any spelling; nor is it in the database."""
    caplog.set_level(logging.DEBUG)
    code = await served.setup_code()
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    answers = [
        await set_up(served, wrong),
        await set_up(served, code, email="x", password="x"),
        await set_up(served, code, stranger="x"),
        await set_up(served, code),
        await set_up(served, code),
    ]
    assert [answer.status_code for answer in answers] == [403, 422, 422, 201, 403]
    file = served.house.settings.sqlite_path
    assert file is not None
    stored = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    told = "".join(record.getMessage() for record in caplog.records) + "".join(a.text for a in answers)
    assert "/v1/setup" in told
    for spelling in (code, wrong, code.replace("-", ""), code.lower(), PASSWORD):
        assert spelling not in told
        assert spelling.encode() not in stored
