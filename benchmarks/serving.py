"""What every server of ours here begins with: its settings, its clock, and the word that it is ready.

It loads no server: the memory of each is measured.
"""

from __future__ import annotations

import itertools
import os
import signal
import time

from msgspec.structs import replace

from sekisho.adapters.password_hashes import PROFILES
from sekisho.ports import Clock
from sekisho.settings import Settings, read_settings
from tests.parts.cheapest_hash import CHEAPEST

SIGNALS = (signal.SIGTERM,)
#: Seconds that pass between two readings of the clock: above the refresh grace, so that each refresh rotates.
STEP = 20.0


def ready() -> None:
    """Tell the parent."""
    print("ready", flush=True)


def stepping() -> Clock:
    """A clock that goes on by `STEP` at each reading: clients need not wait for the grace to pass."""
    return itertools.count(time.time(), STEP).__next__


def settings() -> Settings:
    """The settings of the environment, with passwords that cost next to nothing: it is not they that count.

    No setting names that profile, since it is worth nothing against a thief.
    """
    PROFILES["CHEAPEST"] = CHEAPEST
    return replace(read_settings(os.environ), password_profile="CHEAPEST")
