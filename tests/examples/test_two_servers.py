"""The example of two servers: every command of its README, typed in a shell, does what stands below it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.parts.examples import EXAMPLES
from tests.parts.ports import free_port
from tests.parts.redis import RedisServer
from tests.parts.serving import environment, wait_until_gone

if TYPE_CHECKING:
    from tests.parts.postgres import PostgresServer

FOLDER = EXAMPLES / "two-servers"
READMES = ("README.md", "README.ja.md")
#: Seconds for all commands together.
PATIENCE = 60


def blocks(readme: str) -> list[tuple[str, str]]:
    """Every block of code, with its language."""
    return re.findall(r"```(\w+)\n(.*?)```", (FOLDER / readme).read_text("utf-8"), re.DOTALL)


def test_both_languages_show_the_same_commands() -> None:
    """Who reads either of them types and sees the same."""
    english, japanese = map(blocks, READMES)
    assert english == japanese
    assert " ".join(language for language, _ in english) == "sh sh sh sh sh text sh text sh json sh"


def run(script: str, folder: Path) -> list[str]:
    """Run it in a copy of the folder; what each part printed. The parts are divided by a line `@@`."""
    for program in ("curl", "openssl"):
        if shutil.which(program) is None:
            assert not os.environ.get("CI"), f"{program} is not installed"
            pytest.skip(f"{program} is not installed")
    site = folder / "site"
    shutil.copytree(FOLDER, site)
    ports = {shown: str(free_port()) for shown in ("8080", "8401", "8402")}
    configuration = site / "nginx.conf"
    configuration.write_text(replaced(configuration.read_text("utf-8"), ports), "utf-8")
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
    output = folder / "output"
    with output.open("w") as file:
        shell = subprocess.Popen(
            ["bash", "-c", replaced(script, ports)],
            cwd=site,
            env=environment(PATH=programs, TMPDIR=str(folder)),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with suppress(subprocess.TimeoutExpired):
                shell.wait(PATIENCE)
        finally:
            # Whatever the commands started is of this group, and ends here even if they did not come so far.
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
            wait_until_gone(shell.pid)
    said = output.read_text("utf-8")
    for shown, used in ports.items():
        said = said.replace(used, shown)
    return said.split("@@\n")


def replaced(text: str, names: dict[str, str]) -> str:
    """The same with other names, which all have to be there."""
    for shown, used in names.items():
        assert shown in text, f"{shown} is not in {text}"
        text = text.replace(shown, used)
    return text


@pytest.mark.nginx
@pytest.mark.parametrize(
    "shared",
    ["SQLite", pytest.param("PostgreSQL and Redis", marks=[pytest.mark.postgres, pytest.mark.redis])],
)
def test_every_command_does_what_it_says(shared: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """In turn, no login lost by a death, and what was logged out stays so on the server that comes back."""
    sqlite, postgres, redis, start, visit, visited, kill, killed, back, refused, end = (
        text for _, text in blocks(READMES[0])
    )
    parts = [start, visit, kill, back, end]
    if shared == "SQLite":
        said = run("\necho @@\n".join([sqlite, *parts]), tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
        with RedisServer() as store:
            names = {
                "postgresql://sekisho@localhost/sekisho": f"'{url}'",
                "redis://localhost:6379/0": store.url,
            }
            shared_by_both = replaced(postgres + redis, names)
            said = run("\necho @@\n".join([shared_by_both, *parts]), tmp_path)
    logs = "".join(file.read_text() for file in (tmp_path / "site").glob("*.log"))
    assert len(said) == len(parts) + 1, "".join(said) + logs
    assert said[2] == visited, logs
    # A second after A was found dead it is tried once more: on a slow machine by any of these requests.
    spared = [line.replace("127.0.0.1:8401, ", "") for line in said[3].splitlines() if " by " in line]
    assert "127.0.0.1:8401, 127.0.0.1:8402" in said[3]
    assert spared == killed.replace("127.0.0.1:8401, ", "").splitlines()
    assert refused.strip() in said[4]
    assert "Traceback" not in logs
