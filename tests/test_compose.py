"""The house as a whole: opened by a lifespan or by the first request, with features, swept and closed."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from sekisho import upkeep
from sekisho.adapters.sql import sessions
from sekisho.adapters.sql.operation import Operation
from sekisho.compose import create_app
from sekisho.feature import Feature
from sekisho.house import entry_horizon
from sekisho.settings import Settings, SettingsRefused, read_settings
from sekisho.web.lifespan import Application


def settings(tmp_path: Path, **chosen: str) -> Settings:
    """Settings for a data directory of the test's own."""
    environ = {f"SEKISHO_{key.upper()}": value for key, value in chosen.items()}
    return read_settings({"SEKISHO_DATA": str(tmp_path / "data"), **environ})


def client(app: object) -> httpx2.AsyncClient:
    """A client of an application in this process."""
    transport = httpx2.ASGITransport(app=app)  # type: ignore[arg-type]  # any ASGI application
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost:8400")


@asynccontextmanager
async def lifespan(app: Application) -> AsyncIterator[list[str]]:
    """Speak the lifespan protocol as a server does; yields what the application answers."""
    to_app: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    answers: asyncio.Queue[str] = asyncio.Queue()
    said: list[str] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        said.append(message["type"])
        answers.put_nowait(message["type"])

    running = asyncio.create_task(app({"type": "lifespan"}, to_app.get, send))
    to_app.put_nowait({"type": "lifespan.startup"})
    await answers.get()
    yield said
    to_app.put_nowait({"type": "lifespan.shutdown"})
    await running


async def test_a_server_opens_and_closes_it(tmp_path: Path) -> None:
    """What the first run makes is there when the start is complete, and the end is clean."""
    app = create_app(settings(tmp_path))
    async with lifespan(app) as said:
        assert said == ["lifespan.startup.complete"]
        assert (tmp_path / "data" / "sekisho.db").exists()
        async with client(app) as browser:
            assert (await browser.get("/readyz")).status_code == 200
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    """A readable data directory is refused by the lifespan, not at the first request."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    app = create_app(settings(tmp_path))
    said: list[dict[str, str]] = []

    async def receive() -> dict[str, object]:
        return {"type": "lifespan.startup"}

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        said.append(message)

    await app({"type": "lifespan"}, receive, send)
    assert said[0]["type"] == "lifespan.startup.failed"
    assert f"chmod 700 {data}" in said[0]["message"]


async def test_a_framework_that_mounts_it_may_forget_the_lifespan(tmp_path: Path) -> None:
    """Under any path of another application the first requests open it, once."""
    app = create_app(settings(tmp_path, issuer="http://localhost:8400/auth"))
    host = Starlette(routes=[Mount("/auth", app=app)])
    async with client(host) as browser:
        answers = await asyncio.gather(*(browser.get("/auth/healthz") for _ in range(8)))
        assert {answer.status_code for answer in answers} == {200}
        keys = (await browser.get("/auth/.well-known/jwks.json")).json()["keys"]
        assert len(keys) == 1
    await app.close()


@pytest.mark.requirement("H6")
async def test_a_mounted_application_that_cannot_open_says_so_and_tries_again(tmp_path: Path) -> None:
    """No 500 and no trace: `unavailable` with its code and request id, until what was wrong is put right."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    app = create_app(settings(tmp_path))
    async with client(app) as browser:
        answer = await browser.get("/v1/me", headers={"Accept-Language": "ja"})
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["content-language"] == "ja"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        data.chmod(0o700)
        assert (await browser.get("/readyz")).status_code == 200
    await app.close()


async def test_features_bring_routes_and_keep_things_open(tmp_path: Path) -> None:
    """What a feature serves is served, and what it keeps open is open exactly as long."""
    open_now: list[str] = []

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        open_now.append("tea")
        yield
        open_now.clear()

    async def tea(_: Request) -> PlainTextResponse:
        return PlainTextResponse(" ".join(open_now))

    feature = Feature(name="tea", routes=(Route("/tea", tea),), running=running)
    app = create_app(settings(tmp_path), features=[feature])
    async with client(app) as browser:
        assert (await browser.get("/tea")).text == "tea"
        assert (await browser.get("/coffee")).json()["code"] == "not_found"
    await app.close()
    assert open_now == []


