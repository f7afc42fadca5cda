"""The revocation feed over HTTP, read back through the seals and rules of the verifier, on each database."""

from __future__ import annotations

import asyncio
import re
import uuid
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from sekisho.house import open_house
from sekisho.rules.events import Event
from sekisho.rules.feed_token import derived_token
from sekisho.rules.revocation import Entry
from sekisho.settings import SettingsRefused
from sekisho_verify import HmacKey
from sekisho_verify.errors import RevocationsUnavailable
from sekisho_verify.revocations.entries import entry_key
from sekisho_verify.revocations.live import CLOCKS
from tests.parts.feed_listener import FeedListener, claims_of
from tests.web.feed_node import ROOT, Node, refusal_of, running
from tests.web.served import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sekisho.settings import Settings

TOKEN = "what-verifiers-show.of-the-tests-alone.3a8f01"
NONCE = "bm9ib2R5LWZvcmVzYXc"


@pytest.fixture
async def node(tmp_path: Path, database: str) -> AsyncIterator[Node]:
    """One server as it starts on a laptop."""
    async with running(tmp_path, database) as running_node:
        yield running_node


async def test_a_logout_is_heard_on_the_stream(node: Node) -> None:
    """Snapshot, stream, logout: the frame has its entry, and the verifier refuses the token from then on."""
    tokens = await node.login()
    await node.feed.snapshot()
    async with node.feed.stream() as stream:
        first = await node.feed.heartbeat(stream)
        assert first.head == 0
        assert refusal_of(node.feed, tokens["access_token"]) is None
        await node.logout(tokens)
        (entry,) = await node.feed.entries(stream, 1)
        assert entry == (1, "session", entry_key("session", tokens["session_id"]), "revoked")
        assert refusal_of(node.feed, tokens["access_token"]) == "token_revoked"
        assert (await node.feed.heartbeat(stream)).head == 1


async def test_whoever_comes_later_is_told_by_the_snapshot(node: Node) -> None:
    """It holds what was revoked, until when it is needed, and is named by epoch and head."""
    tokens = await node.login()
    await node.logout(tokens)
    answer = await node.feed.get("/v1/revocations")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/revocation-snapshot+jwt"
    assert answer.headers["etag"] == '"1.1"'
    assert re.search(r"private.*max-age=[01]\b", answer.headers["cache-control"])
    snapshot = node.feed.seals.snapshot(answer.text)
    assert [entry.key for entry in snapshot.entries] == [entry_key("session", tokens["session_id"])]
    assert (snapshot.epoch, snapshot.head) == (1, 1)
    assert snapshot.ttl == node.settings.access_ttl + node.settings.refresh_grace + 60.0
    node.feed.revocations.apply(snapshot)
    assert refusal_of(node.feed, tokens["access_token"]) == "token_revoked"


async def test_a_snapshot_that_is_held_is_not_sent_again(node: Node) -> None:
    """`If-None-Match` (RFC 9110 section 13.1.2), until something is revoked."""
    tag = (await node.feed.get("/v1/revocations")).headers["etag"]
    for condition in (tag, f'"0.0", W/{tag}', "*"):
        again = await node.feed.get("/v1/revocations", if_none_match=condition)
        assert (again.status, again.text, again.headers["etag"]) == (304, "", tag)
        assert "content-length" not in again.headers
    await node.logout(await node.login())
    newer = await node.feed.get("/v1/revocations", if_none_match=tag)
    assert (newer.status, newer.headers["etag"]) == (200, '"1.1"')


@pytest.mark.parametrize("how", ["header", "query"])
async def test_a_reader_that_comes_back_is_sent_what_it_missed(node: Node, how: str) -> None:
    """From the last event that it has, in the very same bytes that others were sent."""
    tokens = [await node.login() for _ in range(3)]
    await node.feed.snapshot()
    async with node.feed.stream() as stream:
        for each in tokens:
            await node.logout(each)
            await node.feed.entries(stream, 1)
    sent = {"last_event_id": "1.1"} if how == "header" else {"query": "after=1.1"}
    async with node.feed.stream(**sent) as stream:
        events = [await stream.event() for _ in range(3)]
    assert [event.id for event in events] == ["1.2", "1.3", "1.3"]
    assert [event.name for event in events] == ["frame", "frame", "heartbeat"]
    async with node.feed.stream(**sent) as stream:
        assert [await stream.event() for _ in range(2)] == events[:2]


