"""Ten million mutated tokens: none may be accepted, nothing but TokenRefused raised. Not in the suite.

    python -m tests.verify.mutate                       # ten million on two processes, some minutes
    python -m tests.verify.mutate --seed S --first N    # go on where a run had ended

Exit code 1 if anything was found, 130 if interrupted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from typing import Final

from tests.verify.mutations import trial

SIZE: Final = 5000
"""Texts of one round."""
# Half of the texts get as far as the signature, which costs 1 us for HMAC and 100 us for Ed25519: so most are
# HMAC, and each of the others has its share.
ROUNDS: Final = (
    *("HS256", "ES256", "HS384", "RS256", "HS256", "EdDSA", "HS512", "HS256", "ES256", "PS256"),
    *("HS256", "RS256", "HS384", "HS256", "EdDSA", "HS256", "HS512", "ES256", "HS256", "HS256"),
)


def round_of(seed: str, number: int) -> tuple[int, str, Counter[str], int, list[str]]:
    """One round: its number and algorithm, the refusals by code, unchanged texts, and finds."""
    alg = ROUNDS[number % len(ROUNDS)]
    verdicts = trial(alg, seed=f"{seed} {number}", count=SIZE)
    return number, alg, verdicts.refused, verdicts.same, verdicts.found


def _one(work: tuple[str, int]) -> tuple[int, str, Counter[str], int, list[str]]:
    return round_of(*work)


def main(arguments: list[str] | None = None) -> int:
    """Run the rounds and print what became of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=10_000_000, help="how many (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--seed", default=os.urandom(4).hex(), help="of an earlier run, to repeat it")
    parser.add_argument("--first", type=int, default=0, help="the round to begin with")
    options = parser.parse_args(arguments)
    rounds = range(options.first, -(-options.texts // SIZE))
    say(f"seed {options.seed}, rounds {rounds.start} to {rounds.stop - 1} of {SIZE} texts")
    refused: Counter[str] = Counter()
    by_alg: Counter[str] = Counter()
    same, found, following, begin = 0, 0, rounds.start, time.monotonic()
    try:
        # An interrupt is for this process to report: the others are ended by it.
        ignoring = (signal.SIGINT, signal.SIG_IGN)
        with multiprocessing.get_context("spawn").Pool(options.jobs, signal.signal, ignoring) as pool:
            work = ((options.seed, number) for number in rounds)
            for number, alg, codes, unchanged, finds in pool.imap(_one, work):
                refused += codes
                by_alg[alg] += SIZE
                same, found, following = same + unchanged, found + len(finds), number + 1
                for find in finds:
                    say(f"FOUND in round {number}: {find}")
                if following % 100 == 0 or following == rounds.stop:
                    rate = by_alg.total() / (time.monotonic() - begin)
                    say(f"{following}/{rounds.stop} rounds, {rate:,.0f} texts a second, {found} found")
    except KeyboardInterrupt:
        say(f"interrupted; go on with --seed {options.seed} --first {following} --texts {options.texts}")
        return 130
    say(f"{by_alg.total():,} texts in {time.monotonic() - begin:.0f} s: {dict(sorted(by_alg.items()))}")
    say(f"refused {refused.total():,}: {dict(refused.most_common())}; unchanged {same:,}; found {found}")
    return 1 if found else 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
