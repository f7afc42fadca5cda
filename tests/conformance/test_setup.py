"""The setup code and the first administrator, on every database; with two nodes that do it at once."""

from __future__ import annotations

import asyncio

from sekisho.rules.account import Account
from sekisho.rules.refusals import Refusal
from sekisho.rules.revocation import Entry
from tests.conformance.scene import HASH, NOW, Scene, numbered, refused

CODE, OTHER = b"\x01" * 32, b"\x02" * 32


async def first(
    scene: Scene, email: str = "hanako@example.com", *, code: bytes = CODE, at: float = NOW, node: int = 0
) -> Account:
    """Set up."""
    account = Account(scene.id(), email, "active", "ja", at)
    recorded = [
        scene.event("account_created", user_id=account.id),
        scene.event("role_granted", user_id=account.id),
    ]
    await scene.node(node).add_first_account(account, HASH, role="admin", setup=code, recorded=recorded)
    return account


async def test_a_code_makes_one_account_with_its_role(scene: Scene) -> None:
    """Account, role, record and entry in one act; the code is gone, and no other is kept after it."""
    assert await scene.store.offer_setup(CODE, until=NOW + 1)
    assert await scene.store.setup_digest(now=NOW) == CODE
    hanako = await first(scene)
    assert (await scene.store.rights_of(hanako.id)).roles == ("admin",)
    assert await scene.feed() == numbered(Entry("user", hanako.id, "stale"))
    assert [event.user_id for event in await scene.events("account_created")] == [hanako.id]
    assert len(await scene.events("role_granted")) == 1
    assert await scene.rows("SELECT * FROM setup_code") == []
    assert not await scene.store.offer_setup(OTHER, until=NOW + 1)
    assert await scene.rows("SELECT * FROM setup_code") == []
    assert await refused(first(scene, "taro@example.com")) == "setup_closed"


async def test_a_code_counts_until_its_second(scene: Scene) -> None:
    """At `until` it has expired: it is not shown, and spends nothing."""
    await scene.store.offer_setup(CODE, until=NOW)
    assert await scene.store.setup_digest(now=NOW - 0.001) == CODE
    assert await scene.store.setup_digest(now=NOW) is None
    assert await refused(first(scene)) == "setup_code_invalid"
    assert await scene.store.list_accounts() == []


async def test_the_last_code_is_the_only_one(scene: Scene) -> None:
    """Another start makes another; the one before is worth nothing, and is not spent by the attempt."""
    await scene.store.offer_setup(CODE, until=NOW + 1)
    await scene.store.offer_setup(OTHER, until=NOW + 1)
    assert await refused(first(scene)) == "setup_code_invalid"
    assert await scene.store.setup_digest(now=NOW) == OTHER
    await first(scene, code=OTHER)


async def test_an_administrator_closes_the_setup(scene: Scene) -> None:
    """However he came: the code makes no other beside him, and stays unspent; an account closes nothing."""
    await scene.store.offer_setup(CODE, until=NOW + 1)
    hanako = await scene.account()
    assert await scene.store.setup_digest(now=NOW) == CODE
    assert await refused(first(scene, hanako.email)) == "email_taken"
    assert await scene.store.setup_digest(now=NOW) == CODE
    await scene.store.grant_role(hanako.id, "admin", now=NOW, event=scene.event("role_granted"))
    assert await scene.store.setup_digest(now=NOW) is None
    assert await refused(first(scene, "taro@example.com")) == "setup_closed"
    assert not await scene.store.offer_setup(OTHER, until=NOW + 1)
    assert await scene.store.list_accounts() == [hanako]


async def test_an_administrator_who_is_disabled_administers_nothing(scene: Scene) -> None:
    """The operator gets a link again: whoever is locked out of his own server has a way back."""
    await scene.store.offer_setup(CODE, until=NOW + 1)
    hanako = await first(scene)
    event = scene.event("account_disabled", user_id=hanako.id)
    assert await scene.store.set_status(hanako.id, "disabled", now=NOW, event=event)
    assert await scene.store.offer_setup(OTHER, until=NOW + 1)
    await first(scene, "taro@example.com", code=OTHER)


