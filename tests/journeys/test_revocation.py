"""A real server revokes, and a verifier with the default feed refuses: within a second, with no request."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest

from sekisho_verify import HmacKey, RevocationsUnavailable, TokenRefused, Verifier
from tests.parts.serving import Server, ask, run, until

if TYPE_CHECKING:
    from pathlib import Path

AYA = {"email": "aya@example.com", "password": "sedge hat in the rain"}


def code_of(using: Verifier, text: str) -> str | None:
    """The code with which a token is refused now, if it is."""
    try:
        using.verify(text)
    except TokenRefused as refused:
        return refused.code
    return None


@pytest.mark.requirement("J19")
@pytest.mark.parametrize("mode", ["own key", "shared secret"])
def test_a_logout_is_refused_by_an_api_within_a_second(tmp_path: Path, mode: str) -> None:
    """Of either kind of key, behind a feed token: the one session ends, the other goes on."""
    token = tmp_path / "feed-token"
    token.write_text("a-feed-token-for-this-test-alone-0123456789\n")
    settings, keys = {"SEKISHO_FEED_TOKEN": f"file:{token}"}, None
    if mode == "shared secret":
        secret = tmp_path / "secret"
        secret.write_bytes(b"only-for-this-test-0123456789abcdef")
        secret.chmod(0o600)
        settings["SEKISHO_SIGNING_KEY"] = f"file:{secret}"
        keys = [HmacKey(secret.read_bytes())]
    token.chmod(0o600)
    with Server(tmp_path / "data", settings=settings) as server, pytest.MonkeyPatch.context() as environment:
        assert ask(server.url, "POST", "/v1/accounts", AYA).status == 201
        first, second = (
            ask(server.url, "POST", "/v1/login", {**AYA, "mode": "token"}).json["access_token"]
            for _ in range(2)
        )
        without = Verifier(issuer=server.url, audience="api", keys=keys)
        with pytest.raises(RevocationsUnavailable):
            without.verify(first)
        assert "answered 401" in str(without.feed_status.last_error)
        without.stop()
        environment.setenv("SEKISHO_FEED_TOKEN", f"file:{token}")
        with Verifier(issuer=server.url, audience="api", keys=keys) as using:
            assert using.verify(first, sensitive=True).sub == using.verify(second, sensitive=True).sub
            assert ask(server.url, "POST", "/v1/logout", bearer=first).status == 204
            began = time.monotonic()
            until(lambda: code_of(using, first) == "token_revoked", "refused")
            took = time.monotonic() - began
            assert took < 1.0, f"after {took:.2f} s"
            assert code_of(using, second) is None
            assert (using.feed_status.state, using.feed_status.refused) == ("fresh", 0)


@pytest.mark.requirement("C10")
def test_rights_that_changed_are_stale_and_a_restart_is_followed(tmp_path: Path) -> None:
    """The client refreshes, nobody logs in; while the server is down tokens are judged by what is known."""
    with Server(tmp_path / "data") as server:
        assert ask(server.url, "POST", "/v1/accounts", AYA).status == 201
        pair = ask(server.url, "POST", "/v1/login", {**AYA, "mode": "token"}).json
        text = pair["access_token"]
        with Verifier(issuer=server.url, audience="api") as using:
            assert using.verify(text, sensitive=True).roles == frozenset()
            granted = run("user", "grant", AYA["email"], "clerk", SEKISHO_DATA=str(server.data))
            assert granted.returncode == 0, granted.stderr
            until(lambda: code_of(using, text) == "token_stale", "stale")
            again = {"refresh_token": pair["refresh_token"]}
            renewed = ask(server.url, "POST", "/v1/refresh", again).json["access_token"]
            assert using.verify(renewed, sensitive=True).roles == {"clerk"}
            server.stop()
            until(lambda: using.feed_status.state == "stale", "stale")
            assert code_of(using, text) == "token_stale"
            assert code_of(using, renewed) is None
            server.start()
            until(lambda: using.feed_status.state == "fresh", "fresh")
            assert using.verify(renewed, sensitive=True).roles == {"clerk"}
            assert using.feed_status.gaps == 0


@pytest.mark.requirement("J19")
def test_a_database_that_was_thrown_away_and_made_anew_is_followed(tmp_path: Path) -> None:
    """A verifier that knew the first one hears of a logout in the second, though its numbers begin again."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"only-for-this-test-0123456789abcdef")
    secret.chmod(0o600)
    settings, keys = {"SEKISHO_SIGNING_KEY": f"file:{secret}"}, [HmacKey(secret.read_bytes())]

    def login() -> str:
        assert ask(server.url, "POST", "/v1/accounts", AYA).status == 201
        return str(ask(server.url, "POST", "/v1/login", {**AYA, "mode": "token"}).json["access_token"])

    with Server(tmp_path / "data", settings=settings) as server:
        before = login()
        with Verifier(issuer=server.url, audience="api", keys=keys) as using:
            using.verify(before, sensitive=True)
            assert ask(server.url, "POST", "/v1/logout", bearer=before).status == 204
            until(lambda: code_of(using, before) == "token_revoked", "refused")
            server.stop()
            shutil.rmtree(server.data)
            server.start()
            after = login()
            until(lambda: code_of(using, after) is None, "taken")
            until(lambda: using.feed_status.state == "fresh", "fresh")
            assert ask(server.url, "POST", "/v1/logout", bearer=after).status == 204
            until(lambda: code_of(using, after) == "token_revoked", "refused")
            assert code_of(using, before) == "token_revoked"
