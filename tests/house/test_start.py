"""What `sekisho serve` has loaded when it listens: everybody pays for it at every start and restart.

What each thing costs: docs/decisions/0011-what-a-start-costs.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: What a start does without, the first one too, and who loads it when it is needed.
LATER: Final = {
    "alembic": "a database with an older schema",
    "sqlalchemy": "a database with an older schema",
    "boto3": "a secret in AWS",
    "redis": "a session store that is Redis",
    "jinja2": "the first page",
    "prometheus_client": "the first scrape",
    "email_validator": "the first address",
    "argon2": "the first password",
    "zxcvbn_rs_py": "the first new password",
    "rich": "what is printed for a person at a screen",
    "starlette": "a feature with routes of Starlette, and another origin",
    "tomllib": "a sekisho.toml that says something",
    "httpx2": "nothing: it is the tests' own",
}

#: What only one kind of database needs: psycopg asks `importlib.metadata`, which unpacks, for its version.
DRIVERS: Final = {"sqlite": {"sqlite3"}, "postgresql": {"psycopg", "zipfile"}}

# A start, in an interpreter that tells what it has when it would announce that it listens.
TOLD = """
import dataclasses, gc, json, os, signal, socket, sys
from sekisho.cli.auth_server import serve_auth
import sekisho.cli.main, sekisho.cli.serve  # the rest of what `sekisho serve` loads
from sekisho.settings import read_settings

@dataclasses.dataclass(frozen=True)
class Seen:
    pass

def ready():
    made = [each for each in gc.get_objects() if isinstance(each, type) and dataclasses.is_dataclass(each)]
    frozen = [f"{each.__module__}.{each.__qualname__}" for each in made if each.__dataclass_params__.frozen]
    print(json.dumps({"modules": sorted(sys.modules), "frozen": frozen}), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

sockets = [socket.create_server(("127.0.0.1", 0))]
serve_auth(read_settings(os.environ), sockets, ready=ready, signals=(signal.SIGTERM,))
"""


def starts(folder: Path, **settings: str) -> list[Mapping[str, Sequence[str]]]:
    """What a first start and a second one have: the names of all modules, and of all frozen dataclasses."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")}
    told = [
        subprocess.run(
            [sys.executable, "-c", TOLD],
            cwd=folder,
            env=environ | settings,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for _ in range(2)
    ]
    return [json.loads(each) for each in told]


def early(found: Mapping[str, Sequence[str]], *, database: str) -> Mapping[str, str]:
    """What is loaded although it can wait, with who needs it."""
    loaded = {name.partition(".")[0] for name in found["modules"]}
    assert {"sekisho", "uvicorn", "msgspec"} | DRIVERS[database] <= loaded
    others = {each: f"a database that is {kind}" for kind, driver in DRIVERS.items() for each in driver}
    later = {name: why for name, why in (LATER | others).items() if name not in DRIVERS[database]}
    return {name: later[name] for name in later.keys() & loaded}


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> list[Mapping[str, Sequence[str]]]:
    """A first start and a second one, with no settings."""
    return starts(tmp_path_factory.mktemp("start"))


def test_a_start_loads_nothing_that_can_wait(on_sqlite: list[Mapping[str, Sequence[str]]]) -> None:
    """Whoever needs it loads it; what a server may never need, no start pays for."""
    assert [early(found, database="sqlite") for found in on_sqlite] == [{}, {}]


@pytest.mark.postgres
def test_a_start_on_postgresql_loads_no_sqlite(tmp_path: Path, postgres_url: str) -> None:
    """Nor anything else that can wait."""
    found = starts(
        tmp_path,
        SEKISHO_DATABASE_URL=postgres_url,
        SEKISHO_ROOT_SECRET="env:SAMPLE_ROOT_SECRET",
        SAMPLE_ROOT_SECRET="a root secret of a test, which protects nothing",
    )
    assert [early(each, database="postgresql") for each in found] == [{}, {}]


def test_a_start_defines_no_frozen_dataclass_of_ours(on_sqlite: list[Mapping[str, Sequence[str]]]) -> None:
    """Values are `Frozen`: a frozen dataclass with slots takes fifty times as long to define."""
    frozen = on_sqlite[1]["frozen"]
    assert [name for name in frozen if name.startswith("sekisho")] == []
    assert "__main__.Seen" in frozen, "one that is there is seen"
