"""What `sekisho --help` takes, beside an interpreter that does nothing: shells run a program at every TAB.

CPU time, so that a busy machine does not count; on an idle one it is what passes.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.paired import Pairs, Result, in_turn, result
from benchmarks.process import installed

#: Milliseconds of CPU, the interpreter's own start included.
BAR = 150.0

_HELP = (sys.executable, "-m", "sekisho", "--help")
_NOTHING = (sys.executable, "-c", "")


def run(*, rounds: int = 21) -> Result:
    """A fresh process each time, with compiled modules."""
    with tempfile.TemporaryDirectory() as name:
        environ = installed(Path(name))
        sides = {
            "nothing": lambda: _milliseconds(_NOTHING, environ),
            "help": lambda: _milliseconds(_HELP, environ),
        }
        found = in_turn(sides, rounds=rounds)
    row = Pairs("sekisho --help; python -c ''", "ms CPU", found["nothing"], found["help"])
    took = statistics.median(row.ours)
    verdict = f"{took:.0f} ms, bar {BAR:g}: {'holds' if took <= BAR else 'MISSED'}"
    return Result(f"{result([row]).table}\n{verdict}", took <= BAR)


def _milliseconds(command: tuple[str, ...], environ: Mapping[str, str]) -> float:
    """The CPU time of a process, user and system, as the kernel counts it at its end."""
    output = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(command[0], command, environ, file_actions=output)
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"ended with {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    return (used.ru_utime + used.ru_stime) * 1000
