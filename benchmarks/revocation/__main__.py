"""How soon a revocation is known everywhere, and what that costs: `python -m benchmarks.revocation`."""

from __future__ import annotations

import sys

from benchmarks.bars import main

NAMES = ["revocation", "revocation-check", "idle-streams", "mint-race"]

if __name__ == "__main__":
    sys.exit(main(NAMES))
