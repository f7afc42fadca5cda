"""The teaching setting: what it changes, and that nothing but the demo can choose it."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest

from sekisho.compose import create_app
from sekisho.features.demo.own_memory import own_memory
from sekisho.settings import SETTINGS, Settings, SettingsRefused, read_settings
from tests.house.tree import SERVER, python_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ACCOUNT = {"email": "aya@example.com", "password": "a checkpoint on the road to Edo"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of server A, with its root secret in a file."""
    secret = tmp_path / "root-secret"
    secret.touch(mode=0o600)
    secret.write_text("for this test and nothing else: " + "0" * 32)
    return read_settings(
        {
            "SEKISHO_DATA": str(tmp_path / "a"),
            "SEKISHO_ROOT_SECRET": f"file:{secret}",
            "SEKISHO_PASSWORD_PROFILE": "OWASP_7MIB_T5",
        }
    )


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """The real server, and somebody who asks it."""
    app = create_app(settings)
    await app.open()
    try:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=settings.issuer) as client:
            yield client
    finally:
        await app.close()


def test_only_where_it_stores_is_its_own(settings: Settings) -> None:
    """Keys, issuer and time-outs are A's; directory and database are new, and gone at the end."""
    with own_memory(settings) as its_own:
        changed = {
            each for each in Settings.__struct_fields__ if getattr(its_own, each) != getattr(settings, each)
        }
        assert changed == {"data", "database_url"}
        assert its_own.data.is_dir()
        assert its_own.database_url == f"sqlite:///{its_own.data}/sekisho.db"
    assert not its_own.data.exists()


def test_a_secret_of_its_own_would_teach_something_else(tmp_path: Path) -> None:
    """Without a shared root secret B would refuse A's cookie for its seal: it says so and does not start."""
    lone = read_settings({"SEKISHO_DATA": str(tmp_path / "a")})
    with pytest.raises(ValueError, match=r"^the root secret has to be shared$"), own_memory(lone):
        pass
    assert list(tmp_path.iterdir()) == []


async def test_the_cookie_is_refused_for_want_of_its_session_alone(settings: Settings) -> None:
    """B takes the seal of A's cookie and the CSRF token bound to it; what it does not find is the session."""
    with own_memory(settings) as its_own:
        async with served(settings) as a, served(its_own) as b:
            assert (await a.post("/v1/accounts", json=ACCOUNT)).status_code == 201
            before = (await a.get("/v1/csrf")).json()["csrf_token"]
            login = {**ACCOUNT, "mode": "session"}
            answer = await a.post("/v1/login", json=login, headers={"Sekisho-CSRF": before})
            csrf: str = answer.json()["csrf_token"]
            cookie = {"Cookie": f"sekisho={a.cookies['sekisho']}"}
            assert (await a.get("/v1/me")).json()["session_id"] == answer.json()["session_id"]
            refused = await b.get("/v1/me", headers=cookie)
            assert (refused.status_code, refused.json()["code"]) == (401, "session_unknown")
            # Changing something is what the CSRF token is asked for, and B knows it for one of that cookie.
            forged = await b.post("/v1/logout", headers={**cookie, "Sekisho-CSRF": before})
            assert (forged.status_code, forged.json()["code"]) == (403, "csrf_failed")
            taken = await b.post("/v1/logout", headers={**cookie, "Sekisho-CSRF": csrf})
            assert taken.status_code == 204
            # What B says about a session that it does not have ends nothing.
            assert (await a.get("/v1/me")).status_code == 200


def test_only_the_demo_knows_of_it() -> None:
    """The demo's two lists of servers import it; the server that `serve` runs never loads it."""
    name = "sekisho.features.demo.own_memory"
    knows: set[str] = set()
    for path in python_files(SERVER):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = (
                [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
                if isinstance(node, ast.ImportFrom)
                else [each.name for each in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            if name in names:
                knows.add(path.relative_to(SERVER).as_posix())
    assert knows == {"cli/demo_servers.py", "cli/stage_servers.py"}
    loaded = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys, sekisho.cli.serve, sekisho.compose; print([x for x in sys.modules if 'demo' in x])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.strip() == "[]", "the server loads the demo"


@pytest.mark.parametrize("url", ["memory:", "memory://", "process:", ""])
def test_no_setting_leads_to_it(url: str, tmp_path: Path) -> None:
    """Neither setting of a store takes memory for one, and `create_app` is handed no store at all."""
    for setting in ("SEKISHO_SESSION_STORE_URL", "SEKISHO_DATABASE_URL"):
        with pytest.raises(SettingsRefused) as refused:
            read_settings({"SEKISHO_DATA": str(tmp_path), setting: url})
        assert [fault.name for fault in refused.value.faults] == [setting]
    assert not [setting.name for setting in SETTINGS if "MEMORY" in setting.name]
    parameters = inspect.signature(create_app).parameters
    assert not [name for name in parameters if "store" in name or "memory" in name or "sessions" in name]
