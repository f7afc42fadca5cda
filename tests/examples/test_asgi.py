"""The examples, run against a real server as their own words say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.parts.serving import Server, run

EXAMPLES = Path(__file__).parents[2] / "examples"
PASSWORD = "a checkpoint on the road to Edo"


def load(path: Path) -> Any:  # noqa: ANN401 - a module that nobody imports by name
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_plain_asgi_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lets no stranger in, knows the caller by the token alone, and asks a permission for what changes."""
    data = tmp_path / "data"
    account = {"email": "aya@example.com", "password": PASSWORD}
    with Server(data) as server:
        assert server.ask("POST", "/v1/accounts", account).status == 201
        reader = server.ask("POST", "/v1/login", {**account, "mode": "token"}).json
        allowed = run("user", "allow", "aya@example.com", "orders:write", SEKISHO_DATA=str(data))
        assert allowed.returncode == 0, allowed.stderr
        writer = server.ask("POST", "/v1/login", {**account, "mode": "token"}).json
        monkeypatch.setenv("SEKISHO_ISSUER", server.url)
        app = load(EXAMPLES / "asgi" / "orders.py").make_app()
    # The auth server is gone: what follows is answered without it.
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8001") as client:

        async def ask(method: str, tokens: dict[str, Any] | None = None) -> tuple[int, Any]:
            headers = {"Authorization": f"Bearer {tokens['access_token']}"} if tokens else {}
            answer = await client.request(method, "/", headers=headers)
            body = answer.json()
            return answer.status_code, body.get("code") or body["of"]

        assert await ask("GET") == (401, "token_missing")
        assert await ask("GET", reader) == (200, reader["user"]["id"])
        assert await ask("POST", reader) == (403, "insufficient_scope")
        assert await ask("POST", writer) == (200, writer["user"]["id"])
