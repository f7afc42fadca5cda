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

#: What a start on SQLite that migrates nothing does without, and who loads it when it is needed.
LATER: Final = {
    "alembic": "a migration",
    "sqlalchemy": "a migration",
    "boto3": "a secret in AWS",
    "psycopg": "a database that is PostgreSQL",
    "redis": "a session store that is Redis",
    "jinja2": "the first page",
    "prometheus_client": "the first scrape",
    "email_validator": "the first address",
    "argon2": "the first password",
    "zxcvbn_rs_py": "the first new password",
    "rich": "what is printed for a person at a screen",
    "starlette": "a feature with routes of Starlette, and another origin",
    "tomllib": "a sekisho.toml that says something",
    "zipfile": "nothing: it comes with importlib.metadata, which the version is not asked of",
    "httpx2": "nothing: it is the tests' own",
}

# A second start, in an interpreter that tells what it has when it would announce that it listens.
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


@pytest.fixture(scope="module")
def second_start(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sequence[str]]:
    """The names of all modules that it has loaded, and of the frozen dataclasses that it has defined."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")}
    folder, told = tmp_path_factory.mktemp("start"), ""
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, "-c", TOLD],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        told = ran.stdout
    found: Mapping[str, Sequence[str]] = json.loads(told)
    return found


def test_a_start_loads_nothing_that_can_wait(second_start: Mapping[str, Sequence[str]]) -> None:
    """Whoever needs it loads it; what a server may never need, no start pays for."""
    loaded = {name.partition(".")[0] for name in second_start["modules"]}
    assert {name: LATER[name] for name in LATER.keys() & loaded} == {}
    assert {"sekisho", "uvicorn", "msgspec"} <= loaded


def test_a_start_defines_no_frozen_dataclass_of_ours(second_start: Mapping[str, Sequence[str]]) -> None:
    """Values are `Frozen`: a frozen dataclass with slots takes fifty times as long to define."""
    assert [name for name in second_start["frozen"] if name.startswith("sekisho")] == []
    assert "__main__.Seen" in second_start["frozen"], "one that is there is seen"
