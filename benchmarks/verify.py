"""One access token checked: by sekisho-verify, by its peers in Python and Node, and by the bare parts.

Everybody gets a text of its own for each check, as a request brings one: so a look-up has to hash it first.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice

from joserfc.errors import SecurityWarning

from benchmarks import api
from benchmarks.checks import ALGS, ANEW, KEEPING, LEAN_PARTS, PARTS, SEEN, Check, keeping, subject
from benchmarks.node_peers import Node
from benchmarks.paired import MICROSECONDS, Pairs, Result, in_turn, result

#: How many times faster each must be than its peer, at least.
FASTER = {("HS256", "PyJWT"): 8.0, ("HS256", "joserfc"): 4.0, ("HS256", "fast-jwt"): 1.0}
SEEN_FASTER = 60.0
#: How many times the cost of the parts it may take, at most.
MORE = {"HS256": 1.8, "ES256": 1.15, "EdDSA": 1.15, "RS256": 1.15}
NODE_PEERS = ("fast-jwt", "jsonwebtoken", "jose")

_BATCH = 200
#: Seconds of CPU that one measurement takes at least.
_SPAN = 0.02
#: The same before the first one, for those in Python; those in Node, which have a JIT, get 1.5 (`peers.mjs`).
_WARM_UP = 0.2


def cost(check: Check, texts: Callable[[], list[str]], seconds: float = _SPAN) -> float:
    """Microseconds of CPU a check."""
    spent, checked = 0.0, 0
    while spent < seconds:
        batch = texts()
        began = time.process_time()
        for text in batch:
            check(text)
        spent += time.process_time() - began
        checked += len(batch)
    return spent * MICROSECONDS / checked


def copies(token: str) -> list[str]:
    """Texts of their own, none of which was hashed before."""
    encoded = token.encode()
    return [encoded.decode() for _ in range(_BATCH)]


def run(*, rounds: int = 31) -> Result:
    """Every algorithm, everybody in turn."""
    rows: list[Pairs] = []
    missing: list[str] = []
    with Node() as node, warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # joserfc's, of the name EdDSA
        for alg in ALGS:
            rows += _compare(alg, node, rounds, missing)
    measured = result(rows)
    lines = [line for line in (node.facts, measured.table, *missing) if line]
    return Result("\n".join(lines), measured.holds)


def _compare(alg: str, node: Node, rounds: int, missing: list[str]) -> list[Pairs]:
    everybody = subject(alg)
    sides: dict[str, Callable[[], float]] = {
        name: partial(cost, check, partial(copies, everybody.token))
        for name, check in everybody.checks.items()
    }
    if alg == "HS256":
        check, tokens = keeping()
        others = cycle(tokens)
        sides[KEEPING] = partial(cost, check, lambda: list(islice(others, _BATCH)))
    for name in everybody.checks:
        cost(everybody.checks[name], partial(copies, everybody.token), _WARM_UP)
    known = (
        []
        if node.missing
        else node.prepare(
            alg=alg,
            token=everybody.token,
            forged=everybody.forged,
            key=everybody.key,
            issuer=api.ISSUER,
            audience=api.AUDIENCE,
        )
    )
    for peer in NODE_PEERS:
        if peer in known:
            sides[peer] = partial(node.cost, alg, peer, _SPAN * 1000)
        else:
            missing.append(f"{alg}, {peer}: not measured: {node.missing or f'it does not know {alg}'}")
    found = in_turn(sides, rounds=rounds)

    def pairs(other: str, ours: str, bar: float | None = None, *, faster: bool) -> Pairs:
        return Pairs(f"{alg}, {other}; {ours}", "us CPU", found[other], found[ours], bar, faster=faster)

    rows = [
        pairs(peer, ANEW, FASTER.get((alg, peer)), faster=True)
        for peer in ("PyJWT", "joserfc", *NODE_PEERS)
        if peer in found
    ]
    rows.append(pairs("PyJWT", SEEN, SEEN_FASTER, faster=True))
    rows += [
        pairs(parts, ANEW, MORE.get(alg), faster=False) for parts in (PARTS, LEAN_PARTS) if parts in found
    ]
    if KEEPING in found:
        rows.append(pairs(ANEW, KEEPING, faster=False))
    return rows
