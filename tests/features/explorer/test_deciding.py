"""The last chapter: whatever is answered, what it prints starts a server."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import httpx2
import psycopg
import pytest
from psycopg import sql

from sekisho.adapters.data_directory import make_directory, write_private
from sekisho.adapters.settings_file import load_settings
from sekisho.compose import create_app
from sekisho.features.explorer.deciding import QUESTIONS, decide
from sekisho.rules.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.postgres import PostgresServer

EVERY = [dict(zip(QUESTIONS, each, strict=True)) for each in itertools.product(*QUESTIONS.values())]


def configurations(scale: str) -> list[str]:
    """Every different one that is printed for that scale."""
    return sorted({str(decide(answers)["toml"]) for answers in EVERY if answers["scale"] == scale})


@pytest.fixture
def sekisho_database(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PostgreSQL whose place the environment says, with the database that `createdb sekisho` makes."""
    url = postgres_server.url("postgres")
    place = psycopg.conninfo.conninfo_to_dict(url)
    for name in ("host", "port", "user", "password"):
        if name in place:
            monkeypatch.setenv(f"PG{name.upper()}", str(place[name]))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE sekisho"))
        yield
        connection.execute(sql.SQL("DROP DATABASE sekisho WITH (FORCE)"))


async def started(toml: str, folder: Path) -> dict[str, Any]:
    """What a server on that file says of its readiness and of itself."""
    data = folder / "sekisho-data"
    make_directory(data)
    write_private(data / "sekisho.toml", toml.encode())
    settings = load_settings({"SEKISHO_DATA": str(data), "SEKISHO_PASSWORD_PROFILE": "OWASP_7MIB_T5"})
    app = create_app(settings)
    await app.open()
    try:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=settings.issuer) as client:
            ready = await client.get("/readyz")
            assert ready.status_code == 200, ready.text
            keys = await client.get("/.well-known/jwks.json")
            return {"keys": keys.json()["keys"], "settings": settings}
    finally:
        await app.close()


@pytest.mark.parametrize("toml", configurations("one"))
async def test_what_is_printed_for_one_server_starts_one(
    toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an empty folder, with nothing else set: it is ready, and publishes an ES256 key."""
    monkeypatch.chdir(tmp_path)
    found = await started(toml, tmp_path)
    assert [key["alg"] for key in found["keys"]] == ["ES256"]
    assert found["settings"].sqlite_path is not None


@pytest.mark.postgres
@pytest.mark.usefixtures("sekisho_database")
@pytest.mark.parametrize("toml", configurations("many"))
async def test_what_is_printed_for_many_servers_starts_one(
    toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the commands beside it, which make the database and the secret that all of them share."""
    monkeypatch.chdir(tmp_path)
    make_directory(tmp_path / "sekisho-data")
    write_private(
        tmp_path / "sekisho-data" / "root-secret", b"0123456789abcdef0123456789abcdef0123456789ab\n"
    )
    found = await started(toml, tmp_path)
    assert found["settings"].database_url == "postgresql:///sekisho"


@pytest.mark.parametrize(
    ("where", "hosts", "revoke", "mode"),
    [
        ("pages", "one", "second", "session"),
        ("pages", "one", "now", "session"),
        ("pages", "many", "second", "browser"),
        ("spa", "one", "second", "browser"),
        ("spa", "one", "now", "session"),
        ("spa", "many", "now", "browser"),
        ("mobile", "one", "now", "token"),
        ("services", "many", "expiry", "token"),
    ],
)
def test_the_way_to_carry_a_login_follows_from_the_answers(
    where: str, hosts: str, revoke: str, mode: str
) -> None:
    """A cookie where it reaches everything; no refresh token where a script could read it; else tokens."""
    answers = {"where": where, "hosts": hosts, "revoke": revoke, "scale": "one", "keys": "ours"}
    decided = decide(answers)
    assert decided["choose"] == mode
    assert decided["reasons"] == [f"{question}_{answer}" for question, answer in answers.items()]


def test_the_commands_hold_the_very_configuration() -> None:
    """What is pasted writes the file that is shown, and is closed by a word that is not in it."""
    for answers in EVERY:
        decided = decide(answers)
        toml, command = str(decided["toml"]), str(decided["command"])
        assert f"<<'END'\n{toml}END\n" in command
        assert "END" not in toml
        assert ("createdb sekisho" in command) == (answers["scale"] == "many")


def test_the_lines_for_an_api_can_be_run() -> None:
    """As they stand, for every combination of answers."""
    for lines in sorted({str(decide(answers)["python"]) for answers in EVERY}):
        names: dict[str, Any] = {}
        exec(compile(lines, "printed", "exec"), names)  # noqa: S102 - what is printed to be run
        assert names["verifier"].audience == "api"
        assert callable(names["who"])


@pytest.mark.parametrize("answers", [{}, {**EVERY[0], "where": "moon"}])
def test_an_answer_that_is_none_is_refused(answers: dict[str, str]) -> None:
    """Nothing is recommended by guess."""
    with pytest.raises(Refusal) as refused:
        decide(answers)
    assert refused.value.code == "validation_failed"
    assert refused.value.errors[0].pointer == "/answers/where"
