"""Log in."""

from __future__ import annotations

import asyncio
import os
import statistics
from time import perf_counter

import pytest
from msgspec.structs import replace

from sekisho.adapters.password_hashes import Argon2id, Bcrypt
from sekisho.adapters.passwords import HashedPasswords
from sekisho.rules.refusals import Refusal
from sekisho.rules.throttle import POLICIES
from sekisho_verify import Verifier
from tests.flows.people import (
    ELSEWHERE,
    EMAIL,
    HOME,
    NEW_PASSWORD,
    PASSWORD,
    People,
    refusal,
    refused,
)
from tests.parts.cheapest_hash import CHEAPEST


async def test_a_login_opens_one_session_and_says_so(people: People) -> None:
    """The token names account and session, the device list shows it, and one event is on record."""
    account = await people.register()
    logged_in = await people.login()
    settings = people.house.settings
    verifier = Verifier(
        issuer=settings.issuer,
        audience=settings.audience,
        keys=people.house.signer.verification_keys(),
        feed=None,
        clock=people.clock,
    )
    token = verifier.verify(logged_in.tokens.access_token)
    assert (token.sub, token.expires_at - people.clock()) == (account.id, settings.access_ttl)
    (session,) = await people.acts.list_sessions(account.id)
    assert (session.id, session.mode, session.ip) == (token.sid, "token", HOME.ip)
    (event,) = await people.events("login_succeeded")
    assert (event.user_id, event.session_id, event.ip) == (account.id, token.sid, HOME.ip)


async def test_the_address_is_the_user_name_in_any_spelling(people: People) -> None:
    """Capitals and full-width letters are the same address."""
    account = await people.register("Aya@Example.com")
    logged_in = await people.login("ＡＹＡ@EXAMPLE.COM")
    assert logged_in.tokens.grant.account == account


@pytest.mark.requirement("W6")
async def test_unknown_wrong_and_disabled_leave_the_same_record(people: People) -> None:
    """One code, one event each; only the event says whether there was an account."""
    account = await people.register()
    disabled = await people.register("ken@example.com")
    await people.disable(disabled)
    for email, password in (
        (EMAIL, "wrong"),
        ("nobody@example.com", PASSWORD),
        ("ken@example.com", PASSWORD),
    ):
        people.clock.now += 1
        assert await refused(people.login(email, password)) == "invalid_credentials"
    events = await people.events("login_failed")
    assert [event.user_id for event in reversed(events)] == [account.id, None, disabled.id]


@pytest.mark.requirement("W6")
async def test_unknown_wrong_and_disabled_take_the_same_time(people: People) -> None:
    """Whoever compares answer times cannot tell them apart: each beats each about half of the time."""
    with_cost = HashedPasswords(Argon2id(time_cost=2, memory_cost=2048), entropy=os.urandom)
    house = replace(people.house, passwords=with_cost)
    slow = People(house, people.clock)
    await slow.register()
    await slow.disable(await slow.register("ken@example.com"))
    cases = {"wrong": EMAIL, "unknown": "nobody@example.com", "disabled": "ken@example.com"}
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(40):
        for name, email in cases.items():
            people.clock.now += 10_000  # no waiting time is left over from the attempt before
            began = perf_counter()
            assert await refused(slow.login(email, "wrong " + PASSWORD)) == "invalid_credentials"
            times[name].append(perf_counter() - began)
    with_cost.close()
    for first in cases:
        for second in cases:
            wins = statistics.fmean(a < b for a in times[first] for b in times[second])
            # Without the decoy's work the unknown one would win every single time.
            assert 0.1 < wins < 0.9 or first == second, (first, second, wins)


@pytest.mark.requirement("W5")
async def test_parallel_guesses_get_no_further_than_one_after_another(people: People) -> None:
    """Fifty at once: as many are looked at as are free, the others are told how long to wait."""
    await people.register()
    guesses = [refusal(people.login(EMAIL, f"guess {number}")) for number in range(50)]
    codes = [(await guess).code for guess in asyncio.as_completed(guesses)]
    assert codes.count("invalid_credentials") == POLICIES["account"].free
    assert codes.count("rate_limited") == 50 - POLICIES["account"].free
    waiting = await refusal(people.login(EMAIL, PASSWORD))
    assert (waiting.code, waiting.retry_after) == ("rate_limited", POLICIES["account"].base)


@pytest.mark.requirement("W5")
async def test_an_attacker_cannot_lock_the_owner_out(people: People) -> None:
    """A device that has logged in before gets in while strangers have used up every attempt."""
    await people.register()
    device = (await people.login()).device_token
    for _ in range(POLICIES["account"].free):
        await refused(people.login(EMAIL, "guess", client=ELSEWHERE))
    assert await refused(people.login(client=HOME)) == "rate_limited"
    again = await people.login(client=HOME, device_token=device)
    assert again.device_token == device


@pytest.mark.requirement("W5")
async def test_a_device_is_known_to_its_own_account_only(people: People) -> None:
    """An attacker with an account of their own gains nothing on somebody else's."""
    await people.register()
    await people.register("thief@example.com")
    device = (await people.login("thief@example.com")).device_token
    for _ in range(POLICIES["account"].free):
        await refused(people.login(EMAIL, "guess", client=ELSEWHERE, device_token=device))
    assert await refused(people.login(EMAIL, "guess", device_token=device)) == "rate_limited"


@pytest.mark.requirement("W5")
async def test_a_known_device_has_limits_of_its_own(people: People) -> None:
    """A stolen device secret is ten guesses, not a free path."""
    await people.register()
    device = (await people.login()).device_token
    for _ in range(POLICIES["device"].free):
        await refused(people.login(EMAIL, "guess", device_token=device))
    assert await refused(people.login(device_token=device)) == "rate_limited"
    assert (await people.login()).tokens.grant.account.email == EMAIL


@pytest.mark.requirement("W5")
async def test_a_changed_password_forgets_every_device(people: People) -> None:
    """Whoever knew the last one cannot have gathered devices then, each with guesses of its own, for now."""
    await people.register()
    gathered = [(await people.login()).device_token for _ in range(3)]
    await people.change_password((await people.login()).tokens)
    people.clock.now += 1
    guesses = [
        await refused(people.login(EMAIL, "guess", client=ELSEWHERE, device_token=device))
        for device in gathered
        for _ in range(POLICIES["device"].free)
    ]
    assert guesses.count("invalid_credentials") == POLICIES["account"].free
    people.clock.now += 1
    device = (await people.login(password=NEW_PASSWORD, device_token=gathered[0])).device_token
    assert (await people.login(password=NEW_PASSWORD, device_token=device)).device_token == device


@pytest.mark.requirement("W5")
async def test_a_renewed_hash_keeps_the_device_that_renewed_it(people: People) -> None:
    """The password is the same: the device secret of that very login is for the hash that stands now."""
    await people.register()
    renewing = HashedPasswords(replace(CHEAPEST, time_cost=2), entropy=os.urandom)
    later = People(replace(people.house, passwords=renewing), people.clock)
    device = (await later.login(device_token=(await people.login()).device_token)).device_token
    assert (await later.login(device_token=device)).device_token == device
    renewing.close()


@pytest.mark.requirement("W5")
async def test_success_gives_the_attempts_back(people: People) -> None:
    """Whoever mistypes nine times and then succeeds starts from the beginning."""
    await people.register()
    for _ in range(3):
        for _ in range(POLICIES["account"].free - 1):
            await refused(people.login(EMAIL, "mistyped"))
        await people.login()


async def test_an_older_profile_is_renewed_at_login(people: People) -> None:
    """The hash of yesterday's profile is replaced by today's, and the password stays right."""
    account = await people.register()
    before = await people.house.store.find_credentials(id=account.id)
    renewing = HashedPasswords(replace(CHEAPEST, time_cost=2), entropy=os.urandom)
    later = People(replace(people.house, passwords=renewing), people.clock)
    await later.login()
    after = await people.house.store.find_credentials(id=account.id)
    assert before is not None
    assert after is not None
    assert ("t=1" in before.password_hash, "t=2" in after.password_hash) == (True, True)
    await later.login()
    renewing.close()


