"""A second start until the first 200, and what an idle server keeps: beside a bare application on uvicorn.

Both are fresh processes, started in turn; the data directory exists, as it does at every start but one.
"""

from __future__ import annotations

import http.client
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.paired import Pairs, Result, measure, result
from benchmarks.process import cpu_clock, installed, resident
from tests.parts.ports import free_port

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
BAR = 2.5
#: MiB: the share of an idle server with one worker.
MEMORY_BAR = 64.0
#: Seconds after which a server that does not answer has failed; and until one that does is called idle.
_PATIENCE = 30.0
_IDLE = 1.0


class Starts:
    """Starts of one command in one folder, each to the first 200 of a path; then it is stopped."""

    def __init__(self, command: list[str], folder: Path, port: int, path: str) -> None:
        self._command = command
        self._folder = folder
        self._port = port
        self._path = path
        self.cpu: list[float] = []
        self.memory: list[float] = []

    def seconds(self) -> float:
        """From the start of the process to the first 200; its CPU until then and its memory are kept."""
        began = time.perf_counter()
        process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=installed(self._folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not self._answers():
                if process.poll() is not None or time.perf_counter() - began > _PATIENCE:
                    raise RuntimeError(f"did not start: {' '.join(self._command)}")
                time.sleep(0.002)
            took = time.perf_counter() - began
            self.cpu.append(time.clock_gettime(cpu_clock(process.pid)))
            time.sleep(_IDLE)
            self.memory.append(resident(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
        return took

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        try:
            connection.request("GET", self._path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def run(*, rounds: int = 12) -> Result:
    """Compare time and memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bare.py").write_text(BARE)
        port = free_port()
        uvicorn = [sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port), "--no-access-log"]
        serve = [sys.executable, "-m", "sekisho", "serve", "--port", str(port)]
        bare, ours = Starts(uvicorn, folder, port, "/"), Starts(serve, folder, port, "/healthz")
        times = measure(
            "second start, SQLite", unit="s", other=bare.seconds, ours=ours.seconds, rounds=rounds, bar=BAR
        )
    memory = Pairs("idle, one worker", "MiB PSS", bare.memory[1:], ours.memory[1:])
    cpu = Pairs("second start, SQLite", "s CPU", bare.cpu[1:], ours.cpu[1:])
    all_of_it = result([times, cpu, memory])
    kept = statistics.median(ours.memory)
    verdict = f"idle memory {kept:.1f} MiB, bar {MEMORY_BAR:g}: {'holds' if kept <= MEMORY_BAR else 'MISSED'}"
    return Result(f"{all_of_it.table}\n{verdict}", all_of_it.holds and kept <= MEMORY_BAR)
