"""Every shop of the examples, run by its own command line against a real auth server, is guarded alike."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.parts.examples import EXAMPLES, SHOPS, running
from tests.parts.serving import Server, ask, run, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "a checkpoint on the road to Edo"
PRODUCTS = {"straw sandals", "paper lantern", "sedge hat"}
CUSTOMERS = {"Hakone Inn", "Arai Ferry"}
each_shop = pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop.parent.name)


class Issued(NamedTuple):
    """Where the auth server is, or was, and what it issued to a visitor and to a clerk."""

    url: str
    visitor: dict[str, Any]
    clerk: dict[str, Any]


def log_in(server: Server, email: str) -> dict[str, Any]:
    """An access token, and who it is for."""
    account = {"email": email, "password": PASSWORD, "mode": "token"}
    return server.ask("POST", "/v1/login", account).json


def people(server: Server) -> tuple[dict[str, Any], dict[str, Any]]:
    """A visitor without rights, and a clerk who may read customers."""
    for email in ("visitor@example.com", "clerk@example.com"):
        assert server.ask("POST", "/v1/accounts", {"email": email, "password": PASSWORD}).status == 201
    allowed = run("user", "allow", "clerk@example.com", "customers:read", SEKISHO_DATA=str(server.data))
    assert allowed.returncode == 0, allowed.stderr
    return log_in(server, "visitor@example.com"), log_in(server, "clerk@example.com")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One auth server for all shops."""
    with Server(tmp_path_factory.mktemp("auth") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def issued(server: Server) -> Issued:
    """What it issued."""
    visitor, clerk = people(server)
    return Issued(server.url, visitor, clerk)


def names(rows: list[dict[str, Any]]) -> set[str]:
    """The names in a table."""
    return {row["name"] for row in rows}


@each_shop
def test_a_shop_lets_in_whom_it_should(shop: Path, issued: Issued, tmp_path: Path) -> None:
    """Products for anybody with a token, customers by permission, the secret for neither, health for all."""
    with running(shop, issued.url, tmp_path / "log") as url:
        visitor, clerk = issued.visitor["access_token"], issued.clerk["access_token"]
        products = ask(url, "GET", "/products", bearer=visitor)
        assert (products.status, names(products.json["products"])) == (200, PRODUCTS)
        assert products.json["asked_by"] == issued.visitor["user"]["id"]
        customers = ask(url, "GET", "/customers", bearer=clerk)
        assert (customers.status, names(customers.json["customers"])) == (200, CUSTOMERS)
        for path, bearer, right in (
            ("/customers", visitor, "customers:read"),
            ("/secret", visitor, "secret:read"),
            ("/secret", clerk, "secret:read"),
        ):
            refused = ask(url, "GET", path, bearer=bearer)
            assert (refused.status, refused.json["code"]) == (403, "insufficient_scope")
            assert refused.json["detail"] == f"It needs the permission {right}."
            assert refused.headers["www-authenticate"].startswith('Bearer error="insufficient_scope"')
        for path in ("/products", "/customers", "/secret"):
            stranger = ask(url, "GET", path)
            assert (stranger.status, stranger.json["code"]) == (401, "token_missing")
            assert stranger.headers["www-authenticate"] == "Bearer"
            assert stranger.headers["content-type"] == "application/problem+json"
            forged = ask(url, "GET", path, bearer=clerk[:-6] + "AAAAAA")
            assert (forged.status, forged.json["code"]) == (401, "token_signature_mismatch")
            assert forged.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
        assert ask(url, "GET", "/healthz").json == {"status": "ok"}


def test_shops_start_before_their_issuer(tmp_path: Path) -> None:
    """Until the auth server is there they answer 503, though strangers as ever; from then on they serve."""
    server = Server(tmp_path / "data")
    with ExitStack() as stack:
        urls = [
            stack.enter_context(running(shop, f"http://localhost:{server.port}", tmp_path / shop.parent.name))
            for shop in SHOPS
        ]
        for url in urls:
            unknown = ask(url, "GET", "/products", bearer="a.b.c")
            assert (unknown.status, unknown.json["code"]) == (503, "keys_unavailable")
            assert (unknown.headers["retry-after"], "www-authenticate" in unknown.headers) == ("5", False)
            assert unknown.headers["content-type"] == "application/problem+json"
            assert ask(url, "GET", "/products").json["code"] == "token_missing"
        stack.enter_context(server)
        visitor, _ = people(server)
        for url in urls:
            until(
                lambda at=url: ask(at, "GET", "/products", bearer=visitor["access_token"]).status == 200,  # type: ignore[misc]  # bound for each
                f"{url} has found the keys",
            )


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
def test_forked_workers_find_the_keys_each_by_itself(
    preload: tuple[str, ...], issued: Issued, tmp_path: Path
) -> None:
    """Under gunicorn, whether its workers were forked before the application was made or after."""
    log = tmp_path / "log"
    more = ("--access-logfile", "-", "--access-logformat", "%(p)s %(s)s", *preload)
    with running(EXAMPLES / "wsgi" / "shop.py", issued.url, log, *more) as url:

        def both_have_answered() -> bool:
            answer = ask(url, "GET", "/customers", bearer=issued.clerk["access_token"])
            assert (answer.status, names(answer.json["customers"])) == (200, CUSTOMERS)
            return len(set(re.findall(r"^(<\d+>) 200$", log.read_text(), re.MULTILINE))) == 2

        until(both_have_answered, "both workers have answered")
        twice = ask(url, "GET", "/products", headers={"Authorization": "Bearer a, Bearer b"})
        assert (twice.status, twice.json["code"]) == (400, "invalid_request")