async def test_logins_that_renew_the_same_hash_at_once_all_get_in(people: People) -> None:
    """A double click at the first login after an import: one renews the hash, both passwords are right."""
    account = await people.register()
    store = people.house.store
    made = await store.find_credentials(id=account.id)
    assert made is not None
    imported = Bcrypt(cost=4).hash(PASSWORD.encode(), entropy=os.urandom)
    assert await store.replace_hash(account.id, checked=made.password_hash, new=imported)
    both = asyncio.Barrier(2)

    class Together(HashedPasswords):
        async def hash(self, password: str) -> str:
            renewed = await super().hash(password)
            await both.wait()
            return renewed

    hashing = Together(CHEAPEST, entropy=os.urandom)
    clicked = People(replace(people.house, passwords=hashing), people.clock)
    one, other = await asyncio.gather(clicked.login(), clicked.login())
    assert (await people.who(one.tokens)).account.id == account.id
    assert (await people.who(other.tokens)).account.id == account.id
    assert [event.kind for event in await people.events("login_failed")] == []
    hashing.close()


@pytest.mark.requirement("R7")
async def test_a_password_change_during_a_slow_login_leaves_no_session(people: People) -> None:
    """The session opens only if the hash is still the one that was checked; what failed is on record."""
    account = await people.register()
    tokens = (await people.login()).tokens

    class Slow(HashedPasswords):
        """Lets somebody change the password between the check and its answer."""

        async def check(self, password: str, hashed: str | None):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the parent's
            checked = await super().check(password, hashed)
            await people.change_password(tokens)
            return checked

    passwords = Slow(CHEAPEST, entropy=os.urandom)
    slow = People(replace(people.house, passwords=passwords), people.clock)
    assert await refused(slow.login()) == "invalid_credentials"
    passwords.close()
    (event,) = await people.events("login_failed")
    assert event.user_id == account.id
    sessions = await people.acts.list_sessions(account.id)
    assert [session.id for session in sessions] == [tokens.grant.session_id]


async def test_the_event_loop_is_free_while_sixty_four_log_in(people: People) -> None:
    """While 64 passwords are hashed, a tick of the loop never waits for the time that one hash takes."""
    hashing = HashedPasswords(Argon2id(time_cost=3, memory_cost=19_456), entropy=os.urandom)
    busy = People(replace(people.house, passwords=hashing), people.clock)
    began = perf_counter()
    await hashing.hash(PASSWORD)
    one_hash = perf_counter() - began
    lags: list[float] = []
    done = asyncio.Event()

    async def tick() -> None:
        while not done.is_set():
            asked = perf_counter()
            await asyncio.sleep(0)
            lags.append(perf_counter() - asked)

    ticking = asyncio.create_task(tick())
    results = await asyncio.gather(
        *(busy.login(f"nobody{number}@example.com") for number in range(64)), return_exceptions=True
    )
    done.set()
    await ticking
    hashing.close()
    assert {result.code for result in results if isinstance(result, Refusal)} == {"invalid_credentials"}
    # Were hashes made on the loop, a tick would wait for one again and again. A busy machine may delay some.
    assert len(lags) > 64
    assert statistics.quantiles(lags, n=100)[97] < one_hash


@pytest.mark.requirement("H4")
async def test_events_hold_no_secrets(people: People) -> None:
    """Neither a password nor a token of any kind is in the record."""
    await people.register()
    logged_in = await people.login()
    await refused(people.login(EMAIL, NEW_PASSWORD))
    await refused(people.login(PASSWORD, PASSWORD))
    text = repr(await people.house.store.list_events(limit=100))
    for secret in (PASSWORD, NEW_PASSWORD, logged_in.device_token, logged_in.tokens.refresh_token):
        assert secret not in text
