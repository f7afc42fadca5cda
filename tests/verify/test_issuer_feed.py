"""A verifier follows its issuer's feed over real sockets: revoked is refused, and what is cut off says so."""

from __future__ import annotations

import gc
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sekisho_verify import (
    ConfigurationError,
    IssuerFeed,
    IssuerKeys,
    KeySource,
    RevocationsUnavailable,
    TokenRefused,
    Verifier,
    background,
)
from tests.parts.serving import until
from tests.verify.feed_issuer import (
    FEED,
    PATIENCE,
    Clock,
    FeedIssuer,
    feed_threads,
    running_feed,
    stop,
    wait_until_no_feed,
)
from tests.verify.issuers import wait_until_at_rest
from tests.verify.tokens import AUDIENCE, EC, HMAC, OKP, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    """The time, which goes on, and further when a test says so."""
    return Clock()


@pytest.fixture
def issuer(clock: Clock) -> Iterator[FeedIssuer]:
    """A running issuer with a feed."""
    with running_feed(clock=clock.wall) as server:
        yield server


@pytest.fixture(autouse=True)
def at_rest() -> Iterator[None]:
    """Every test leaves nothing running."""
    yield
    gc.collect()
    wait_until_no_feed()
    wait_until_at_rest()


def of(issuer: FeedIssuer, clock: Clock, **options: Any) -> Verifier:  # noqa: ANN401 -- of either
    """A verifier of that issuer's tokens, by a feed of its own."""
    mine = {name: options.pop(name) for name in ("on_cut",) if name in options}
    keys: Any = options.pop("keys", None)
    if keys is None:
        keys = IssuerKeys(issuer.url, steady=clock.steady)
    feed = IssuerFeed(issuer.url, keys=keys, clock=clock.wall, steady=clock.steady, **options)
    return Verifier(
        issuer=issuer.url,
        audience=AUDIENCE,
        keys=keys if isinstance(keys, KeySource) else list(keys),
        feed=feed,
        clock=clock.wall,
        **mine,
    )


def state(using: Verifier, *states: str) -> None:
    """Wait until the feed is in one of these states."""
    until(lambda: using.feed_status.state in states, f"{states}, not {using.feed_status}")


def assert_not_ready(using: Verifier) -> None:
    """Keys or revocations are not at hand: asked in a place of its own, since it changes by itself."""
    assert not using.ready


def refused(using: Verifier, text: str, code: str = "token_revoked") -> None:
    """Wait until a token is refused with a code."""

    def found() -> bool:
        try:
            using.verify(text)
        except TokenRefused as refused:
            return refused.code == code
        return False

    until(found, code)


@pytest.mark.requirement("J19")
def test_a_default_verifier_finds_keys_and_feed_by_itself(clock: Clock, issuer: FeedIssuer) -> None:
    """By the issuer's name alone: a token is accepted, and refused once its session has ended."""
    using = Verifier(issuer=issuer.url, audience=AUDIENCE, clock=clock.wall)
    text, other = issuer.access_token(sid="s1"), issuer.access_token(sid="s2", jti="2")
    assert using.verify(text, sensitive=True).sid == "s1"
    assert using.verify(other).sid == "s2"
    issuer.revoke("session", "s1")
    refused(using, text)
    assert using.verify(other, sensitive=True).sid == "s2"
    status = using.feed_status
    assert (status.state, status.entries, status.gaps, status.rv) == ("fresh", 1, 0, "1.1")
    assert (status.url, status.last_error, status.refused) == (issuer.feed, None, 0)
    assert status.age_seconds is not None
    assert 0 <= status.age_seconds < 2
    using.stop()


def test_default_verifiers_of_one_issuer_share_one_feed(issuer: FeedIssuer) -> None:
    """One thread and one stream for a process, however many APIs it has; the last to stop ends it."""
    using = [Verifier(issuer=issuer.url, audience=f"a{n}") for n in range(3)]
    for each in using:
        each.start()
    assert len(feed_threads()) == 1
    until(lambda: issuer.streams == 1, "one stream")
    assert len({id(each.feed) for each in using}) == 1
    assert issuer.count("/keys") == 1
    using[0].stop()
    using[1].stop()
    assert len(feed_threads()) == 1
    using[2].stop()
    using[2].stop()
    wait_until_no_feed()
    until(lambda: issuer.streams == 0, "no stream")


def test_a_verifier_that_nobody_holds_goes(issuer: FeedIssuer) -> None:
    """The thread knows its verifiers weakly: without them it ends by itself."""
    using = Verifier(issuer=issuer.url, audience=AUDIENCE)
    using.start()
    assert len(feed_threads()) == 1
    del using
    gc.collect()
    wait_until_no_feed()


def test_a_stopped_verifier_starts_again(clock: Clock, issuer: FeedIssuer) -> None:
    """Its next use attaches it anew, and what happened meanwhile is known before it answers."""
    using, text = of(issuer, clock), issuer.access_token(sid="s1")
    with using:
        assert using.verify(text).sid == "s1"
        assert using.ready
    wait_until_no_feed()
    assert_not_ready(using)
    clock.shift += 100
    issuer.revoke("session", "s1")
    assert refusal(text, using) == "token_revoked"
    using.stop()


async def test_asyncio_shares_the_thread(clock: Clock, issuer: FeedIssuer) -> None:
    """`async with` waits for keys and the first snapshot, and the time, without holding up the loop."""
    async with of(issuer, clock) as using:
        assert using.ready
        assert using.verify(issuer.access_token(), sensitive=True).sub
    wait_until_no_feed()


@pytest.mark.requirement("J19")
def test_shared_secrets_check_the_feed_by_a_key_of_their_own(clock: Clock) -> None:
    """With HMAC keys there is nothing to fetch but the feed, and no stranger can write it."""
    with running_feed(clock=clock.wall, key=HMAC) as issuer:
        using = Verifier(issuer=issuer.url, audience=AUDIENCE, keys=[HMAC], clock=clock.wall)
        text = issuer.access_token(sid="s1")
        assert using.verify(text, sensitive=True).sid == "s1"
        assert issuer.count("/keys") == 0
        issuer.revoke("session", "s1")
        refused(using, text)
        using.stop()


@pytest.mark.requirement("J19")
def test_never_without_a_feed_in_silence(clock: Clock, issuer: FeedIssuer) -> None:
    """Where no snapshot can be had there is no verdict, 503, and the status says why; then it mends."""
    issuer.pages[FEED] = (500, {}, b"")
    using = of(issuer, clock)
    with pytest.raises(RevocationsUnavailable, match="no snapshot"):
        using.verify(issuer.access_token())
    assert not using.ready
    status = using.feed_status
    assert (status.state, status.rv, status.age_seconds) == ("never_synced", None, None)
    assert "answered 500" in str(status.last_error)
    del issuer.pages[FEED]
    until(lambda: using.ready, "ready")
    assert using.verify(issuer.access_token()).sub
    until(lambda: using.feed_status.last_error is None, "mended")
    using.stop()


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "has no sekisho_revocations_uri"),
        ({"sekisho_revocations_uri": "https://evil.example.com/feed"}, "not of the issuer's own origin"),
        ({"sekisho_revocations_uri": "ftp://127.0.0.1/"}, "sekisho_revocations_uri"),
        ({"sekisho_revocations_uri": 7}, "has no sekisho_revocations_uri"),
    ],
)
def test_a_feed_is_of_the_issuers_own_origin(
    issuer: FeedIssuer, clock: Clock, document: dict[str, object], reason: str
) -> None:
    """Metadata that name no feed, or one elsewhere, are told; nothing else is asked."""
    named = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys", **document}
    issuer.pages["/.well-known/oauth-authorization-server"] = (200, {}, json.dumps(named).encode())
    using = of(issuer, clock)
    using.start()
    assert reason in str(using.feed_status.last_error)
    assert issuer.count(FEED) == 0
    using.stop()


def test_the_next_url_is_tried_at_once(clock: Clock, issuer: FeedIssuer) -> None:
    """When a node dies the other takes over, and nothing that was revoked meanwhile is missed."""
    with running_feed(clock=clock.wall, name=issuer.url) as second:
        second.entries = issuer.entries
        using = of(issuer, clock, urls=[issuer.feed, second.feed])
        text, later = issuer.access_token(sid="s1"), issuer.access_token(sid="s2", jti="2")
        assert using.verify(text, sensitive=True).sid == "s1"
        until(lambda: issuer.streams == 1, "a stream")
        stop(issuer)
        second.revoke("session", "s1")
        refused(using, text)
        assert using.feed_status.url == second.feed
        second.revoke("session", "s2")
        refused(using, later)
        assert second.count(FEED) == 0, "read on after what was known"
        using.stop()


def test_what_the_node_no_longer_has_is_taken_as_a_snapshot(clock: Clock, issuer: FeedIssuer) -> None:
    """A gap, as its heartbeat shows, is counted, and mended by a snapshot."""
    using, text = of(issuer, clock), issuer.access_token(sid="s1")
    assert using.verify(text).sid == "s1"
    until(lambda: issuer.streams == 1, "a stream")
    clock.shift += 2  # after this, a snapshot may help again
    issuer.hush()
    issuer.revoke("session", "s1")
    issuer.revoke("session", "s2")
    issuer.first_kept = 3
    issuer.hush(hushed=False)
    issuer.end_streams()
    refused(using, text)
    assert using.feed_status.gaps == 1
    assert using.feed_status.rv == "1.2"
    using.stop()


def test_a_new_epoch_is_taken_as_a_snapshot_and_an_old_one_never(clock: Clock, issuer: FeedIssuer) -> None:
    """After a restore what was revoked stays so; a replay of the time before changes nothing."""
    using, text = of(issuer, clock), issuer.access_token(sid="s1")
    assert using.verify(text).sid == "s1"
    issuer.revoke("session", "s1")
    refused(using, text)
    before = [issuer.sealed(issuer.snapshot()), issuer.sealed(issuer.heartbeat())]
    issuer.restore(lost=1)
    until(lambda: using.feed_status.rv == "2.0", "the new epoch")
    assert refusal(text, using) == "token_revoked"
    issuer.inject("heartbeat", before[1])
    issuer.revoke("user", "u1")
    until(lambda: using.feed_status.rv == "2.1", "the next number")
    assert using.verify(issuer.access_token(sid="s3", jti="3")).sid == "s3"
    using.stop()


def test_a_node_that_hangs_is_left(clock: Clock, issuer: FeedIssuer) -> None:
    """A stream that stays open and says nothing is given up after two seconds, for the next URL."""
    with running_feed(clock=clock.wall, name=issuer.url) as second:
        using = of(issuer, clock, urls=[issuer.feed, second.feed])
        using.start()
        until(lambda: issuer.streams == 1, "a stream")
        issuer.hush()
        until(lambda: second.streams == 1, "the other stream")
        assert "nothing that holds for 2 seconds" in str(using.feed_status.last_error) or (
            using.feed_status.last_error is None
        )
        using.stop()


def test_when_all_are_silent_the_state_says_so(clock: Clock, issuer: FeedIssuer) -> None:
    """Fresh, stale, cut: sensitive routes refuse after 2 seconds, and `on_cut` decides after a minute."""
    using, text = of(issuer, clock, on_cut="refuse"), issuer.access_token()
    assert using.verify(text, sensitive=True).sub
    issuer.pages |= {FEED: (503, {}, b""), f"{FEED}/stream": (503, {}, b""), f"{FEED}/time": (503, {}, b"")}
    issuer.end_streams()
    until(lambda: issuer.streams == 0, "cut off")
    clock.shift += 2.1
    state(using, "stale")
    assert using.verify(text).sub
    with pytest.raises(RevocationsUnavailable, match="stale"):
        using.verify(text, sensitive=True)
    clock.shift += 60
    state(using, "cut")
    with pytest.raises(RevocationsUnavailable, match="cut"):
        using.verify(text)
    issuer.pages.clear()
    state(using, "fresh")
    assert using.verify(text, sensitive=True).sub
    using.stop()


def test_a_token_that_knows_more_wakes_a_feed_that_waits(clock: Clock, issuer: FeedIssuer) -> None:
    """An `rv` above the head ends a pause at once; but no more often than every ten seconds."""
    using = of(issuer, clock)
    using.start()
    issuer.pages |= {f"{FEED}/stream": (503, {}, b"")}
    issuer.end_streams()
    until(lambda: "answered 503" in str(using.feed_status.last_error), "cut off")
    issuer.revoke("session", "s1")
    issuer.pages.clear()
    assert using.verify(issuer.access_token(sid="s2")).sid == "s2"
    until(lambda: using.feed_status.rv == "1.1", "fetched")
    using.stop()


def test_a_database_that_stands_still_makes_verifiers_stale(clock: Clock, issuer: FeedIssuer) -> None:
    """Heartbeats that go on, with the time of the last read, do not lie."""
    using = of(issuer, clock)
    using.start()
    state(using, "fresh")
    stood = clock.wall()
    issuer.as_of = lambda: stood
    clock.shift += 3
    state(using, "stale")
    clock.shift += 60
    state(using, "cut")
    issuer.as_of = clock.wall
    state(using, "fresh")
    using.stop()


def test_the_first_snapshot_is_waited_for_by_all(clock: Clock, issuer: FeedIssuer) -> None:
    """Several requests at a cold start wait for the same snapshot; none is answered 503."""
    using, text = of(issuer, clock), issuer.access_token()
    issuer.gate.clear()
    said: list[object] = []
    threads = [threading.Thread(target=lambda: said.append(using.verify(text).sub)) for _ in range(4)]
    for thread in threads:
        thread.start()
    issuer.gate.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert said == [said[0]] * 4
    using.stop()


def test_a_new_key_of_the_issuer_is_followed(clock: Clock, issuer: FeedIssuer) -> None:
    """A frame by an unknown key asks for the keys again; then the feed goes on by it."""
    using = of(issuer, clock)
    using.start()
    issuer.key, issuer.keys = OKP, (EC, OKP)
    issuer.revoke("session", "s1")
    until(lambda: using.feed_status.refused > 0, "refused")
    assert "token_alg_not_allowed" in str(using.feed_status.last_error)
    assert using.feed_status.rv == "1.0"
    clock.shift += 10  # strangers cause a load every ten seconds at most
    background.wake()
    until(lambda: using.feed_status.rv == "1.1", "followed")
    using.stop()


def test_a_leaked_key_says_nothing_any_more(clock: Clock, issuer: FeedIssuer) -> None:
    """Once its leak was said, what the key seals on the feed is refused, and the verifier turns stale."""
    issuer.keys = (EC, OKP)
    using = of(issuer, clock)
    using.start()
    issuer.revoke("key", EC.kid)
    until(lambda: using.feed_status.rv == "1.1", "the leak")
    issuer.revoke("everything")
    until(lambda: using.feed_status.refused > 0, "refused")
    assert f"leaked key {EC.kid}" in str(using.feed_status.last_error)
    assert using.feed_status.rv == "1.1"
    issuer.key = OKP
    until(lambda: using.feed_status.rv == "1.2", "the other key")
    using.stop()


def test_a_snapshot_on_disk_gives_a_start_while_the_issuer_is_down(
    clock: Clock, issuer: FeedIssuer, tmp_path: Path
) -> None:
    """As of then, cut, and good for what `on_cut` lets pass: what had been revoked stays so."""
    file, keys = tmp_path / "snapshot", (EC.public,)
    issuer.revoke("session", "s1")
    dead, alive = issuer.access_token(sid="s1", rv="1.0"), issuer.access_token(sid="s2", jti="2")
    with of(issuer, clock, snapshot_file=file, keys=keys):
        until(file.exists, "kept")
    wait_until_no_feed()
    assert file.stat().st_mode & 0o777 == 0o600
    stop(issuer)
    using = of(issuer, clock, snapshot_file=file, keys=keys, urls=[issuer.feed])
    assert refusal(dead, using) == "token_revoked"
    assert using.verify(alive).sid == "s2"
    assert (using.feed_status.state, using.feed_status.rv) == ("cut", "1.1")
    using.stop()
    clock.shift += issuer.ttl
    late = of(issuer, clock, snapshot_file=file, keys=keys, urls=[issuer.feed])
    with pytest.raises(RevocationsUnavailable):
        late.verify(issuer.access_token(sid="s3", jti="3"))
    late.stop()
    clock.shift -= issuer.ttl
    strange = of(issuer, clock, snapshot_file=file, keys=(OKP.public,), urls=[issuer.feed])
    strange.start()
    assert strange.feed_status.state == "never_synced"
    strange.stop()


def test_a_token_file_may_rotate(
    clock: Clock, issuer: FeedIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference in the environment is read at each connection; one that is refused is told."""
    file = tmp_path / "token"
    file.write_text("wrong\n")
    monkeypatch.setenv("SEKISHO_FEED_TOKEN", f"file:{file}")
    issuer.token = "right"
    using = of(issuer, clock)
    using.start()
    assert "answered 401: the feed token is missing or not the issuer's" in str(using.feed_status.last_error)
    file.write_text("right\n")
    clock.shift += 30
    using._feed.behind()  # type: ignore[union-attr]  # ends the pause
    state(using, "fresh")
    using.stop()


def test_a_token_is_given_as_text_or_by_a_callable(clock: Clock, issuer: FeedIssuer) -> None:
    """Both are presented; the feed goes by them."""
    issuer.token = "right"
    for token in ("right", lambda: "right"):
        with of(issuer, clock, token=token) as using:
            assert using.verify(issuer.access_token(), sensitive=True).sub


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "\u00e9", "x" * 5000])
def test_a_token_that_cannot_stand_in_a_header_is_refused(token: str) -> None:
    """When it is given; the message does not repeat it."""
    with pytest.raises(ConfigurationError, match="printable ASCII without spaces") as caught:
        IssuerFeed("https://id.example.com", token=token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("reference", ["raw-token-itself", "aws-sm:x", "file:", "env:"])
def test_the_environment_names_a_reference(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token itself in the place of a reference is refused, and not repeated."""
    monkeypatch.setenv("SEKISHO_FEED_TOKEN", reference)
    with pytest.raises(ConfigurationError, match="file:PATH or env:NAME") as caught:
        IssuerFeed("https://id.example.com")
    assert f"{reference}x" not in str(caught.value)
    assert reference.endswith(":") or reference not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"issuer": "http://id.example.com"}, "https only"),
        ({"urls": ["http://id.example.com/v1/revocations"]}, "https only"),
        ({"urls": ["https://id.example.com/v1/revocations?a=b"]}, "no query"),
        ({"timeout": 0}, "timeout"),
        ({"keys": []}, "no keys"),
        ({"keys": IssuerKeys("https://other.example.com")}, "are those of 'https://other.example.com'"),
    ],
)
def test_a_feed_that_could_not_be_safe_is_not_made(options: dict[str, Any], reason: str) -> None:
    """Plain http off this machine, another issuer's keys: refused with what is wrong."""
    with pytest.raises(ConfigurationError, match=reason):
        IssuerFeed(**{"issuer": "https://id.example.com", **options})


def test_a_feed_of_another_issuer_is_refused_by_the_verifier() -> None:
    """A feed that was made for one issuer checks no other's tokens."""
    with pytest.raises(ConfigurationError, match=r"not of 'https://id\.example\.com'"):
        Verifier(issuer="https://id.example.com", audience="a", feed=IssuerFeed("https://other.example.com"))
