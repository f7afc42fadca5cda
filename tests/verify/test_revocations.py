"""The live revocations: what is published, what is held, and the rule between them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho_verify import LocalRevocations, Revocations, RevocationsUnavailable, TokenRefused
from sekisho_verify.errors import ConfigurationError
from sekisho_verify.revocations.entries import (
    EFFECTS,
    KINDS,
    Effect,
    Entry,
    Frame,
    Heartbeat,
    Kind,
    Snapshot,
    entry_key,
    read_rv,
    write_rv,
)
from sekisho_verify.revocations.freshness import Freshness
from sekisho_verify.revocations.live import (
    CLOCKS,
    Applied,
    Gap,
    Ignored,
    Marks,
    SnapshotNeeded,
    Standing,
    marks,
)
from sekisho_verify.revocations.packed import PackedEntries, pack
from tests.verify.test_revocations_model import claimed

AS_OF = 1000.0
TTL = 970.0


def entry(number: int, kind: Kind = "session", name: str = "s", effect: Effect = "revoked") -> Entry:
    """An entry as an issuer publishes it."""
    return Entry(number, kind, entry_key(kind, name), effect)


def snapshot(*entries: Entry, epoch: int = 1, head: int = 10, as_of: float = AS_OF) -> Snapshot:
    """A snapshot with these entries."""
    return Snapshot(epoch=epoch, head=head, as_of=as_of, ttl=TTL, entries=entries)


def frame(*entries: Entry, epoch: int = 1, as_of: float = AS_OF) -> Frame:
    """A frame of these entries, which follow each other."""
    numbers = [each.number for each in entries]
    return Frame(epoch=epoch, first=min(numbers), last=max(numbers), as_of=as_of, entries=entries)


def held(*entries: Entry, epoch: int = 1, head: int = 10) -> Revocations:
    """Revocations that began with a snapshot."""
    revocations = Revocations()
    revocations.apply(snapshot(*entries, epoch=epoch, head=head))
    return revocations


def token(  # what the tests vary
    rv: str = "1.10", *, sid: str = "s", kid: str = "k", issued_at: float = AS_OF, groups: str = "g h"
) -> Marks:
    """The marks of a token."""
    claims = claimed(sid=sid, sub="u", groups=frozenset(groups.split()), rv=rv, issued_at=issued_at)
    return marks(claims, kid=kid)


def code(revocations: Revocations, refused: Marks) -> str:
    """The code with which a token is refused."""
    with pytest.raises(TokenRefused) as caught:
        revocations.check(refused)
    return caught.value.code


@pytest.mark.parametrize(
    ("kind", "name"),
    [("session", "s"), ("user", "u"), ("group", "g"), ("group", "h"), ("everything", "")],
)
@pytest.mark.parametrize("effect", ["revoked", "stale"])
def test_an_entry_ends_the_tokens_minted_before_it(kind: Kind, name: str, effect: Effect) -> None:
    """A number above `rv` refuses, the very number of `rv` and any below do not, for each kind and effect."""
    revocations = held(entry(10, kind, name, effect))
    assert code(revocations, token("1.9")) == f"token_{effect}"
    assert revocations.check(token("1.10")) is Standing.CURRENT
    assert code(revocations, token("0.999999999999999999")) == f"token_{effect}"


@pytest.mark.parametrize(("kind", "name"), [("session", "t"), ("user", "s"), ("group", "i"), ("key", "l")])
def test_what_names_another_ends_nothing(kind: Kind, name: str) -> None:
    """An entry for another session, user, group or key leaves a token alone, though names be equal."""
    assert held(entry(10, kind, name)).check(token("1.9")) is Standing.CURRENT


@pytest.mark.parametrize("first", ["revoked", "stale"])
def test_revoked_wins_over_stale(first: Effect) -> None:
    """Of two entries that hit, the one no refresh can mend is told, in whichever order they came."""
    second: Effect = "stale" if first == "revoked" else "revoked"
    on_one_key = held(entry(8, effect=first), entry(9, effect=second))
    assert code(on_one_key, token("1.7")) == "token_revoked"
    assert code(on_one_key, token("1.8")) == f"token_{second}"
    on_two_keys = held(entry(8, "user", "u", first), entry(9, "group", "g", second))
    assert code(on_two_keys, token("1.7")) == "token_revoked"


def test_a_leaked_key_is_refused_whatever_the_token_says() -> None:
    """Who holds the signing key writes any `rv`; his tokens are dead for good, others live."""
    huge = "999999999999999999.999999999999999999"
    revocations = held(entry(3, "key", "leaked"))
    for rv in ("1.0", "1.10", huge):
        assert code(revocations, token(rv, kid="leaked")) == "token_revoked"
    assert revocations.check(token(kid="other")) is Standing.CURRENT
    revocations.apply(Heartbeat(epoch=1, head=10, as_of=AS_OF + 10 * TTL))
    revocations.apply(snapshot(as_of=AS_OF + 10 * TTL))
    assert code(revocations, token(huge, kid="leaked", issued_at=AS_OF + 10 * TTL)) == "token_revoked"


def test_keys_of_entries_are_digests() -> None:
    """The first 8 bytes of SHA-256(kind | name), and nothing that could be turned back into an id."""
    assert entry_key("session", "0") == hashlib.sha256(b"session|0").digest()[:8]
    assert entry_key("everything", "").hex() == hashlib.sha256(b"everything|").hexdigest()[:16]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "1",
            "1.",
            ".1",
            "1.2.3",
            "01.2",
            "1.02",
            "-1.2",
            "1.+2",
            " 1.2",
            "1.2\n",
            "1,2",
            "٠.1",
            "1.2 ",
        ),
        *("1.1000000000000000000", "9999999999999999999.1", "1e3.1", "None"),
    ],
)
def test_an_rv_that_nobody_wrote_is_refused(text: str) -> None:
    """A token whose `rv` cannot be read is malformed, not taken for one that nothing can hit."""
    assert read_rv(text) is None
    with pytest.raises(TokenRefused) as caught:
        token(text)
    assert (caught.value.code, caught.value.detail) == ("token_malformed", f"rv is {text!a}")


@pytest.mark.parametrize("rv", [(0, 0), (1, 0), (3, 41), (10**18 - 1, 10**18 - 1)])
def test_an_rv_is_read_as_it_was_written(rv: tuple[int, int]) -> None:
    """Epoch and number come back."""
    assert read_rv(write_rv(*rv)) == rv


def test_a_token_from_ahead_is_believed_only_while_we_may_be_late() -> None:
    """An `rv` above the head says that we are behind, until we know of a time at which we were not."""
    revocations = held()
    ahead = token("1.11", issued_at=AS_OF)
    for as_of in (AS_OF, AS_OF + CLOCKS - 0.001):
        revocations.apply(Heartbeat(epoch=1, head=10, as_of=as_of))
        assert revocations.check(ahead) is Standing.BEHIND
    revocations.apply(Heartbeat(epoch=1, head=10, as_of=AS_OF + CLOCKS))
    assert code(revocations, ahead) == "token_stale"
    assert code(revocations, token("2.0", issued_at=AS_OF)) == "token_stale"
    revocations.apply(frame(entry(11, name="other"), as_of=AS_OF + CLOCKS))
    assert revocations.check(ahead) is Standing.CURRENT


def test_before_the_first_snapshot_there_is_no_verdict() -> None:
    """Nothing known means nobody passes, by any `rv`; and frames and heartbeats do not change that."""
    revocations = Revocations()
    assert (revocations.rv, revocations.as_of, revocations.entry_count) == (None, None, 0)
    for news in (frame(entry(1)), Heartbeat(epoch=0, head=0, as_of=AS_OF)):
        assert revocations.apply(news) == SnapshotNeeded()
    for rv in ("0.0", "1.0", "1.10"):
        with pytest.raises(RevocationsUnavailable, match="no snapshot") as caught:
            revocations.check(token(rv))
        assert caught.value.code == "revocations_unavailable"


def test_frames_are_taken_in_their_order() -> None:
    """The next is applied, an overlap as far as it is new, a double ignored, and a hole reported."""
    revocations = held(head=10)
    assert revocations.apply(frame(entry(12, name="b"))) == Gap(1, 10)
    assert revocations.check(token(sid="b")) is Standing.CURRENT
    assert revocations.apply(frame(entry(11, name="a"))) == Applied(1)
    assert revocations.apply(frame(entry(11, name="a"), entry(12, name="b"))) == Applied(1)
    assert revocations.apply(frame(entry(11, name="a"))) == Ignored()
    assert [code(revocations, token(sid=sid)) for sid in ("a", "b")] == ["token_revoked"] * 2
    assert (revocations.rv, revocations.entry_count) == ("1.12", 2)
    assert revocations.apply(Heartbeat(epoch=1, head=13, as_of=AS_OF)) == Gap(1, 12)
    assert revocations.apply(Heartbeat(epoch=1, head=11, as_of=AS_OF + 9)) == Ignored()
    assert revocations.as_of == AS_OF
    assert revocations.apply(Heartbeat(epoch=1, head=12, as_of=AS_OF + 1)) == Applied(0)
    assert revocations.as_of == AS_OF + 1


def test_an_epoch_begins_with_a_snapshot_and_never_ends_with_an_older_one() -> None:
    """News of a later epoch ask for its snapshot; afterwards nothing of the earlier is listened to."""
    revocations = held(epoch=2)
    assert revocations.apply(frame(entry(11), epoch=3)) == SnapshotNeeded()
    assert revocations.apply(Heartbeat(epoch=3, head=1, as_of=AS_OF)) == SnapshotNeeded()
    assert revocations.apply(snapshot(epoch=3, head=4)) == Applied(0)
    for news in (snapshot(epoch=2, head=99), frame(entry(5), epoch=2), Heartbeat(epoch=2, head=4, as_of=2e3)):
        assert revocations.apply(news) == Ignored()
    assert (revocations.rv, revocations.as_of) == ("3.4", AS_OF)
    assert revocations.apply(snapshot(epoch=3, head=3)) == Ignored()


def test_an_issuer_that_forgot_revives_no_token() -> None:
    """What was known before a restore holds for its time, whatever later snapshots say; new logins pass."""
    revocations = held(entry(10), epoch=1)
    last = AS_OF + TTL + CLOCKS
    for as_of in (AS_OF, AS_OF + 1, last - 0.001):
        revocations.apply(snapshot(epoch=2, head=7, as_of=as_of))
        assert code(revocations, token("1.9")) == "token_revoked"
        assert revocations.check(token("1.10")) is Standing.CURRENT
        assert revocations.check(token("2.7")) is Standing.CURRENT
    revocations.apply(Heartbeat(epoch=2, head=7, as_of=last))
    assert revocations.entry_count == 0


def test_what_was_revoked_before_a_restore_is_not_stale_after_it() -> None:
    """An entry of the new epoch for the same key changes nothing for tokens that the old one had ended."""
    revocations = held(entry(5), epoch=1)
    for _ in range(2):
        revocations.apply(snapshot(entry(6, effect="stale"), epoch=2, head=7))
        assert code(revocations, token("1.4")) == "token_revoked"
        assert code(revocations, token("1.5")) == "token_stale"
    revocations.apply(snapshot(epoch=2, head=8))
    assert code(revocations, token("1.4")) == "token_revoked"
    assert revocations.check(token("2.5")) is Standing.CURRENT


def test_an_entry_is_forgotten_when_all_it_can_hit_has_expired() -> None:
    """It lives for the ttl of the snapshot and what clocks may differ, by the issuer's time alone."""
    revocations = held(entry(9), head=9)
    revocations.apply(frame(entry(10, name="later"), as_of=AS_OF + 1))
    last = AS_OF + TTL + CLOCKS
    revocations.apply(Heartbeat(epoch=1, head=10, as_of=last - 0.001))
    assert revocations.entry_count == 2
    revocations.apply(Heartbeat(epoch=1, head=10, as_of=last))
    assert revocations.entry_count == 1
    assert code(revocations, token("1.8", sid="later")) == "token_revoked"
    revocations.apply(Heartbeat(epoch=1, head=10, as_of=last + 1))
    assert revocations.entry_count == 0


