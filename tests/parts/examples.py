"""The examples, each run as a person would: by the command line in its own docstring."""

from __future__ import annotations

import ast
import os
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.parts.ports import free_port
from tests.parts.serving import environment, until

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
SHOPS = sorted(EXAMPLES.glob("*/shop.py"))
PORT = "8001"


def command(example: Path) -> list[str]:
    """The one command line of a docstring that names the port."""
    words = ast.get_docstring(ast.parse(example.read_text("utf-8"))) or ""
    (line,) = (line for line in words.splitlines() if line.startswith("    ") and PORT in line)
    return shlex.split(line)


@contextmanager
def running(example: Path, issuer: str, log: Path, *more: str) -> Iterator[str]:
    """An example that trusts an issuer, listening; its URL. `more` is added to its command line."""
    program, *arguments = command(example)
    with listening([program, *more, *arguments], example.parent, issuer, log) as url:
        yield url


@contextmanager
def listening(words: list[str], folder: Path, issuer: str, log: Path) -> Iterator[str]:
    """A program that would listen on 8001, listening on another port; its URL."""
    port = free_port()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with log.open("w") as file:
        process = subprocess.Popen(
            [word.replace(PORT, str(port)) for word in words],
            cwd=folder,
            env=environment(SEKISHO_ISSUER=issuer, PATH=path, PYTHONDONTWRITEBYTECODE="1"),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until(lambda: _listens(process, port, log), f"{words[0]} listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _listens(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, log.read_text("utf-8")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
