"""What every test may count on: no network, repeatable examples, and real parts or a skip that says why."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.parts import browser, network_guard, nginx, postgres, redis
from tests.parts.browser import BrowserUnavailableError, Chromium
from tests.parts.nginx import NginxUnavailableError
from tests.parts.postgres import PostgresServer, PostgresUnavailableError
from tests.parts.redis import RedisUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["tests.parts.requirements"]

_IN_CI = bool(os.environ.get("CI"))

# No deadline: two shared cores make time a matter of luck, and what must be fast is measured in benchmarks/.
hypothesis.settings.register_profile("here", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.register_profile("long", deadline=None, print_blob=True, max_examples=1000)
hypothesis.settings.load_profile("ci" if _IN_CI else "here")

network_guard.install()


@pytest.fixture(scope="module", autouse=True)
def collected() -> None:
    """Let collections of garbage look at what a module's tests make, and not at what stays of all others.

    Hundreds of tests collect it in full, to see that what nobody holds is gone. Among thousands of collected
    tests and what they leave that took longer than all else that they do.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Fail a test that reached for the network, even where the code under test hid it."""
    network_guard.take_attempts()
    yield
    attempts = network_guard.take_attempts()
    assert not attempts, f"a test may not leave this machine: {attempts}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asyncio is the one event loop that the server runs on."""
    return "asyncio"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked as needing a part that is missing, by its reason; in CI that is a failure."""
    if item.get_closest_marker("postgres"):
        require_postgres()
    if item.get_closest_marker("redis"):
        require_redis()
    if item.get_closest_marker("nginx"):
        require_nginx()
    if item.get_closest_marker("browser"):
        require_browser()


def require_postgres() -> None:
    """Skip the test that asks, unless PostgreSQL can run here."""
    try:
        postgres.require()
    except PostgresUnavailableError as reason:
        if _IN_CI:
            raise
        pytest.skip(f"PostgreSQL: {reason}")


def require_redis() -> None:
    """Skip the test that asks, unless Redis can run here."""
    try:
        redis.require()
    except RedisUnavailableError as reason:
        if _IN_CI:
            raise
        pytest.skip(f"Redis: {reason}")


def require_nginx() -> None:
    """Skip the test that asks, unless nginx can run here."""
    try:
        nginx.require()
    except NginxUnavailableError as reason:
        if _IN_CI:
            raise
        pytest.skip(f"nginx: {reason}")


def require_browser() -> None:
    """Skip the test that asks, unless Chromium can run here."""
    try:
        browser.require()
    except BrowserUnavailableError as reason:
        if _IN_CI:
            raise
        pytest.skip(f"Chromium: {reason}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """A browser of this worker's own; each test has windows of its own in it."""
    require_browser()
    with Chromium() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL cluster of this worker's own."""
    require_postgres()
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh and empty database, dropped after the test."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes and bare objects by their parameter.

    Keys are made anew by each worker and an address is different in each, while all must collect the same
    names; and no report should hold a key.
    """
    return argname if isinstance(val, bytes) or type(val) is object else None
