"""How long a second start takes until the first 200, and what an idle server keeps: beside a bare uvicorn.

Both are fresh processes, started in turn on one machine; the bars are a ratio of 2.5 and 64 MiB (PSS, what
the process would give back if it ended).

    python -m benchmarks.start [ROUNDS]
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""
RATIO = 2.5
MEBIBYTES = 64
_PATIENCE = 30.0


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def proportional(pid: int) -> float:
    """MiB of memory that are this process's own share (Linux)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def start(command: list[str], folder: Path, port: int, path: str) -> tuple[float, float]:
    """Seconds from the start of the process to the first 200, and its MiB when idle afterwards."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not answers(port, path):
            if process.poll() is not None or time.perf_counter() - began > _PATIENCE:
                raise SystemExit(f"did not start: {' '.join(command)}")
            time.sleep(0.002)
        took = time.perf_counter() - began
        time.sleep(1)
        return took, proportional(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def main(rounds: int = 9) -> None:
    """Measure both in turn, and say whether the bars hold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bare.py").write_text(BARE)
        port = free_port()
        bare = [sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port), "--no-access-log"]
        ours = [sys.executable, "-m", "sekisho", "serve", "--port", str(port)]
        for variable in [name for name in os.environ if name.startswith("SEKISHO_")]:
            del os.environ[variable]
        # As installed: compiled once. An editable checkout may be told not to keep what it compiled.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        start(bare, folder, port, "/")
        first, _ = start(ours, folder, port, "/healthz")
        print(f"first start, which makes keys and schema: {first:.2f} s")
        times: dict[str, list[float]] = {"bare": [], "ours": []}
        memory: dict[str, list[float]] = {"bare": [], "ours": []}
        for _ in range(rounds):
            for kind, command, path in (("bare", bare, "/"), ("ours", ours, "/healthz")):
                took, kept = start(command, folder, port, path)
                times[kind].append(took)
                memory[kind].append(kept)
    for kind in ("bare", "ours"):
        best, middle = min(times[kind]), statistics.median(times[kind])
        print(
            f"{kind}: min {best:.3f} s, median {middle:.3f} s, {statistics.median(memory[kind]):.1f} MiB PSS"
        )
    ratio = statistics.median(times["ours"]) / statistics.median(times["bare"])
    kept = statistics.median(memory["ours"])
    print(f"ratio of medians {ratio:.2f} (bar {RATIO}); {kept:.1f} MiB idle (bar {MEBIBYTES})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
