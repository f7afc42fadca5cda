"""A clock that never steps, and goes on while the machine sleeps.

After a night with the lid closed, one that had slept too would call what was known yesterday fresh.
"""

from __future__ import annotations

import sys
import time

if sys.platform == "linux":

    def steady() -> float:
        """Seconds since some moment of the past."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)
elif sys.platform == "darwin":

    def steady() -> float:
        """Seconds since some moment of the past."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # time.monotonic stops there with the machine
else:
    steady = time.monotonic
