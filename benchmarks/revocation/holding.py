"""A verifier that takes a snapshot and holds it; a program that `check_cost.memory` runs.

    python -m benchmarks.revocation.holding FILE

MiB of memory go to stdout: before, when it is taken, and at the highest meanwhile.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sekisho_verify import HmacKey, Verifier
from sekisho_verify.revocations.live import Revocations
from sekisho_verify.revocations.sealed import FeedSeals

ISSUER = "https://id.example.com"
#: A secret of the benchmark, which protects nothing.
KEY = HmacKey(b"a shared secret of the benchmark, which protects nothing", alg="HS256")


def main(file: Path) -> None:
    """Do it as the reader of the feed does: bytes, seal, entries."""
    revocations = Revocations()
    verifier = Verifier(issuer=ISSUER, audience="api", keys=[KEY], feed=revocations)
    seals = FeedSeals([KEY], issuer=ISSUER, leaked=revocations.leaked)
    before, _ = _sizes()
    revocations.apply(seals.snapshot(file.read_bytes().decode()))
    assert verifier.feed is not None
    assert verifier.feed.entry_count == 1_000_000
    print(before, *_sizes())


def _sizes() -> tuple[float, float]:
    """MiB of all pages that are in memory, shared ones too: now, and at the highest (proc(5))."""
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    now, highest = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, highest


if __name__ == "__main__":
    main(Path(sys.argv[1]))