@pytest.mark.parametrize("last", ["1.9", "2.0", "0.0", "nonsense", "1.00", "", "9" * 60])
async def test_a_reader_that_nothing_can_be_sent_to_sees_it_by_the_heartbeat(node: Node, last: str) -> None:
    """Another epoch, a number that never was, or no number: nothing of the past, and then what comes."""
    await node.logout(await node.login())
    async with node.feed.stream() as stream:
        await stream.event("heartbeat")
    later = await node.login()
    async with node.feed.stream(last_event_id=last) as stream:
        assert (await stream.event())[:2] == ("1.1", "heartbeat")
        await node.logout(later)
        assert (await stream.event("frame")).id == "1.2"


async def test_the_header_counts_more_than_the_query(node: Node) -> None:
    """A browser that reconnects sends the address of long ago and the id of now."""
    for _ in range(2):
        await node.logout(await node.login())
        await node.feed.snapshot()
    async with node.feed.stream(query="after=1.0", last_event_id="1.2") as stream:
        assert (await stream.event()).name == "heartbeat"


async def test_all_streams_are_sent_the_same_bytes(node: Node) -> None:
    """Sealed once: an ECDSA signature is another one each time that it is made."""
    await node.feed.snapshot()
    tokens = await node.login()
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(node.feed.stream()) for _ in range(5)]
        await node.logout(tokens)
        frames = {await stream.event("frame") for stream in streams}
        assert len(frames) == 1
        beats = {await stream.event("heartbeat") for stream in streams}
        assert len(beats) == 1
    counted = (await node.client.get("/metrics")).text
    assert "sekisho_feed_frames_total 1.0" in counted
    assert "sekisho_feed_head 1.0" in counted
    assert "sekisho_feed_entries 1.0" in counted
    assert "sekisho_feed_streams 0.0" in counted


async def test_heartbeats_tell_when_the_database_was_read(tmp_path: Path, database: str) -> None:
    """By the issuer's clock, and never a time that is not there yet."""
    clock = Clock()
    async with running(tmp_path, database, clock) as node:
        await node.feed.snapshot()
        async with node.feed.stream() as stream:
            before = clock.now
            while (await node.feed.heartbeat(stream)).as_of != before:
                pass
            clock.now += 5
            while (beat := await node.feed.heartbeat(stream)).as_of == before:
                pass
            assert beat.as_of == before + 5


async def test_the_time_is_an_answer_to_the_one_who_asked(tmp_path: Path) -> None:
    """Signed for the nonce, by the issuer's clock, kept nowhere; an answer to another question is none."""
    clock = Clock()
    async with running(tmp_path, f"sqlite:///{tmp_path}/sekisho.db", clock) as node:
        answer = await node.feed.get(f"/v1/revocations/time?nonce={NONCE}")
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/revocation-time+jwt"
        assert answer.headers["cache-control"] == "no-store"
        assert node.feed.seals.time(answer.text, nonce=NONCE) == clock.now
        with pytest.raises(RevocationsUnavailable, match="another question"):
            node.feed.seals.time(answer.text, nonce=NONCE[:-1] + "d")


