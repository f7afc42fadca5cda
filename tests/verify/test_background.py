"""One thread for a whole process: it holds nobody up, survives a fork, and ends by itself."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import pytest

from sekisho_verify import HmacKey, HmacKeySource, IssuerKeys, background
from sekisho_verify.background import LOCK, Todo
from tests.parts.own_process import finish, script
from tests.parts.serving import until
from tests.verify.issuers import (
    PATIENCE,
    Issuer,
    SteadyClock,
    Taker,
    kids,
    running_issuer,
    upkeep_threads,
    wait_until_at_rest,
)
from tests.verify.tokens import EC, HMAC, OKP, OTHER_HMAC, token

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A running issuer with one key."""
    with running_issuer() as server:
        yield server


@pytest.fixture(autouse=True)
def at_rest() -> Iterator[None]:
    """Every test leaves nothing running."""
    yield
    gc.collect()
    wait_until_at_rest()


def test_one_thread_keeps_all_sources(issuer: Issuer) -> None:
    """However many sources there are, one thread counts their time; without any it ends."""
    clock, takers = SteadyClock(), [Taker() for _ in range(5)]
    sources = [IssuerKeys(issuer.url, steady=clock) for _ in takers]
    for source, taker in zip(sources, takers, strict=True):
        source.provide(taker.take)
        assert taker.next() in {(), kids(EC)}
    assert len(upkeep_threads()) == 1
    issuer.publish_keys(EC, OKP)
    clock.advance(300)
    for taker in takers:
        while taker.next() != kids(EC, OKP):
            pass
    for source, taker in zip(sources, takers, strict=True):
        source.withdraw(taker.take)
    wait_until_at_rest()


def test_a_source_that_hangs_holds_up_no_other() -> None:
    """While one callable does not come back, the secrets of another rotate."""
    clock, let_go = SteadyClock(), threading.Event()
    hangs, goes = Taker(), Taker()
    answers = iter([HMAC, OTHER_HMAC])

    def hang() -> HmacKey:
        let_go.wait(PATIENCE)
        return HMAC

    hanging = HmacKeySource(hang, steady=clock)
    going = HmacKeySource(lambda: next(answers), steady=clock)
    starting = threading.Thread(target=hanging.provide, args=(hangs.take,))
    starting.start()
    assert hangs.next() == ()
    going.provide(goes.take)
    assert (goes.next(), goes.next()) == ((), kids(HMAC))
    clock.advance(300)
    assert goes.next() == kids(OTHER_HMAC)
    let_go.set()
    assert hangs.next() == kids(HMAC)
    starting.join(PATIENCE)


class Mistaken:
    """An upkeep with a mistake in it."""

    def __init__(self) -> None:
        self.asked = 0

    def step(self) -> Todo | None:
        """Fail when it is asked for the first time, and be done with when it is asked again."""
        self.asked += 1
        if self.asked == 1:
            raise ZeroDivisionError
        return None

    def forked(self) -> None:
        """Nothing."""


def test_a_mistake_of_one_upkeep_ends_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """What raises is logged and asked again later; the thread goes on with the others."""
    clock, taker, mistaken = SteadyClock(), Taker(), Mistaken()
    answers = iter([HMAC, OTHER_HMAC])
    source = HmacKeySource(lambda: next(answers), steady=clock)
    with LOCK:
        background.look_after(mistaken)
    source.provide(taker.take)
    assert (taker.next(), taker.next()) == ((), kids(HMAC))
    clock.advance(300)
    assert taker.next() == kids(OTHER_HMAC)
    assert mistaken.asked >= 2
    assert "ZeroDivisionError" in caplog.text
    source.withdraw(taker.take)


class Misguided:
    """An upkeep whose clock is broken, and whose work fails."""

    def __init__(self) -> None:
        self.asked = 0

    def step(self) -> Todo | None:
        """Name no number of seconds, twice, and have work done that fails; be done with after that."""
        self.asked += 1
        return Todo(float("nan"), self.work) if self.asked < 3 else None

    def work(self) -> None:
        """Fail."""
        raise ZeroDivisionError

    def forked(self) -> None:
        """Nothing."""


@pytest.mark.parametrize("threads", ["to spare", "none"])
def test_no_pause_and_no_work_of_one_upkeep_ends_the_others(
    threads: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN seconds, and work that raises, even where it must be done on the one thread: the others go on."""
    clock, taker, misguided = SteadyClock(), Taker(), Misguided()
    answers = iter([HMAC, OTHER_HMAC])
    source = HmacKeySource(lambda: next(answers), steady=clock)
    source.provide(taker.take)
    assert (taker.next(), taker.next()) == ((), kids(HMAC))
    if threads == "none":
        monkeypatch.setattr(threading.Thread, "start", no_thread)
    with LOCK:
        background.look_after(misguided)
    clock.advance(300)
    assert taker.next() == kids(OTHER_HMAC)
    while misguided.asked < 3:
        background.wake()
    # It may be told by a thread that goes on after the others were asked.
    until(lambda: "ZeroDivisionError" in caplog.text, "told")
    source.withdraw(taker.take)


def no_thread(_: threading.Thread) -> None:
    """What a machine says that has no more of them."""
    raise RuntimeError("can't start new thread")


class Patient:
    """An upkeep that waits for nothing but to be asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.over = threading.Event()
        self.idle = threading.Event()

    def step(self) -> Todo | None:
        """Nothing is due."""
        self.asked += 1
        self.idle.set()
        return None if self.over.is_set() else Todo(None)

    def forked(self) -> None:
        """Nothing."""


def test_however_many_call_they_are_asked_for_once() -> None:
    """Requests wake the thread, so that while an issuer is down each would leave it work, and memory."""
    patient = Patient()
    with LOCK:
        background.look_after(patient)
    assert patient.idle.wait(PATIENCE)
    with LOCK:  # without it nobody is asked
        before = patient.asked
        for _ in range(10_000):
            background.wake()
        patient.idle.clear()
    assert patient.idle.wait(PATIENCE)
    patient.over.set()
    background.wake()
    wait_until_at_rest()
    assert patient.asked - before < 10


PRELUDE = """
import os, sys, threading
from sekisho_verify import HmacKeySource, IssuerKeys, KeySetUnavailable, Verifier
from sekisho_verify.background import LOCK
from tests.parts.own_process import in_child, succeeded
from tests.verify.issuers import PATIENCE, Taker, kids, upkeep_threads
from tests.verify.tokens import AUDIENCE, EC, HMAC, NOW, OKP, OTHER_HMAC, refusal, token

def of(source, url):
    return Verifier(issuer=url, audience=AUDIENCE, keys=source, feed=None, clock=lambda: NOW)
"""


FORK_WARM = """
url, old, new = sys.argv[1:]
source = IssuerKeys(url, refresh_every=0.05)
using = of(source, url)
using.start()
assert using.verify(old).sub

def child():
    assert threading.active_count() == 1, threading.enumerate()
    assert using.verify(old).sub
    assert len(upkeep_threads()) == 1
    print("warm", flush=True)
    taker = Taker()
    source.provide(taker.take)
    while taker.next() != kids(OKP):
        pass
    assert using.verify(new).sub
    assert refusal(old, using) == "token_alg_not_allowed"
    using.stop()
    source.withdraw(taker.take)
    for thread in upkeep_threads():
        thread.join(PATIENCE)
    assert upkeep_threads() == []

pid = in_child(child)
assert len(upkeep_threads()) == 1
assert succeeded(pid)
taker = Taker()
source.provide(taker.take)
while taker.next() != kids(OKP):
    pass
assert using.verify(new).sub
"""


def test_a_fork_of_a_warm_process_follows_a_rotation(issuer: Issuer) -> None:
    """The child has lost the thread, and has one of its own from its first token on; the parent keeps its."""
    process = script(PRELUDE + FORK_WARM, issuer.url, token(EC, iss=issuer.url), token(OKP, iss=issuer.url))
    assert process.stdout is not None
    assert process.stdout.readline() == "warm\n"
    issuer.publish_keys(OKP)
    finish(process)


FORK_LOADING = """
url, text = sys.argv[1:]
using = of(IssuerKeys(url), url)
starting = threading.Thread(target=using.start)
starting.start()
sys.stdin.readline()

def child():
    print("forked", flush=True)
    assert using.verify(text).sub

assert succeeded(in_child(child))
starting.join(PATIENCE)
assert using.verify(text).sub
"""


def test_a_fork_amid_the_first_load_loads_by_itself(issuer: Issuer) -> None:
    """A child that was born while its parent waited for the issuer does not wait for ever."""
    issuer.open.clear()
    process = script(PRELUDE + FORK_LOADING, issuer.url, token(EC, iss=issuer.url))
    assert issuer.arrivals.get(timeout=PATIENCE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("fork\n")
    process.stdin.flush()
    assert process.stdout.readline() == "forked\n"
    assert issuer.arrivals.get(timeout=PATIENCE)
    issuer.open.set()
    finish(process)
    assert issuer.fetches == 2


FORK_LOCKED = """
url, text = sys.argv[1:]
using = of(HmacKeySource(lambda: HMAC), url)
held, forking = threading.Event(), threading.Event()

def hold():
    with LOCK:
        held.set()
        forking.wait(0.2)

threading.Thread(target=hold).start()
held.wait(PATIENCE)
assert succeeded(in_child(lambda: using.verify(text)))
assert using.verify(text).sub
"""


def test_a_fork_finds_no_lock_taken() -> None:
    """While a thread that the child will not have holds the lock, the fork waits: the child can work."""
    finish(script(PRELUDE + FORK_LOCKED, "https://id.example.com", token()))


EXIT = """
url, text = sys.argv[1:]
using = of(IssuerKeys(url), url)
threading.Thread(target=using.start, daemon=True).start()
sys.stdin.readline()
"""


@pytest.mark.parametrize("loading", [True, False])
def test_an_interpreter_ends_without_a_word(issuer: Issuer, loading: bool) -> None:  # noqa: FBT001 -- a parameter of the table above
    """At exit neither the thread nor a load that is under way holds the process up or complains."""
    if loading:
        issuer.open.clear()
    process = script(PRELUDE + EXIT, issuer.url, token(EC, iss=issuer.url))
    for _ in range(1 if loading else 2):
        assert issuer.arrivals.get(timeout=PATIENCE)
    assert finish(process, "end\n") == ""


NO_THREADS = """
url, text, other = sys.argv[1:]
answers = [HMAC, OTHER_HMAC]
source = HmacKeySource(lambda: answers.pop(0), refresh_every=0.05)
using = of(source, url)
threading.stack_size(1 << 46)  # no machine has that much
try:
    using.verify(text)
except KeySetUnavailable as error:
    print(error.detail)
threading.stack_size(0)
using.start()
threading.stack_size(1 << 46)
taker = Taker()
source.provide(taker.take)
while taker.next() != kids(OTHER_HMAC):
    pass
assert using.verify(other).sub
"""


def test_where_no_thread_can_be_had_it_is_said() -> None:
    """Without a thread there are no keys, and 503; where only the short-lived ones fail, the one works."""
    out = finish(script(PRELUDE + NO_THREADS, "https://id.example.com", token(), token(OTHER_HMAC)))
    assert out.startswith("shared secrets: no thread to keep the keys fresh: can't start new thread")
