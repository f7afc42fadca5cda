"""The race of a change of rights against the minting of tokens, recorded so that any rule can be tried on it.

Each account has one who changes its roles, one after another, and some who refresh meanwhile. Every change
shows in the roles, so each token says itself which changes it knows of; no clock and no number is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sekisho_verify.revocations.entries import entry_key, read_rv
from tests.conformance.scene import GRACE, NOW, Scene

if TYPE_CHECKING:
    from sekisho.rules.access import Rights
    from sekisho.rules.account import Account
    from sekisho.rules.refresh import RefreshToken


class Mint(NamedTuple):
    """A token: how many changes its roles know of, its `rv`, and when it was begun and finished."""

    account: int
    knows: int
    number: int
    began: float
    ended: float


class Change(NamedTuple):
    """A change of roles: the number of its entry, and when it was begun and finished."""

    number: int
    began: float
    ended: float


#: Whether a change makes a rule refuse a token.
Rule = Callable[[Mint, Change], bool]


class Judged(NamedTuple):
    """What a rule comes to: tokens with old rights that it accepts, and with new ones that it refuses."""

    stale_accepted: int
    good_refused: int


@dataclass(frozen=True, slots=True)
class History:
    """What happened."""

    mints: list[Mint]
    #: Of each account, in their order.
    changes: list[list[Change]]

    @property
    def stale(self) -> int:
        """Tokens that a later change has made old."""
        return sum(mint.knows < len(self.changes[mint.account]) for mint in self.mints)

    @property
    def good(self) -> int:
        """Tokens that know of a change."""
        return sum(mint.knows > 0 for mint in self.mints)

    def judge(self, refuses: Rule) -> Judged:
        """Hold each token against the first change that it does not know, and the last one that it does."""
        accepted = refused = 0
        for mint in self.mints:
            changes = self.changes[mint.account]
            accepted += mint.knows < len(changes) and not refuses(mint, changes[mint.knows])
            refused += mint.knows > 0 and refuses(mint, changes[mint.knows - 1])
        return Judged(accepted, refused)


def by_number(mint: Mint, change: Change) -> bool:
    """Our rule."""
    return change.number > mint.number


@dataclass
class _Race:
    scene: Scene
    clock: Callable[[], float]
    pause: float
    mints: list[Mint]

    async def change(self, account: Account, steps: int) -> list[tuple[float, float]]:
        """Change the roles of an account so many times; when each was begun and finished."""
        times: list[tuple[float, float]] = []
        for step in range(1, steps + 1):
            store, began = self.scene.node(step), self.clock()
            # The next role is granted, then the one before it revoked: v0, v0 v1, v1, v1 v2, v2 ...
            if step % 2:
                event = self.scene.event("role_granted")
                done = await store.grant_role(account.id, f"v{(step + 1) // 2}", now=NOW, event=event)
            else:
                event = self.scene.event("role_revoked")
                done = await store.revoke_role(account.id, f"v{step // 2 - 1}", now=NOW, event=event)
            times.append((began, self.clock()))
            assert done
            await asyncio.sleep(self.pause)
        return times

    async def mint(self, account: int, token: RefreshToken, node: int, over: asyncio.Event) -> None:
        """Refresh until it is over."""
        at = NOW
        while not over.is_set():
            began = self.clock()
            rotation = await self.scene.present(token, at=at, node=node)
            rights = rotation.grant.rights
            self.mints.append(Mint(account, _known(rights), _number(rights), began, self.clock()))
            token, at = token.at(rotation.generation), at + GRACE


async def race(
    scene: Scene,
    *,
    accounts: int,
    minters: int,
    changes: int,
    clock: Callable[[], float],
    pause: float = 0.0,
) -> History:
    """Run it.

    Args:
        scene: the nodes, on which nothing was revoked yet.
        accounts: each with somebody who changes its roles.
        minters: of each account.
        changes: of each account.
        clock: what timestamps are taken from.
        pause: seconds between two changes of an account.
    """
    run = _Race(scene, clock, pause, [])
    people = [await scene.account(f"{number}@example.com") for number in range(accounts)]
    for person in people:
        await scene.store.grant_role(person.id, "v0", now=NOW, event=scene.event("role_granted"))
    tokens = [
        (number, await scene.login(people[number])) for number in range(accounts) for _ in range(minters)
    ]
    over = asyncio.Event()
    minting = [
        asyncio.create_task(run.mint(account, token, node, over))
        for node, (account, token) in enumerate(tokens)
    ]
    times = await asyncio.gather(*(run.change(person, changes) for person in people))
    over.set()
    await asyncio.gather(*minting)
    feed = await scene.feed()
    told: list[list[Change]] = []
    for person, when in zip(people, times, strict=True):
        first, *numbers = [number for number, key, _ in feed if key == entry_key("user", person.id)]
        assert first <= accounts  # that of v0, before the race
        told.append([Change(number, *each) for number, each in zip(numbers, when, strict=True)])
    return History(run.mints, told)


def _known(rights: Rights) -> int:
    """How many changes these roles show."""
    roles = sorted(int(role.removeprefix("v")) for role in rights.roles)
    return roles[0] + roles[-1]


def _number(rights: Rights) -> int:
    read = read_rv(rights.rv)
    assert read is not None
    return read[1]
