"""What other servers got wrong about what they sealed: X08, X13, X16, X18."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sekisho.rules import csrf, device, feed_token, refresh, session_cookie
from sekisho.rules.device import Device, password_of
from sekisho.rules.feed_token import FeedTokens
from sekisho.rules.opaque import MacKey, MacKeys
from sekisho.rules.refresh import RefreshToken
from sekisho.rules.refusals import Refusal
from sekisho.rules.session_cookie import SessionCookie
from sekisho.rules.setup_code import CODE_BYTES, code_digest, setup_code
from tests.catalogue.asking import ask
from tests.features.pages.conftest import with_pages
from tests.web.browser import Browser, code_of
from tests.web.served import EMAIL, PASSWORD, bearer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.web.served import Served, Server

ID = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
KEYS = MacKeys(MacKey(b"here", b"h" * 32))
SECRET = bytes(range(32))
SETUP = setup_code(bytes(range(CODE_BYTES)))
#: What `env:` refers to.
OTHER = {
    "ROOT": "the root of the second server alone",
    "FIRST": "the shared secret of the first server",
    "SECOND": "the shared secret of the second one",
}


def admits(token: str) -> bool:
    """Whether the feed may be read with that."""
    FeedTokens(keys=KEYS).admit(token)
    return True


def passes(token: str) -> bool:
    """Whether it is a CSRF token for that cookie."""
    csrf.check(token, SECRET, keys=KEYS)
    return True


#: Each kind of text that is not a JWT: a good one, and whether a text is believed to be it.
KINDS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "refresh token": (
        refresh.encode(RefreshToken(ID, 7, SECRET), KEYS),
        lambda text: bool(refresh.decode(text, KEYS)),
    ),
    "session cookie": (
        session_cookie.encode(SessionCookie(ID, SECRET), KEYS),
        lambda text: bool(session_cookie.decode(text, KEYS)),
    ),
    "device secret": (
        device.encode(Device(ID, b"p" * 16, SECRET), KEYS),
        lambda text: device.decode(text, KEYS) is not None,
    ),
    "csrf token": (csrf.encode(SECRET, nonce=b"n" * 16, keys=KEYS), passes),
    "csrf cookie": (csrf.encode_cookie(SECRET), lambda text: csrf.binding_of_cookie(text) is not None),
    "feed token": (feed_token.derived_token(KEYS), admits),
    "setup code": (SETUP[0], lambda text: code_digest(text) == SETUP[1]),
}


def believed(text: str, accepts: Callable[[str], bool]) -> bool:
    """Whether it passes."""
    try:
        return accepts(text)
    except Refusal:
        return False


@pytest.mark.requirement("X16")
@pytest.mark.parametrize("kind", KINDS)
def test_x16_no_part_of_a_token_passes_for_the_whole(kind: str) -> None:
    """CVE-2026-27840: cut off anywhere, at either end, or with a piece taken out of the middle."""
    text, accepts = KINDS[kind]
    assert believed(text, accepts)
    cuts = range(1, len(text))
    parts = [text[:cut] for cut in cuts] + [text[cut:] for cut in cuts]
    parts += [text[:cut] + text[cut + 8 :] for cut in cuts]
    # Hyphens of a setup code are for the eye.
    assert [part for part in parts if part != text and believed(part, accepts)] == []


async def locked_out(served: Served, device_token: str) -> bool:
    """Whether that device has to wait for what strangers do."""
    body = {"email": EMAIL, "password": PASSWORD, "mode": "token", "device_token": device_token}
    return (await served.client.post("/v1/login", json=body)).status_code == 429


@pytest.mark.requirement("X18")
async def test_x18_a_device_is_known_by_its_seal_and_not_by_what_it_says(served: Served) -> None:
    """CVE-2026-119128: whoever knows all that is in such a secret, but for the key, writes none."""
    mine = (await served.login())["device_token"]
    for _ in range(10):
        await served.client.post("/v1/login", json={"email": EMAIL, "password": "wrong", "mode": "token"})
    account = await served.house.store.find_credentials(email=EMAIL)
    assert account is not None
    inside = Device(account.account.id, password_of(account.password_hash), SECRET)
    here = served.house.keys.device.current
    for key in (MacKey(here.id, bytes(32)), MacKey(here.id, os.urandom(32)), MacKey(bytes(4), here.secret)):
        assert await locked_out(served, device.encode(inside, MacKeys(key)))
    assert await locked_out(served, mine[:-43] + "A" * 43)
    assert not await locked_out(served, mine)


@pytest.mark.requirement("X08", "X18")
async def test_x08_nothing_that_another_server_sealed_is_believed(server: Server) -> None:
    """CVE-2026-1529: same issuer and audience, the very same database, and keys of its own."""
    async with server(secrets=OTHER, signing_key="env:FIRST") as there:
        await there.register()
        tokens, browser, window = await there.login(), Browser(there), Browser(there)
        await browser.login()
        await window.login("browser")
        database = f"sqlite:///{there.house.settings.sqlite_path}"
        async with server(
            secrets=OTHER, root_secret="env:ROOT", signing_key="env:SECOND", database_url=database
        ) as here:
            answer = await here.client.get("/v1/me", headers=bearer(tokens))
            assert code_of(answer) == (401, "token_key_unknown")
            answer = await here.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
            assert code_of(answer) == (401, "refresh_unknown")
            assert await Browser(here, jar=dict(browser.jar)).me() == (401, "session_unknown")
            answer = await Browser(here, jar=dict(window.jar)).refresh()
            assert code_of(answer) == (401, "refresh_unknown")
            stranger = Browser(there)
            await stranger.open_page()
            copy = Browser(here, jar=stranger.jar, csrf_token=stranger.csrf_token)
            body = {"email": EMAIL, "password": PASSWORD, "mode": "session"}
            assert code_of(await copy.post("/v1/login", body)) == (403, "csrf_failed")
        assert (await there.client.get("/v1/me", headers=bearer(tokens))).status_code == 200
        assert await browser.me() == (200, "")


@pytest.mark.requirement("X08", "X13", "X25")
async def test_x13_a_setup_code_makes_one_administrator_and_nothing_else(server: Server) -> None:
    """CVE-2022-23555: not of another server, nor an account where nobody may sign up, nor a way in."""
    async with server(features=with_pages, signup="closed") as here, server() as there:
        await here.setup_code()
        code, body = await there.setup_code(), {"email": EMAIL, "password": PASSWORD}
        answer = await ask(here, "POST", "/v1/setup", json={**body, "code": code})
        assert code_of(answer) == (403, "setup_code_invalid")
        mine = await here.setup_code()
        for path, sent in {
            "/v1/accounts": body,
            "/v1/login": {"email": EMAIL, "password": mine, "mode": "token"},
            "/v1/refresh": {"refresh_token": mine},
        }.items():
            assert (await ask(here, "POST", path, json=sent)).status_code in {401, 403}, path
        answer = await ask(here, "GET", "/v1/me", {"Authorization": f"Bearer {mine}"}, jar={"sekisho": mine})
        assert code_of(answer) == (401, "token_malformed")
        assert await here.house.store.list_accounts() == []
        assert (await ask(here, "POST", "/v1/setup", json={**body, "code": mine})).status_code == 201
