"""Who sits between issuer and verifier can withhold and repeat: he makes nothing up, and holds nothing up."""

from __future__ import annotations

import gc
import gzip
import logging
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho_verify import IssuerFeed, RevocationsUnavailable, SigningKey, Verifier
from sekisho_verify.feed_line import SNAPSHOT_PATIENCE
from sekisho_verify.http_get import Answer, Exchange, TooLate, within
from sekisho_verify.revocations.entries import Entry, Frame, Heartbeat, Snapshot, entry_key
from sekisho_verify.revocations.event_stream import MAX_EVENT, EventStream
from sekisho_verify.revocations.sealed import MAX_SNAPSHOT, seal, seal_time
from sekisho_verify.urls import place
from tests.parts.serving import until
from tests.verify.feed_issuer import FEED, PATIENCE, Clock, FeedIssuer, running_feed, wait_until_no_feed
from tests.verify.issuers import wait_until_at_rest
from tests.verify.tokens import AUDIENCE, EC, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

FORGER = SigningKey(ec.generate_private_key(ec.SECP256R1()), kid=EC.kid)
EVERYTHING = Entry(1, "everything", entry_key("everything", ""), "revoked")


@pytest.fixture
def clock() -> Clock:
    """The time, which goes on, and further when a test says so."""
    return Clock()


@pytest.fixture
def issuer(clock: Clock) -> Iterator[FeedIssuer]:
    """A running issuer with a feed."""
    with running_feed(clock=clock.wall) as server:
        yield server


@pytest.fixture
def using(issuer: FeedIssuer, clock: Clock) -> Iterator[Verifier]:
    """A verifier that follows it."""
    made = following(issuer, clock)
    with made:
        until(lambda: made.feed_status.state == "fresh", "fresh")
        until(lambda: issuer.streams == 1, "a stream")
        yield made


@pytest.fixture(autouse=True)
def at_rest() -> Iterator[None]:
    """Every test leaves nothing running."""
    yield
    gc.collect()
    wait_until_no_feed()
    wait_until_at_rest()


def following(issuer: FeedIssuer, clock: Clock, **options: Any) -> Verifier:  # noqa: ANN401 -- of `IssuerFeed`
    """A verifier by the issuer's key, with a feed of its own."""
    feed = IssuerFeed(issuer.url, keys=[EC.public], clock=clock.wall, steady=clock.steady, **options)
    return Verifier(issuer=issuer.url, audience=AUDIENCE, keys=[EC.public], feed=feed, clock=clock.wall)


def beats(issuer: FeedIssuer, using: Verifier) -> None:
    """Wait until the feed has taken in what the issuer says now."""
    issuer.revoke("session", f"none-{issuer.head}")
    until(lambda: using.feed_status.rv == issuer.rv, "goes on")


@pytest.mark.requirement("J19")
@pytest.mark.parametrize("event", ["frame", "heartbeat"])
def test_what_is_forged_is_refused_and_counted(
    issuer: FeedIssuer, using: Verifier, event: str, caplog: pytest.LogCaptureFixture
) -> None:
    """That all is revoked, or that nothing is, under another key of the same id: no effect, told once."""
    text = issuer.access_token()
    forged: dict[str, Frame | Heartbeat] = {
        "frame": Frame(epoch=1, first=1, last=1, as_of=issuer.clock(), entries=(EVERYTHING,)),
        "heartbeat": Heartbeat(epoch=9, head=9, as_of=issuer.clock()),
    }
    with caplog.at_level(logging.WARNING, "sekisho_verify.feed"):
        for _ in range(5):
            issuer.inject(event, seal(forged[event], issuer=issuer.url, key=FORGER))
        until(lambda: using.feed_status.refused == 5, "refused")
    beats(issuer, using)
    assert using.verify(text, sensitive=True).sub
    told = [line for line in caplog.messages if "token_signature_mismatch" in line]
    assert len(told) == 1
    assert told[0].startswith(f"the revocation feed of {issuer.url}: {event}: ")


