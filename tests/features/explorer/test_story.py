"""What the explorer tells of real servers: the chapters, from the side of the servers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from sekisho_verify.forgeries.forging import parts
from tests.parts.explorer import Exploring
from tests.parts.serving import ask, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """What happened, by kind."""
    return [each["kind"] for each in events]


def rows_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The changed rows of an event that tells of some."""
    found: list[dict[str, Any]] = event["refs"]["rows"] if event["kind"] == "rows" else []
    return found


def during(exploring: Exploring, request: dict[str, Any]) -> list[dict[str, Any]]:
    """What happened for the sake of a request."""
    return [each for each in list(exploring.events) if each["refs"].get("for") == request["id"]]


def test_a_login_by_token_is_told_in_full(exploring: Exploring) -> None:
    """The body with the password, statements, hash and signature in their order, and the tokens."""
    marks = {"Sekisho-Explorer-Act": "j1", "Sekisho-Explorer-Lane": "jwt"}
    answer = exploring.log_in(headers=marks)
    request, *_ = told = exploring.of_act("j1")
    response = next(each for each in told if each["kind"] == "http.response")
    assert (request["from"], request["to"], request["lane"]) == ("browser", "auth", "jwt")
    assert request["msg"]["id"] == "ev.login"
    assert request["raw"].startswith("POST /v1/login HTTP/1.1\r\nhost: localhost:")
    assert exploring.people[0][1] in request["raw"]
    assert (response["id"], response["status"]) == (request["id"], 200)
    assert answer["access_token"] in response["raw"]
    inside = during(exploring, request)
    assert kinds(inside)[0] == "db.read"
    assert kinds(inside)[-1] == "token.sign"
    assert inside[-1]["refs"]["alg"] == "HS256"
    hashed = next(each for each in inside if each["kind"] == "hash.verify")
    assert hashed["refs"]["alg"].startswith("argon2id$v=19$m=")
    assert hashed["ms"] > 1
    inserted = [each["refs"] for each in inside if "INSERT INTO sessions" in each["refs"].get("sql", "")]
    assert [each["rows"] for each in inserted] == [1]
    assert inserted[0]["parameters"]["mode"] == "token"
    rows = exploring.event(
        lambda each: each["kind"] == "rows" and each["refs"]["table"] == "sessions" and each["act"] == "j1"
    )
    assert rows["refs"]["rows"][0]["change"] == "added"
    assert rows["refs"]["rows"][0]["cells"]["id"] == answer["session_id"]
    assert request["t"] <= inside[0]["t"] <= inside[-1]["t"] <= response["t"] <= rows["t"]


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Exploring]:
    """A stage on which nobody has logged in yet."""
    with Exploring(tmp_path) as running:
        yield running


def test_a_hash_of_earlier_times_is_made_anew_at_the_next_login(untouched: Exploring) -> None:
    """Ken's password was hashed by bcrypt; he logs in, and the cell changes before one's eyes."""
    exploring = untouched
    tables = {each["name"]: each["rows"] for each in exploring.told("tables")["tables"]}
    hashes = {row["cells"]["email"]: row["cells"]["password_hash"] for row in tables["users"]}
    aya, ken = (email for email, _ in exploring.people)
    assert hashes[aya].startswith("$argon2id$v=19$m=")
    assert hashes[ken].startswith("$2b$12$")
    exploring.log_in(1, headers={"Sekisho-Explorer-Act": "j9"})
    checked = next(each for each in exploring.of_act("j9") if each["kind"] == "hash.verify")
    assert checked["refs"]["alg"] == "2b$12"
    rows = exploring.event(
        lambda each: any("password_hash" in row["changed"] for row in rows_of(each)) and each["act"] == "j9"
    )
    assert [row["cells"]["email"] for row in rows["refs"]["rows"]] == [ken]
    assert rows["refs"]["rows"][0]["cells"]["password_hash"].startswith("$argon2id$v=19$m=")


def test_a_call_by_token_asks_nobody(exploring: Exploring) -> None:
    """Fourteen checks, one read of the shop's own data, and no request to the auth server."""
    bearer = exploring.log_in()["access_token"]
    marks = {"Sekisho-Explorer-Act": "j2"}
    said = ask(exploring.url("a"), "GET", "/products", bearer=bearer, headers=marks)
    assert said.status == 200
    told = exploring.of_act("j2")
    assert kinds(told) == ["http.request", "token.check", "db.read", "http.response"]
    _, check, read, response = told
    assert {each["verdict"] for each in check["refs"]["checks"]} == {"passed"}
    assert [each["name"] for each in check["refs"]["checks"]][::13] == ["form", "revocation"]
    assert check["refs"]["token"] == bearer
    assert (read["from"], read["to"], read["refs"]["rows"]) == ("a", "shop_db", 3)
    assert (response["from"], response["to"], response["lane"]) == ("a", "browser", "jwt")


