"""The peers on Node: a server, and libraries that check tokens in a process that is asked in turn with ours.

They are installed by npm into a temporary directory at each run, in the versions of `node/package.json`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_FOLDER = Path(__file__).parent / "node"
_INSTALL = ("install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
#: Seconds that npm may take.
_PATIENCE = 300.0


def install(folder: Path) -> str:
    """Put the peers into a folder; why that cannot be, or nothing."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"no {program}"
    shutil.copytree(_FOLDER, folder, dirs_exist_ok=True)
    try:
        subprocess.run(["npm", *_INSTALL], cwd=folder, check=True, capture_output=True, timeout=_PATIENCE)
    except subprocess.SubprocessError as error:
        return f"npm could not install the peers: {type(error).__name__}"
    return ""


def facts() -> str:
    """The versions of Node and of what is installed."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    wanted = json.loads((_FOLDER / "package.json").read_text())["dependencies"]
    return ", ".join([f"Node {version}", *(f"{name} {number}" for name, number in wanted.items())])


class Node:
    """A Node process with the peers, from entry to exit; or the reason why there is none.

    Attributes:
        missing: why nothing can be measured, empty if it can.
        facts: the versions, for the table.
    """

    missing: str
    facts: str

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._process: subprocess.Popen[str] | None = None
        self.missing = install(Path(self._folder.name))
        self.facts = "" if self.missing else facts()
        if not self.missing:
            self._process = subprocess.Popen(
                ["node", "peers.mjs"],
                cwd=self._folder.name,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate()
        self._folder.cleanup()

    def prepare(self, **question: str) -> list[str]:
        """Load the key and the token of one algorithm; the peers that know it, each warmed up."""
        peers: list[str] = self._ask(ask="prepare", **question)["peers"]
        return peers

    def cost(self, alg: str, peer: str, milliseconds: float) -> float:
        """Microseconds of CPU a check, measured for that long."""
        cost: float = self._ask(ask="cost", alg=alg, peer=peer, milliseconds=milliseconds)["microseconds"]
        return cost

    def _ask(self, **question: object) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError(f"there is no Node to ask: {self.missing}")
        process.stdin.write(json.dumps(question) + "\n")
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("Node has ended; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer
