"""How a session is carried: exchanged, kept alive by use, renewed; and what the credential before may do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from sekisho.rules.opaque import digest
from sekisho.rules.refresh import Verdict
from sekisho.rules.revocation import Entry
from sekisho.rules.session import Exchange, Grant, Held, Mode, Reauthenticated, Renewal
from sekisho.rules.throttle import Bucket
from tests.conformance.scene import GRACE, HASH, LIFETIMES, NOW, Scene, numbered, refused, session_entry

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sekisho.rules.account import Account
    from sekisho.rules.refresh import RefreshToken

MODES: tuple[Mode, ...] = ("token", "browser", "session")


def held_by(token: RefreshToken, mode: Mode) -> Held:
    """What the cookie of a fresh login in that mode says."""
    return Held(mode, token.secret_digest, token.generation if mode == "browser" else None)


def trade(
    scene: Scene,
    account: Account,
    token: RefreshToken,
    mode: Mode,
    *,
    held: Held | None = None,
    rv: str | None = None,
    proven: Reauthenticated | None = None,
    secret: bytes = b"new secret",
    at: float = NOW + 1,
    node: int = 0,
) -> Awaitable[Grant]:
    """Exchange a session for another way to carry it."""
    wanted = Exchange(
        session_id=token.session_id,
        user_id=account.id,
        mode=mode,
        now=at,
        held=held,
        rv=rv,
        proven=proven,
        digest=digest(secret),
    )
    event = scene.event("session_exchanged", user_id=account.id, session_id=token.session_id)
    return scene.node(node).exchange(wanted, lifetimes=LIFETIMES, event=event)


async def usable_until(scene: Scene, token: RefreshToken) -> float:
    """When the credential dies if it is not used."""
    ((at,),) = await scene.rows("SELECT refresh_expires_at FROM sessions WHERE id = :id", id=token.session_id)
    return float(at)


@pytest.mark.requirement("SE1")
@pytest.mark.parametrize("before", MODES)
@pytest.mark.parametrize("after", MODES)
async def test_an_exchange_replaces_the_credential_and_keeps_the_session(
    scene: Scene, before: Mode, after: Mode
) -> None:
    """One line on the device list, another digest; the end stays where it was; published and on record."""
    hanako = await scene.account()
    token = await scene.login(hanako, mode=before)
    held = held_by(token, before)
    grant = await trade(scene, hanako, token, after, held=held)
    assert (grant.session_id, grant.account, grant.auth_time) == (token.session_id, hanako, NOW)
    assert grant.refresh_expires_at == NOW + 1 + LIFETIMES.unused(after)
    assert (
        await refused(scene.store.live_session(token.session_id, held=held, now=NOW + 1)) == "session_unknown"
    )
    assert await refused(scene.present(token, at=NOW + 1)) == "refresh_unknown"
    assert await refused(scene.present(token, at=NOW + 1, mode="browser")) == "refresh_unknown"
    stands = Held(after, digest(b"new secret"), None)
    assert await scene.store.live_session(token.session_id, held=stands, now=NOW + 1) == grant
    (line,) = await scene.store.list_sessions(hanako.id, now=NOW + 1)
    assert (line.id, line.mode, line.created_at, line.last_used_at) == (token.session_id, after, NOW, NOW + 1)
    assert await scene.feed() == numbered(session_entry(token))
    assert len(await scene.events("session_exchanged")) == 1


@pytest.mark.requirement("C6")
async def test_tokens_from_before_an_exchange_are_dead_and_those_after_it_live(scene: Scene) -> None:
    """Both by their number alone; what somebody else's revocation brought in between is nothing to them."""
    hanako, taro = await scene.account(), await scene.account("taro@example.com")
    token, other = await scene.login(hanako), await scene.login(taro)
    before = (await scene.store.live_session(token.session_id, now=NOW)).rights.rv
    await scene.store.end_session(
        other.session_id, user_id=taro.id, why="logout", now=NOW, event=scene.event("session_revoked")
    )
    live = scene.node(1).live_session
    assert (await live(token.session_id, user_id=hanako.id, rv=before, now=NOW)).account == hanako
    after = (await trade(scene, hanako, token, "browser", rv=before)).rights.rv
    assert (
        await refused(live(token.session_id, user_id=hanako.id, rv=before, now=NOW + 1)) == "session_revoked"
    )
    assert (await live(token.session_id, user_id=hanako.id, rv=after, now=NOW + 1)).account == hanako
    assert await scene.store.revoked_since([session_entry(token)], before)
    assert not await scene.store.revoked_since([session_entry(token)], after)
    assert await refused(trade(scene, hanako, token, "token", rv=before)) == "session_revoked"


