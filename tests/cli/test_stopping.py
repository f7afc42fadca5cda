"""A process that waits to be told to stop, and the signals that come while it begins to wait."""

from __future__ import annotations

import subprocess
import sys

#: Signals at every microsecond of the way into the wait.
WAITS = """
import signal
from sekisho.cli import demo_servers
demo_servers._GLANCE = 0.01
for number in range(3000):
    over = demo_servers.told_to_stop([signal.SIGALRM])
    signal.setitimer(signal.ITIMER_REAL, (number % 60 + 1) * 1e-6)
    over.wait()
    assert over.told(within=0)
print("heard")
"""


def test_a_signal_is_heard_whenever_it_comes() -> None:
    """Before the wait, in the middle of its beginning, or during it: three thousand times."""
    ran = subprocess.run(
        [sys.executable, "-c", WAITS], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.stdout, ran.returncode) == ("heard\n", 0), ran.stderr