async def leaves(scene: Scene, account: Account, *, node: int = 0) -> bool:
    """Delete one's own account."""
    event = scene.event("account_deleted", user_id=account.id)
    return await scene.node(node).delete_account(account.id, checked=HASH, now=NOW, event=event)


async def test_the_last_administrator_stays(scene: Scene) -> None:
    """The only one who is enabled cannot leave, and nothing of him is touched; the operator can end it."""
    await scene.store.offer_setup(CODE, until=NOW + 1)
    hanako = await first(scene)
    taro, user = await scene.account("taro@example.com"), await scene.account("ken@example.com")
    await scene.store.grant_role(taro.id, "admin", now=NOW, event=scene.event("role_granted"))
    event = scene.event("account_disabled", user_id=taro.id)
    await scene.store.set_status(taro.id, "disabled", now=NOW, event=event)
    feed = await scene.feed()
    assert await refused(leaves(scene, hanako)) == "last_administrator"
    assert (await scene.store.rights_of(hanako.id)).roles == ("admin",)
    assert (await scene.feed(), await scene.events("account_deleted")) == (feed, [])
    assert await leaves(scene, user)
    await scene.store.set_status(taro.id, "active", now=NOW, event=scene.event("account_enabled"))
    assert await leaves(scene, hanako)
    event = scene.event("account_deleted", user_id=taro.id)
    assert await scene.store.delete_account(taro.id, now=NOW, event=event)


async def test_of_two_administrators_who_leave_at_once_one_stays(scene: Scene) -> None:
    """On two nodes, ten times: exactly one goes, and the other is told that nobody else is there."""
    for number in range(10):
        both = [await scene.account(f"{name}{number}@example.com") for name in ("a", "b")]
        for each in both:
            await scene.store.grant_role(each.id, "admin", now=NOW, event=scene.event("role_granted"))
        results = await asyncio.gather(
            *(leaves(scene, each, node=node) for node, each in enumerate(both)), return_exceptions=True
        )
        codes = [each.code for each in results if isinstance(each, Refusal)]
        assert (results.count(True), codes) == (1, ["last_administrator"]), results
        for each in both:
            await scene.store.delete_account(each.id, now=NOW, event=scene.event("account_deleted"))


async def test_one_of_fifty_who_know_the_code_is_the_administrator(scene: Scene) -> None:
    """On two nodes at once: one account, one role; the others are told that it is closed or not the code."""
    await scene.store.offer_setup(CODE, until=NOW + 1)
    results = await asyncio.gather(
        *(first(scene, f"{i}@example.com", node=i) for i in range(50)), return_exceptions=True
    )
    won = [each for each in results if isinstance(each, Account)]
    lost = {each.code if isinstance(each, Refusal) else repr(each) for each in results if each not in won}
    assert (len(won), lost <= {"setup_closed", "setup_code_invalid"}) == (1, True), lost
    assert await scene.store.list_accounts() == won
    assert len(await scene.rows("SELECT * FROM user_roles")) == 1


async def test_a_new_code_among_those_who_spend_the_old_one(scene: Scene) -> None:
    """A node that starts meanwhile leaves one administrator at most, and no code that counts beside it."""
    await scene.store.offer_setup(CODE, until=NOW + 1)
    results = await asyncio.gather(
        *(first(scene, f"{i}@example.com", node=i) for i in range(10)),
        *(scene.node(i).offer_setup(OTHER, until=NOW + 1) for i in range(10)),
        return_exceptions=True,
    )
    made = [each for each in results if isinstance(each, Account)]
    assert await scene.store.list_accounts() == made
    assert len(made) <= 1
    if made:
        assert await scene.store.setup_digest(now=NOW) is None
        assert await refused(first(scene, "late@example.com", code=OTHER)) == "setup_closed"
