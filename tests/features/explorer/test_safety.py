"""The explorer is for one person on one machine: who else asks is refused, and nothing real is in it."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from sekisho_verify import Verifier
from sekisho_verify.encoding import b64url_encode
from sekisho_verify.errors import TokenRefused
from sekisho_verify.forgeries.forging import parts
from tests.parts.serving import Server, ask

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.explorer import Exploring

_DOCUMENTS = ("state", "tables", "events")
#: A token that is good for longer than a number of any kind can tell.
_FOR_EVER = (b"e30." + b64url_encode(b'{"exp":1' + b"0" * 400 + b"}") + b".AAAA").decode()


@pytest.mark.parametrize("document", _DOCUMENTS)
def test_without_the_key_nothing_is_told(exploring: Exploring, document: str) -> None:
    """Not even to a program on the same machine that has not read the page."""
    for headers in ({}, {"Sekisho-Explorer": "0" * 64}, {"Sekisho-Explorer": ""}):
        said = ask(exploring.explorer, "GET", f"/explore/{document}", headers=headers)
        assert (said.status, said.json["code"]) == (403, "forbidden")


def test_the_key_in_a_query_opens_the_stream_alone(exploring: Exploring) -> None:
    """An address is logged, kept and sent on in more places than a header."""
    for method, path in (("GET", "state"), ("GET", "tables"), ("POST", "acts/reset")):
        said = ask(exploring.explorer, method, f"/explore/{path}?key={exploring.key}")
        assert (said.status, said.json["code"]) == (403, "forbidden")


def test_without_the_key_nothing_is_done(exploring: Exploring) -> None:
    """The clock stands where it stood."""
    before = exploring.told("state")["clock"]["offset"]
    said = ask(exploring.explorer, "POST", "/explore/acts/clock", {"seconds": 3600})
    assert (said.status, said.json["code"]) == (403, "forbidden")
    assert exploring.told("state")["clock"]["offset"] == pytest.approx(before, abs=1)


@pytest.mark.requirement("F1")
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_page_moves_nothing_even_with_the_key(exploring: Exploring, headers: dict[str, str]) -> None:
    """Fetch Metadata and Origin are looked at first, as at the auth server."""
    keyed = {"Sekisho-Explorer": exploring.key, **headers}
    said = ask(exploring.explorer, "POST", "/explore/acts/reset", {}, headers=keyed)
    assert (said.status, said.json["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("path", ["/explore", "/explore/state", "/static/sekisho.js"])
def test_under_another_name_it_is_not_there(exploring: Exploring, path: str) -> None:
    """A page that has its own name resolved to this machine (DNS rebinding) sends that name as Host."""
    keyed = {"Sekisho-Explorer": exploring.key, "Host": "evil.example"}
    said = ask(exploring.explorer, "GET", path, headers=keyed)
    assert (said.status, said.json["code"]) == (403, "origin_not_allowed")


def test_two_names_are_none(exploring: Exploring) -> None:
    """A request with its own Host and another one is not ours, whichever stands first."""
    at = urlsplit(exploring.explorer)
    for hosts in ((at.netloc, "evil.example"), ("evil.example", at.netloc)):
        lines = "".join(f"Host: {host}\r\n" for host in hosts)
        with socket.create_connection((at.hostname, at.port)) as line, line.makefile("rb") as answer:
            line.sendall(f"GET /explore HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
            said = answer.read()
        assert said.startswith(b"HTTP/1.1 403 ")
        assert b"origin_not_allowed" in said


def test_the_root_leads_to_the_page(exploring: Exploring) -> None:
    """Who types the address without a path."""
    said = ask(exploring.explorer, "GET", "/")
    assert (said.status, said.headers["location"]) == (303, "/explore")


@pytest.mark.requirement("X09")
@pytest.mark.parametrize(
    ("act", "body", "status", "code"),
    [
        ("nothing", {}, 404, "not_found"),
        ("clock", {"seconds": -1}, 422, "validation_failed"),
        ("clock", {"seconds": 1e300}, 422, "validation_failed"),
        ("clock", {"seconds": 1, "more": 1}, 422, "validation_failed"),
        ("clock", [], 422, "validation_failed"),
        ("operate", {"what": "delete", "email": "aya@example.com"}, 422, "validation_failed"),
        ("operate", {"what": "disable"}, 422, "validation_failed"),
        ("operate", {"what": "disable", "email": "--data=/"}, 422, "validation_failed"),
        ("operate", {"what": "disable", "email": "nobody@example.com"}, 404, "not_found"),
        ("operate", {"what": "retire-key", "kid": "--data"}, 422, "validation_failed"),
        ("operate", {"what": "retire-key", "kid": "-h"}, 422, "validation_failed"),
        ("operate", {"what": "retire-key", "kid": "nokey"}, 404, "not_found"),
        ("server", {"name": "explorer", "up": False}, 404, "not_found"),
        ("summon", {"set": "all"}, 422, "validation_failed"),
        ("forge", {"preset": "nothing", "token": "e30.e30.e30"}, 404, "not_found"),
        ("forge", {"preset": "expired", "token": "x"}, 422, "validation_failed"),
        ("forge", {"preset": "expired", "token": "e30.e30.", "at": "auth_es256"}, 404, "not_found"),
        ("forge", {"preset": "alg-none", "token": "e30.e30."}, 422, "validation_failed"),  # no signature
        (
            "forge",
            {"preset": "exp-year", "token": "e30.eyJleHAiOiJ4In0.AAAA"},
            422,
            "validation_failed",
        ),  # "x"
        ("forge", {"preset": "expired", "token": _FOR_EVER}, 422, "validation_failed"),
        ("thief", {"credential": "bearer", "value": "a\r\nb: c", "at": "a"}, 400, "invalid_request"),
        ("thief", {"credential": "bearer", "value": "x", "at": "http://x"}, 404, "not_found"),
        ("thief", {"credential": "bearer", "value": "x", "at": "a", "path": "//x"}, 422, "validation_failed"),
        ("decide", {"answers": {"where": "moon"}}, 422, "validation_failed"),
    ],
)
def test_what_the_page_would_not_send_is_refused_with_a_code(
    exploring: Exploring, act: str, body: object, status: int, code: str
) -> None:
    """Never a stack trace, and no option smuggled into a command."""
    headers = {"Sekisho-Explorer": exploring.key}
    said = ask(exploring.explorer, "POST", f"/explore/acts/{act}", body, headers=headers)
    assert (said.status, said.json["code"]) == (status, code)


def test_whoever_reads_slowly_has_one_event_in_memory(exploring: Exploring) -> None:
    """Not all that are kept: with two hundred such readers those took gigabytes."""
    for _ in range(3):
        ask(exploring.url("a"), "GET", "/nowhere")
    last, at = exploring.seen, urlsplit(exploring.explorer)
    assert last > 3
    with socket.create_connection((at.hostname, at.port)) as reader, reader.makefile("rb") as answer:
        asked = f"GET /explore/events?key={exploring.key} HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n"
        reader.sendall(asked.encode())
        while answer.readline() != b"\r\n":
            pass
        pieces = list[bytes]()
        # Each piece that was sent is a chunk (RFC 9112 section 7.1).
        while b"\nid: %d\n" % last not in b"\n" + b"".join(pieces):
            pieces.append(answer.read(int(answer.readline(), 16)))
            assert answer.readline() == b"\r\n"
    assert max(piece.count(b"\ndata: ") for piece in pieces) == 1


def test_every_arrow_is_a_line_of_the_access_log(exploring: Exploring) -> None:
    """As many requests are shown at the auth server as it has logged since the page was there."""
    [log] = exploring.folder.glob("sekisho-demo-*/auth.log")

    def lines() -> list[str]:
        # The log writes lines together; one more request is behind all that came before it.
        found = [json.loads(line) for line in log.read_text().splitlines()]
        return [
            each["route"] for each in found if each["event"] == "request" and "stream" not in each["route"]
        ]

    auth = exploring.url("auth")
    seen, before = exploring.seen, len(lines())
    for _ in range(3):
        exploring.log_in()
        ask(auth, "GET", "/nowhere")
    person = exploring.log_in_by_cookie()
    for _ in range(2):
        ask(exploring.url("b"), "GET", "/products", headers={"Cookie": person.cookie})
    shown = [
        each
        for each in exploring.all()
        if each["seq"] > seen and each["to"] == "auth" and each["kind"] in {"http.request", "feed.request"}
    ]
    assert len(shown) == 10
    while len(lines()) < before + len(shown):
        pass
    logged = lines()[before:]
    assert len(logged) == len(shown)
    assert sorted(logged) == sorted(
        "(none)" if each["msg"]["values"]["path"] == "/nowhere" else each["msg"]["values"]["path"]
        for each in shown
    )


@pytest.mark.requirement("C1")
def test_a_token_of_the_sandbox_verifies_nowhere_else(exploring: Exploring, tmp_path: Path) -> None:
    """Key, issuer and audience are its own: a real server refuses it, even one that took its place."""
    token = exploring.log_in()["access_token"]
    claims = parts(token).payload
    with Server(tmp_path / "real") as real:
        issuer = real.url
        assert (claims["iss"], claims["aud"]) == (exploring.url("auth"), "shop")
        assert claims["iss"] != issuer
        assert real.ask("GET", "/v1/me", bearer=token).json["code"] == "token_alg_not_allowed"
        verifier = Verifier(issuer=issuer, audience="api", feed=None)
        with verifier, pytest.raises(TokenRefused) as refused:
            verifier.verify(token)
        assert refused.value.code == "token_alg_not_allowed"
        # A real server under the sandbox's own address and name of APIs, with a secret of its own.
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("a shared secret for this test and no other: " + "1" * 32)
    settings = {
        "SEKISHO_SIGNING_KEY": f"file:{secret}",
        "SEKISHO_ISSUER": claims["iss"],
        "SEKISHO_AUDIENCE": claims["aud"],
    }
    with Server(tmp_path / "twin", settings=settings) as twin:
        port = re.findall(r"localhost:(\d+)", twin.welcome)[0]
        refused_there = ask(f"http://localhost:{port}", "GET", "/v1/me", bearer=token)
        assert refused_there.json["code"] == "token_key_unknown"


def test_no_secret_of_a_real_instance_is_in_the_stream(tmp_path: Path) -> None:
    """Settings and secrets of whoever starts the demo stay where they are; the sandbox's own are not told."""
    from tests.parts.explorer import Exploring  # noqa: PLC0415 - one with an environment of its own

    canary = "canary-5e1f7a0b9c3d4e8f-of-a-real-instance-2d6b"
    secret = tmp_path / "real-secret"
    secret.write_text(canary)
    real = {
        "SEKISHO_ROOT_SECRET": f"file:{secret}",
        "SEKISHO_SIGNING_KEY": "env:REAL_SECRET",
        "REAL_SECRET": canary,
        "SEKISHO_DATABASE_URL": f"postgresql://sekisho:{canary}@localhost/sekisho",
    }
    with Exploring(tmp_path, real) as exploring:
        exploring.log_in()
        exploring.log_in_by_cookie()
        exploring.act("summon", set="es256")
        exploring.log_in(at="auth_es256")
        exploring.act("operate", what="rotate-key")
        told = json.dumps(exploring.all()) + json.dumps(exploring.told("tables")) + exploring.said
        told += json.dumps(exploring.told("state")) + exploring.page().decode()
        assert canary not in told
        own = [*tmp_path.glob("sekisho-demo-*/root-secret-*"), *tmp_path.glob("sekisho-demo-*/shared-secret")]
        assert len(own) == 4
        for file in own:
            held = file.read_text()
            for each in [key["k"] for key in json.loads(held)["keys"]] if held.startswith("{") else [held]:
                assert each not in told
    assert [path.name for path in tmp_path.iterdir()] == ["real-secret"]
