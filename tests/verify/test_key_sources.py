"""Keys that change while a verifier runs: found, kept fresh, kept when stale, and gone when they are gone."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho_verify import (
    ConfigurationError,
    HmacKey,
    HmacKeySource,
    IssuerKeys,
    KeySetUnavailable,
    SigningKey,
    Verifier,
)
from sekisho_verify.jwks import METADATA_PATH
from sekisho_verify.refreshed_keys import RefreshedKeys
from sekisho_verify.schedule import FEED_THROTTLE, THROTTLE
from tests.verify.issuers import (
    PATIENCE,
    Issuer,
    SteadyClock,
    Taker,
    Watch,
    kids,
    running_issuer,
    upkeep_threads,
    wait_until_at_rest,
    watched,
)
from tests.verify.tokens import (
    AUDIENCE,
    EC,
    HMAC,
    ISSUER,
    NOW,
    OKP,
    OTHER_HMAC,
    SECRET,
    refusal,
    signer,
    token,
    verifier,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sekisho_verify import KeySource
    from sekisho_verify.keys import VerificationKey

OTHER_EC = SigningKey(ec.derive_private_key(int.from_bytes(SECRET[32:]), ec.SECP256R1()))
RSA: SigningKey = signer("RS256")  # type: ignore[assignment]  # a pair
DAY = 86400.0


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A running issuer with one key."""
    with running_issuer() as server:
        yield server


@pytest.fixture
def clock() -> SteadyClock:
    """The clock by which sources count."""
    return SteadyClock()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What sources say."""
    with watched() as watching:
        yield watching


@pytest.fixture(autouse=True)
def at_rest() -> Iterator[None]:
    """Every test leaves nothing running: what it does not hold any more ends by itself."""
    yield
    gc.collect()
    wait_until_at_rest()


def of(source: KeySource, now: Callable[[], float] = lambda: NOW, **options: Any) -> Verifier:  # noqa: ANN401 -- passed on
    """A verifier by a source."""
    settings = {"issuer": source.issuer or ISSUER, "audience": AUDIENCE, "feed": None, "clock": now} | options
    return Verifier(keys=source, **settings)


def is_ready(using: Verifier) -> bool:
    """Whether keys are at hand, as a question that a type checker does not take for settled."""
    return using.ready


@contextmanager
def held_back(issuer: Issuer) -> Iterator[None]:
    """The issuer takes requests, and answers none until the end."""
    issuer.open.clear()
    try:
        yield
    finally:
        issuer.open.set()


@pytest.mark.requirement("J21")
def test_without_keys_they_are_found_by_the_issuer(issuer: Issuer) -> None:
    """The name of the issuer is all that is needed, and nothing is asked before the first token."""
    using = Verifier(issuer=issuer.url, audience=AUDIENCE, feed=None, clock=lambda: NOW)
    assert (using.ready, using.key_status.state, issuer.asked) == (False, "none", [])
    assert using.verify(token(EC, iss=issuer.url)).sub
    assert (using.ready, using.key_status.state) == (True, "fresh")
    assert using.key_status.kids == kids(EC)
    assert issuer.asked == [METADATA_PATH, "/keys"]


def test_a_slash_too_many_is_told_in_one_warning_and_in_the_status(issuer: Issuer, watch: Watch) -> None:
    """An issuer misspelled by its slash has no keys; the log and `last_error` name both spellings."""
    wrong = f"{issuer.url}/"
    reason = (
        f"the metadata is of issuer '{issuer.url}', not '{wrong}'; "
        f"the slash at the end counts: give issuer='{issuer.url}'"
    )
    with Verifier(issuer=wrong, audience=AUDIENCE, feed=None, clock=lambda: NOW) as using:
        assert watch.next() == f"{wrong}: new keys could not be had, there are none to verify with: {reason}"
        assert using.key_status.last_error == reason
        with pytest.raises(KeySetUnavailable):
            using.verify(token(EC, iss=wrong))


def test_once_warm_nothing_is_asked_and_nothing_waits(issuer: Issuer) -> None:
    """While the issuer does not answer at all, new tokens are verified from what is there."""
    with of(IssuerKeys(issuer.url)) as using, held_back(issuer):
        for n in range(100):
            assert using.verify(token(EC, iss=issuer.url, jti=str(n))).jti == str(n)
        assert refusal(token(RSA, iss=issuer.url), using) == "token_alg_not_allowed"
    assert issuer.fetches == 1


def test_all_threads_wait_for_the_same_first_load(issuer: Issuer) -> None:
    """Eight first requests at once cause one fetch, and each gets its answer from it."""
    using, text = of(IssuerKeys(issuer.url)), token(EC, iss=issuer.url)
    with ThreadPoolExecutor(8) as pool:
        with held_back(issuer):
            answers = [pool.submit(using.verify, text) for _ in range(8)]
            assert issuer.arrivals.get(timeout=PATIENCE) == METADATA_PATH
            assert not any(answer.done() for answer in answers)
        assert {answer.result(PATIENCE).sub for answer in answers} == {using.verify(text).sub}
    assert issuer.fetches == 1


def test_an_issuer_that_is_down_does_not_stop_the_start(
    issuer: Issuer, clock: SteadyClock, watch: Watch
) -> None:
    """`with` goes on with a warning, tokens meet 503's own exception at once, and the keys come later."""
    issuer.fail()
    text = token(EC, iss=issuer.url)
    with of(IssuerKeys(issuer.url, steady=clock)) as using:
        assert watch.next() == (
            f"{issuer.url}: new keys could not be had, there are none to verify with: "
            "127.0.0.1/keys answered 503"
        )
        assert (is_ready(using), using.key_status.state) == (False, "none")
        assert "answered 503" in str(using.key_status)
        with held_back(issuer), pytest.raises(KeySetUnavailable, match="answered 503") as caught:
            using.verify(text)
        assert caught.value.code == "keys_unavailable"
        issuer.publish_keys(EC)
        clock.advance(1)
        assert watch.next() == f"{issuer.url}: the keys are now {EC.kid}"
        assert using.verify(text).sub
        assert using.key_status.state == "fresh"
        assert using.key_status.last_error is None


def test_a_first_load_that_hangs_is_given_up_on_for_all(clock: SteadyClock) -> None:
    """After the timeout whoever waits is refused, and whoever comes later does not wait at all."""
    asked, let_go = threading.Event(), threading.Event()

    def hang() -> HmacKey:
        asked.set()
        let_go.wait(PATIENCE)
        return HMAC

    using = of(HmacKeySource(hang, steady=clock))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(using.verify, token())
        assert asked.wait(PATIENCE)
        clock.advance(6)
        with pytest.raises(KeySetUnavailable, match=r"no keys within 6\.0 seconds"):
            waiting.result(PATIENCE)
    with pytest.raises(KeySetUnavailable, match=r"no keys within 6\.0 seconds"):
        using.verify(token())
    # It is late, and good all the same.
    taker = Taker()
    using._source.provide(taker.take)  # type: ignore[union-attr]  # it has one
    assert taker.next() == ()
    let_go.set()
    assert taker.next() == kids(HMAC)
    assert using.verify(token()).sub


def test_a_load_that_comes_back_while_it_is_given_up_on_counts(clock: SteadyClock) -> None:
    """The keys are used, nothing is held against them, and the next load comes."""
    source, taker = HmacKeySource(lambda: HMAC, steady=clock), Taker()
    source._takers.append(WeakMethod(taker.take))

    def due() -> Callable[[], None]:
        todo = source.step()
        assert todo is not None
        assert todo.run is not None
        return todo.run

    load = due()
    clock.now += 6
    give_up = due()
    load()
    give_up()
    assert taker.next() == kids(HMAC)
    assert source.status.last_error is None
    clock.now += 300
    due()()
    assert source.status.age == 0


@pytest.mark.requirement("J21")
def test_a_key_is_taken_up_and_let_go_without_a_restart(
    issuer: Issuer, clock: SteadyClock, watch: Watch
) -> None:
    """Through the overlap both keys are good; the old one's tokens end with it, those seen before too."""
    old, new = token(EC, iss=issuer.url), token(OKP, iss=issuer.url)
    with of(IssuerKeys(issuer.url, steady=clock)) as using:
        assert using.verify(old).sub
        assert refusal(new, using) == "token_alg_not_allowed"
        assert watch.next().endswith(f"now {EC.kid}")
        issuer.publish_keys(EC, OKP)
        clock.advance(300)
        assert watch.next().endswith(f"now {EC.kid}, {OKP.kid}")
        assert using.verify(old).sub
        assert using.verify(new).sub
        issuer.publish_keys(OKP)
        clock.advance(300)
        assert watch.next().endswith(f"now {OKP.kid}")
        assert refusal(old, using) == "token_alg_not_allowed"
        assert using.verify(new).sub
        assert using.key_status.kids == kids(OKP)