async def test_a_server_has_pages_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    """Features left out are the standard ones, an empty list is none; none without stored sessions either."""
    for chosen, features, status in (
        ({}, None, 200),
        ({}, [], 404),
        ({"refresh_store": "none"}, None, 404),
    ):
        app = create_app(settings(tmp_path, **chosen), features=features)
        async with client(app) as browser:
            answer = await browser.get("/login")
            assert (answer.status_code, "<form" in answer.text) == (status, status == 200)
        await app.close()


async def test_workers_add_up_their_counts(tmp_path: Path) -> None:
    """Whichever worker is scraped tells of all of them, and of the passwords that wait."""
    counts = tmp_path / "counts"
    counts.mkdir()
    (counts / "another.json").write_text('[[["sekisho_logins_total", "ok"], 41.0]]')
    app = create_app(settings(tmp_path), metrics_directory=counts)
    async with client(app) as browser:
        text = (await browser.get("/metrics")).text
    await app.close()
    assert 'sekisho_logins_total{result="ok"} 41.0' in text
    assert "sekisho_password_hash_queue 0.0" in text


async def test_what_nobody_needs_is_swept_without_a_cron_job(tmp_path: Path) -> None:
    """The server deletes a session past its end when it starts, and goes on looking."""
    now = 1_800_000_000.0
    chosen = settings(tmp_path)
    async with client(app := create_app(chosen, clock=lambda: now)) as browser:
        person = {"email": "aya@example.com", "password": "a checkpoint on the road"}
        assert (await browser.post("/v1/accounts", json=person)).status_code == 201
        tokens = (await browser.post("/v1/login", json={**person, "mode": "token"})).json()
    await app.close()
    presented = {"refresh_token": tokens["refresh_token"]}
    for later, code in ((chosen.session_max - 1, "refresh_expired"), (chosen.session_max, "refresh_unknown")):
        app = create_app(chosen, clock=lambda later=later: now + later)  # type: ignore[misc]  # bound at once
        async with client(app) as browser:
            codes = set()
            while code not in codes:
                codes.add((await browser.post("/v1/refresh", json=presented)).json()["code"])
                assert codes <= {"refresh_expired", code}
        await app.close()


async def test_a_sweep_that_fails_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours in one step does not end the sweeping for good, without a word."""
    loop, again, sweep = asyncio.get_running_loop(), asyncio.Event(), sessions.sweep
    steps = itertools.count()

    def fails_once(*, now: float, limit: int) -> Operation[int]:
        if next(steps) == 0:
            raise ZeroDivisionError
        loop.call_soon_threadsafe(again.set)
        return sweep(now=now, limit=limit)

    monkeypatch.setattr(sessions, "sweep", fails_once)
    monkeypatch.setattr(upkeep, "SWEEP_EVERY", 0.0)
    app = create_app(settings(tmp_path))
    await app.open()
    await asyncio.wait_for(again.wait(), 60)
    await app.close()
    (told,) = [record for record in caplog.records if str(record.msg).startswith("sweep_failed")]
    assert told.exc_info is not None
    assert told.exc_info[0] is ZeroDivisionError


def test_an_entry_lives_as_long_as_any_token_it_can_hit(tmp_path: Path) -> None:
    """Access tokens where sessions are stored; refresh tokens, which live for days, where none is."""
    assert entry_horizon(settings(tmp_path)) == 900 + 10 + 60
    assert entry_horizon(settings(tmp_path, refresh_store="none")) == 7 * 86_400 + 10 + 60


def test_settings_are_refused_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Embedded, the settings come from the environment, and a fault is named at once."""
    monkeypatch.setenv("SEKISHO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SEKISHO_ACCESS_TTLL", "5m")
    with pytest.raises(SettingsRefused, match="SEKISHO_ACCESS_TTL"):
        create_app()
    assert not (tmp_path / "data").exists()
