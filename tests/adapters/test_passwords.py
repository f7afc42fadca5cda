"""Passwords: what is believed, what is renewed, what it costs, and that nothing waits without end."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections.abc import Callable, Iterator
from statistics import median
from threading import Event

import bcrypt
import pytest
from argon2.low_level import Type, hash_secret

from sekisho.adapters.bounded_threads import BoundedThreads
from sekisho.adapters.password_hashes import (
    PROFILES,
    Argon2id,
    Bcrypt,
    PasswordHash,
    matches,
    readable,
)
from sekisho.adapters.passwords import HashedPasswords, configured_hash
from sekisho.adapters.system import entropy
from sekisho.rules.account import PASSWORD_MAX, Checked, normalize_password
from sekisho.rules.refusals import Refusal
from sekisho.settings import SETTINGS
from tests.parts.cheapest_hash import CHEAPEST

RIGHT = Checked(correct=True)
RENEW = Checked(correct=True, rehash=True)
WRONG = Checked(correct=False)

OTHER_ARGON = Argon2id(time_cost=2, memory_cost=8)
CHEAP_BCRYPT = Bcrypt(cost=4)
PASSWORD = "門をくぐる合言葉 42"


@pytest.fixture
def make() -> Iterator[Callable[..., HashedPasswords]]:
    """Makes the adapter with a hash, and ends its threads."""
    made: list[HashedPasswords] = []

    def new(hash_: PasswordHash = CHEAPEST, **bounds: int) -> HashedPasswords:
        made.append(HashedPasswords(hash_, entropy=entropy, **bounds))
        return made[-1]

    yield new
    for passwords in made:
        passwords.close()


Make = Callable[..., HashedPasswords]


@pytest.mark.requirement("W3")
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("OWASP_46MIB_T1", "m=47104,t=1,p=1"),
        ("OWASP_19MIB_T2", "m=19456,t=2,p=1"),
        ("OWASP_12MIB_T3", "m=12288,t=3,p=1"),
        ("OWASP_9MIB_T4", "m=9216,t=4,p=1"),
        ("OWASP_7MIB_T5", "m=7168,t=5,p=1"),
        ("RFC_9106_LOW_MEMORY", "m=65536,t=3,p=4"),
    ],
)
def test_profiles_are_what_their_names_say(name: str, parameters: str) -> None:
    """A hash made under a profile carries the parameters of the recommendation, and is checked by them."""
    hashed = configured_hash("argon2id", name).hash(b"secret", entropy=entropy)
    assert hashed.startswith(f"$argon2id$v=19${parameters}$")
    assert matches(hashed, b"secret")


def test_the_setting_names_every_profile() -> None:
    """Each profile can be chosen by the setting, and the one for tests cannot."""
    (setting,) = (setting for setting in SETTINGS if setting.name == "SEKISHO_PASSWORD_PROFILE")
    assert {setting.parse(name) for name in PROFILES} == set(PROFILES)
    assert CHEAPEST not in PROFILES.values()
    assert setting.default == "OWASP_19MIB_T2"


@pytest.mark.requirement("W3")
def test_bcrypt_is_the_classic_one() -> None:
    """Bcrypt makes `$2b$12$` of 60 characters that bcrypt elsewhere verifies."""
    hashed = configured_hash("bcrypt", "OWASP_19MIB_T2").hash(b"secret", entropy=entropy)
    assert hashed.startswith("$2b$12$")
    assert len(hashed) == 60
    assert bcrypt.checkpw(b"secret", hashed.encode())


@pytest.mark.parametrize("scheme", [CHEAPEST, CHEAP_BCRYPT], ids=["argon2id", "bcrypt"])
async def test_right_and_wrong(make: Make, scheme: PasswordHash) -> None:
    """The right password is right, another is wrong, and no account has any."""
    passwords = make(scheme)
    hashed = await passwords.hash(PASSWORD)
    assert await passwords.hash(PASSWORD) != hashed
    assert await passwords.check(PASSWORD, hashed) == RIGHT
    assert await passwords.check(PASSWORD + " ", hashed) == WRONG
    assert await passwords.check("", hashed) == WRONG
    assert await passwords.check(PASSWORD, None) == WRONG


@pytest.mark.requirement("W3")
@pytest.mark.parametrize(
    ("stored", "configured", "expected"),
    [
        (CHEAPEST, CHEAPEST, RIGHT),
        (OTHER_ARGON, CHEAPEST, RENEW),
        (CHEAPEST, OTHER_ARGON, RENEW),
        (CHEAP_BCRYPT, CHEAPEST, RENEW),
        (CHEAPEST, CHEAP_BCRYPT, RENEW),
        (CHEAP_BCRYPT, CHEAP_BCRYPT, RIGHT),
        (Bcrypt(cost=5), CHEAP_BCRYPT, RENEW),
    ],
)
async def test_rehash(make: Make, stored: PasswordHash, configured: PasswordHash, expected: Checked) -> None:
    """A right password is to be renewed if its hash is of another kind or profile than configured."""
    hashed = stored.hash(PASSWORD.encode(), entropy=entropy)
    passwords = make(configured)
    assert await passwords.check(PASSWORD, hashed) == expected
    assert await passwords.check("another", hashed) == WRONG


@pytest.mark.parametrize(
    "hashed",
    [
        hash_secret(PASSWORD.encode(), b"imported-salt", 1, 8, 1, 16, Type.I).decode(),
        hash_secret(PASSWORD.encode(), b"saltsalt", 1, 8, 1, 32, Type.ID).decode(),
        bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, b"2a")).decode(),
        bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
    ],
    ids=["argon2i", "argon2id of another salt length", "2a", "2y"],
)
async def test_imported_hashes(make: Make, hashed: str) -> None:
    """Hashes as other systems had made them are believed once and then renewed."""
    assert await make().check(PASSWORD, hashed) == RENEW


@pytest.mark.requirement("W1")
async def test_imported_hashes_of_raw_input(make: Make) -> None:
    """A hash made elsewhere of the very characters typed is right and renewed; ours is of their NFKC."""
    passwords = make()
    typed = "ｐａｓｓｗｏｒｄ は 長い"
    raw = CHEAPEST.hash(typed.encode(), entropy=entropy)
    assert await passwords.check(typed, raw) == RENEW
    ours = await passwords.hash(normalize_password(typed, minimum=8, max_bytes=None, pointer="/p"))
    assert await passwords.check(typed, ours) == RIGHT
    assert await passwords.check("password は 長い", ours) == RIGHT
    assert await passwords.check("password は 長い", raw) == WRONG


@pytest.mark.requirement("W1")
async def test_decomposed_input(make: Make) -> None:
    """Letters and marks typed apart log in like those typed together, at any length."""
    passwords = make()
    together = "が" * PASSWORD_MAX
    apart = unicodedata.normalize("NFD", together)
    assert len(apart) == 2 * PASSWORD_MAX
    hashed = await passwords.hash(normalize_password(apart, minimum=8, max_bytes=None, pointer="/p"))
    assert await passwords.check(apart, hashed) == RIGHT
    assert await passwords.check(together, hashed) == RIGHT


@pytest.mark.requirement("W1")
async def test_overlong_passwords_never_match(make: Make) -> None:
    """What is cut to keep the work bounded matches nothing, not even a hash of the piece that is left."""
    for size in (PASSWORD_MAX + 1, 4 * PASSWORD_MAX + 4):
        imported = CHEAPEST.hash(b"x" * size, entropy=entropy)
        assert await make().check("x" * size, imported) == WRONG
        assert await make().check("x" * (size + 1), imported) == WRONG


@pytest.mark.requirement("W3")
async def test_bcrypt_never_truncates(make: Make) -> None:
    """Bcrypt takes 72 bytes: more is refused when it is set, and never matches by its beginning."""
    passwords = make(CHEAP_BCRYPT)
    assert passwords.max_bytes == 72
    fits, over = "関" * 24, "関" * 24 + "x"
    hashed = await passwords.hash(normalize_password(fits, minimum=8, max_bytes=72, pointer="/password"))
    assert await passwords.check(fits, hashed) == RIGHT
    assert await passwords.check(over, hashed) == WRONG
    with pytest.raises(Refusal) as refused:
        normalize_password(over, minimum=8, max_bytes=72, pointer="/password")
    (error,) = refused.value.errors
    assert (error.pointer, error.code, error.limit) == ("/password", "password_too_long", 72)
    with pytest.raises(ValueError, match="72 bytes"):
        await passwords.hash(over)


async def test_what_bcrypt_cannot_take_keeps_its_hash(make: Make) -> None:
    """A long password on Argon2id stays there when bcrypt is configured: right, and not to be renewed."""
    long = "a long phrase of many words that bcrypt would have had to cut off, which nobody wants"
    assert await make(CHEAP_BCRYPT).check(long, CHEAPEST.hash(long.encode(), entropy=entropy)) == RIGHT


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "garbage",
        "$2b$04$short",
        "$2b$31$" + "." * 53,
        "$2x$04$" + "." * 53,
        "$argon2id$v=19$m=8,t=1,p=1$",
        "$argon2id$v=19$m=9999999,t=1,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "$argon2id$v=19$m=1048576,t=9999,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "$argon2id$v=19$m=8,t=0,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "$argon2id$v=19$m=8,t=1,p=99$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "$argon2id$v=16$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43,
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43 + "\n",
        "$1$abc$def",
        "plain text",
    ],
)
async def test_hashes_that_cannot_be_read(make: Make, hashed: str) -> None:
    """With a hash that is broken, unknown or ruinously expensive every password is wrong, and no more."""
    assert not readable(hashed)
    assert await make().check("plain text", hashed) == WRONG


@pytest.mark.parametrize("password", ["\ud800" * 9, "nul\x00byte in it", "", "\U0010ffff" * 300])
@pytest.mark.parametrize("scheme", [CHEAPEST, CHEAP_BCRYPT], ids=["argon2id", "bcrypt"])
async def test_strange_input_is_wrong(make: Make, scheme: PasswordHash, password: str) -> None:
    """Half characters, NULs, nothing and far too much are wrong passwords, no errors."""
    hashed = scheme.hash(b"nul", entropy=entropy)
    assert await make(scheme).check(password, hashed) == WRONG


@pytest.mark.requirement("W6")
@pytest.mark.parametrize("typed", ["plain words only", "ｆｕｌｌ ｗｉｄｔｈ"], ids=["one form", "two forms"])
def test_unknown_accounts_cost_what_wrong_passwords_cost(typed: str) -> None:
    """With no account the check does as much work as with a wrong password, within a few percent.

    Measured in processor time of the thread, alternating, by medians: what else the machine does hits both.
    """
    profile = Argon2id(time_cost=2, memory_cost=1024)
    passwords = HashedPasswords(profile, entropy=entropy, threads=1)
    hashed = profile.hash(b"the right one", entropy=entropy)
    times: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(400):
        known = turn % 2 == 0
        begin = time.thread_time()
        assert passwords._check(typed, hashed if known else None) == WRONG
        times[known].append(time.thread_time() - begin)
    passwords.close()
    assert 0.9 < median(times[True]) / median(times[False]) < 1.1


async def test_the_loop_is_free_while_passwords_are_hashed(make: Make) -> None:
    """During 64 checks at once the event loop is never away for as long as they take one after another."""
    profile = Argon2id(time_cost=2, memory_cost=8 * 1024)
    passwords = make(profile, threads=2)
    hashed = await passwords.hash(PASSWORD)
    gaps: list[float] = []
    done = asyncio.Event()

    async def tick() -> None:
        last = time.perf_counter()
        while not done.is_set():
            await asyncio.sleep(0)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    ticking = asyncio.create_task(tick())
    begin = time.perf_counter()
    checked = await asyncio.gather(*(passwords.check(PASSWORD, hashed) for _ in range(64)))
    total = time.perf_counter() - begin
    done.set()
    await ticking
    assert checked == [RIGHT] * 64
    assert max(gaps) < total / 4
    assert len(gaps) > 64


@pytest.fixture
def gate() -> Iterator[Event]:
    """What the work of a test waits for; open at its end in any case, so that no thread is left behind."""
    event = Event()
    yield event
    event.set()


@pytest.fixture
def threads(gate: Event) -> Iterator[BoundedThreads]:
    """One thread, with two who may wait for it."""
    bounded = BoundedThreads(threads=1, waiting=2, name="test")
    yield bounded
    gate.set()
    bounded.close()


async def refusal(threads: BoundedThreads) -> Refusal:
    """The refusal that the next caller gets."""
    with pytest.raises(Refusal) as refused:
        await threads.run(lambda: None)
    return refused.value


async def test_the_queue_ends(threads: BoundedThreads, gate: Event) -> None:
    """With one running and two waiting the next is told when to come back; then all get their turn."""
    callers = [asyncio.create_task(threads.run(gate.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    told = await refusal(threads)
    assert (told.code, told.retry_after, len(threads)) == ("unavailable", 2.0, 3)
    gate.set()
    assert await asyncio.gather(*callers) == [True] * 3
    assert await threads.run(lambda: "again") == "again"
    assert len(threads) == 0


async def test_whoever_goes_away_frees_a_place(threads: BoundedThreads, gate: Event) -> None:
    """A caller who goes away frees a place at once if it waited, and when the work ends if it ran."""
    begun = Event()

    def work() -> bool:
        begun.set()
        return gate.wait()

    callers = [asyncio.create_task(threads.run(work))]
    await asyncio.to_thread(begun.wait)
    callers += [asyncio.create_task(threads.run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    assert all(caller.cancelled() for caller in callers)
    # The running one holds its place still: two more may wait, a third may not.
    again = [asyncio.create_task(threads.run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    assert (await refusal(threads)).code == "unavailable"
    gate.set()
    assert await asyncio.gather(*again) == [True, True]


async def test_work_that_fails_frees_its_place(threads: BoundedThreads) -> None:
    """An exception reaches the caller and leaves the queue as it was, any number of times."""

    def fail() -> None:
        raise ValueError("no")

    for _ in range(10):
        with pytest.raises(ValueError, match="no"):
            await threads.run(fail)
    assert await threads.run(lambda: "well") == "well"
