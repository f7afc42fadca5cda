"""`GET /v1/session`: what an access token of a session would say, for an API that was sent its cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sekisho_verify import Verifier
from tests.web.browser import Browser, code_of
from tests.web.served import bearer
from tests.web.test_forward_auth import FOREIGN, SAME, signed_in

if TYPE_CHECKING:
    from tests.web.served import Served, Server

PATH = "/v1/session"
METHOD_GET = ("X-Original-Method", "GET")
METHOD_POST = ("X-Original-Method", "POST")
TWO = (METHOD_GET, METHOD_POST)
SHAKE = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
GET = dict([METHOD_GET])


def said_by(served: Served, tokens: dict[str, Any]) -> dict[str, Any]:
    """The claims of an access token."""
    verifier = Verifier(
        issuer=served.house.settings.issuer,
        audience=served.house.settings.audience,
        keys=served.house.signer.verification_keys(),
        feed=None,
        clock=served.clock,
    )
    return dict(verifier.verify(tokens["access_token"]).claims)


async def test_a_session_says_what_its_access_token_would(served: Served) -> None:
    """The same claims to the letter, but for the id of the one token and the times; never to be stored."""
    browser, user_id = await signed_in(served)
    tokens = await served.login()
    by_cookie = await browser.get(PATH, **GET)
    by_token = await served.client.get(PATH, headers=bearer(tokens))
    for answer in (by_cookie, by_token):
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    token, told = said_by(served, tokens), by_token.json()
    assert told["jti"] != token["jti"]
    assert told | {"jti": "", "exp": 0} == token | {"jti": "", "exp": 0}
    cookie = by_cookie.json()
    assert (cookie["sub"], cookie["roles"]) == (user_id, ["admin", "editor"])
    assert cookie["sid"] == (await browser.get("/v1/me")).json()["session_id"]
    assert cookie.keys() == token.keys()


async def test_the_claims_live_for_a_minute_and_never_beyond_the_session(server: Server) -> None:
    """`exp` is the instant at which the session ends, should that come first; then it is 401."""
    async with server(session_idle="90s") as served:
        browser, _ = await signed_in(served)
        began = served.clock.now
        assert (await browser.get(PATH, **GET)).json()["exp"] == began + 60
        served.clock.now = began + 89.5
        last = (await browser.get(PATH, **GET)).json()
        assert (last["iat"], last["exp"]) == (int(began + 89.5), began + 90)
        served.clock.now = began + 90
        assert code_of(await browser.get(PATH, **GET)) == (401, "session_expired")


@pytest.mark.parametrize("question", ["a1B2-_", "x" * 64, None])
async def test_an_answer_names_its_question(served: Served, question: str | None) -> None:
    """As it was asked, so that an API knows an answer that a cache had kept; nobody has to ask by a name."""
    browser, _ = await signed_in(served)
    answer = await browser.get(PATH, **GET, **({} if question is None else {"Sekisho-Question": question}))
    assert (answer.status_code, answer.headers.get("sekisho-question")) == (200, question)


@pytest.mark.parametrize("question", ["x" * 65, "a b", "", "a,b", "\xe9"])
async def test_a_question_of_another_form_is_refused(served: Served, question: str) -> None:
    """It would go into a header of the answer."""
    browser, _ = await signed_in(served)
    said = {**GET, "Cookie": f"sekisho={browser.jar['sekisho']}", "Sekisho-Question": question}
    headers = {name.encode(): value.encode("latin-1") for name, value in said.items()}
    answer = await served.client.get(PATH, headers=headers)
    assert (*code_of(answer), answer.headers.get("sekisho-question")) == (400, "invalid_request", None)


@pytest.mark.requirement("F1")
@pytest.mark.parametrize("page", [{}, SAME, FOREIGN, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}])
@pytest.mark.parametrize(
    "said", [[], [METHOD_GET], [METHOD_POST], [*TWO], [*reversed(TWO)], [METHOD_GET, SHAKE]]
)
async def test_an_api_is_told_no_more_than_a_proxy(
    served: Served, said: list[tuple[str, str]], page: dict[str, str]
) -> None:
    """The verdict on the page that sent the request is one and the same; a method said twice is none."""
    browser, _ = await signed_in(served)
    cookie = ("Cookie", f"sekisho={browser.jar['sekisho']}")
    headers = [cookie, *said, *page.items()]
    verdicts: list[tuple[int, str]] = []
    for path in (PATH, "/v1/forward-auth"):
        served.client.cookies.clear()
        verdicts.append(code_of(await served.client.get(path, headers=headers)))
    status, code = verdicts[0]
    safe = said == [METHOD_GET]
    expected = {(): (403, "csrf_failed"), tuple(SAME.items()): (200, "")}
    wanted = (200, "") if safe else expected.get(tuple(page.items()), (403, "origin_not_allowed"))
    assert (status, code) == wanted
    assert verdicts[1] == ((204, "") if status == 200 else (status, code))


@pytest.mark.requirement("C6", "X06")
async def test_nothing_else_passes_for_the_cookie(served: Served) -> None:
    """A token, a refresh token, a CSRF token or a spoiled cookie in its place are no session at all."""
    browser, _ = await signed_in(served)
    tokens, good = await served.login(), browser.jar["sekisho"]
    others = (tokens["access_token"], tokens["refresh_token"], browser.csrf_token, good[:-1], good + "A", "")
    for other in others:
        answer = await Browser(served, page={}, jar={"sekisho": other}).get(PATH, **GET)
        assert code_of(answer) == (401, "session_unknown")
    as_token = await served.client.get(PATH, headers={"Authorization": f"Bearer {good}"})
    assert code_of(as_token) == (401, "token_malformed")
    twice = {"Cookie": f"sekisho={good}; sekisho={good}", **GET}
    assert code_of(await served.client.get(PATH, headers=twice)) == (400, "invalid_request")
