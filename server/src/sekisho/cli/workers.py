"""Several workers on one socket: replaced when one dies, ended together."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from socket import socket
from types import FrameType

from sekisho.cli.fault import Exit
from sekisho.cli.http_server import SIGNALS
from sekisho.cli.processes import Child
from sekisho.settings import Settings


def serve_in_workers(
    count: int,
    serve: Callable[..., None],
    settings: Settings,
    sockets: list[socket],
    *,
    ready: Callable[[], None],
) -> Exit:
    """Run `serve(settings, sockets, ready=..., signals=...)` in `count` processes until a signal stops them.

    A worker that dies after it was ready is replaced; one that never became ready ends them all, since the
    next would do no better. `ready` is called once, when all are.
    """
    asked, ask = multiprocessing.Pipe(duplex=False)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        ask.send_bytes(b"stop")

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    workers = [Child(serve, settings, sockets) for _ in range(count)]
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
                worker
                if worker.process.is_alive() or not worker.is_ready()
                else Child(serve, settings, sockets)
                for worker in workers
            ]
    finally:
        # The last holder of a socket keeps it listening: callers would queue up for workers that are going.
        for opened in sockets:
            opened.close()
        _stop(workers, asked)
        for number, handler in before.items():
            signal.signal(number, handler)
    return Exit.OK if all(_ended_well(worker) for worker in workers) else Exit.FAILED


def _ended_well(worker: Child) -> bool:
    """Whether it stopped by itself, or was told to before it had begun to serve anybody."""
    early = worker.process.exitcode == -signal.SIGTERM and not worker.is_ready()
    return early or worker.process.exitcode == Exit.OK


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