def test_a_call_by_cookie_asks_the_auth_server_for_the_same_act(exploring: Exploring) -> None:
    """B asks about the cookie, that question belongs to the visitor's act, and HttpOnly cookies are seen."""
    person = exploring.log_in_by_cookie()
    marks = {"Cookie": person.cookie, "Sekisho-Explorer-Act": "s1"}
    assert ask(exploring.url("b"), "GET", "/products", headers=marks).status == 200
    told = exploring.of_act("s1")
    between = [(each["from"], each["to"]) for each in told if each["kind"].startswith("http.")]
    assert between == [("browser", "b"), ("b", "auth"), ("auth", "b"), ("b", "browser")]
    assert {each["lane"] for each in told} == {"session"}
    assert f"cookie: {person.cookie}" in told[0]["raw"]
    assert told[0]["refs"]["credential"] == {"kind": "cookie", "bytes": len(person.cookie) - len("sekisho=")}
    assert not [each for each in told if each["kind"] == "token.check"]


PRESETS = (
    *("role-admin", "sub-ken", "exp-year", "alg-none", "alg-None", "alg-nOnE"),
    *("own-key-jwk", "own-key-jku", "kid-unknown", "kid-path", "bit-flip"),
    *("other-audience", "refresh-token", "id-token", "expired", "not-yet"),
    *("two-parts", "four-parts", "long-payload", "duplicate-keys", "padding", "space", "unmodified"),
)
#: By the word of the reference, not of the code that is tested.
EXPECTED = {
    "role-admin": "token_signature_mismatch",
    "sub-ken": "token_signature_mismatch",
    "exp-year": "token_signature_mismatch",
    "alg-none": "token_alg_not_allowed",
    "alg-None": "token_alg_not_allowed",
    "alg-nOnE": "token_alg_not_allowed",
    "own-key-jwk": "token_malformed",
    "own-key-jku": "token_malformed",
    "kid-unknown": "token_key_unknown",
    "kid-path": "token_key_unknown",
    "bit-flip": "token_signature_mismatch",
    "other-audience": "token_audience_mismatch",
    "refresh-token": "token_type_mismatch",
    "id-token": "token_type_mismatch",
    "expired": "token_expired",
    "not-yet": "token_not_yet_valid",
    "two-parts": "token_malformed",
    "four-parts": "token_malformed",
    "long-payload": "token_malformed",
    "duplicate-keys": "token_malformed",
    "padding": "token_malformed",
    "space": "token_malformed",
}


@pytest.mark.requirement("J6")
def test_every_preset_is_refused_with_its_code(exploring: Exploring) -> None:
    """Each is sent to shop A, which answers with the code that was promised; the event says the same code."""
    token = exploring.log_in()["access_token"]
    for preset in PRESETS:
        made = exploring.act("forge", preset=preset, token=token).json
        assert made["expected"] == EXPECTED.get(preset), preset
        seen = exploring.seen
        headers = {"Authorization": made["authorization"]}
        said = ask(exploring.url("a"), "GET", "/products", headers=headers)
        assert (said.status, said.json.get("code")) == (
            (200, None) if preset == "unmodified" else (401, EXPECTED[preset])
        ), preset
        told = [each for each in exploring.all() if each["seq"] > seen and each["to"] in {"a", "browser"}]
        check, answer = (
            next(each for each in told if each["kind"] == kind) for kind in ("token.check", "http.response")
        )
        assert (answer["status"], answer["code"]) == (said.status, said.json.get("code")), preset
        refusing = [each["code"] for each in check["refs"]["checks"] if each["verdict"] == "refused"]
        assert refusing == ([] if preset == "unmodified" else [EXPECTED[preset]]), preset