@pytest.mark.parametrize("rv", ["", "x", "2.0", "1.999", "0.0"])
async def test_a_number_that_we_did_not_write_is_not_believed(scene: Scene, rv: str) -> None:
    """Another form, another epoch, or ahead of the head: no token of ours, once something was exchanged."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    await trade(scene, hanako, token, "session")
    assert await refused(scene.store.live_session(token.session_id, rv=rv, now=NOW + 1)) == "session_revoked"


async def test_a_number_of_an_earlier_epoch_counts_from_the_beginning(scene: Scene) -> None:
    """After a restore, what has not been exchanged since lives on."""
    hanako = await scene.account()
    token, other = await scene.login(hanako), await scene.login(hanako)
    await scene.change("UPDATE feed_head SET epoch = 2")
    await trade(scene, hanako, other, "session")
    live = scene.store.live_session
    assert (await live(token.session_id, rv="1.0", now=NOW + 1)).account == hanako
    assert await refused(live(other.session_id, rv="1.0", now=NOW + 1)) == "session_revoked"


@pytest.mark.requirement("R4", "X01")
@pytest.mark.parametrize("count", [2, 50])
async def test_one_of_many_exchanges_of_one_cookie_wins(scene: Scene, count: int) -> None:
    """The others find a cookie that was replaced; what the winner holds is what the row has."""
    hanako = await scene.account()
    token = await scene.login(hanako, mode="session")
    held = held_by(token, "session")
    results = await asyncio.gather(
        *(
            refused_or(trade(scene, hanako, token, "session", held=held, secret=b"%d" % i, node=i))
            for i in range(count)
        )
    )
    winners = [i for i, result in enumerate(results) if result is None]
    assert len(winners) == 1
    assert set(results) - {None} == {"session_unknown"}
    stands = Held("session", digest(b"%d" % winners[0]))
    assert (await scene.store.live_session(token.session_id, held=stands, now=NOW + 1)).account == hanako
    assert len(await scene.feed()) == len(await scene.events("session_exchanged")) == 1


async def refused_or(act: Awaitable[Grant]) -> str | None:
    """The code of a refusal, or none."""
    try:
        await act
    except Exception as fault:
        code: str | None = getattr(fault, "code", None)
        if code is None:
            raise
        return code
    return None


async def test_a_logout_beside_an_exchange_always_wins(scene: Scene) -> None:
    """Whichever comes first, nothing of the session is alive afterwards."""
    hanako = await scene.account()
    for turn in range(8):
        token = await scene.login(hanako, mode="session")
        held = held_by(token, "session")
        end = scene.node(turn).end_session(
            token.session_id, user_id=None, why="logout", now=NOW, event=scene.event("session_revoked")
        )
        _, ended = await asyncio.gather(
            refused_or(trade(scene, hanako, token, "session", held=held, node=turn + 1)), end
        )
        assert ended
        assert await scene.store.list_sessions(hanako.id, now=NOW) == []


async def test_an_exchange_beside_a_refresh_leaves_one_credential(scene: Scene) -> None:
    """Either the refresh came first, and the cookie is no longer the newest, or its family is gone."""
    hanako = await scene.account()
    for turn in range(8):
        token = await scene.login(hanako, mode="browser")
        held = held_by(token, "browser")
        traded, refreshed = await asyncio.gather(
            refused_or(trade(scene, hanako, token, "session", held=held, node=turn)),
            asyncio.gather(
                scene.present(token, at=NOW, mode="browser", node=turn + 1), return_exceptions=True
            ),
        )
        ((mode, gen),) = await scene.rows(
            "SELECT mode, gen FROM sessions WHERE id = :id", id=token.session_id
        )
        if traded is None:
            assert (mode, gen) == ("session", 0)
        else:
            assert (traded, mode, gen) == ("session_unknown", "browser", 1)
            assert not isinstance(refreshed[0], BaseException)


@pytest.mark.parametrize("fault", ["revoked", "idle", "ended", "disabled", "somebody else's"])
async def test_what_is_not_alive_is_not_exchanged(scene: Scene, fault: str) -> None:
    """Nothing changes, nothing is published."""
    hanako, taro = await scene.account(), await scene.account("taro@example.com")
    token = await scene.login(hanako, mode="session")
    column, code = {
        "revoked": ("revoked_at", "session_revoked"),
        "idle": ("refresh_expires_at", "session_expired"),
        "ended": ("ends_at", "session_expired"),
        "disabled": ("", "session_revoked"),
        "somebody else's": ("", "session_unknown"),
    }[fault]
    if column:
        await scene.change(f"UPDATE sessions SET {column} = :at", at=NOW + 1)  # noqa: S608 - a column of ours
    elif fault == "disabled":
        await scene.change("UPDATE users SET status = 'disabled' WHERE id = :id", id=hanako.id)
    owner = taro if fault == "somebody else's" else hanako
    assert await refused(trade(scene, owner, token, "session", held=held_by(token, "session"))) == code
    ((mode, fam),) = await scene.rows("SELECT mode, fam FROM sessions")
    assert (mode, bytes(fam)) == ("session", token.secret_digest)
    assert await scene.feed() == []


async def test_a_password_that_was_changed_meanwhile_exchanges_nothing(scene: Scene) -> None:
    """What was right when it was checked must still be; then the attempts are given back."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    bucket = Bucket("password", hanako.id)
    await scene.store.attempt([bucket], now=NOW)
    old = Reauthenticated("an older hash", (bucket,))
    assert await refused(trade(scene, hanako, token, "session", proven=old)) == "invalid_credentials"
    assert await scene.rows("SELECT failures FROM throttle") == [(1,)]
    assert await scene.rows("SELECT mode FROM sessions") == [("token",)]
    await trade(scene, hanako, token, "session", proven=Reauthenticated(HASH, (bucket,)))
    assert await scene.rows("SELECT failures FROM throttle") == [(0,)]


