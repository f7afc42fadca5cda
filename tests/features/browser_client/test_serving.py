"""The browser client as it is served: one file, two names, small enough."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import httpx2
import pytest

from sekisho.features.browser_client.plug import browser_client
from tests.house.tree import ROOT
from tests.web.conftest import prepared, server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sekisho.feature import Feature
    from tests.web.served import Served, Server

__all__ = ["prepared", "server"]

CLIENT = (ROOT / "client" / "sekisho.js").read_bytes()
PINNED = f"sekisho-{hashlib.sha256(CLIENT).hexdigest()[:12]}.js"
APPLICATION = "https://app.example.com"


async def get(served: Served, path: str, **headers: str) -> httpx2.Response:
    """Fetch a file, as a browser does."""
    transport = httpx2.ASGITransport(app=served.app)
    async with httpx2.AsyncClient(transport=transport, base_url=served.house.settings.origin) as client:
        return await client.get(path, headers=headers)


def plugged(*_: object) -> list[Feature]:
    """Nothing but the client."""
    return [browser_client()]


@pytest.fixture
async def served(server: Server) -> AsyncIterator[Served]:
    """A server that an application on another origin may ask."""
    async with server(features=plugged, allowed_origins=APPLICATION) as running:
        yield running


async def test_the_file_of_the_package_is_served_under_both_names(served: Served) -> None:
    """Byte for byte; the name that stays is asked for again soon, the other never."""
    newest = await get(served, "/static/sekisho.js")
    pinned = await get(served, f"/static/{newest.headers['content-location']}")
    for answer in (newest, pinned):
        assert (answer.status_code, answer.content) == (200, CLIENT)
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert newest.headers["content-location"] == PINNED
    assert newest.headers["cache-control"] == "public, max-age=300"
    assert pinned.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "content-location" not in pinned.headers


async def test_what_is_newest_is_not_sent_twice(served: Served) -> None:
    """304 to whoever has it, with the name of what that is; the whole to whoever has another one."""
    tag = (await get(served, "/static/sekisho.js")).headers["etag"]
    again = await get(served, "/static/sekisho.js", **{"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["content-location"]) == (304, b"", PINNED)
    other = await get(served, "/static/sekisho.js", **{"If-None-Match": '"older"'})
    assert (other.status_code, other.content) == (200, CLIENT)


@pytest.mark.requirement("H2")
async def test_a_listed_application_may_import_it(served: Served) -> None:
    """A module of another origin is fetched by CORS: for those that are listed, and for nobody else."""
    for origin, allowed in ((APPLICATION, APPLICATION), ("https://evil.example", None)):
        answer = await get(served, "/static/sekisho.js", Origin=origin)
        assert answer.headers.get("access-control-allow-origin") == allowed
        assert "Origin" in answer.headers["vary"]


async def test_a_server_without_stored_sessions_has_it_too(server: Server) -> None:
    """Mode `browser` needs no session rows; pages do."""
    from sekisho.compose import standard_features  # noqa: PLC0415 - what it offers is the question

    def standard(settings: object, clock: object) -> list[Feature]:
        return standard_features(settings, clock=clock)  # type: ignore[arg-type]  # as `Server` hands them over

    async with server(features=standard, refresh_store="none") as served:
        assert (await get(served, "/static/sekisho.js")).content == CLIENT
        assert (await get(served, "/login")).status_code == 404


def test_it_is_small() -> None:
    """At most 2,500 bytes gzipped, as it is written: no build makes it smaller."""
    assert 1_000 < len(gzip.compress(CLIENT, 9)) <= 2_500


def test_a_built_distribution_holds_the_file_itself(tmp_path: Path) -> None:
    """Wheel and source archive alike: a link into another folder would lead nowhere."""
    for target in ("wheel", "sdist"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(tmp_path)],
            cwd=ROOT / "server",
            check=True,
            capture_output=True,
        )
    (wheel,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("sekisho/features/browser_client/sekisho.js") == CLIENT
    with tarfile.open(source) as tarball:
        (member,) = [each for each in tarball if each.name.endswith("/sekisho.js")]
        assert member.isreg()
        content = tarball.extractfile(member)
        assert content is not None
        assert content.read() == CLIENT