@pytest.mark.requirement("J6")
def test_es256_stands_beside_hs256(exploring: Exploring) -> None:
    """A second auth server signs by a key pair; the public key is no secret to sign with, and keys rotate."""
    assert (
        exploring.act("forge", preset="hs256-public-key", token=exploring.log_in()["access_token"]).json[
            "code"
        ]
        == "conflict"
    )
    assert "es256" in exploring.act("summon", set="es256").json["sets"]
    shop = exploring.url("a_es256")
    token = exploring.log_in(at="auth_es256")["access_token"]
    assert parts(token).header["alg"] == "ES256"
    assert ask(shop, "GET", "/products", bearer=token).status == 200
    assert ask(exploring.url("a"), "GET", "/products", bearer=token).json["code"] == "token_alg_not_allowed"
    made = exploring.act("forge", preset="hs256-public-key", token=token, at="auth_es256").json
    assert ask(shop, "GET", "/products", bearer=made["token"]).json["code"] == "token_alg_not_allowed"
    seen = exploring.seen
    rotated = exploring.act("operate", what="rotate-key", at="auth_es256")
    assert rotated.json["command"] == "sekisho key rotate --now"
    fresh = token
    while parts(fresh).header["kid"] == parts(token).header["kid"]:
        fresh = exploring.log_in(at="auth_es256")["access_token"]
    while ask(shop, "GET", "/products", bearer=fresh).status != 200:
        pass
    asked = exploring.event(lambda each: each["msg"]["id"] == "ev.keys", after=seen)
    assert (asked["from"], asked["to"], asked["refs"]["server"]) == ("a", "auth", "auth_es256")


def log_out(exploring: Exploring, token: str) -> float:
    """Use a token everywhere, log out, and have a thief go on with it: seconds until A and B refuse him."""
    for shop in ("a", "b", "b_deaf"):
        assert ask(exploring.url(shop), "GET", "/products", bearer=token).status == 200
    assert ask(exploring.url("auth"), "POST", "/v1/logout", bearer=token).status == 204
    began = time.monotonic()
    for shop in ("a", "b"):
        stolen = exploring.act("thief", credential="bearer", value=token, at=shop, until_refused=True)
        assert stolen.json["code"] == "token_revoked"
    return time.monotonic() - began


@pytest.mark.requirement("R1")
def test_a_logout_ends_a_token_within_a_second_where_there_is_a_feed(exploring: Exploring) -> None:
    """A and B refuse it within a second of the answer; a shop that is deaf takes it until it expires."""
    exploring.act("summon", set="deaf")
    token, seen = exploring.log_in()["access_token"], exploring.seen
    took = [log_out(exploring, token)]
    # A machine that is busy with other tests may take longer now and then; what is promised is not luck.
    while took[-1] >= 1 and len(took) < 3:
        token = exploring.log_in()["access_token"]
        took.append(log_out(exploring, token))
    assert took[-1] < 1, took
    deaf = exploring.act("thief", credential="bearer", value=token, at="b_deaf")
    assert (deaf.json["status"], deaf.json["code"]) == (200, None)
    exploring.act("clock", seconds=20)
    deaf = exploring.act("thief", credential="bearer", value=token, at="b_deaf")
    assert deaf.json["code"] == "token_expired"
    frames = [each for each in exploring.all() if each["kind"] == "feed.entry" and each["seq"] > seen]
    assert {each["to"] for each in frames} == {"a", "b"}
    assert {each["refs"]["entries"][0]["effect"] for each in frames} == {"revoked"}


def test_a_right_taken_away_is_known_without_a_logout(exploring: Exploring) -> None:
    """A may and B may not; what the operator denies is stale at both, and a refreshed token says so."""
    answer = exploring.log_in()
    assert ask(exploring.url("b"), "GET", "/secret", bearer=answer["access_token"]).status == 200
    ken = exploring.log_in(1)["access_token"]
    assert ask(exploring.url("b"), "GET", "/secret", bearer=ken).json["code"] == "insufficient_scope"
    email = exploring.people[0][0]
    done = exploring.act("operate", what="deny", email=email, right="secret:read", act="o1")
    assert done.json == {"command": f"sekisho user deny {email} secret:read"}
    told = exploring.event(lambda each: each["kind"] == "operator" and each["act"] == "o1")
    assert told["refs"] == done.json
    stale = exploring.act(
        "thief", credential="bearer", value=answer["access_token"], at="a", until_refused=True
    )
    assert stale.json["code"] == "token_stale"
    body = {"refresh_token": answer["refresh_token"]}
    fresh = ask(exploring.url("auth"), "POST", "/v1/refresh", body).json["access_token"]
    assert ask(exploring.url("b"), "GET", "/secret", bearer=fresh).json["code"] == "insufficient_scope"
    assert exploring.act("operate", what="allow", email=email, right="secret:read").status == 200