@pytest.mark.requirement("X04")
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "field_missing"),
        ("?nonce=", "invalid_value"),
        (f"?nonce={NONCE[:15]}", "invalid_value"),
        (f"?nonce={'a' * 65}", "invalid_value"),
        (f"?nonce={NONCE}=", "invalid_value"),
        (f"?nonce={NONCE}&nonce={NONCE}", "invalid_value"),
        (f"?nonce={NONCE}%0A", "invalid_value"),
    ],
)
async def test_a_nonce_that_is_none_is_refused(tmp_path: Path, query: str, code: str) -> None:
    """16 to 64 characters of base64url, once: who signs for anybody signs nothing of his choice."""
    async with running(tmp_path, f"sqlite:///{tmp_path}/sekisho.db") as node:
        answer = await node.client.get(f"/v1/revocations/time{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/nonce"
        assert answer.json()["errors"][0]["code"] == code


PATHS = ("/v1/revocations", "/v1/revocations/stream", f"/v1/revocations/time?nonce={NONCE}")


@pytest.mark.requirement("X24")
@pytest.mark.parametrize("path", PATHS)
async def test_the_feed_is_for_those_who_have_its_token(tmp_path: Path, path: str) -> None:
    """Off loopback always; with none, another, two, or one a byte off it is 401, the same for each."""
    url, issuer = f"sqlite:///{tmp_path}/sekisho.db", "https://id.example.com"
    async with running(tmp_path, url, issuer=issuer, signup="open") as node:
        access_token = (await node.login())["access_token"]
        good = await _derived(node.settings)
        for credential in (
            None,
            "",
            good[:-1] + ("A" if good[-1] != "A" else "B"),
            f"{good} ",
            access_token,
            f"{good}, Bearer {good}",
        ):
            sent = {} if credential is None else {"Authorization": f"Bearer {credential}"}
            answer = await node.client.get(path, headers=sent)
            assert (answer.status_code, answer.json()["code"]) == (401, "feed_token_refused")
            assert answer.headers["www-authenticate"] == "Bearer"
        verifier = FeedListener(node.app, issuer=issuer, token=good)
        assert (await verifier.get(path, method="HEAD" if "stream" in path else "GET")).status == 200


async def _derived(settings: Settings) -> str:
    async with open_house(settings, environ={}) as house:
        return derived_token(house.keys.feed)


async def test_a_token_that_was_configured_counts_on_loopback_too(tmp_path: Path) -> None:
    """In each of its versions; the one that would derive from the root secret does not."""
    file = tmp_path / "feed-token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    async with running(tmp_path, f"sqlite:///{tmp_path}/sekisho.db", feed_token=f"file:{file}") as node:
        assert (await node.feed.get("/v1/revocations")).status == 401
        verifier = FeedListener(node.app, issuer=node.settings.issuer, token=TOKEN)
        assert (await verifier.get("/v1/revocations")).status == 200
        derived = await _derived(node.settings)
        other = FeedListener(node.app, issuer=node.settings.issuer, token=derived)
        assert (await other.get("/v1/revocations")).status == 401


@pytest.mark.parametrize(
    ("content", "problem"),
    [("changeme", "32 or more"), (f"{TOKEN} {TOKEN}", "HTTP header"), (TOKEN + "\u95a2", "HTTP header")],
)
async def test_a_token_that_is_none_is_refused_at_the_start(
    tmp_path: Path, content: str, problem: str
) -> None:
    """One that can be guessed, or that no header carries; told by its reference, never by its content."""
    file = tmp_path / "feed-token"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(SettingsRefused, match=problem) as refused:
        async with running(tmp_path, f"sqlite:///{tmp_path}/sekisho.db", feed_token=f"file:{file}"):
            pass
    assert content not in str(refused.value)


async def test_with_a_shared_secret_the_feed_is_sealed_by_a_key_of_its_own(tmp_path: Path) -> None:
    """Whoever can check access tokens derives it; a heartbeat is no access token's seal."""
    secret = tmp_path / "shared"
    secret.write_text(ROOT[::-1])
    secret.chmod(0o600)
    async with running(tmp_path, f"sqlite:///{tmp_path}/sekisho.db", signing_key=f"file:{secret}") as node:
        key = HmacKey(ROOT[::-1].encode(), alg="HS256")
        node.feed.know([key])
        await node.feed.snapshot()
        async with node.feed.stream() as stream:
            assert (await node.feed.heartbeat(stream)).head == 0


async def test_the_stateless_variant_has_the_feed_too(tmp_path: Path, database: str) -> None:
    """`SEKISHO_REFRESH_STORE=none`: its entries are needed as long as a refresh token lives."""
    async with running(tmp_path, database, refresh_store="none") as node:
        tokens = await node.login()
        await node.feed.snapshot()
        async with node.feed.stream() as stream:
            await node.logout(tokens, scope="all")
            (entry,) = await node.feed.entries(stream, 1)
        assert (entry.kind, entry.effect) == ("user", "revoked")
        assert refusal_of(node.feed, tokens["access_token"]) == "token_revoked"
        ttl = claims_of((await node.feed.get("/v1/revocations")).text)["ttl"]
        assert ttl == node.settings.refresh_ttl + node.settings.refresh_grace + 60.0


@pytest.mark.postgres
async def test_what_one_node_revokes_the_streams_of_another_tell(tmp_path: Path, postgres_url: str) -> None:
    """Two servers that share nothing but PostgreSQL; either's seal is the issuer's."""
    async with running(tmp_path, postgres_url) as a, running(tmp_path, postgres_url) as b:
        tokens = await a.login()
        await b.feed.snapshot()
        async with b.feed.stream() as stream:
            await b.feed.heartbeat(stream)
            await a.logout(tokens)
            (entry,) = await b.feed.entries(stream, 1)
        assert entry.key == entry_key("session", tokens["session_id"])
        assert refusal_of(b.feed, tokens["access_token"]) == "token_revoked"


async def test_streams_end_with_the_server(tmp_path: Path) -> None:
    """In good order: the answer is complete, and no stream begins after that."""
    async with running(tmp_path, f"sqlite:///{tmp_path}/sekisho.db") as node:
        async with node.feed.stream() as stream:
            await stream.event()
            node.app.end_streams()
            await stream.ended()
        answer = await node.feed.get("/v1/revocations/stream")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_a_reader_that_leaves_is_forgotten(node: Node) -> None:
    """The stream is closed when its connection is."""
    async with node.feed.stream() as stream:
        await stream.event()
        assert "sekisho_feed_streams 1.0" in (await node.client.get("/metrics")).text
    assert "sekisho_feed_streams 0.0" in (await node.client.get("/metrics")).text


async def test_a_stream_has_an_end(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time it ends in good order, so that readers find the servers that there are by then."""
    monkeypatch.setattr("sekisho.web.routes_revocations.LIFE", 0.0)
    monkeypatch.setattr("sekisho.web.routes_revocations.LIFE_MORE", 0.0)
    async with node.feed.stream() as stream:
        await stream.ended()


async def test_a_reader_that_takes_nothing_is_sent_no_more_than_fits(node: Node) -> None:
    """It then goes on where it stood: what is kept for it is what is kept for all."""
    await node.feed.snapshot()
    async with node.feed.stream() as slow, node.feed.stream() as quick:
        await slow.event()
        slow.taking.clear()
        for _ in range(3):
            await node.logout(await node.login())
            await quick.event("frame")
        slow.taking.set()
        seen = [await slow.event("frame") for _ in range(3)]
        assert [event.id for event in seen] == ["1.1", "1.2", "1.3"]


async def test_a_reader_that_takes_nothing_is_given_up_in_the_end(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the stream's life, and what it may take to send its end, nothing is kept for it any more."""
    monkeypatch.setattr("sekisho.web.routes_revocations.LIFE", 0.0)
    monkeypatch.setattr("sekisho.web.routes_revocations.LIFE_MORE", 0.0)
    monkeypatch.setattr("sekisho.web.event_stream.LINGER", 0.05)
    async with node.feed.stream() as stream:
        stream.taking.clear()
        await stream.given_up()
        assert "sekisho_feed_streams 0.0" in (await node.client.get("/metrics")).text


async def test_an_entry_leaves_the_snapshot_once_no_token_can_be_older(tmp_path: Path, database: str) -> None:
    """From a node that saw it come, and one that starts after the sweep; that of a leaked key stays."""
    clock = Clock()
    async with running(tmp_path, database, clock) as node:
        tokens = await node.login()
        await node.logout(tokens)
        async with open_house(node.settings, clock=clock) as house:
            event = Event(kind="signing_key_retired", at=clock(), id=str(uuid.UUID(int=1)))
            await house.store.publish([Entry("key", "leaked", "revoked")], now=clock(), event=event)
            ended, leaked = entry_key("session", tokens["session_id"]), entry_key("key", "leaked")
            assert await keys_as_of(node, clock()) == {ended, leaked}
            ttl = node.settings.access_ttl + node.settings.refresh_grace + 60.0
            clock.now += ttl
            assert await keys_as_of(node, clock()) == {ended, leaked}
            clock.now += ttl / 100 + CLOCKS
            assert await keys_as_of(node, clock()) == {leaked}, "nothing was revoked meanwhile"
            await house.store.sweep(now=clock(), entry_horizon=ttl, limit=100)
        async with running(tmp_path, database, clock) as other:
            assert await keys_as_of(other, clock()) == {leaked}


async def keys_as_of(node: Node, time: float) -> set[bytes]:
    """The keys in the snapshot, as soon as it is of that time."""
    async with asyncio.timeout(30):
        while True:
            snapshot = node.feed.seals.snapshot((await node.feed.get("/v1/revocations")).text)
            if snapshot.as_of >= time:
                return {entry.key for entry in snapshot.entries}
