"""What is done to signing keys: the next one is added, the last one dropped, one that leaked locked out.

A rotation is one row: what follows is told by the time (`rules/keyring.py`). So a node that dies amid one
leaves nothing half done, and of nodes that rotate at once one does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from sekisho.frozen import Frozen
from sekisho.ports import Clock, Entropy, KeyStore
from sekisho.rules.events import Event, EventKind
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.keyring import (
    Add,
    Drop,
    KeyTimes,
    Retire,
    RetiredKey,
    SealedKey,
    SignFrom,
    Standing,
    gone,
    rotation_due,
    standings,
)
from sekisho.rules.refusals import Refusal

Rotated = Literal["added", "promoted", "unchanged"]


class KeyRoom(Frozen):
    """What these flows ask for.

    `make` gives a new key published and signing from these instants, kept but not in the store yet; `forget`
    deletes what is kept of keys beside the store.
    """

    store: KeyStore
    make: Callable[[float, float], Awaitable[SealedKey]]
    forget: Callable[[Sequence[str]], Awaitable[None]]
    times: KeyTimes
    clock: Clock
    entropy: Entropy

    def event(self, kind: EventKind, now: float, *, kid: str, **about: str) -> Event:
        """What is put on record."""
        return Event(kind, now, uuid7(now, self.entropy(ENTROPY_BYTES)), about={"kid": kid, **about})


async def rotate(room: KeyRoom, *, at_once: bool) -> tuple[Rotated, tuple[Standing, ...]]:
    """Publish the next key, which signs after the lead; or, `at_once`, now: whoever has not seen it refuses.

    Where one is pending already it stays the only one; `at_once` lets it sign now.
    """
    now = room.clock()
    outcome: Rotated = "unchanged"
    keys = (await room.store.signing_keys()).keys
    if keys[-1].signs_at <= now:
        key = await room.make(now, now if at_once else now + room.times.lead)
        added = room.event("signing_key_added", now, kid=key.kid, alg=key.alg)
        step = Add(key, after=keys[-1].kid)
        keys = (await room.store.change_keys(step, now=now, recorded=[added])).keys
        if key in keys:
            outcome = "added"
        else:  # another node was faster, and its key is the next
            await room.forget([key.kid])
    newest = keys[-1]
    if at_once and newest.signs_at > now:
        promoted = room.event("signing_key_promoted", now, kid=newest.kid, alg=newest.alg)
        keys = (await room.store.change_keys(SignFrom(newest.kid, now), now=now, recorded=[promoted])).keys
        outcome = "promoted"
    return outcome, standings(keys, now=now, times=room.times)


async def upkeep(room: KeyRoom) -> None:
    """Do what is due: add the next key, drop those whose last token has expired."""
    now = room.clock()
    keys = (await room.store.signing_keys()).keys
    if rotation_due(keys, times=room.times) <= now:
        await rotate(room, at_once=False)
    useless = gone(keys, now=now, times=room.times)
    if useless:
        dropped = [room.event("signing_key_dropped", now, kid=kid) for kid in useless]
        await room.store.change_keys(Drop(useless), now=now, recorded=dropped)
        await room.forget(useless)


class RetireRequest(Frozen):
    """A key that is never to be used again, and how it stands; `others`: another key could sign."""

    kid: str
    alg: str
    thumbprint: str
    standing: Standing | None
    compromised: bool
    others: bool


async def retire(
    request: RetireRequest, *, room: KeyRoom | None, store: KeyStore, clock: Clock, entropy: Entropy
) -> None:
    """Never publish, believe or use the key again; where it is compromised, tell every verifier.

    `room` where the server makes its keys: a key takes over in the same transaction where this one signs.

    Raises:
        Refusal: `conflict`: it is the one that signs, and nobody says that it leaked, or no other could sign.
    """
    now = clock()
    signs = request.standing is not None and request.standing.state == "current"
    if signs and not request.compromised:
        raise Refusal("conflict", f"{request.kid} is the key that signs: rotate first")
    if signs and room is None and not request.others:
        raise Refusal("conflict", f"{request.kid} is the only key that can sign")
    successor = None
    if signs and room is not None:
        successor = await room.make(now, now)
    why = "compromised" if request.compromised else "operator"
    about = {"kid": request.kid, "alg": request.alg, "why": why}
    recorded = [Event("signing_key_retired", now, uuid7(now, entropy(ENTROPY_BYTES)), about=about)]
    if room is not None and successor is not None:
        recorded.append(room.event("signing_key_added", now, kid=successor.kid, alg=successor.alg))
    key = RetiredKey(request.kid, request.alg, request.thumbprint, now, request.compromised)
    stands = await store.change_keys(Retire(key, successor), now=now, recorded=recorded)
    if room is not None:
        unused = [] if successor is None or successor in stands.keys else [successor.kid]
        await room.forget([request.kid, *unused])