def test_an_entry_that_came_again_lives_anew() -> None:
    """The end of an earlier entry for the same key takes nothing from the later, in either effect."""
    revocations = held(entry(9, effect="stale"), head=9)
    revocations.apply(frame(entry(10, effect="stale"), as_of=AS_OF + 500))
    revocations.apply(Heartbeat(epoch=1, head=10, as_of=AS_OF + TTL + CLOCKS + 499))
    assert code(revocations, token("1.9")) == "token_stale"
    revocations.apply(Heartbeat(epoch=1, head=10, as_of=AS_OF + TTL + CLOCKS + 500))
    assert revocations.check(token("1.9")) is Standing.CURRENT


def test_forgetting_many_goes_by_small_steps() -> None:
    """A snapshot's thousands that expire together hold nobody up, and are gone after some heartbeats."""
    revocations = held(*(entry(n, name=str(n)) for n in range(1, 2501)), head=2500)
    counts = []
    for step in range(3):
        revocations.apply(Heartbeat(epoch=1, head=2500, as_of=AS_OF + TTL + CLOCKS + step))
        counts.append(revocations.entry_count)
    assert counts == [1500, 500, 0]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Snapshot, {"entries": (entry(11),)}),
        (Snapshot, {"entries": (entry(0),)}),
        (Snapshot, {"entries": (Entry(1, "session", b"short", "revoked"),)}),
        (Snapshot, {"ttl": 0}),
        (Snapshot, {"ttl": float("nan")}),
        (Snapshot, {"as_of": float("nan")}),
        (Snapshot, {"as_of": float("inf")}),
        (Snapshot, {"epoch": -1}),
        (Snapshot, {"epoch": 10**18}),
        (Snapshot, {"head": 10**18}),
        (Snapshot, {"head": -1}),
        (Frame, {"first": 12}),
        (Frame, {"first": -1}),
        (Frame, {"entries": (entry(11),)}),
        (Frame, {"entries": (entry(8),)}),
        (Frame, {"as_of": -1.0}),
        (Heartbeat, {"head": -2}),
        (Heartbeat, {"head": 10**18}),
        (Heartbeat, {"epoch": 10**18}),
    ],
)
def test_news_that_contradict_themselves_are_not_made(kind: type, said: dict[str, Any]) -> None:
    """An issuer that makes no sense cannot be followed: there is no verdict by it."""
    good: dict[str, Any] = {"epoch": 1, "as_of": AS_OF}
    if kind is Frame:
        good |= {"first": 9, "last": 10, "entries": ()}
    else:
        good |= {"head": 10}
    if kind is Snapshot:
        good |= {"ttl": TTL, "entries": ()}
    kind(**good)
    with pytest.raises(RevocationsUnavailable):
        kind(**good | said)


