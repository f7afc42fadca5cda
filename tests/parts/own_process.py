"""A process of its own for a test that forks: a fork of the test's would copy the threads of every other."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING

from tests.house import tree

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30.0
"""Seconds after which a process that should have ended has failed."""


def script(text: str, *arguments: str) -> subprocess.Popen[str]:
    """A process that runs `text`, and takes what it is told from its input."""
    return subprocess.Popen(
        [sys.executable, "-c", text, *arguments],
        cwd=tree.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], said: str = "") -> str:
    """Let a process go on to its end, which must be a clean one; what it printed."""
    out, err = process.communicate(said, timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    return out


def in_child(act: Callable[[], object]) -> int:
    """Fork, and let the child do that and nothing else; its id."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001 -- a child that went on would be the test a second time
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


def succeeded(pid: int) -> bool:
    """Whether a child came to a good end, once it has come to one."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
