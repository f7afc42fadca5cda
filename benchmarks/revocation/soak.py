"""200 verifiers, two nodes, PostgreSQL, 50 logouts a second; a node dies, then the database stands still.

From the commit of each logout, by the database's own record of it, until each verifier refuses the session's
access token: all on one machine and by one clock. Every pair of a logout and a verifier counts; one in which
the token is not refused is missed.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.load import call, converse
from benchmarks.paired import Result
from benchmarks.refresh import environ, login_request, register
from benchmarks.revocation.heard import Heard, Soaked
from benchmarks.revocation.logouts import Logouts
from benchmarks.revocation.node import Node
from benchmarks.revocation.watching import Report, Setup, watch
from sekisho_verify.revocations.entries import entry_key
from tests.parts.postgres import PostgresServer

ISSUER, AUDIENCE = "http://localhost:8400", "api"
PROCESSES, VERIFIERS = 4, 50
EVERY = 1 / 50
#: Logouts while all is well, with a node dying and coming back among them, and after the pause.
STEADY, DEATH, AFTER = 1000, 700, 250
#: Logouts that somebody tries while the database stands still, and for how many seconds it does.
DURING, PAUSE = 8, 6.0
#: Seconds: p99 of commit to refused while all is well, and among what was committed around a node's death.
BAR, DEATH_BAR = 0.5, 1.0
#: Seconds before and after the death that are around it.
_AROUND = (0.5, 2.0)
#: Seconds after the last logout, after which one that is not refused is missed.
_PATIENCE = 15.0
_ACCOUNTS = 20


@dataclass(frozen=True, slots=True)
class _Session:
    token: str
    key: bytes


class _Logins:
    """One client that opens sessions, one after another."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.sessions: list[_Session] = []

    def ask(self) -> bytes:
        return self._request

    def hear(self, answer: dict[str, Any]) -> None:
        self.sessions.append(_Session(answer["access_token"], entry_key("session", answer["session_id"])))