def test_revocations_print_how_they_stand_and_no_key() -> None:
    """A log line may have them."""
    assert repr(held(entry(3))) == "Revocations(rv='1.10', as_of=1000.0, entry_count=1)"


def test_local_revocations_take_the_same_way() -> None:
    """Without a feed, what is published holds at once; what is minted afterwards is good; never stale."""
    local = LocalRevocations(clock=lambda: AS_OF)
    before = local.rv
    local.publish("session", "s")
    local.publish("user", "v", effect="stale")
    assert (before, local.rv, local.entry_count) == ("1.0", "1.2", 2)
    assert code(local, token(before)) == "token_revoked"
    assert local.check(token(local.rv)) is Standing.CURRENT
    local.publish("everything")
    assert code(local, token("1.2")) == "token_revoked"
    local.publish("key", "k")
    assert code(local, token(local.rv)) == "token_revoked"
    assert local.freshness(9e9) is Freshness.FRESH


@pytest.mark.parametrize("wrong", [("session",), ("user", ""), ("key",), ("everything", "all")])
def test_local_revocations_want_a_name(wrong: tuple[Any, ...]) -> None:
    """An empty name would end nothing, and a name for everything would end nothing either."""
    with pytest.raises(ConfigurationError, match="name the session"):
        LocalRevocations(clock=lambda: AS_OF).publish(*wrong)