@pytest.mark.requirement("J6")
def test_a_leaked_secret_is_locked_out(exploring: Exploring) -> None:
    """Whoever has it makes himself an administrator; the emergency rotation ends that, and nothing else."""
    claims = parts(exploring.log_in()["access_token"]).payload
    kept = {name: claims[name] for name in ("sub", "sid", "jti", "rv", "entitlements")}
    forged = exploring.act("leak", claims={**kept, "roles": ["admin"]}).json["token"]
    assert ask(exploring.url("a"), "GET", "/secret", bearer=forged).status == 200
    replaced = exploring.act("operate", what="rotate-key").json
    fresh = forged
    while parts(fresh).header["kid"] == replaced["kid"]:
        fresh = exploring.log_in()["access_token"]
    while ask(exploring.url("a"), "GET", "/products", bearer=fresh).status != 200:
        pass
    assert ask(exploring.url("a"), "GET", "/secret", bearer=forged).status == 200
    assert exploring.act("operate", what="retire-key", kid=replaced["kid"]).status == 200
    for shop in ("a", "b"):
        stolen = exploring.act("thief", credential="bearer", value=forged, at=shop, until_refused=True)
        assert stolen.json["code"] == "token_revoked"
    assert ask(exploring.url("b"), "GET", "/products", bearer=fresh).status == 200


def test_the_thief_of_a_refresh_token_is_found_out(exploring: Exploring) -> None:
    """A spent one ends the session for both, and the record shows the thief as a lifeline of his own."""
    auth = exploring.url("auth")
    first = exploring.log_in()["refresh_token"]
    second = ask(auth, "POST", "/v1/refresh", {"refresh_token": first}).json["refresh_token"]
    exploring.act("clock", seconds=11)
    third = ask(auth, "POST", "/v1/refresh", {"refresh_token": second}).json["refresh_token"]
    exploring.event(lambda each: any(row["cells"].get("gen") == 2 for row in rows_of(each)))
    stolen = exploring.act("thief", credential="refresh", value=first, at="auth", act="t1", lane="jwt")
    assert (stolen.json["status"], stolen.json["code"]) == (401, "refresh_reused")
    rows = exploring.event(
        lambda each: each["kind"] == "rows" and each["refs"]["table"] == "sessions" and each["act"] == "t1"
    )
    assert "revoked_at" in rows["refs"]["rows"][0]["changed"]
    victim = ask(auth, "POST", "/v1/refresh", {"refresh_token": third})
    assert victim.json["code"] == "session_revoked"
    asked = exploring.event(lambda each: each["act"] == "t1" and each["kind"] == "http.request")
    assert (asked["from"], asked["to"], asked["lane"]) == ("thief", "auth", "jwt")
    assert asked["refs"]["credential"] == {"kind": "refresh", "bytes": len(first)}
    assert "user-agent: thief/1.0" in asked["raw"]


def test_without_stored_refresh_tokens_a_copy_goes_unnoticed(exploring: Exploring) -> None:
    """The other variant: a refresh writes no row, the token stays the same, and so does the thief's."""
    assert "stateless" in exploring.act("summon", set="stateless").json["sets"]
    auth = exploring.url("auth_stateless")
    answer = exploring.log_in(at="auth_stateless")
    refresh = answer["refresh_token"]
    assert parts(refresh).header["typ"] == "rt+jwt"
    shop, bearer = exploring.url("a_stateless"), answer["access_token"]
    assert ask(shop, "GET", "/products", bearer=bearer).status == 200
    marks = {"Sekisho-Explorer-Act": "j20"}
    renewed = ask(auth, "POST", "/v1/refresh", {"refresh_token": refresh}, headers=marks)
    assert renewed.json["refresh_token"] == refresh
    told = exploring.of_act("j20")
    assert "token.sign" in kinds(told)
    assert "db.write" not in kinds(told)
    stolen = exploring.act("thief", credential="refresh", value=refresh, at="auth_stateless")
    assert stolen.json["status"] == 200
    assert ask(auth, "POST", "/v1/refresh", {"refresh_token": refresh}).status == 200