async def test_an_exchange_never_moves_the_absolute_end(scene: Scene) -> None:
    """On the last day there is a day left, whatever the mode."""
    hanako = await scene.account()
    token = await scene.login(hanako, mode="session")
    await scene.change("UPDATE sessions SET ends_at = :at", at=NOW + 100)
    grant = await trade(scene, hanako, token, "browser", held=held_by(token, "session"))
    assert grant.refresh_expires_at == NOW + 100


@pytest.mark.parametrize("fault", ["digest", "mode", "generation"])
async def test_a_cookie_has_to_be_true_of_its_row(scene: Scene, fault: str) -> None:
    """The digest, the mode and, where it says one, the generation."""
    hanako = await scene.account()
    token = await scene.login(hanako, mode="browser")
    await scene.present(token, at=NOW, mode="browser")
    right = Held("browser", token.secret_digest, 1)
    live = scene.store.live_session
    assert (await live(token.session_id, held=right, now=NOW)).account == hanako
    assert (await live(token.session_id, held=replace(right, generation=None), now=NOW)).account == hanako
    wrong = {
        "digest": replace(right, digest=digest(b"another")),
        "mode": replace(right, mode="session"),
        "generation": replace(right, generation=0),
    }[fault]
    assert await refused(live(token.session_id, held=wrong, now=NOW)) == "session_unknown"