@pytest.mark.parametrize(
    "make",
    [
        lambda _: seal(Heartbeat(epoch=9, head=9, as_of=1.0), issuer="https://other.test", key=EC),
        lambda issuer: issuer.sealed(issuer.frame(0)),
        lambda issuer: issuer.access_token(),
        lambda _: "eyJ.a.b",
        lambda _: "",
        lambda _: "x" * 300_000,
    ],
    ids=["another issuer's", "a frame", "an access token", "garbage", "nothing", "too long"],
)
def test_what_is_foreign_is_passed_over(issuer: FeedIssuer, using: Verifier, make: Any) -> None:  # noqa: ANN401 -- a callable
    """Another issuer's heartbeat, another kind, no JWS: refused; what comes after it counts."""
    issuer.inject("heartbeat", make(issuer))
    until(lambda: using.feed_status.refused == 1, "refused")
    beats(issuer, using)
    assert using.feed_status.gaps == 0


def test_an_event_of_another_name_is_passed_over(issuer: FeedIssuer, using: Verifier) -> None:
    """It may mean what this release does not know; its name is told, escaped."""
    issuer.inject("reset\u2028", issuer.sealed(issuer.heartbeat()))
    until(lambda: using.feed_status.refused == 1, "refused")
    beats(issuer, using)


def test_what_is_repeated_changes_nothing(issuer: FeedIssuer, using: Verifier) -> None:
    """Frames, heartbeats and numbers of earlier do not make the head, or the age, jump back."""
    old = [("heartbeat", issuer.sealed(issuer.heartbeat()))]
    issuer.revoke("session", "s1")
    old.append(("frame", issuer.sealed(issuer.frame(0))))
    issuer.revoke("session", "s2")
    until(lambda: using.feed_status.rv == "1.2", "known")
    as_of = using.feed.as_of  # type: ignore[union-attr]  # it has one
    for event, data in old * 3:
        issuer.inject(event, data)
    beats(issuer, using)
    assert using.feed_status.entries == 3
    assert using.feed_status.refused == 0
    assert (using.feed.as_of or 0) > (as_of or 0)  # type: ignore[union-attr]  # it has one


def test_a_replayed_heartbeat_makes_nothing_fresh(issuer: FeedIssuer, using: Verifier, clock: Clock) -> None:
    """A relay that cuts the issuer off and says the last thing again and again: stale, then cut."""
    last = issuer.heartbeat()
    issuer.as_of = lambda: last.as_of
    clock.shift += 2.5
    beats(issuer, using)
    assert using.feed_status.state == "stale"
    with pytest.raises(RevocationsUnavailable, match="stale"):
        using.verify(issuer.access_token(), sensitive=True)
    clock.shift += 60
    beats(issuer, using)
    until(lambda: using.feed_status.state == "cut", "cut")


def test_a_constant_delay_shows(issuer: FeedIssuer, using: Verifier, clock: Clock) -> None:
    """A stream in which everything is true and three seconds old is stale, however lively it is."""
    issuer.as_of = lambda: clock.wall() - 3
    clock.shift += 3
    for _ in range(3):
        beats(issuer, using)
        assert using.feed_status.state == "stale"
    assert 2.5 < (using.feed_status.age_seconds or 0) < 5


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_of_the_issuer_that_was_put_right_is_learned_soon(
    issuer: FeedIssuer, using: Verifier, clock: Clock, hours: int
) -> None:
    """Not fresh at first, for it might be a replay; again so once it was asked for the time."""
    issuer.revoke("session", "s1")
    until(lambda: using.feed_status.entries == 1, "known")
    issuer.clock = issuer.as_of = lambda: clock.wall() + hours * 3600
    until(lambda: using.feed_status.state != "fresh", "looks old, or ahead")
    clock.shift += 11
    until(lambda: using.feed_status.state == "fresh", "fresh again")
    assert using.feed_status.entries == (hours < 0), "by the later time it has outlived every token"
    issuer.as_of = lambda: clock.wall() + hours * 3600 - 3
    until(lambda: using.feed_status.state == "stale", "a delay still shows")