@pytest.mark.requirement("J21")
def test_a_token_that_is_just_being_remembered_does_not_outlive_its_key(
    issuer: Issuer, clock: SteadyClock, watch: Watch
) -> None:
    """A thread that verified by the old keys while they were replaced remembers into what nobody reads."""
    text = token(EC, iss=issuer.url)
    with of(IssuerKeys(issuer.url, steady=clock)) as using:
        accepted = using.verify(text)
        before = using._ring
        assert watch.next()
        issuer.publish_keys(OKP)
        clock.advance(300)
        assert watch.next().endswith(f"now {OKP.kid}")
        before.remember(text, before.recent[text])
        assert before.recent[text][0] is accepted
        assert refusal(text, using) == "token_alg_not_allowed"


def test_a_refresh_that_changes_nothing_forgets_nothing(issuer: Issuer, clock: SteadyClock) -> None:
    """The memory of verified tokens lives as long as the keys are the same."""
    source, taker, text = IssuerKeys(issuer.url, steady=clock), Taker(), token(EC, iss=issuer.url)
    with of(source) as using:
        first = using.verify(text)
        source.provide(taker.take)
        assert taker.next() == kids(EC)
        clock.advance(300)
        assert taker.next() == kids(EC)
        assert using.verify(text) is first
        assert using.key_status.age == 0
    assert issuer.fetches == 2


@pytest.mark.requirement("V26")
def test_an_unknown_key_is_refused_at_once_and_asked_for_in_the_background(
    issuer: Issuer, clock: SteadyClock, watch: Watch
) -> None:
    """The first token of a key that nobody announced is refused; soon after it is accepted."""
    text = token(OKP, iss=issuer.url)
    with of(IssuerKeys(issuer.url, steady=clock)) as using:
        assert watch.next()
        issuer.publish_keys(EC, OKP)
        clock.advance(THROTTLE)
        with held_back(issuer):
            assert refusal(text, using) == "token_alg_not_allowed"
        assert watch.next().endswith(f"now {EC.kid}, {OKP.kid}")
        assert using.verify(text).sub


@pytest.mark.requirement("V26")
def test_a_storm_of_unknown_keys_causes_one_fetch_in_ten_seconds(issuer: Issuer, clock: SteadyClock) -> None:
    """A thousand tokens of invented keys, and the issuer hears of it once a throttle (CVE-2026-101917)."""
    source, taker = IssuerKeys(issuer.url, steady=clock), Taker()
    text = token(OTHER_EC, iss=issuer.url)
    with of(source) as using:
        source.provide(taker.take)
        assert taker.next() == kids(EC)
        for fetches in (1, 2, 3):
            for _ in range(300):
                assert refusal(text, using) == "token_key_unknown"
            assert issuer.fetches == fetches
            clock.advance(THROTTLE)
            assert taker.next() == kids(EC)


@pytest.mark.requirement("V26")
def test_strangers_do_not_hold_up_the_feed(issuer: Issuer, clock: SteadyClock) -> None:
    """A stranger has used up the load of ten seconds; what the feed asks for is loaded a second later."""
    source, taker = IssuerKeys(issuer.url, steady=clock), Taker()
    with of(source) as using:
        source.provide(taker.take)
        assert taker.next() == kids(EC)
        clock.advance(THROTTLE)
        assert refusal(token(OTHER_EC, iss=issuer.url), using) == "token_key_unknown"
        assert taker.next() == kids(EC)
        issuer.publish_keys(EC, OKP)
        source.feed_key_unknown()
        clock.advance(FEED_THROTTLE)
        source.feed_key_unknown()
        assert taker.next() == kids(EC, OKP)