def test_two_servers_and_a_stopped_auth_server(exploring: Exploring) -> None:
    """A B with a memory of its own does not know the cookie; without the auth server tokens go on."""
    exploring.act("summon", set="alone")
    person = exploring.log_in_by_cookie()
    cookie = {"Cookie": person.cookie}
    answer = exploring.log_in()
    assert ask(exploring.url("b"), "GET", "/products", headers=cookie).status == 200
    lonely = ask(exploring.url("b_alone"), "GET", "/products", headers=cookie)
    assert lonely.json["code"] == "session_unknown"
    asked = exploring.event(lambda each: each["refs"].get("server") == "auth_alone")
    assert asked["from"] in {"b", "auth"}
    stopped = exploring.act("server", name="auth", up=False)
    assert stopped.json["servers"]["auth"]["up"] is False
    shop = exploring.url("a")
    assert ask(shop, "GET", "/products", bearer=answer["access_token"]).status == 200
    assert ask(shop, "GET", "/products", headers=cookie).json["code"] == "sessions_unavailable"
    with pytest.raises(ConnectionRefusedError):
        ask(exploring.url("auth"), "POST", "/v1/refresh", {"refresh_token": answer["refresh_token"]})
    assert exploring.act("server", name="auth", up=True).json["servers"]["auth"]["up"] is True
    body = {"refresh_token": answer["refresh_token"]}
    assert ask(exploring.url("auth"), "POST", "/v1/refresh", body).status == 200
    assert ask(shop, "GET", "/products", headers=cookie).status == 200
    told = [each["refs"]["up"] for each in exploring.all() if each["kind"] == "server"]
    assert told[-2:] == [False, True]
    requests = [each for each in exploring.all() if each["kind"] == "http.request" and each["to"] == "auth"]
    # By the process, since the one that was started again counts from one.
    assert len({each["id"].rpartition("-")[0] for each in requests if "server" not in each["refs"]}) == 2


def test_a_disabled_user_is_out_everywhere(exploring: Exploring) -> None:
    """The session at once, the token within a second; a reset lets everybody in again."""
    token = exploring.log_in(1)["access_token"]
    person = exploring.log_in_by_cookie(1)
    assert exploring.act("operate", what="disable", email=exploring.people[1][0]).status == 200
    stolen = exploring.act("thief", credential="bearer", value=token, at="b", until_refused=True)
    assert stolen.json["code"] == "token_revoked"
    cookie = person.cookie.removeprefix("sekisho=")
    stolen = exploring.act("thief", credential="cookie", value=cookie, at="a", until_refused=True)
    assert stolen.json["code"] == "session_revoked"
    assert exploring.act("reset").status == 200
    assert exploring.log_in(1)["access_token"]


def test_whoever_starts_over_has_the_rights_of_the_beginning(exploring: Exploring) -> None:
    """What the operator gave is gone, what he took is back, and what stood in the beginning stands."""
    aya, ken = (email for email, _ in exploring.people)
    orders: list[dict[str, str]] = [
        {"what": "deny", "email": aya, "right": "customers:read"},
        {"what": "allow", "email": ken, "right": "secret:read"},
        {"what": "grant", "email": aya, "role": "admin"},
        {"what": "revoke-role", "email": ken, "role": "admin"},
    ]

    def rights(who: int) -> tuple[list[str], list[str]]:
        claims = parts(exploring.log_in(who)["access_token"]).payload
        return sorted(claims["roles"]), sorted(claims["scope"].split())

    before = rights(0), rights(1)
    for order in orders:
        assert exploring.act("operate", **order).status == 200
    assert rights(0) != before[0]
    assert rights(1) != before[1]
    assert exploring.act("reset").status == 200
    assert (rights(0), rights(1)) == before


def test_rows_are_told_as_the_doing_of_the_request_that_wrote_them(exploring: Exploring) -> None:
    """Logins at the same time: the session of each belongs to its own act, and to no other."""
    after = exploring.seen
    acts = [f"atonce{number}" for number in range(4)]
    with ThreadPoolExecutor(len(acts)) as together:
        entered = list(
            together.map(lambda act: exploring.log_in(headers={"Sekisho-Explorer-Act": act}), acts)
        )

    def told() -> dict[str, str]:
        rows = [each for each in list(exploring.events) if each["kind"] == "rows" and each["seq"] > after]
        return {
            row["key"]: each["act"]
            for each in rows
            if each["refs"]["table"] == "sessions"
            for row in each["refs"]["rows"]
        }

    wanted = {login["session_id"]: act for login, act in zip(entered, acts, strict=True)}
    until(lambda: told().keys() >= wanted.keys(), "the rows of the sessions")
    assert {key: told()[key] for key in wanted} == wanted