@pytest.mark.requirement("C6", "X20")
@pytest.mark.parametrize(("mode", "as_mode"), [("token", "browser"), ("browser", "token")])
async def test_a_refresh_token_of_one_mode_is_nothing_to_the_other(
    scene: Scene, mode: Mode, as_mode: str
) -> None:
    """Refused and left alone; in its own mode it is as good as before."""
    token = await scene.login(await scene.account(), mode=mode)
    wrong, right = ("browser", "token") if as_mode == "browser" else ("token", "browser")
    assert await refused(scene.present(token, at=NOW, mode=wrong)) == "refresh_unknown"  # type: ignore[arg-type]  # one of the two
    assert await scene.rows("SELECT gen, revoked_at FROM sessions") == [(0, None)]
    assert (await scene.present(token, at=NOW, mode=right)).generation == 1  # type: ignore[arg-type]  # the other one


async def test_a_cookie_settles_for_twice_the_grace(scene: Scene) -> None:
    """Until its second it is left as it is; the generation before is reuse when the grace is over."""
    token = await scene.login(await scene.account(), mode="browser")
    await scene.present(token, at=NOW, mode="browser")
    late = NOW + 2 * GRACE
    settling = await scene.present(token.at(1), at=late - 0.001, mode="browser")
    assert (settling.verdict, settling.generation) == (Verdict.CURRENT, 1)
    settled = await scene.present(token.at(1), at=late, mode="browser")
    assert (settled.verdict, settled.generation) == (Verdict.ROTATED, 2)
    assert await refused(scene.present(token.at(1), at=late + GRACE, mode="browser")) == "refresh_reused"


@pytest.mark.requirement("SE4")
async def test_use_puts_the_idle_time_out_off(scene: Scene) -> None:
    """To `now + idle`, and the device list shows when it was used; a session beside it is as before."""
    hanako = await scene.account()
    token, other = await scene.login(hanako, mode="session"), await scene.login(hanako, mode="session")
    before = await usable_until(scene, other)
    await scene.store.touch([token.session_id], idle=LIFETIMES.refresh, now=NOW + 1000)
    assert await usable_until(scene, token) == NOW + 1000 + LIFETIMES.refresh
    assert await usable_until(scene, other) == before
    used = {line.id: line.last_used_at for line in await scene.store.list_sessions(hanako.id, now=NOW + 1000)}
    assert used == {token.session_id: NOW + 1000, other.session_id: NOW}
    assert await scene.feed() == []


@pytest.mark.requirement("SE4")
async def test_use_never_passes_the_absolute_end(scene: Scene) -> None:
    """However busy, the session ends when it was to end."""
    token = await scene.login(await scene.account(), mode="session")
    await scene.change("UPDATE sessions SET ends_at = :at", at=NOW + 100)
    await scene.store.touch([token.session_id], idle=LIFETIMES.idle, now=NOW + 99)
    assert await usable_until(scene, token) == NOW + 100
    late = scene.store.live_session(token.session_id, now=NOW + 100)
    assert await refused(late) == "session_expired"


async def test_a_use_that_is_told_late_moves_nothing_back(scene: Scene) -> None:
    """Not before a later use, nor before an exchange or a renewal, which count as use."""
    hanako = await scene.account()
    token = await scene.login(hanako, mode="session")
    touch, idle = scene.node(1).touch, LIFETIMES.idle
    await touch([token.session_id], idle=idle, now=NOW + 50)
    await touch([token.session_id], idle=idle, now=NOW + 40)
    await touch([token.session_id], idle=idle / 2, now=NOW + 50)
    assert await usable_until(scene, token) == NOW + 50 + idle
    await trade(scene, hanako, token, "session", held=held_by(token, "session"), at=NOW + 60)
    await touch([token.session_id], idle=idle, now=NOW + 55)
    assert await usable_until(scene, token) == NOW + 60 + idle
    (line,) = await scene.store.list_sessions(hanako.id, now=NOW + 60)
    assert line.last_used_at == NOW + 60


@pytest.mark.parametrize("fault", ["token", "browser", "revoked", "expired"])
async def test_only_a_living_cookie_session_is_kept_alive_by_use(scene: Scene, fault: str) -> None:
    """Nothing comes back from the dead, and a refresh token lives by its refreshes alone."""
    mode: Mode = "browser" if fault == "browser" else "token" if fault == "token" else "session"
    token = await scene.login(await scene.account(), mode=mode)
    if fault == "revoked":
        await scene.change("UPDATE sessions SET revoked_at = :at", at=NOW)
    until = await usable_until(scene, token)
    await scene.store.touch(
        [token.session_id], idle=10 * 86_400, now=until if fault == "expired" else NOW + 5
    )
    assert await usable_until(scene, token) == until