@pytest.mark.parametrize(
    ("wrong", "effect", "said"),
    [
        (("evrything", "x"), "revoked", "one of session, user, group, key, everything; got 'evrything'"),
        (("everthing",), "revoked", "one of session, user, group, key, everything; got 'everthing'"),
        ((["user"], "u"), "revoked", "one of session, user, group, key, everything; got ['user']"),
        (("everything", None), "revoked", "everything: a name is text; got NoneType"),
        (("user", 7), "revoked", "user: a name is text; got int"),
        (("user", b"u"), "revoked", "user: a name is text; got bytes"),
        (("user", "u"), "stail", "effect is one of revoked, stale; got 'stail'"),
    ],
)
def test_local_revocations_publish_nothing_that_would_end_nothing(
    wrong: tuple[Any, ...],
    effect: Any,  # noqa: ANN401 -- one that does not exist is there to be refused
    said: str,
) -> None:
    """A kind with a typo, or a name that is no text, is refused, and no number is taken."""
    local = LocalRevocations(clock=lambda: AS_OF)
    with pytest.raises(ConfigurationError) as refused:
        local.publish(*wrong, effect=effect)
    assert said in str(refused.value)
    assert (local.rv, local.entry_count) == ("1.0", 0)


NAMES = tuple(bytes([letter]) * 8 for letter in b"abcdef")


