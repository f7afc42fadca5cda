"""The example in plain ASGI, run against a real server as its own words say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.parts.examples import EXAMPLES, running
from tests.parts.serving import Server, ask, run

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "a checkpoint on the road to Edo"


def test_the_plain_asgi_example(tmp_path: Path) -> None:
    """It lets no stranger in, knows the caller by the token alone, and asks a permission for what changes."""
    data = tmp_path / "data"
    account = {"email": "aya@example.com", "password": PASSWORD}
    with Server(data) as server:
        assert server.ask("POST", "/v1/accounts", account).status == 201
        reader = server.ask("POST", "/v1/login", {**account, "mode": "token"}).json
        # Somebody else, because who gets a right has to refresh: her token of before is stale, here too.
        other = {**account, "email": "kiku@example.com"}
        assert server.ask("POST", "/v1/accounts", other).status == 201
        allowed = run("user", "allow", "kiku@example.com", "orders:write", SEKISHO_DATA=str(data))
        assert allowed.returncode == 0, allowed.stderr
        writer = server.ask("POST", "/v1/login", {**other, "mode": "token"}).json
        with running(EXAMPLES / "asgi" / "orders.py", server.url, tmp_path / "log") as url:

            def answer(method: str, tokens: dict[str, Any] | None = None) -> tuple[int, Any]:
                said = ask(url, method, "/", bearer=tokens["access_token"] if tokens else None)
                return said.status, said.json.get("code") or said.json["of"]

            assert answer("GET", reader) == (200, reader["user"]["id"])
            server.stop()
            # The auth server is gone: what follows is answered without it.
            assert answer("GET") == (401, "token_missing")
            assert answer("GET", reader) == (200, reader["user"]["id"])
            assert answer("POST", reader) == (403, "insufficient_scope")
            assert answer("POST", writer) == (200, writer["user"]["id"])