@pytest.mark.requirement("J21")
@pytest.mark.requirement("V26")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, "array named keys"),
        (b"<html>", "not strict JSON"),
        ({"keys": []}, "no usable key"),
        ({"keys": [{"kty": "EC", "crv": "P-521"}, EC.to_private_jwk()]}, "no usable key"),
        ({"keys": [HMAC.to_private_jwk()]}, "publishes a shared secret"),
        ({"keys": [EC.public.to_jwk(), HMAC.to_private_jwk()]}, "shared secrets and public keys"),
        ({"keys": [OKP.public.to_jwk()] * 2}, "same kid"),
    ],
)
def test_a_bad_answer_takes_nothing_away(
    issuer: Issuer,
    clock: SteadyClock,
    watch: Watch,
    answer: object,
    reason: str,
) -> None:
    """What is no set of public keys leaves those before in use (GHSA-fhv5-28vv-h8m8); no secret enters."""
    with of(IssuerKeys(issuer.url, steady=clock)) as using:
        assert watch.next()
        issuer.publish("/keys", answer)
        clock.advance(300)
        said = watch.next()
        assert "those of 300 seconds ago stay in use" in said
        assert re.search(reason, said)
        assert using.verify(token(EC, iss=issuer.url)).sub
        assert refusal(token(HMAC, iss=issuer.url), using) == "token_alg_not_allowed"
        assert using.key_status.kids == kids(EC)