@pytest.mark.parametrize("trick", ["replayed", "late", "forged", "silent"])
def test_the_time_is_learned_from_its_answer_alone(issuer: FeedIssuer, clock: Clock, trick: str) -> None:
    """A recorded answer, one that took too long, one by another key: no time is learned, and so it is cut."""
    path = f"{FEED}/time"
    if trick == "replayed":
        recorded = seal_time(clock.wall(), nonce="A" * 22, issuer=issuer.url, key=EC)
        issuer.pages[path] = (200, {}, recorded.encode())
    elif trick == "forged":
        issuer.pages[path] = (200, {}, b"eyJ.a.b")
    elif trick == "silent":
        issuer.pages[path] = (404, {}, b"")
    else:
        real = issuer.clock

        def slow() -> float:
            now = real()
            if threading.current_thread() is not threading.main_thread():
                clock.shift += 1.1
            return now

        issuer.clock = slow
        issuer.as_of = real
    with following(issuer, clock) as using:
        assert using.verify(issuer.access_token(rv="1.0")).sub
        assert using.feed_status.state == "cut"
        assert using.feed_status.age_seconds is None
        with pytest.raises(RevocationsUnavailable, match="cut"):
            using.verify(issuer.access_token(rv="1.0"), sensitive=True)


@pytest.mark.requirement("J19")
def test_a_forged_huge_rv_gains_nothing(issuer: FeedIssuer, using: Verifier, clock: Clock) -> None:
    """By a key that leaked: unconditional; above every head though the feed is newer: stale."""
    issuer.revoke("session", "s1")
    until(lambda: using.feed_status.rv == "1.1", "known")
    clock.shift += 10
    beats(issuer, using)
    now = int(clock.wall())
    forged = issuer.access_token(sid="s1", rv="999999999999999999.1", iat=now - 8, exp=now + 900)
    assert refusal(forged, using) == "token_stale"
    issuer.revoke("key", EC.kid)
    until(lambda: refusal(forged, using) == "token_revoked", "the leak")


BAD_SNAPSHOTS: dict[str, Any] = {
    "forged": lambda issuer: seal(
        Snapshot(epoch=9, head=1, as_of=1.0, ttl=1.0, entries=(EVERYTHING,)), issuer=issuer.url, key=FORGER
    ).encode(),
    "another issuer's": lambda issuer: seal(issuer.snapshot(), issuer="https://other.test", key=EC).encode(),
    "a heartbeat": lambda issuer: issuer.sealed(issuer.heartbeat()).encode(),
    "no text": lambda _: b"\xff" * 100,
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("name", BAD_SNAPSHOTS)
def test_a_bad_snapshot_is_refused_and_the_last_good_state_kept(
    issuer: FeedIssuer, using: Verifier, name: str
) -> None:
    """In a gap that only a snapshot closes: what was known stays, and the status says what is wrong."""
    text = issuer.access_token()
    issuer.pages[FEED] = (200, {}, BAD_SNAPSHOTS[name](issuer))
    issuer.inject("heartbeat", issuer.sealed(Heartbeat(epoch=1, head=7, as_of=issuer.clock())))
    until(
        lambda: (
            "revocation-snapshot+jwt" in str(using.feed_status.last_error)
            or ("not text" in str(using.feed_status.last_error))
        ),
        "told",
    )
    assert using.verify(text).sub
    assert (using.feed_status.rv, using.feed_status.gaps) == ("1.0", 1)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ((200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(1_000_000))), "sent it encoded: 'gzip'"),
        ((302, {"Location": "https://evil.example.com/"}, b""), "answered 302"),
        ((304, {}, b""), "answered 304"),
        ((200, {"Content-Length": str(10**10)}, b""), f"more than {MAX_SNAPSHOT} bytes"),
    ],
    ids=["gzip", "redirect", "not modified", "10 GB"],
)
def test_a_bomb_a_redirect_and_ten_gigabytes_are_refused(
    issuer: FeedIssuer, clock: Clock, page: tuple[int, dict[str, str], bytes], reason: str
) -> None:
    """Before anything of the body is read."""
    issuer.pages[FEED] = page
    with following(issuer, clock) as using:
        assert reason in str(using.feed_status.last_error)
        assert using.feed_status.state == "never_synced"


def test_an_unbounded_line_is_cut_off() -> None:
    """An event of more than half a MiB ends the stream, in one line or in many, whatever its fields."""
    for piece in (b"x" * 65536, b"data: " + b"y" * 1000 + b"\n", b"data:\n", b"\xc3\xa9:\n"):
        with pytest.raises(RevocationsUnavailable, match=f"more than {MAX_EVENT} bytes"):
            fill(EventStream(), piece)