async def test_many_are_touched_at_once_from_two_nodes(scene: Scene) -> None:
    """More than one statement holds, in whatever order each node tells of them."""
    hanako = await scene.account()
    ids = [(await scene.login(hanako, mode="session")).session_id for _ in range(130)]
    await scene.store.touch([], idle=1, now=NOW)
    await asyncio.gather(
        scene.node(0).touch(ids, idle=LIFETIMES.idle, now=NOW + 7),
        scene.node(1).touch(ids[::-1], idle=LIFETIMES.idle, now=NOW + 8),
    )
    rows = await scene.rows("SELECT DISTINCT refresh_expires_at FROM sessions")
    assert rows == [(NOW + 8 + LIFETIMES.idle,)]


def change_password(
    scene: Scene, account: Account, token: RefreshToken, renew: Renewal | None
) -> Awaitable[bool]:
    """Old password for new, in the session of that token."""
    return scene.store.change_password(
        account.id,
        checked=HASH,
        new="hash of the next password",
        keep_session=token.session_id,
        renew=renew,
        now=NOW + 1,
        forgive=(),
        event=scene.event("password_changed"),
    )


@pytest.mark.requirement("SE1")
@pytest.mark.parametrize("mode", ["browser", "session"])
async def test_a_password_change_renews_the_secret_of_the_cookie(scene: Scene, mode: Mode) -> None:
    """The old cookie is dead, the new one begins at generation 0, and its end stays where it was."""
    hanako = await scene.account()
    token, other = await scene.login(hanako, mode=mode), await scene.login(hanako, mode=mode)
    until = await usable_until(scene, token)
    held = Held(mode, token.secret_digest)
    assert await change_password(scene, hanako, token, Renewal(held, digest(b"next")))
    live = scene.store.live_session
    assert await refused(live(token.session_id, held=held, now=NOW + 2)) == "session_unknown"
    grant = await live(token.session_id, held=Held(mode, digest(b"next"), 0), now=NOW + 2)
    assert grant.refresh_expires_at == until
    assert await refused(scene.present(token, at=NOW + 2, mode="browser")) == "refresh_unknown"
    assert await refused(live(other.session_id, now=NOW + 2)) == "session_revoked"
    (line,) = await scene.store.list_sessions(hanako.id, now=NOW + 2)
    assert (line.id, line.last_used_at) == (token.session_id, NOW + 1)


async def test_a_cookie_that_was_replaced_renews_nothing(scene: Scene) -> None:
    """Then the password stays, and so do the other sessions: whoever asked has no session any more."""
    hanako = await scene.account()
    token, other = await scene.login(hanako, mode="session"), await scene.login(hanako)
    held = held_by(token, "session")
    await trade(scene, hanako, token, "session", held=held)
    for renew in (Renewal(held, digest(b"next")), Renewal(Held("browser", digest(b"new secret")), b"x" * 32)):
        assert await refused(change_password(scene, hanako, token, renew)) == "session_unknown"
    credentials = await scene.store.find_credentials(id=hanako.id)
    assert credentials is not None
    assert credentials.password_hash == HASH
    assert (await scene.store.live_session(other.session_id, now=NOW + 2)).account == hanako
    stands = Held("session", digest(b"new secret"))
    assert (await scene.store.live_session(token.session_id, held=stands, now=NOW + 2)).account == hanako


async def test_without_a_cookie_the_refresh_token_stays(scene: Scene) -> None:
    """Mode `token`: there is nothing that the answer could bring, so nothing is replaced."""
    hanako = await scene.account()
    token = await scene.login(hanako)
    assert await change_password(scene, hanako, token, None)
    assert (await scene.present(token, at=NOW + 2)).generation == 1
    assert Entry("session", token.session_id, "revoked").key not in [key for _, key, _ in await scene.feed()]
