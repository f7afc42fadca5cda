"""What `import sekisho_verify` takes in a fresh interpreter that has imported msgspec, which it needs anyway.

CPU time, so that a busy machine does not count.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.paired import Pairs, Result, in_turn, result
from benchmarks.process import installed

#: Milliseconds of CPU that may be added.
BAR = 30.0

_TIMED = """
import time
{before}
began = time.process_time()
{timed}
print((time.process_time() - began) * 1000)
"""
_SMALL = "from sekisho_verify import HmacKey, TokenRefused, Verifier"
_WHOLE = "from sekisho_verify import EcKey"


def run(*, rounds: int = 21) -> Result:
    """A fresh interpreter each time, with compiled modules."""
    with tempfile.TemporaryDirectory() as name:
        environ = installed(Path(name))
        found = in_turn(
            {
                "msgspec": lambda: _milliseconds("", "import msgspec", environ),
                "ours": lambda: _milliseconds("import msgspec", _SMALL, environ),
                "a key pair": lambda: _milliseconds(_SMALL, _WHOLE, environ),
            },
            rounds=rounds,
        )
    rows = [
        Pairs("import msgspec; sekisho_verify on top", "ms CPU", found["msgspec"], found["ours"]),
        Pairs(
            "sekisho_verify; a key pair's cryptography on top", "ms CPU", found["ours"], found["a key pair"]
        ),
    ]
    added = statistics.median(found["ours"])
    verdict = f"added {added:.1f} ms, bar {BAR:g}: {'holds' if added <= BAR else 'MISSED'}"
    return Result(f"{result(rows).table}\n{verdict}", added <= BAR)


def _milliseconds(before: str, timed: str, environ: Mapping[str, str]) -> float:
    code = _TIMED.format(before=before, timed=timed)
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    return float(ran.stdout)
