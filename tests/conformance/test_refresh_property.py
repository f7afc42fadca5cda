"""Whatever the row and the token: a store does to the row what `rules.refresh.present` says."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sekisho.rules import refresh
from sekisho.rules.account import Account
from sekisho.rules.refresh import Family, Presented, RefreshToken, Verdict
from tests.conformance.scene import ELSEWHERE, GRACE, HERE, LIFETIMES, NOW, Scene, refused

_FAR = NOW + 1_000_000.0
_KEYS = [b"a" * 32, b"b" * 32]
_INSTANTS = [NOW - 1000, NOW - GRACE, NOW - GRACE + 0.5, NOW, NOW + 0.5]
_ENDS = [NOW - 1, NOW, NOW + 1, NOW + 600, _FAR]


@dataclass(frozen=True)
class Case:
    """A session row as it might stand, and a token as it might be presented."""

    family: Family
    refresh_expires_at: float
    ends_at: float
    revoked: bool
    disabled: bool
    same_family: bool
    generation: int
    key: bytes | None
    moved: bool

    def refusal(self) -> str | None:
        """What stands in the way before the generation is looked at, in the order of the port."""
        if not self.same_family:
            return "refresh_unknown"
        if self.revoked or self.disabled:
            return "session_revoked"
        if min(self.refresh_expires_at, self.ends_at) <= NOW:
            return "refresh_expired"
        return None

    def presented(self) -> Presented:
        """What the rule says."""
        return refresh.present(
            self.family, generation=self.generation, retry_digest=self.key, now=NOW, grace=GRACE
        )


_rarely = st.sampled_from([False] * 9 + [True])
_cases = st.builds(
    Case,
    family=st.builds(
        Family,
        generation=st.integers(1, 4),
        rotated_at=st.none() | st.sampled_from(_INSTANTS),
        retry_generation=st.none() | st.integers(0, 3),
        retry_digest=st.none() | st.sampled_from(_KEYS),
    ),
    refresh_expires_at=st.sampled_from([*_ENDS, _FAR, _FAR, _FAR]),
    ends_at=st.sampled_from([*_ENDS, _FAR, _FAR, _FAR]),
    revoked=_rarely,
    disabled=_rarely,
    same_family=st.sampled_from([True] * 9 + [False]),
    generation=st.integers(0, 6),
    key=st.none() | st.sampled_from(_KEYS),
    moved=st.booleans(),
)


async def _arrange(scene: Scene, account: Account, case: Case) -> RefreshToken:
    """A session that stands as the case says."""
    token = await scene.login(account)
    await scene.change(
        """UPDATE sessions SET gen = :gen, rotated_at = :rotated_at, retry_gen = :retry_gen,
           retry_key = :retry_key, refresh_expires_at = :refresh_expires_at, ends_at = :ends_at,
           revoked_at = :revoked_at, revoked_why = :why WHERE id = :id""",
        id=token.session_id,
        gen=case.family.generation,
        rotated_at=case.family.rotated_at,
        retry_gen=case.family.retry_generation,
        retry_key=case.family.retry_digest,
        refresh_expires_at=case.refresh_expires_at,
        ends_at=case.ends_at,
        revoked_at=NOW - 5 if case.revoked else None,
        why="logout" if case.revoked else None,
    )
    if case.disabled:
        await scene.change("UPDATE users SET status = 'disabled' WHERE id = :id", id=account.id)
    return token


async def _row(scene: Scene, token: RefreshToken) -> tuple[object, ...]:
    (row,) = await scene.rows(
        "SELECT gen, rotated_at, retry_gen, retry_key, refresh_expires_at, ends_at, ip, user_agent,"
        " revoked_at, revoked_why FROM sessions WHERE id = :id",
        id=token.session_id,
    )
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)


async def _counts(scene: Scene) -> tuple[int, int]:
    """How many entries and events there are."""
    ((entries, events),) = await scene.rows(
        "SELECT (SELECT COUNT(*) FROM feed), (SELECT COUNT(*) FROM security_events)"
    )
    return entries, events


def _expected(case: Case) -> tuple[object, ...]:
    """The row afterwards, by the rule."""
    family, expires_at, where = case.family, case.refresh_expires_at, HERE
    revocation: tuple[object, object] = (NOW - 5, "logout") if case.revoked else (None, None)
    if case.refusal() is None:
        presented = case.presented()
        if presented.verdict is Verdict.REUSED:
            revocation = (NOW, "reused")
        elif presented.verdict in {Verdict.ROTATED, Verdict.AHEAD, Verdict.RECOVERED}:
            family = presented.family
            expires_at = LIFETIMES.expiry("token", now=NOW, ends_at=case.ends_at)
            where = ELSEWHERE if case.moved else HERE
    state = (family.generation, family.rotated_at, family.retry_generation, family.retry_digest)
    return (*state, expires_at, case.ends_at, where.ip, where.user_agent, *revocation)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=_cases)
@example(case=Case(Family(2, NOW - 50, 1, _KEYS[0]), _FAR, _FAR, False, False, True, 1, _KEYS[0], True))
async def test_a_store_does_what_the_rule_says(scene: Scene, case: Case) -> None:
    """Verdict, generation, expiry, every column of the row, feed and events follow from the rule alone."""
    account = await scene.account(f"{scene.id()}@example.com")
    token = await _arrange(scene, account, case)
    entries, events = await _counts(scene)
    presented = token.at(case.generation)
    if not case.same_family:
        presented = replace(presented, family=b"another" * 5)
    verdict = None if case.refusal() else case.presented().verdict
    act = scene.present(presented, at=NOW, key=case.key, client=ELSEWHERE if case.moved else HERE)
    if verdict is None or verdict is Verdict.REUSED:
        assert await refused(act) == (case.refusal() or "refresh_reused")
    else:
        rotation = await act
        assert (rotation.verdict, rotation.generation) == (verdict, case.presented().family.generation)
        assert (rotation.grant.account, rotation.grant.session_id) == (account, token.session_id)
        assert rotation.grant.refresh_expires_at == _expected(case)[4]
    assert await _row(scene, token) == _expected(case)
    recorded = verdict in {Verdict.REUSED, Verdict.REPLAYED, Verdict.RECOVERED}
    assert await _counts(scene) == (entries + (verdict is Verdict.REUSED), events + recorded)
