"""No command prints a secret: every verb there is, on good days and bad, said or raised."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

import click
import pytest
from click.testing import CliRunner

from sekisho.adapters.root_secret import derive_keys
from sekisho.adapters.secrets.secret import Secret
from sekisho.cli.main import tree
from tests.parts.leaks import Wanted, of_token
from tests.parts.serving import Server, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.requirement("H4", "H5")

EMAIL = "aya@example.com"
#: They run until they are stopped; `serve` is run here as a process, and the demo shows its own on purpose.
RUNNING = {("serve",), ("demo",)}


def canary(kind: str) -> str:
    """A secret that says what it is."""
    return f"{kind}+/{secrets.token_urlsafe(36)}="


def private(path: Path, content: str) -> str:
    """A reference to a file with that secret."""
    path.write_text(content)
    path.chmod(0o600)
    return f"file:{path}"


def commands(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every verb, with its parameters."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        elif (*above, name) not in RUNNING:
            yield (*above, name), command


def arguments(command: click.Command, values: Mapping[str, str]) -> list[str]:
    """Whatever it takes, filled in."""
    filled: list[str] = []
    for parameter in command.params:
        value = values.get(parameter.name or "", "unknown")
        if isinstance(parameter, click.Argument):
            filled.append(value)
        elif parameter.name in values:
            filled += [parameter.opts[0], value]
        elif parameter.name == "yes":
            filled.append("--yes")
    return filled


def says(line: list[str], text: str, environ: Mapping[str, str]) -> bytes:
    """All that a command writes, and the exception that ended it, if one did."""
    result = CliRunner().invoke(tree, line, input=text, env=dict(environ))
    return f"{result.stdout}\n{result.stderr}\n{result.exception!r}".encode()


def test_no_command_prints_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Well used, misused, with a database that is away and secrets that are unfit: none shows one."""
    monkeypatch.chdir(tmp_path)  # where a command that takes a file would write one
    signing, root, feed = canary("hs256"), canary("root"), canary("feed")
    password, database = canary("password"), canary("database")
    data = tmp_path / "data"
    settings = {
        "SEKISHO_SIGNING_KEY": private(tmp_path / "signing", signing),
        "SEKISHO_ROOT_SECRET": private(tmp_path / "root", root),
        "SEKISHO_FEED_TOKEN": private(tmp_path / "feed", feed),
    }
    account = {"email": EMAIL, "password": password}
    with Server(data, settings=settings) as server:
        assert server.ask("POST", "/v1/accounts", account).status == 201
        tokens = server.ask("POST", "/v1/login", {**account, "mode": "token"}).json
        assert server.stop() == 0
    keys = derive_keys(Secret(root.encode()))
    seeds = {"signing": signing, "root": root, "feed": feed, "password": password, "database": database}
    found = {name: secret.encode() for name, secret in seeds.items()}
    found |= {f"derived {ring}": getattr(keys, ring).current.secret for ring in ("refresh", "csrf", "device")}
    for name in ("access_token", "refresh_token", "device_token"):
        found |= {f"{part} of {name}": secret for part, secret in of_token(tokens[name].encode()).items()}
    wanted = Wanted(found)

    good = environment(SEKISHO_DATA=str(data), **settings)
    (tmp_path / "open").write_text(signing)
    (tmp_path / "open").chmod(0o644)
    bad = {
        "database away": {
            "SEKISHO_DATABASE_URL": f"postgresql://sekisho:{quote(database, safe='')}@127.0.0.1:1/sekisho"
        },
        "database torn": {"SEKISHO_DATABASE_URL": f"postgresql://sekisho:12/{database}@127.0.0.1:1/sekisho"},
        "store torn": {"SEKISHO_SESSION_STORE_URL": f"redis://:12/{database}@127.0.0.1:1/0"},
        "no database": {"SEKISHO_DATABASE_URL": f"oracle://sekisho:{database}@127.0.0.1/sekisho"},
        "no store": {"SEKISHO_SESSION_STORE_URL": f"redis://:{database}@127.0.0.1:1/x?y"},
        "open to others": {"SEKISHO_SIGNING_KEY": f"file:{tmp_path / 'open'}"},
        "too short": {"SEKISHO_ROOT_SECRET": private(tmp_path / "short", root[:30])},
        "no jwk": {"SEKISHO_SIGNING_KEY": private(tmp_path / "jwk", f'{{"kty": "oct", "k": "{signing}"')},
        "no pem": {"SEKISHO_SIGNING_KEY": private(tmp_path / "pem", f"-----BEGIN X-----\n{signing}\n")},
        "the secret itself": {"SEKISHO_SIGNING_KEY": signing},
        "as a scheme": {"SEKISHO_ROOT_SECRET": f"{root}:x"},
        "another root": {"SEKISHO_ROOT_SECRET": private(tmp_path / "other", feed)},
    }
    values = {
        "email": EMAIL,
        "password_file": "-",
        "group": "staff",
        "role": "admin",
        "permission": "customers:read",
        "session_id": tokens["session_id"],
        "audience": "api",
        "issuer": "http://localhost:8400",
        "key_file": str(tmp_path / "signing"),
    }
    listed = list(commands(tree))
    printed: dict[str, bytes] = {"serve": server.welcome.encode() + server.log.read_bytes()}
    for verb, command in listed:
        text = tokens["access_token"] if verb[0] == "token" else f"{password}\n"
        filled = [*verb, *arguments(command, values)]
        lines = [filled, [*filled, "--json"], list(verb), [*filled, f"--password={password}"]]
        lines += [[*verb, *arguments(command, {**values, "email": str(uuid4()), "key_file": "/nowhere"})]]
        for line in lines:
            printed[" ".join(line)] = says(line, text, good)
        for why, unfit in bad.items():
            printed[f"{' '.join(filled)}: {why}"] = says(filled, text, {**good, **unfit})
        if verb[0] == "token":
            for other in (tokens["refresh_token"], tokens["access_token"][:-2], f"{password}\n"):
                printed[f"{' '.join(filled)} < {other[:5]}"] = says(filled, other, good)
    assert {line: names for line, said in printed.items() if (names := wanted.in_bytes(said))} == {}
    assert len(listed) >= 30
    everything = b"".join(printed.values())
    for expected in (EMAIL.encode(), b"***", b"chmod 600", b"openssl rand", tokens["session_id"].encode()):
        assert expected in everything, expected
