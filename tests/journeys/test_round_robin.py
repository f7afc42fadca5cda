"""A and B behind nginx, which asks them in turn: a visit by curl, and the death of a server in the middle."""

from __future__ import annotations

import os
import re
import shutil
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.parts.postgres_nodes import migrated
from tests.parts.redis import RedisServer
from tests.parts.round_robin import ACCOUNT, ROOT, Visitor, behind_nginx, unread
from tests.parts.serving import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.postgres import PostgresServer
    from tests.parts.round_robin import Seen, Site

pytestmark = [
    pytest.mark.nginx,
    pytest.mark.postgres,
    pytest.mark.skipif(
        shutil.which("curl") is None and not os.environ.get("CI"), reason="curl is not installed"
    ),
]


@pytest.fixture(params=["sql", pytest.param("redis", marks=pytest.mark.redis)])
def site(request: pytest.FixtureRequest, postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Site]:
    """A and B on one PostgreSQL database, and with "redis" a Redis beside it."""
    settings = ROOT | {"SEKISHO_DATABASE_URL": migrated(postgres_server)}
    with ExitStack() as stack:
        if request.param == "redis":
            settings["SEKISHO_SESSION_STORE_URL"] = stack.enter_context(RedisServer()).url
        yield stack.enter_context(behind_nginx(tmp_path, [settings, settings]))


@pytest.fixture
def aya(site: Site, tmp_path: Path) -> Visitor:
    """Somebody with curl."""
    return Visitor(site, tmp_path / "aya")


def in_turn(answers: list[Seen]) -> bool:
    """Whether A and B, and only they, answered one after the other."""
    by = "".join(seen.by for seen in answers)
    return by in {("AB" * len(by))[: len(by)], ("BA" * len(by))[: len(by)]}


@pytest.mark.requirement("F1", "F4", "SE1", "SE5")
def test_a_visit_goes_from_server_to_server(aya: Visitor, site: Site, tmp_path: Path) -> None:
    """CSRF token from one, login at the other, ten reads in turn, a change where the token was not made."""
    page = aya.ask("GET", "/v1/csrf")
    without = aya.ask("POST", "/v1/login", {**ACCOUNT, "mode": "session"})
    assert (without.status, without.json["code"]) == (403, "csrf_failed")
    again = aya.ask("GET", "/v1/csrf")
    assert again.by == page.by
    aya.csrf = again.json["csrf_token"]
    login = aya.ask("POST", "/v1/login", {**ACCOUNT, "mode": "session"})
    assert (login.status, login.by != again.by) == (200, True)
    stale = aya.ask("POST", "/v1/logout")  # with the token of before the login
    assert (stale.status, stale.json["code"]) == (403, "csrf_failed")
    aya.csrf = login.json["csrf_token"]

    reads = [aya.ask("GET", "/v1/me") for _ in range(10)]
    assert in_turn(reads)
    assert {(seen.status, seen.json["session_id"]) for seen in reads} == {(200, login.json["session_id"])}
    # nginx gives each request an id of 32 digits, which both believe and say back (their own have 24).
    assert {len(seen.headers["x-request-id"]) for seen in reads} == {32}

    other = Visitor(site, tmp_path / "other-device")
    other_session = other.log_in().json["session_id"]
    made = aya.ask("GET", "/v1/csrf")
    aya.csrf = made.json["csrf_token"]
    ended = aya.ask("DELETE", f"/v1/sessions/{other_session}")
    assert (ended.status, ended.by != made.by) == (204, True)
    (line,) = aya.ask("GET", "/v1/sessions").json["sessions"]
    assert (line["id"], line["current"]) == (login.json["session_id"], True)


