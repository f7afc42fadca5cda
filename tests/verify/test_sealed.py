"""The feed on the wire: what an issuer seals is what a verifier reads, and nothing else is."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sekisho_verify import HmacKey, SigningKey, jws
from sekisho_verify.errors import RevocationsUnavailable
from sekisho_verify.revocations.entries import (
    EFFECTS,
    KINDS,
    Entry,
    Frame,
    Heartbeat,
    Snapshot,
    entry_key,
)
from sekisho_verify.revocations.packed import ENTRY_BYTES, PackedEntries, pack
from sekisho_verify.revocations.sealed import MAX_FRAME, FeedSeals, seal, seal_time

if TYPE_CHECKING:
    from sekisho_verify.keys import Signer, VerificationKey

ISSUER = "https://id.example.com"
ES256 = SigningKey(ec.generate_private_key(ec.SECP256R1()))
SHARED = HmacKey(bytes(range(7, 39)))
ENTRIES = (
    Entry(41, "session", entry_key("session", "s1"), "revoked"),
    Entry(42, "user", entry_key("user", "u1"), "stale"),
)
SNAPSHOT = Snapshot(epoch=3, head=42, as_of=1000.5, ttl=960.0, entries=ENTRIES)
FRAME = Frame(epoch=3, first=41, last=42, as_of=1000.5, entries=ENTRIES)
HEARTBEAT = Heartbeat(epoch=3, head=42, as_of=1000.5)


def reader(*keys: VerificationKey, issuer: str = ISSUER, leaked: frozenset[str] = frozenset()) -> FeedSeals:
    """Read by these keys."""
    return FeedSeals(keys or (ES256.public,), issuer=issuer, leaked=leaked.__contains__)


def unpacked(news: Snapshot | Frame) -> Snapshot | Frame:
    """Compare entries as they were before they were packed."""
    return replace(news, entries=tuple(news.entries))


@pytest.mark.parametrize(("key", "held"), [(ES256, ES256.public), (SHARED, SHARED)], ids=["ES256", "HS256"])
def test_what_is_sealed_is_read(key: Signer, held: VerificationKey) -> None:
    """A snapshot, a frame, a heartbeat and the time come out as they went in, by either kind of key."""
    seals = reader(held)
    assert unpacked(seals.snapshot(seal(SNAPSHOT, issuer=ISSUER, key=key))) == SNAPSHOT
    assert unpacked(seals.frame(seal(FRAME, issuer=ISSUER, key=key))) == FRAME
    assert seals.heartbeat(seal(HEARTBEAT, issuer=ISSUER, key=key)) == HEARTBEAT
    assert seals.time(seal_time(12.25, nonce="n1", issuer=ISSUER, key=key), nonce="n1") == 12.25


def test_one_kind_cannot_stand_in_for_another() -> None:
    """Each kind has its media type: a frame is no heartbeat, and an access token of the same key neither."""
    seals = reader()
    frame = seal(FRAME, issuer=ISSUER, key=ES256)
    token = jws.sign(
        json.dumps({"iss": ISSUER, "epoch": 9, "head": 9, "as_of": 9.0}).encode(), {"typ": "at+jwt"}, ES256
    )
    for text in (frame, token):
        with pytest.raises(RevocationsUnavailable, match="token_type_mismatch"):
            seals.heartbeat(text)


def test_another_issuer_is_refused() -> None:
    """A feed that is sealed by our key and speaks for another issuer is not believed."""
    with pytest.raises(RevocationsUnavailable, match="another issuer"):
        reader().heartbeat(seal(HEARTBEAT, issuer="https://id.example.org", key=ES256))


def test_an_unknown_key_is_refused() -> None:
    """Whoever seals with a key of his own is not believed."""
    with pytest.raises(RevocationsUnavailable, match="token_key_unknown"):
        reader().frame(seal(FRAME, issuer=ISSUER, key=SigningKey(ec.generate_private_key(ec.SECP256R1()))))


def test_a_leaked_key_says_nothing_any_more() -> None:
    """Once a key is known to have leaked, its seal on the feed counts no more than on a token."""
    text = seal(FRAME, issuer=ISSUER, key=ES256)
    with pytest.raises(RevocationsUnavailable, match=f"leaked key {ES256.kid}"):
        reader(leaked=frozenset({ES256.kid})).frame(text)


def test_a_shared_secret_seals_the_feed_by_a_key_of_its_own() -> None:
    """In HS256 mode a token cannot be passed off as feed, whatever its type, nor the feed as a token."""
    header = {"typ": "revocation-heartbeat+jwt"}
    payload = json.dumps({"iss": ISSUER, "epoch": 9, "head": 9, "as_of": 9.0}).encode()
    with pytest.raises(RevocationsUnavailable, match="token_signature_mismatch"):
        reader(SHARED).heartbeat(jws.sign(payload, header, SHARED))
    with pytest.raises(RevocationsUnavailable, match="token_signature_mismatch"):
        reader(SHARED.derived("something else")).heartbeat(seal(HEARTBEAT, issuer=ISSUER, key=SHARED))


@pytest.mark.requirement("X21")
def test_the_time_answers_one_question() -> None:
    """A time that was recorded before is refused by its nonce: it would make a delayed feed look fresh."""
    with pytest.raises(RevocationsUnavailable, match="another question"):
        reader().time(seal_time(12.0, nonce="n1", issuer=ISSUER, key=ES256), nonce="n2")


def test_more_than_is_ever_written_is_not_read() -> None:
    """A heartbeat of megabytes is refused by its length, before anything of it is decoded."""
    with pytest.raises(RevocationsUnavailable, match=f"at most {MAX_FRAME} characters"):
        reader().heartbeat("e" * (MAX_FRAME + 1))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": ISSUER},
        {"iss": ISSUER, "epoch": "3", "head": 42, "as_of": 1.0},
        {"iss": ISSUER, "epoch": 3, "head": -1, "as_of": 1.0},
        {"iss": ISSUER, "epoch": 3, "head": 10**18, "as_of": 1.0},
        {"iss": ISSUER, "epoch": 3, "head": 42, "as_of": 1e300},
        [],
    ],
)
def test_contradictions_are_refused(claims: object) -> None:
    """Missing, mistyped and impossible values are refused though the seal holds."""
    text = jws.sign(json.dumps(claims).encode(), {"typ": "revocation-heartbeat+jwt"}, ES256)
    with pytest.raises(RevocationsUnavailable):
        reader().heartbeat(text)


def test_an_entry_of_an_unknown_kind_is_not_skipped() -> None:
    """What a later release publishes and this one does not know is an error: it may end this very token."""
    packed = bytes([0xFF, *bytes(12)])
    with pytest.raises(RevocationsUnavailable, match="unknown kind, 255"):
        PackedEntries(packed, head=1)
    entries = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    claims = {"iss": ISSUER, "epoch": 1, "first": 1, "last": 1, "as_of": 1.0, "entries": entries}
    text = jws.sign(json.dumps(claims).encode(), {"typ": "revocation-frame+jwt"}, ES256)
    with pytest.raises(RevocationsUnavailable, match="unknown kind, 255"):
        reader().frame(text)


def test_half_an_entry_is_refused() -> None:
    """Bytes that are not a whole number of entries are refused."""
    with pytest.raises(RevocationsUnavailable, match="12 bytes of entries"):
        PackedEntries(bytes(ENTRY_BYTES - 1), head=1)


def test_a_number_too_far_below_hits_more_not_less() -> None:
    """An old entry whose distance does not fit is written with the lowest number that does."""
    old = Entry(5, "key", entry_key("key", "k"), "revoked")
    head = 2**32 + 100
    (read,) = PackedEntries(pack([old], head=head), head=head)
    assert read == old._replace(number=head - (2**32 - 1))


ANY_ENTRIES = st.lists(
    st.builds(
        Entry,
        number=st.integers(1, 2**31),
        kind=st.sampled_from(KINDS),
        key=st.binary(min_size=8, max_size=8),
        effect=st.sampled_from(EFFECTS),
    )
)


@given(ANY_ENTRIES)
def test_any_entries_survive_packing(entries: list[Entry]) -> None:
    """Whatever is packed is unpacked, in its order, and in 13 bytes each."""
    packed = pack(entries, head=2**31)
    assert len(packed) == 13 * len(entries)
    assert list(PackedEntries(packed, head=2**31)) == entries


@given(ANY_ENTRIES, st.integers(0, 2**31))
def test_what_is_packed_is_packed_for_a_later_head_as_it_is(entries: list[Entry], more: int) -> None:
    """Without a look at each: the bytes are those of entries that were packed one by one."""
    packed = PackedEntries(pack(entries, head=2**31), head=2**31)
    assert pack(packed, head=2**31 + more) == pack(entries, head=2**31 + more)
    numbers = [entry.number for entry in entries]
    assert packed.numbers() == ((min(numbers), max(numbers)) if numbers else None)


def test_packed_numbers_that_contradict_the_snapshot_are_refused() -> None:
    """As entries one by one are: a number below all that there can be."""
    below = PackedEntries(pack([ENTRIES[0]], head=50)[:-4] + (50).to_bytes(4), head=50)
    with pytest.raises(RevocationsUnavailable, match=r"numbers \(0, 0\) among the numbers 1 to 50"):
        replace(SNAPSHOT, head=50, entries=below)
    with pytest.raises(RevocationsUnavailable, match=r"numbers \(41, 42\) among the numbers 1 to 41"):
        replace(SNAPSHOT, head=41, entries=PackedEntries(pack(ENTRIES, head=42), head=42))
