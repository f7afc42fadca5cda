"""The example with sekisho mounted into FastAPI, run by its own command line: cookie or token, any route."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.parts.examples import EXAMPLES, command, listening
from tests.parts.serving import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = {"email": "aya@example.com", "password": "a checkpoint on the road to Edo"}
ORDER = "/orders?product=sedge%20hat"
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[httpx2.Client]:
    """A browser on the site, with an account."""
    example = EXAMPLES / "fastapi" / "one_site.py"
    words = ["env", f"SEKISHO_DATA={tmp_path / 'data'}", *command(example)]
    with (
        listening(words, example.parent, "", tmp_path / "log") as url,
        httpx2.Client(base_url=url.replace("127.0.0.1", "localhost"), timeout=30) as browser,
    ):
        assert browser.post("/auth/v1/accounts", json=ACCOUNT).status_code == 201
        yield browser


def test_a_site_and_its_auth_server_in_one_process(site: httpx2.Client) -> None:
    """Both ways in are open on each route, a foreign page is not let through, a logout counts at once."""
    before = site.get("/auth/v1/csrf").json()["csrf_token"]
    login = site.post("/auth/v1/login", json={**ACCOUNT, "mode": "session"}, headers={"Sekisho-CSRF": before})
    assert login.status_code == 200, login.text
    user = login.json()["user"]["id"]
    assert site.get("/products").json()["asked_by"] == user
    assert site.post(ORDER, headers=SAME).json() == {"product": "sedge hat", "for": user}
    foreign = site.post(ORDER, headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "origin_not_allowed")

    with httpx2.Client(base_url=site.base_url, timeout=30) as program:
        tokens = program.post("/auth/v1/login", json={**ACCOUNT, "mode": "token"}).json()
        program.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        # The site had looked for its own keys before it listened; it looks again within a second.
        until(
            lambda: program.post(ORDER).json() == {"product": "sedge hat", "for": user}, "the keys are there"
        )

    kept = {"Cookie": f"sekisho={site.cookies['sekisho']}"}
    gone = site.post("/auth/v1/logout", headers={"Sekisho-CSRF": login.json()["csrf_token"]})
    assert (gone.status_code, site.get("/products").json()["code"]) == (204, "token_missing")
    assert site.get("/products", headers=kept).json()["code"] == "session_revoked"


def test_openapi_names_both_ways_in(site: httpx2.Client) -> None:
    """Each guarded route takes either, and the cookie by its name."""
    told = site.get("/openapi.json").json()
    schemes = told["components"]["securitySchemes"]
    assert {name: (scheme["type"], scheme.get("name")) for name, scheme in schemes.items()} == {
        "AccessToken": ("http", None),
        "AccessTokenCookie": ("apiKey", "sekisho"),
    }
    for path, method in (("/products", "get"), ("/orders", "post")):
        operation = told["paths"][path][method]
        assert operation["security"] == [{"AccessToken": []}, {"AccessTokenCookie": []}]
        names = [parameter["name"] for parameter in operation.get("parameters", [])]
        assert names == (["product"] if path == "/orders" else [])