def fill(stream: EventStream, piece: bytes) -> None:
    """Have a stream take the same piece again and again, for twice as long as it should."""
    for _ in range(2 * MAX_EVENT // len(piece)):
        assert stream.take(piece) == []


def test_a_line_without_end_costs_the_stream_alone(issuer: FeedIssuer, using: Verifier) -> None:
    """It is left and opened anew; what is known stays."""
    before = issuer.count(f"{FEED}/stream")
    issuer.inject_bytes(b"data: " + b"x" * (MAX_EVENT + 1))
    until(lambda: issuer.count(f"{FEED}/stream") > before, "opened anew")
    beats(issuer, using)


@contextmanager
def dripping(head: bytes, drop: bytes) -> Iterator[str]:
    """A server that answers with a head, and then a byte now and then, for ever."""
    server, over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def drip(client: socket.socket) -> None:
        with client:
            try:
                client.recv(65536)
                client.sendall(head)
                while not over.wait(0.05):
                    client.sendall(drop)
            except OSError:
                return

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(client,)).start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}{FEED}"
    finally:
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (STREAM, b"x"),
        pytest.param(STREAM, b":\n", marks=pytest.mark.long),
        pytest.param(STREAM[:-2], b"x", marks=pytest.mark.long),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b"x", marks=pytest.mark.long),
    ],
)
def test_a_trickle_is_left_for_the_next_url(
    issuer: FeedIssuer, clock: Clock, head: bytes, drop: bytes
) -> None:
    """Bytes that drip keep no stream alive: only news that hold do, at least every two seconds."""
    with following(issuer, clock) as using, dripping(head, drop) as url:
        until(lambda: issuer.streams == 1, "a stream")
        feed = using._feed
        assert isinstance(feed, IssuerFeed)
        using.stop()
        slow = following(issuer, clock, urls=[url, issuer.feed], timeout=1.0)
        # What only the first URL delays: a snapshot is there already.
        slow.feed.apply(issuer.snapshot())  # type: ignore[union-attr]  # it has one
        begin = time.monotonic()
        with slow:
            until(lambda: slow.feed_status.state == "fresh", "fresh by the other")
            assert slow.feed_status.url == issuer.feed
        assert time.monotonic() - begin < PATIENCE / 2


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n"]
)
def test_a_snapshot_that_trickles_is_left_for_the_next_url(
    issuer: FeedIssuer, clock: Clock, head: bytes
) -> None:
    """After the time of a small answer, not the 20 seconds that a million entries may take."""
    with dripping(head, b"x") as url:
        begin = time.monotonic()
        with following(issuer, clock, urls=[url, issuer.feed], timeout=1.0) as using:
            until(lambda: using.feed_status.state == "fresh", "fresh by the other")
            assert time.monotonic() - begin < SNAPSHOT_PATIENCE / 2
            assert using.feed_status.url == issuer.feed


def test_a_body_that_ends_too_early_is_told_as_such(issuer: FeedIssuer, clock: Clock) -> None:
    """The line broke: that is not taken for a snapshot that somebody forged."""
    issuer.pages[FEED] = (200, {"Content-Length": "5000"}, b"x" * 1000)
    with following(issuer, clock) as using:
        assert "ended 4000 bytes too early" in str(using.feed_status.last_error)


def test_an_answer_that_nobody_waits_for_any_more_is_closed() -> None:
    """It came just when it was too late: the thread that is left behind leaves no connection open."""
    answers: list[Answer] = []
    late = threading.Event()
    with dripping(STREAM, b"x") as url:
        exchange = Exchange(PATIENCE)

        def work() -> Answer:
            answers.append(exchange.open(place(url), accept="*/*"))
            late.wait(PATIENCE)
            return answers[0]

        with pytest.raises(TooLate):
            within(0.05, exchange, work, name="test")
        late.set()
        until(lambda: bool(answers) and answers[0]._line.fileno() == -1, "closed")


def test_nothing_that_happens_ends_the_thread(
    issuer: FeedIssuer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token's callable that fails is told by its class alone, since it may quote the secret."""
    answers = iter([ZeroDivisionError("the secret"), KeyError("the secret")])

    def token() -> str:
        raised = next(answers, None)
        if raised is not None:
            raise raised
        return "right"

    monkeypatch.delenv("SEKISHO_FEED_TOKEN", raising=False)
    with following(issuer, clock, token=token) as using:
        until(lambda: using.feed_status.state == "fresh", "fresh")
        assert "secret" not in str(using.feed_status)
