"""The feed in real processes: forked before and after it began, under gunicorn, and at the very end."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.parts.own_process import finish, script
from tests.parts.serving import until
from tests.verify.feed_issuer import PATIENCE, FeedIssuer, running_feed

if TYPE_CHECKING:
    from collections.abc import Iterator

PRELUDE = """
import os, sys, threading
from sekisho_verify import TokenRefused, Verifier
from tests.parts.own_process import in_child, succeeded
from tests.parts.serving import until
from tests.verify.feed_issuer import PATIENCE, feed_threads, wait_until_no_feed

url, text = sys.argv[1:]
using = Verifier(issuer=url, audience="api")

def refused():
    try:
        using.verify(text)
    except TokenRefused as refused:
        return refused.code == "token_revoked"
    return False
"""


@pytest.fixture
def issuer() -> Iterator[FeedIssuer]:
    """A running issuer with a feed."""
    with running_feed() as server:
        yield server


FORK_WARM = """
assert using.verify(text, sensitive=True).sid
assert len(feed_threads()) == 1

def child():
    assert feed_threads() == []
    assert not using.ready
    assert using.verify(text, sensitive=True).sid
    assert len(feed_threads()) == 1
    print("warm", flush=True)
    until(refused, "revoked in the child")
    using.stop()
    wait_until_no_feed()

pid = in_child(child)
assert len(feed_threads()) == 1
assert succeeded(pid)
until(refused, "revoked in the parent")
"""


@pytest.mark.requirement("J19")
def test_a_fork_of_a_warm_process_follows_the_feed(issuer: FeedIssuer) -> None:
    """The child has lost the thread, and does not go on by what its parent knew: it has its own at once."""
    process = script(PRELUDE + FORK_WARM, issuer.url, issuer.access_token(sid="s1"))
    assert process.stdout is not None
    assert process.stdout.readline() == "warm\n"
    until(lambda: issuer.streams == 2, "one stream each")
    issuer.revoke("session", "s1")
    finish(process)


EXIT = """
threading.Thread(target=using.start, daemon=True).start()
sys.stdin.readline()
"""


@pytest.mark.parametrize("loading", [True, False])
def test_an_interpreter_ends_without_a_word(issuer: FeedIssuer, loading: bool) -> None:  # noqa: FBT001 -- a parameter of the table above
    """At exit neither the thread, nor what it waits for, holds the process up or complains."""
    if loading:
        issuer.gate.clear()
    process = script(PRELUDE + EXIT, issuer.url, "")
    until(lambda: bool(issuer.asked) if loading else issuer.streams == 1, "it has begun")
    assert finish(process, "end\n") == ""


NO_THREADS = """
from sekisho_verify import RevocationsUnavailable, HmacKey
alone = Verifier(issuer=url, audience="api", keys=[HmacKey(bytes(range(32)))])
threading.stack_size(1 << 46)  # no machine has that much
try:
    alone.verify(text)
except RevocationsUnavailable as error:
    print(error.detail)
threading.stack_size(0)
"""


def test_where_no_thread_can_be_had_it_is_said(issuer: FeedIssuer) -> None:
    """503 rather than tokens that nobody looks up."""
    out = finish(script(PRELUDE + NO_THREADS, issuer.url, "a.b.c"))
    assert out.startswith("no thread to follow the feed with: can't start new thread")


APPLICATION = """
import os
from sekisho_verify import Verifier
from sekisho_verify.wsgi import BearerGuard

verifier = Verifier(issuer=os.environ["ISSUER"], audience="api")
if os.environ["WARM"]:
    verifier.start()

def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

app = BearerGuard(hello, verifier=verifier, sensitive=True)
"""


@pytest.mark.parametrize("warm", ["", "1"])
def test_a_pre_fork_server_follows_the_feed_in_every_worker(
    issuer: FeedIssuer, warm: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Under gunicorn with --preload, used before the fork or not: revoked is refused by each worker."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "site_app.py").write_text(APPLICATION)
    text = issuer.access_token(sid="s1")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:0"),
            *("--chdir", str(folder), "--no-control-socket", "site_app:app"),
        ],
        env={**os.environ, "ISSUER": issuer.url, "WARM": warm},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        port = listening_port(process)
        workers: dict[str, int] = {}

        def both_answered() -> bool:
            status, body = ask(port, text)
            workers[body] = status
            return len(workers) == 2

        until(both_answered, "both workers have answered")
        assert set(workers.values()) == {200}
        issuer.revoke("session", "s1")
        until(lambda: [ask(port, text)[0] for _ in range(20)] == [401] * 20, "refused by both")
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def listening_port(process: subprocess.Popen[str]) -> int:
    """The port that a server says it listens on."""
    assert process.stderr is not None
    for line in process.stderr:
        if "Listening at" in line:
            return int(line.rpartition(":")[2].split()[0])
    raise AssertionError("it does not listen")


def ask(port: int, text: str) -> tuple[int, str]:
    """Status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/", headers={"Authorization": f"Bearer {text}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
