"""An issuer on this machine whose answers the test writes, and ways to wait for what the background does."""

from __future__ import annotations

import json
import logging
import queue
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from sekisho_verify import background
from sekisho_verify.jwks import METADATA_PATH
from tests.verify.tokens import EC, public

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sekisho_verify import HmacKey, SigningKey
    from sekisho_verify.keys import VerificationKey

PATIENCE: Final = 30.0
"""Seconds after which a test that waits for something has failed."""


class Issuer(ThreadingHTTPServer):
    """A server whose answers the test writes: path to status, headers and body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.arrivals: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.open = threading.Event()
        self.open.set()
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.publish(METADATA_PATH, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        self.publish_keys(EC)

    def publish(self, path: str, body: Any, status: int = 200, **headers: str) -> None:  # noqa: ANN401 -- JSON
        """Answer `path` with a JSON body, or with bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.pages[path] = (status, headers, raw)

    def publish_keys(self, *keys: SigningKey) -> None:
        """Answer with the public part of these keys."""
        self.publish("/keys", {"keys": [key.public.to_jwk() for key in keys]})

    def fail(self) -> None:
        """Answer 503, until keys are published again."""
        self.publish("/keys", {}, 503)

    @property
    def fetches(self) -> int:
        """How often somebody has begun to look for the keys."""
        return self.asked.count(METADATA_PATH)


class _Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.arrivals.put(self.path)
        self.server.open.wait(PATIENCE)
        status, headers, body = self.server.pages.get(self.path, (404, {}, b"{}"))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Keep the test's output clean."""


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """An issuer with one key, for the time of a test."""
    server = Issuer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.open.set()
        server.shutdown()
        thread.join()
        server.server_close()


class SteadyClock:
    """A clock that never steps but when the test moves it, and then wakes whoever counts by it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass, and be noticed."""
        self.now += seconds
        background.wake()


class Watch(logging.Handler):
    """What sources of keys say in the log, one by one, so that a test can wait for the next."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said: queue.SimpleQueue[str] = queue.SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.said.put(record.getMessage())

    def next(self) -> str:
        """The next line, once it is there."""
        return self.said.get(timeout=PATIENCE)


@contextmanager
def watched() -> Iterator[Watch]:
    """Hear what sources of keys log."""
    log, watch = logging.getLogger("sekisho_verify.keys"), Watch()
    before = log.level
    log.addHandler(watch)
    log.setLevel(logging.INFO)
    try:
        yield watch
    finally:
        log.removeHandler(watch)
        log.setLevel(before)


class Taker:
    """Takes the keys of a source as a verifier does, and lets a test wait for the next ones."""

    def __init__(self) -> None:
        self.taken: queue.SimpleQueue[tuple[tuple[VerificationKey, ...], float]] = queue.SimpleQueue()

    def take(self, keys: tuple[VerificationKey, ...], remaining: float) -> None:
        """The keys as they are now."""
        self.taken.put((keys, remaining))

    def next(self) -> tuple[str, ...]:
        """The ids of the keys handed over next."""
        return tuple(key.kid for key in self.taken.get(timeout=PATIENCE)[0])


def upkeep_threads() -> list[threading.Thread]:
    """The threads that keep keys fresh, of this process."""
    return [thread for thread in threading.enumerate() if thread.name == background.THREAD_NAME]


def wait_until_at_rest() -> None:
    """Until the thread has ended, since nothing is looked after any more, and each load that it had begun."""
    for thread in threading.enumerate():
        if thread.name.startswith(background.THREAD_NAME):
            thread.join(PATIENCE)
            assert not thread.is_alive()


def kids(*keys: HmacKey | SigningKey) -> tuple[str, ...]:
    """The ids by which tokens name these keys."""
    return tuple(public(key).kid for key in keys)
