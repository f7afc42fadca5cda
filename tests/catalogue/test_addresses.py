"""What other servers got wrong about addresses: X03, X09, X15, X19, X22, X23, X26."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from sekisho.setting_table import SETTINGS
from tests.catalogue.asking import ID, ask, everywhere, knock, operations, pages
from tests.features.pages.conftest import with_pages
from tests.features.pages.visitor import NAVIGATION, Seen, Visitor
from tests.web.browser import code_of, cookies_of
from tests.web.served import PASSWORD, bearer

if TYPE_CHECKING:
    from tests.web.served import Served, Server

EVIL = "evil.example"
#: Whatever a proxy might have written, written by a stranger.
SAID_OF_US = {
    "Host": EVIL,
    "Forwarded": f"for=192.0.2.1;host={EVIL};proto=https",
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": f"https, {EVIL}",
    "X-Forwarded-Server": EVIL,
    "X-Forwarded-Prefix": f"//{EVIL}",
    "X-Original-URL": f"//{EVIL}/",
    "X-Rewrite-URL": f"//{EVIL}/",
    "X-Script-Name": f"//{EVIL}",
}
#: What is written where the id of a session belongs.
NO_IDS = (
    "",
    ".",
    "..",
    "../sessions",
    "%2e%2e",
    "..%2fsessions",
    "%2e%2e/logout",
    "*",
    "%",
    "%25",
    "null",
    "undefined",
    "0",
    "exchange",
    "' OR '1'='1",
    "{}",
    "{id}",
)
FOREIGN = {"Origin": f"https://{EVIL}", "Sec-Fetch-Site": "cross-site"}


@pytest.mark.requirement("X03", "X09", "X22")
async def test_x03_nobody_names_an_address_to_be_sent_to(served: Served) -> None:
    """CVE-2026-3872, CVE-2026-54072: no parameter, member or setting takes one, so no pattern is too wide."""
    address = re.compile(r"redirect|callback|return|ur[il]\b|_ur[il]|host|target|webhook", re.IGNORECASE)
    taken = {name for each in operations(served) for name in (*each.members, *each.parameters)}
    assert {"email", "scope", "nonce", "Origin"} <= taken
    assert {name for name in taken if address.search(name)} == set()
    # Where we keep things, which only the operator says.
    assert {each.key for each in SETTINGS if address.search(each.key)} == {
        "database_url",
        "session_store_url",
    }


@pytest.mark.requirement("X09")
async def test_x09_no_request_makes_the_server_ask_somebody(served: Served) -> None:
    """CVE-2026-4874: an address in any place of a request, its own name included, is never connected to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        name = f"127.0.0.1:{listener.getsockname()[1]}"
        asked = [answer.status_code async for answer in everywhere(served, f"http://{name}/")]
        for each in operations(served):
            said = {key: value.replace(EVIL, name) for key, value in SAID_OF_US.items()}
            asked.append((await ask(served, each.method, each.path, said)).status_code)
        assert max(asked) < 500
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.requirement("X15")
async def test_x15_no_address_is_made_of_what_a_request_says_of_us(server: Server) -> None:
    """CVE-2023-49097, CVE-2026-29067: in no link, redirect, cookie or document, of whatever is answered."""
    issuer = "https://id.example.com/auth"
    async with server(features=with_pages, issuer=issuer, signup="open") as served:
        await served.appoint()
        owner = Visitor(served)
        paths = [f"/auth{each.path}" for each in operations(served) if not each.unsafe]
        paths += [f"/auth{each.path.replace('{code}', 'conflict')}" for each in pages(served)]
        form = Seen(await owner.ask("GET", "/auth/login")).forms["/auth/login"]
        form |= {"email": "ken@example.com", "password": PASSWORD}
        answer = await owner.ask("POST", "/auth/login", form, **SAID_OF_US)
        answers = [answer, *[await owner.ask("GET", path, None, **SAID_OF_US) for path in paths]]
        answers += [await ask(served, "GET", path, {**SAID_OF_US, **NAVIGATION}) for path in paths]
        assert answer.headers["location"] == "/auth/account"
        for answer in answers:
            said = answer.text + str(answer.headers.multi_items())
            assert EVIL not in said, answer.request.url
            assert not re.search(r"(?i)domain=", str(answer.headers.get_list("set-cookie")))
            assert answer.headers.get("location", "/auth/").startswith("/auth/")
        metadata = await ask(served, "GET", "/auth/.well-known/oauth-authorization-server", SAID_OF_US)
        assert metadata.json() == {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "sekisho_revocations_uri": f"{issuer}/v1/revocations",
        }