@pytest.mark.requirement("SE5")
def test_one_is_killed_and_the_visitor_notices_nothing(aya: Visitor, site: Site, tmp_path: Path) -> None:
    """No answer is an error; the survivor logs out; what it ended is refused by the one that comes back."""
    login = aya.log_in()
    first = [aya.ask("GET", "/v1/me") for _ in range(2)]
    assert {seen.by for seen in first} == {"A", "B"}
    site.a.kill9()
    rest = [aya.ask("GET", "/v1/me") for _ in range(10)]
    assert {(seen.status, seen.json["session_id"]) for seen in rest} == {(200, login.json["session_id"])}
    assert {seen.by for seen in rest} <= {"B", "AB"}
    # nginx learnt of it by asking A, once a second at most.
    assert "AB" in {seen.by for seen in rest}
    kept = aya.kept(tmp_path / "thief")
    out = aya.ask("POST", "/v1/logout")
    assert (out.status, out.by) in {(204, "B"), (204, "AB")}
    assert aya.ask("GET", "/v1/me").json["code"] == "token_missing"

    site.a.start()
    assert kept.ask("GET", "/v1/me", at=site.a.url).json["code"] == "session_revoked"
    until(lambda: kept.ask("GET", "/v1/me").by == "A", "nginx asks A again")
    both = [kept.ask("GET", "/v1/me") for _ in range(2)]
    assert {(seen.by, seen.status, seen.json["code"]) for seen in both} == {
        ("A", 401, "session_revoked"),
        ("B", 401, "session_revoked"),
    }


@pytest.mark.parametrize("site", ["sql"], indirect=True)
def test_both_are_started_anew_and_nobody_is_logged_out(aya: Visitor, site: Site) -> None:
    """Neither keeps anything that the store has not."""
    session_id = aya.log_in().json["session_id"]
    for server in (site.a, site.b):
        assert server.stop() == 0
        server.start()
    for at in (site.a.url, site.b.url):
        seen = aya.ask("GET", "/v1/me", at=at)
        assert (seen.status, seen.json["session_id"]) == (200, session_id)


@pytest.mark.skipif(
    not Path("/proc/net/tcp").exists(), reason="tells by /proc/net/tcp what A has not read yet"
)
@pytest.mark.parametrize(
    ("request_line", "answered"), [("GET /v1/me", (200, "AB")), ("POST /v1/logout", (502, "A"))]
)
@pytest.mark.parametrize("site", ["sql"], indirect=True)
def test_what_a_server_dies_of(
    request_line: str, answered: tuple[int, str], aya: Visitor, site: Site
) -> None:
    """A read that A took with it is answered by B; a change is not sent twice, its sender is told by 502."""
    aya.log_in()
    until(lambda: aya.ask("GET", "/v1/me").by == "B", "it is A's turn")
    os.kill(site.a.pid, signal.SIGSTOP)
    asking = aya.begin(*request_line.split())
    until(lambda: unread(site.a.port), "A has been sent a request")
    site.a.kill9()
    assert asking.wait() == 0
    seen = aya.seen()
    assert (seen.status, seen.by) == answered
    after = aya.ask("GET", "/v1/me")
    assert after.status == 200
    assert aya.ask("POST", "/v1/logout").status == 204
    assert aya.ask("GET", "/v1/me").status == 401


@pytest.mark.parametrize("site", [pytest.param("redis", marks=pytest.mark.redis)], indirect=True)
def test_what_one_has_looked_up_the_other_finds_in_redis(aya: Visitor, site: Site) -> None:
    """The second server that sees a cookie does not ask the database: its own count says so."""

    def found() -> int:
        aya.csrf = ""
        aya.log_in()
        for _ in range(2):
            assert aya.ask("GET", "/v1/me").status == 200
        told = "".join(httpx2.get(f"{server.url}/metrics").text for server in (site.a, site.b))
        return sum(map(int, re.findall(r'sekisho_session_lookups_total\{source="shared"\} (\d+)', told)))

    # More than once, since a Redis that takes a tenth of a second to answer is not waited for.
    until(lambda: found() > 0, "a look-up is answered by Redis")


def test_without_a_shared_store_every_other_request_finds_nobody(tmp_path: Path) -> None:
    """The same keys, a database each: B has never heard of the session that A stored, and A not of B's."""
    with behind_nginx(tmp_path, [ROOT, ROOT]) as site:
        assert site.b.ask("POST", "/v1/accounts", ACCOUNT).status == 201
        aya = Visitor(site, tmp_path / "aya")
        login = aya.log_in()
        reads = [aya.ask("GET", "/v1/me") for _ in range(10)]
        assert in_turn(reads)
        known = [(200, ""), (401, "session_unknown")]
        for seen in reads:
            assert (seen.status, seen.json.get("code", "")) == known[seen.by != login.by]