@pytest.mark.requirement("J13")
def test_one_bad_key_does_not_take_the_others_with_it(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    """A set with an entry that cannot be used is used without it."""
    issuer.publish("/keys", {"keys": [{"kty": "EC", "crv": "P-521"}, EC.public.to_jwk()]})
    with of(IssuerKeys(issuer.url)) as using:
        assert using.verify(token(EC, iss=issuer.url)).sub
    assert f"skipped a key of {issuer.url}: entry 0" in caplog.text


@pytest.mark.requirement("J21")
def test_stale_keys_are_used_up_to_their_bound(issuer: Issuer, clock: SteadyClock, watch: Watch) -> None:
    """Fresh, then stale while nobody answers, then none, for known tokens too; then fresh again."""
    text, another = token(EC, iss=issuer.url), token(EC, iss=issuer.url, jti="another")
    source, taker = IssuerKeys(issuer.url, steady=clock, max_stale=1000), Taker()
    with of(source) as using:
        source.provide(taker.take)
        assert (taker.next(), watch.next()) == (kids(EC), f"{issuer.url}: the keys are now {EC.kid}")
        assert using.verify(text).sub
        issuer.fail()
        clock.advance(304)
        assert "those of 304 seconds ago stay in use: 127.0.0.1/keys answered 503" in watch.next()
        assert (using.key_status.state, using.key_status.age) == ("fresh", 304)
        clock.advance(695.5)
        assert "those of 1000 seconds ago stay in use" in watch.next()
        assert (using.key_status.state, using.key_status.kids) == ("stale", kids(EC))
        assert using.verify(another).sub
        with held_back(issuer):
            clock.advance(0.5)
            assert taker.next() == ()
            assert (using.key_status.state, using.key_status.kids, using.ready) == ("none", (), False)
            for each in (text, another):
                with pytest.raises(KeySetUnavailable, match="answered 503"):
                    using.verify(each)
            issuer.publish_keys(EC)
            clock.advance(60)
        assert taker.next() == kids(EC)
        assert using.verify(text).sub


def test_keys_end_without_the_thread_too(issuer: Issuer, clock: SteadyClock, watch: Watch) -> None:
    """Where threads do not run (uWSGI without --enable-threads) nothing new is accepted beyond the bound."""
    wall = SteadyClock()
    wall.now = NOW
    with of(IssuerKeys(issuer.url, steady=clock, max_stale=300), wall) as using:
        assert watch.next()
        issuer.fail()
        # Time passes without a word to anybody, as for a thread that sleeps for ever.
        clock.now += 300
        wall.now += 300
        with pytest.raises(KeySetUnavailable):
            using.verify(token(EC, iss=issuer.url))


def test_a_step_of_the_wall_clock_takes_no_keys_away(issuer: Issuer, clock: SteadyClock) -> None:
    """How old keys are is counted by a clock that does not step: a corrected time of day costs nothing."""
    wall = SteadyClock()
    wall.now = NOW - 10 * DAY
    with of(IssuerKeys(issuer.url, steady=clock), wall) as using:
        wall.now = NOW
        assert using.verify(token(EC, iss=issuer.url)).sub
    assert issuer.fetches == 1


def test_a_source_serves_several_verifiers(issuer: Issuer) -> None:
    """Two audiences of one process share one fetch and one thread."""
    source = IssuerKeys(issuer.url)
    with of(source, audience="api") as one, of(source, audience="billing") as other:
        assert one.verify(token(EC, iss=issuer.url)).sub
        assert other.verify(token(EC, iss=issuer.url, aud="billing")).sub
        assert refusal(token(EC, iss=issuer.url), other) == "token_audience_mismatch"
        assert len(upkeep_threads()) == 1
        one.stop()
        assert (one.ready, other.ready) == (False, True)
    assert issuer.fetches == 1


def test_a_stopped_verifier_rests_and_may_be_used_again(issuer: Issuer) -> None:
    """After `stop` no thread is left; the next token starts it again, with the keys that are still good."""
    using = of(IssuerKeys(issuer.url))
    for _ in range(2):
        using.start()
        using.start()
        assert is_ready(using)
        using.stop()
        using.stop()
        assert not is_ready(using)
        wait_until_at_rest()
    assert using.verify(token(EC, iss=issuer.url)).sub
    assert len(upkeep_threads()) == 1
    assert issuer.fetches == 1


def test_a_verifier_that_nobody_holds_does_not_live_on(issuer: Issuer) -> None:
    """Dropped without `stop`, it ends, and its thread with it."""
    using = of(IssuerKeys(issuer.url))
    assert using.verify(token(EC, iss=issuer.url)).sub
    assert len(upkeep_threads()) == 1
    del using
    gc.collect()
    wait_until_at_rest()


async def test_a_start_in_an_event_loop_holds_up_nobody(issuer: Issuer) -> None:
    """While `astart` waits for an issuer that does not answer yet, the loop goes on."""
    using = of(IssuerKeys(issuer.url))
    with held_back(issuer):
        starts = [asyncio.ensure_future(using.astart()) for _ in range(3)]
        assert await asyncio.to_thread(issuer.arrivals.get, timeout=PATIENCE) == METADATA_PATH
        assert not any(start.done() for start in starts)
        starts[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await starts[0]
    await asyncio.wait_for(asyncio.gather(*starts[1:]), PATIENCE)
    assert is_ready(using)
    assert using.verify(token(EC, iss=issuer.url)).sub
    await using.astop()
    assert not is_ready(using)
    assert issuer.fetches == 1


async def test_a_task_enters_a_verifier_while_the_issuer_is_down(issuer: Issuer) -> None:
    """`async with` goes on too, and the verdict is that there is none."""
    issuer.fail()
    async with of(IssuerKeys(issuer.url)) as using:
        with pytest.raises(KeySetUnavailable, match="answered 503"):
            using.verify(token(EC, iss=issuer.url))


def test_given_keys_are_fixed() -> None:
    """A verifier with keys has nothing to start, no thread, and says so."""
    with verifier(HMAC, OTHER_HMAC) as using:
        assert using.ready
        assert using.key_status.state == "fixed"
        assert using.key_status.kids == kids(HMAC, OTHER_HMAC)
        assert (using.key_status.age, using.key_status.last_error) == (None, None)
        assert upkeep_threads() == []
    assert using.ready


def test_a_shared_secret_rotates(clock: SteadyClock, watch: Watch) -> None:
    """The callable is asked in the background: old and new through the overlap, then the new one alone."""
    held: list[HmacKey] = [HMAC]
    threads: list[str] = []

    def secrets() -> HmacKey | list[HmacKey]:
        threads.append(threading.current_thread().name)
        return held[0] if len(held) == 1 else list(held)

    with of(HmacKeySource(secrets, steady=clock)) as using:
        assert watch.next() == f"shared secrets: the keys are now {HMAC.kid}"
        assert refusal(token(OTHER_HMAC), using) == "token_key_unknown"
        held.append(OTHER_HMAC)
        clock.advance(THROTTLE)
        assert watch.next() == f"shared secrets: the keys are now {HMAC.kid}, {OTHER_HMAC.kid}"
        assert using.verify(token()).sub
        assert using.verify(token(OTHER_HMAC)).sub
        del held[0]
        clock.advance(300)
        assert watch.next() == f"shared secrets: the keys are now {OTHER_HMAC.kid}"
        assert refusal(token(), using) == "token_key_unknown"
        assert using.verify(token(OTHER_HMAC)).sub
    assert threading.current_thread().name not in threads
    assert len(threads) == 3


class VaultError(Exception):
    """Of a secret manager that says too much."""


TYPED = (
    "keys are HmacKey, EcKey, OkpKey or RsaKey: load them with key_from_pem or key_from_jwk, "
    "and of a SigningKey give its public part"
)


@pytest.mark.requirement("J9")
@pytest.mark.parametrize(
    ("next_", "reason"),
    [
        (VaultError("the secret was hunter2"), "VaultError was raised"),
        (SystemExit("the secret was hunter2"), "SystemExit was raised"),
        ([], "no keys: give at least one"),
        (None, "TypeError was raised"),
        (SECRET, f"{TYPED}; got int"),
        ([EC], f"{TYPED}; got SigningKey"),
        ([EC.public], "shared secrets and public keys do not come from one source"),
        ([HMAC, EC.public], "shared secrets and public keys in one set: make one verifier for each kind"),
        ([HMAC, HmacKey(SECRET, kid=HMAC.kid)], "two keys have the same kid: give each its own"),
    ],
)
def test_a_callable_that_fails_takes_nothing_away(
    clock: SteadyClock,
    watch: Watch,
    next_: object,
    reason: str,
) -> None:
    """Old secrets stay in use, no public key ever enters, and what was raised is not repeated."""
    answers: list[Any] = [HMAC, next_]

    def secrets() -> Any:  # noqa: ANN401 -- anything may be returned
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    with of(HmacKeySource(secrets, steady=clock)) as using:
        assert watch.next().endswith(f"now {HMAC.kid}")
        clock.advance(300)
        assert watch.next() == (
            f"shared secrets: new keys could not be had, those of 300 seconds ago stay in use: {reason}"
        )
        assert using.verify(token()).sub
        assert using.key_status.kids == kids(HMAC)
        assert using.key_status.last_error == reason
        assert "hunter2" not in repr(using.key_status)


class Forgetful(RefreshedKeys):
    """A source whose first load fails, and whose store fails each time."""

    symmetric = True

    def __init__(self, steady: SteadyClock) -> None:
        super().__init__("forgetful", timeout=5.0, refresh_every=300.0, max_stale=DAY, steady=steady)
        self._loads: Iterator[OSError | HmacKey] = iter([OSError(), HMAC])

    def load(self) -> list[HmacKey]:
        """Fail, and succeed after that."""
        outcome = next(self._loads)
        if isinstance(outcome, OSError):
            raise outcome
        return [outcome]

    def last_good(self) -> None:
        """Fail, and quote a secret."""
        raise ValueError(SECRET)

    def keep(self, keys: tuple[VerificationKey, ...]) -> None:
        """Fail, and quote it too."""
        raise ValueError(SECRET, keys)


def test_a_store_that_fails_ends_no_source(clock: SteadyClock, watch: Watch) -> None:
    """Whatever reading or writing the kept keys raises, the next load comes, and its keys are used."""
    with of(Forgetful(clock)) as using:
        assert watch.next() == "forgetful: no earlier keys: ValueError was raised"
        assert watch.next().endswith("there are none to verify with: OSError was raised")
        assert using.key_status.last_error == "OSError was raised"
        clock.advance(1)
        assert watch.next() == f"forgetful: the keys are now {HMAC.kid}"
        assert watch.next() == "forgetful: the keys were not kept: ValueError was raised"
        assert using.verify(token(HMAC)).sub


@pytest.mark.parametrize("name", ["timeout", "refresh_every", "max_stale"])
@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_seconds_are_seconds(name: str, seconds: float) -> None:
    """A source that would never ask, or never end, is not made."""
    for make in (
        lambda **more: IssuerKeys(ISSUER, **more),
        lambda **more: HmacKeySource(lambda: HMAC, **more),
    ):
        with pytest.raises(ConfigurationError, match=f"{name} is a number of seconds above 0"):
            make(**{name: seconds})


def test_a_source_that_could_not_work_is_not_made() -> None:
    """Keys that would end before the next come, a secret in place of its callable, and a bad issuer."""
    with pytest.raises(ConfigurationError, match="at least refresh_every"):
        IssuerKeys(ISSUER, refresh_every=600, max_stale=300)
    with pytest.raises(ConfigurationError, match="callable that returns keys; got HmacKey"):
        HmacKeySource(HMAC)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ConfigurationError, match="https only"):
        IssuerKeys("http://id.example.com")


def test_a_source_prints_no_key() -> None:
    """What stands in a log line is where the keys come from."""
    assert repr(IssuerKeys(ISSUER)) == f"IssuerKeys({ISSUER!r})"
    assert repr(HmacKeySource(lambda: HMAC)) == "HmacKeySource('shared secrets')"