@pytest.mark.requirement("X19", "H8")
async def test_x19_a_path_names_one_session_or_none(served: Served) -> None:
    """CVE-2025-48370: whatever stands where an id belongs ends nothing, and leads to no other operation."""
    tokens, owner = await served.login(), Visitor(served)
    await owner.log_in()
    good = tokens["session_id"]
    beside = [f"{good}%00", f"{good}%0a", f"{good},{good}", f"{good}/x", good.upper(), good.replace("-", "")]
    for written in [*NO_IDS, *beside]:
        answer = await knock(served, "DELETE", f"/v1/sessions/{written}", bearer(tokens))
        assert code_of(answer) in {(404, "not_found"), (405, "method_not_allowed")}, written
    page = await owner.see("/account")
    for written in [*NO_IDS, *beside]:
        answer = await owner.send(page, "/account/sessions", session=written)
        assert answer.status_code in {404, 422}, written
    assert (await served.client.get("/v1/me", headers=bearer(tokens))).status_code == 200
    assert await owner.signed_in()


@pytest.mark.requirement("X23")
@pytest.mark.parametrize(
    "target", [f"//{EVIL}", f"/\\{EVIL}", f"/\t/{EVIL}", f"https:{EVIL}", f"https://{EVIL}", f"@{EVIL}", ""]
)
async def test_x23_a_choice_leads_back_to_our_own_pages(visitor: Visitor, target: str) -> None:
    """CVE-2026-107369: the address that is sent is the one that was looked at, here as after a login."""
    page = await visitor.see("/login")
    answer = await visitor.send(page, "/preferences", theme="dark", next=target)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


def spellings(path: str) -> list[str]:
    """Ways to write a path that some server or proxy takes for it."""
    head, _, tail = path.rpartition("/")
    return [
        path,
        f"{path}/",
        f"/{path}",
        f"/.{path}",
        f"{head}/./{tail}",
        f"{head}/x/../{tail}",
        f"{head}//{tail}",
        f"{head}/%2e/{tail}",
        path.upper(),
        f"{path};a=b",
        f"{path}%00",
        f"{path}%20",
        f"{path}.json",
        f"{path}?/static/x.css",
        f"/static/..{path}",
        f"/healthz/..{path}",
    ]


@pytest.mark.requirement("X26", "F3")
async def test_x26_no_spelling_of_a_path_gets_around_the_gate(served: Served) -> None:
    """CVE-2025-47910: what changes something is refused to a foreign page, however its path is written."""
    unsafe = {(each.method, each.path) for each in operations(served) if each.unsafe}
    unsafe |= {("POST", each.path) for each in pages(served) if each.submit is not None}
    assert {("POST", "/v1/login"), ("POST", "/login"), ("DELETE", f"/v1/sessions/{ID}")} <= unsafe
    owner = Visitor(served)
    await owner.log_in()
    for method, path in unsafe:
        for spelt in spellings(path):
            answer = await knock(served, method, spelt, FOREIGN, jar=owner.jar)
            refused = {(403, "origin_not_allowed"), (405 if spelt != path else 403, "method_not_allowed")}
            assert code_of(answer) in refused, (method, spelt)
            assert cookies_of(answer) == {}
    assert await owner.signed_in()