class _Soak:
    """The run, step by step."""

    def __init__(self, postgres: PostgresServer, url: str, nodes: tuple[Node, Node]) -> None:
        self._postgres = postgres
        self._url = url
        self._nodes = nodes
        self._pipes: list[Connection] = []
        #: When the node was killed (POSIX seconds).
        self._death = 0.0
        self._recovery = 0.0
        self._states: Counter[str] = Counter()
        self._careful = 0
        self._cpu: list[str] = []

    def run(self) -> Soaked:
        count = STEADY + DEATH + AFTER + DURING
        _say(f"opening {count} sessions")
        *sessions, control = _opened(self._nodes[0].port, count + 1)
        jwks = call(self._nodes[0].port, b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        setup = Setup(
            issuer=ISSUER,
            audience=AUDIENCE,
            jwks=jwks,
            urls=[node.feed for node in self._nodes],
            count=VERIFIERS,
            control=control.token,
        )
        with _watchers(setup) as self._pipes:
            tokens = {number: session.token for number, session in enumerate(sessions)}
            logouts = Logouts(self._nodes, tokens, self._expect)
            asyncio.run(self._phases(logouts))
            _say("until everybody has heard of everything")
            reports = self._settle(count)
            said = sum((_asked(pipe, "sample") for pipe in self._pipes), Counter[str]())
        return self._result(_commits(self._url), sessions, reports, said, logouts)

    async def _phases(self, logouts: Logouts) -> None:
        numbers = iter(range(STEADY + DEATH + AFTER + DURING))
        _say("all is well")
        before = self._clocks()
        await logouts.at_pace(_next(numbers, STEADY), every=EVERY)
        took = STEADY * EVERY
        self._cpu = [f"{(now - then) / took:.0%}" for then, now in zip(before, self._clocks(), strict=True)]
        _say("one node is killed, and started again")
        killing = asyncio.create_task(self._kill_and_restart())
        await logouts.at_pace(_next(numbers, DEATH), every=EVERY)
        await killing
        await asyncio.to_thread(self._settle, STEADY + DEATH)
        _say("the database stands still")
        held = _next(numbers, DURING)
        self._expect({number: logouts.tokens[number] for number in held})
        with _stopped(self._postgres.pid):
            for number in held:
                logouts.begin(number)
            await asyncio.sleep(PAUSE)
            for report in self._reports():
                self._states += Counter(report.states)
                self._careful += report.careful
        began = time.monotonic()
        await logouts.done()
        await asyncio.to_thread(self._settle, STEADY + DEATH + DURING)
        self._recovery = time.monotonic() - began
        _say("and goes on")
        await logouts.at_pace(_next(numbers, AFTER), every=EVERY)

    async def _kill_and_restart(self) -> None:
        third = DEATH * EVERY / 3
        await asyncio.sleep(1 + third)
        self._death = time.time()
        self._nodes[0].end(signal.SIGKILL)
        await asyncio.sleep(third)
        await asyncio.to_thread(self._nodes[0].start)

    def _clocks(self) -> list[float]:
        """Seconds of CPU so far: of each node, of all verifiers, and of what was watching them."""
        reports = self._reports()
        following = sum(report.cpu - report.watching for report in reports)
        return [*(node.cpu() for node in self._nodes), following, sum(report.watching for report in reports)]

    def _expect(self, tokens: Mapping[int, str]) -> None:
        for pipe in self._pipes:
            pipe.send(tokens)

    def _reports(self) -> list[Report]:
        return [_asked(pipe, "report") for pipe in self._pipes]

    def _settle(self, count: int) -> list[Report]:
        """The reports when so many logouts are known everywhere and all is fresh, or patience has ended."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            reports = self._reports()
            seen = sum(len(times) for report in reports for times in report.refused.values())
            fresh = sum(report.states.get("fresh", 0) for report in reports)
            whole = seen == count * PROCESSES * VERIFIERS and fresh == PROCESSES * VERIFIERS
            if whole or time.monotonic() > deadline:
                return reports
            time.sleep(0.2)

    def _result(
        self,
        commits: Mapping[bytes, float],
        sessions: Sequence[_Session],
        reports: Sequence[Report],
        said: Counter[str],
        logouts: Logouts,
    ) -> Soaked:
        delays = {
            number: (commits[session.key], _refusals(number, reports))
            for number, session in enumerate(sessions)
        }
        around = range(STEADY, STEADY + DEATH)
        first, last = self._death - _AROUND[0], self._death + _AROUND[1]
        dying = [number for number in around if first <= delays[number][0] <= last]
        groups = {
            "all is well": ([*range(STEADY)], BAR),
            "committed around the death of a node": (dying, DEATH_BAR),
            "it is gone, and comes back": ([number for number in around if number not in dying], DEATH_BAR),
            "tried while the database stood still": ([*range(STEADY + DEATH, STEADY + DEATH + DURING)], None),
            "after that": ([*range(STEADY + DEATH + DURING, len(sessions))], BAR),
        }
        heard = [
            _heard(name, len(numbers), [at - delays[n][0] for n in numbers for at in delays[n][1]], bar)
            for name, (numbers, bar) in groups.items()
        ]
        answered = [at - logouts.answered[n] for n in range(STEADY) for at in delays[n][1]]
        pairs = len(sessions) * PROCESSES * VERIFIERS
        unlike = {verdict: count for verdict, count in said.items() if verdict != "token_revoked"}
        careful = self._careful == self._states.total() == PROCESSES * VERIFIERS
        recovered = all(set(report.states) == {"fresh"} for report in reports)
        unsealed = sum(report.unsealed for report in reports)
        gaps, late = sum(report.gaps for report in reports), max(report.late for report in reports) * 1000
        lines = [
            f"asked again by a whole `verify`: {dict(said)}",
            f"while the database stood still: {dict(self._states)}; sensitive routes refuse: {self._careful}",
            f"all fresh, and told of what was tried meanwhile, {self._recovery:.1f} s after it went on",
            f"all fresh at the end: {recovered}; numbers missing, so that a snapshot was fetched: {gaps}",
            f"answers that were not 204: {len(logouts.other)}; latest pass of a watcher: {late:.0f} ms late",
            "of a core while all was well: nodes {} and {}, all verifiers {}, and {} to watch them".format(
                *self._cpu
            ),
        ]
        return Soaked(
            PROCESSES * VERIFIERS,
            heard,
            pairs,
            missed=pairs - sum(len(times) for _, times in delays.values()),
            false=[text for report in reports for text in report.false],
            after_answer=(_ms(answered, 50), _ms(answered, 99)),
            lines=lines,
            sound=not unlike and not unsealed and careful and recovered,
        )


def run() -> Result:
    """As one of the bars."""
    found = soak()
    return Result(found.table, found.holds)


def soak() -> Soaked:
    """Make everything, run, and take it down."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = {"track_commit_timestamp": "on"}
        postgres = stack.enter_context(PostgresServer(durable=True, settings=settings))
        url = postgres.url(postgres.create_database())
        names = environ(folder, database=url, alg="ES256")
        first = stack.enter_context(Node("first", folder, names))
        second = stack.enter_context(Node("second", folder, names))
        return _Soak(postgres, url, (first, second)).run()


def _opened(port: int, count: int) -> list[_Session]:
    """So many sessions of some accounts."""
    clients = [_Logins(login_request(register(port, number))) for number in range(_ACCOUNTS)]
    converse(port, clients, requests=-(-count // _ACCOUNTS) * _ACCOUNTS)
    return [session for client in clients for session in client.sessions][:count]


@contextmanager
def _watchers(setup: Setup) -> Generator[list[Connection]]:
    """The processes with the verifiers, by their pipes."""
    _say(f"starting {PROCESSES * setup.count} verifiers")
    context = multiprocessing.get_context("spawn")
    ends = [context.Pipe() for _ in range(PROCESSES)]
    processes = [context.Process(target=watch, args=(theirs, setup), daemon=True) for _, theirs in ends]
    for process, (_, theirs) in zip(processes, ends, strict=True):
        process.start()
        theirs.close()
    pipes: list[Connection] = [ours for ours, _ in ends]
    try:
        for pipe in pipes:
            pipe.recv()
        yield pipes
        for pipe in pipes:
            pipe.send(None)
    finally:
        for process in processes:
            process.join(5)
            process.kill()


def _asked(pipe: Connection, question: str) -> Any:  # noqa: ANN401 -- what comes through a pipe
    pipe.send(question)
    return pipe.recv()


@contextmanager
def _stopped(postmaster: int) -> Generator[None]:
    """The database neither answers nor ends: its processes get no time."""
    os.kill(postmaster, signal.SIGSTOP)  # first: it makes no others then
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    everyone = [*map(int, children), postmaster]
    try:
        for process in everyone:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in everyone:
            os.kill(process, signal.SIGCONT)


def _commits(url: str) -> Mapping[bytes, float]:
    """When each entry was committed, by its key (POSIX seconds)."""
    with psycopg.connect(url) as connection:
        asked = "SELECT key, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM feed"
        return {bytes(key): float(at) for key, at in connection.execute(asked)}


def _refusals(number: int, reports: Sequence[Report]) -> list[float]:
    return [at for report in reports for at in report.refused.get(number, ())]


def _heard(name: str, logouts: int, waited: Sequence[float], bar: float | None) -> Heard:
    limit = None if bar is None else bar * 1000
    return Heard(name, logouts, _ms(waited, 50), _ms(waited, 99), max(waited) * 1000, limit)


def _ms(seconds: Sequence[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100)[percent - 1] * 1000


def _next(numbers: Iterator[int], count: int) -> list[int]:
    return [next(numbers) for _ in range(count)]


_say = partial(print, "revocation:", file=sys.stderr, flush=True)
