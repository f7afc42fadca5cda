"""Liveness, readiness, counts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sekisho.web import routes_operating
from sekisho.web.metrics import DURATION, LOGINS, Metrics
from tests.web.served import EMAIL, PASSWORD, Served, bearer

if TYPE_CHECKING:
    from pathlib import Path


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What Prometheus reads out of it."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


async def test_a_running_server_is_ready(served: Served) -> None:
    """Both answer 200 without a credential."""
    for path in ("/healthz", "/readyz"):
        assert (await served.client.get(path)).json() == {"status": "ok"}


async def test_readiness_does_not_wait_for_ever(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that takes longer than our patience is a server that is not ready."""
    monkeypatch.setattr(routes_operating, "PATIENCE", 0.0)
    answer = await served.client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_what_happened_is_counted(served: Served) -> None:
    """Requests by declared route, logins and refreshes by how they ended, ends of sessions by reason."""
    await served.register()
    tokens = await served.login()
    wrong = {"email": EMAIL, "password": "wrong", "mode": "token"}
    await served.client.post("/v1/login", json=wrong)
    await served.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
    await served.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
    served.clock.now += 60
    await served.client.post("/v1/refresh", json={"refresh_token": tokens["refresh_token"]})
    await served.client.delete(f"/v1/sessions/{tokens['session_id']}", headers=bearer(tokens))
    second = await served.login()
    await served.client.post("/v1/logout", headers=bearer(second))
    await served.client.get("/made/up/by/a/scanner")
    await served.client.request("MADEUP", "/healthz")
    answer = await served.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.content)
    expected = {
        ("sekisho_logins_total", (("result", "ok"),)): 2,
        ("sekisho_logins_total", (("result", "invalid_credentials"),)): 1,
        ("sekisho_refreshes_total", (("verdict", "rotated"),)): 1,
        ("sekisho_refreshes_total", (("verdict", "replayed"),)): 1,
        ("sekisho_refreshes_total", (("verdict", "refresh_reused"),)): 1,
        ("sekisho_revocations_total", (("why", "reused"),)): 1,
        ("sekisho_revocations_total", (("why", "logout"),)): 1,
        ("sekisho_refusals_total", (("code", "session_revoked"), ("route", "/v1/sessions/{id}"))): 1,
        ("sekisho_refusals_total", (("code", "not_found"), ("route", "(none)"))): 1,
        ("sekisho_requests_total", (("method", "POST"), ("route", "/v1/login"), ("status", "200"))): 2,
        ("sekisho_requests_total", (("method", "GET"), ("route", "(none)"), ("status", "404"))): 1,
        ("sekisho_requests_total", (("method", "other"), ("route", "/healthz"), ("status", "405"))): 1,
        ("sekisho_request_duration_seconds_count", (("route", "/v1/login"),)): 3,
        ("sekisho_request_duration_seconds_bucket", (("le", "+Inf"), ("route", "/v1/login"))): 3,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert PASSWORD not in answer.text
    assert EMAIL not in answer.text


def test_a_duration_counts_in_every_bucket_above_it() -> None:
    """Prometheus' histograms are cumulative, and a bound belongs to its own bucket."""
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.3, 60.0):
        metrics.request("GET", "/x", "200", seconds)
    found = samples(metrics.text())
    buckets = [
        found["sekisho_request_duration_seconds_bucket", (("le", str(le)), ("route", "/x"))]
        for le in (0.001, 0.25, 0.5, 5.0, "+Inf")
    ]
    assert buckets == [2, 2, 3, 3, 4]
    assert found["sekisho_request_duration_seconds_sum", (("route", "/x"),)] == pytest.approx(60.3015)
    assert DURATION.buckets == tuple(sorted(DURATION.buckets))


def test_workers_add_up(tmp_path: Path) -> None:
    """Whoever is asked tells the counts of all, those of a worker that has ended included."""
    one, two, ended = (Metrics(worker=name, directory=tmp_path) for name in ("1", "2", "0"))
    for metrics, times in ((one, 1), (two, 2), (ended, 4)):
        for _ in range(times):
            metrics.count(LOGINS, "ok")
    two.share()
    ended.share()
    (tmp_path / "3.json").write_bytes(b"half a fi")
    key = ("sekisho_logins_total", (("result", "ok"),))
    assert samples(one.text())[key] == 7
    assert samples(two.text())[key] == 6, "what the first has not shared yet is not known"
    one.share()
    assert samples(two.text())[key] == 7


async def test_a_worker_shares_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a request, soon, and once for many: an idle server writes nothing."""
    shared = asyncio.Event()
    monkeypatch.setattr("sekisho.web.metrics.SHARE_AFTER", 0.0)
    metrics = Metrics(worker="1", directory=tmp_path)
    for _ in range(3):
        metrics.request("GET", "/x", "200", 0.1)
    asyncio.get_running_loop().call_later(0.0, shared.set)
    await shared.wait()
    found = samples(Metrics(worker="2", directory=tmp_path).text())
    assert found["sekisho_requests_total", (("method", "GET"), ("route", "/x"), ("status", "200"))] == 3


def test_the_hash_queue_is_a_gauge() -> None:
    """Read when it is asked for."""
    waiting = [0.0]
    metrics = Metrics(hash_queue=lambda: waiting[0])
    waiting[0] = 3.0
    assert samples(metrics.text())["sekisho_password_hash_queue", ()] == 3
