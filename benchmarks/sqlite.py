"""Refresh on SQLite, which is what a new server runs on: how many a second, at how many clients."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.load import converse
from benchmarks.paired import MICROSECONDS, Result, aligned
from benchmarks.process import Served
from benchmarks.refresh import Chain, register

CLIENTS = (1, 8, 64)


def run(*, rounds: int = 7, requests: int = 1920) -> Result:
    """Measure each number of clients; the clients share the machine with the server."""
    rows: list[tuple[str, ...]] = [("", "refreshes/s", "lowest - highest", "us CPU each")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = {
            "SEKISHO_DATA": str(folder / "data"),
            "SEKISHO_SESSION_MAX": "365d",
            "SEKISHO_LOG_FORMAT": "json",
        }
        with Served("sekisho-stepping", folder, environ) as server:
            email = register(server.port, 0)
            for clients in CLIENTS:
                chains = [Chain(server.port, email) for _ in range(clients)]
                rates, costs = _measure(server, chains, rounds, requests)
                rows.append(
                    (
                        f"refresh, SQLite, {clients} at a time",
                        f"{statistics.median(rates):.0f}",
                        f"{min(rates):.0f} - {max(rates):.0f}",
                        f"{statistics.median(costs):.0f}",
                    )
                )
    return Result(aligned(rows))


def _measure(
    server: Served, chains: list[Chain], rounds: int, requests: int
) -> tuple[list[float], list[float]]:
    rates: list[float] = []
    costs: list[float] = []
    converse(server.port, chains, requests=requests // 4)
    for _ in range(rounds):
        before, began = server.cpu(), time.perf_counter()
        converse(server.port, chains, requests=requests)
        rates.append(requests / (time.perf_counter() - began))
        costs.append((server.cpu() - before) * MICROSECONDS / requests)
    return rates, costs