@given(
    st.lists(
        st.builds(
            Entry,
            number=st.integers(1, 9),
            kind=st.sampled_from(KINDS),
            key=st.sampled_from(NAMES),
            effect=st.sampled_from((*EFFECTS, "revoked", "revoked", "revoked")),
        ),
        max_size=12,
    )
)
def test_a_packed_snapshot_says_what_its_entries_say(entries: list[Entry]) -> None:
    """By columns or one by one, in any order, of any kind, a key twice: the same verdict for every token."""
    parts = pytest.MonkeyPatch()
    parts.setattr("sekisho_verify.revocations.packed._PART", 3)
    try:
        packed = Revocations()
        applied = packed.apply(
            Snapshot(
                epoch=1, head=10, as_of=AS_OF, ttl=TTL, entries=PackedEntries(pack(entries, head=10), head=10)
            )
        )
    finally:
        parts.undo()
    one_by_one = held(*entries)
    assert applied == Applied(len(entries))
    assert packed.entry_count == one_by_one.entry_count
    every = [Marks((key,), 10**18 + number, AS_OF) for key in NAMES for number in range(11)]
    assert [verdict(packed, each) for each in every] == [verdict(one_by_one, each) for each in every]


def test_a_packed_snapshot_says_how_much_was_new() -> None:
    """Those above the head that was known; all of them at first, and in a later epoch."""
    entries = [entry(number, name=f"s{number}") for number in range(1, 11)]
    packed = PackedEntries(pack(entries, head=10), head=10)
    revocations = held(head=7)
    assert revocations.apply(Snapshot(epoch=1, head=10, as_of=AS_OF, ttl=TTL, entries=packed)) == Applied(3)
    assert revocations.apply(Snapshot(epoch=2, head=10, as_of=AS_OF, ttl=TTL, entries=packed)) == Applied(10)


def verdict(revocations: Revocations, token: Marks) -> str | None:
    """The code by which a token is refused, if it is."""
    try:
        revocations.check(token)
    except TokenRefused as refused:
        return refused.code
    return None
