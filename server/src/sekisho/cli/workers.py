"""Several workers on one socket: replaced when one dies, ended together."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any

from sekisho.cli.fault import Exit
from sekisho.cli.http_server import SIGNALS
from sekisho.cli.processes import Child


def serve_in_workers(
    count: int, serve: Callable[..., None], arguments: tuple[Any, ...], *, ready: Callable[[], None]
) -> Exit:
    """Run `serve(*arguments, ready=..., signals=...)` in `count` processes until a signal asks to stop.

    A worker that dies after it was ready is replaced; one that never became ready ends them all, since the
    next would do no better. `ready` is called once, when all are.
    """
    asked, ask = multiprocessing.Pipe(duplex=False)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        ask.send_bytes(b"stop")

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    workers = [Child(serve, *arguments) for _ in range(count)]
    announced = False
    try:
        while not asked.poll():
            waiting = [worker for worker in workers if not worker.is_ready()]
            if any(worker.process.exitcode is not None for worker in waiting):
                break
            if not (announced or waiting):
                announced = True
                ready()
            wait([asked, *(worker.link for worker in waiting), *(each.process.sentinel for each in workers)])
            workers = [
                worker if worker.process.is_alive() or not worker.is_ready() else Child(serve, *arguments)
                for worker in workers
            ]
    finally:
        _stop(workers, asked)
        for number, handler in before.items():
            signal.signal(number, handler)
    return Exit.OK if all(worker.process.exitcode == 0 for worker in workers) else Exit.FAILED


def _stop(workers: list[Child], asked: Connection) -> None:
    """Ask every worker to finish; a second signal from somebody tired of waiting ends them at once."""
    if asked.poll():
        asked.recv_bytes()
    for worker in workers:
        worker.process.terminate()
    while running := [worker.process for worker in workers if worker.process.is_alive()]:
        if asked in wait([asked, *(process.sentinel for process in running)]):
            asked.recv_bytes()
            for process in running:
                process.kill()
