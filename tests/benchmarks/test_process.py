"""Servers that are measured: nobody finds one running afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import process
from benchmarks.process import Served

if TYPE_CHECKING:
    from collections.abc import Sequence

#: It is ready at once, and a polite request to stop is nothing to it.
_STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""


def test_a_server_that_does_not_stop_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the run is told of it: what it left undone may be what it was measured without."""
    monkeypatch.setattr(process, "_PATIENCE", 0.05)
    program: Sequence[str] = (sys.executable, "-c", _STUBBORN)
    stubborn = Served("stubborn", tmp_path, {}, program=program)
    with pytest.raises(subprocess.TimeoutExpired), stubborn:
        assert Path(f"/proc/{stubborn.pid}").exists()
    assert not Path(f"/proc/{stubborn.pid}").exists()
