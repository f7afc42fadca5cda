"""The revocations against a model that remembers everything, on lines that lose, double and reorder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sekisho_verify.claims import AccessClaims
from sekisho_verify.errors import RevocationsUnavailable, TokenRefused
from sekisho_verify.revocations.entries import Effect, Entry, Frame, Heartbeat, Kind, Snapshot, entry_key
from sekisho_verify.revocations.live import (
    CLOCKS,
    Applied,
    Gap,
    Ignored,
    Marks,
    Revocations,
    SnapshotNeeded,
    Standing,
    marks,
)

LIFE: Final = 100.0
GRACE: Final = 10.0
TTL: Final = LIFE + GRACE
NAMES: Final[dict[Kind, tuple[str, ...]]] = {
    "session": ("s0", "s1", "s2"),
    "user": ("u0", "u1"),
    "group": ("g0", "g1"),
    "key": ("k1",),
    "everything": ("",),
}
THINGS: Final = [(kind, name) for kind, names in NAMES.items() for name in names]
# Most of what happens is a session's end; a leaked key or everybody at once would end the game.
PUBLISHED: Final = st.sampled_from([*THINGS[:7] * 4, *THINGS])
# How far apart the issuer's machines tell the time; `iat` is cut to a second besides.
JITTER: Final = st.floats(-2.5, 2.4)

News = Snapshot | Frame | Heartbeat


@dataclass(frozen=True)
class Row:
    """An entry in the issuer's database."""

    entry: Entry
    at: float


@dataclass(frozen=True)
class Token:
    """What was minted, and on which line of history."""

    marks: Marks
    things: frozenset[tuple[Kind, str]]
    rv: tuple[int, int]
    issued_at: float
    line: int


@dataclass
class Issuer:
    """A database that can be restored to what it was, in the middle of everything."""

    now: float = 1000.0
    epoch: int = 1
    line: int = 0
    rows: list[Row] = field(default_factory=list)

    @property
    def head(self) -> int:
        """The last number taken."""
        return len(self.rows)

    def publish(self, kind: Kind, name: str, effect: Effect) -> None:
        """Take the next number."""
        self.rows.append(Row(Entry(self.head + 1, kind, entry_key(kind, name), effect), self.now))

    def snapshot(self, jitter: float) -> Snapshot:
        """What is not swept yet."""
        kept = tuple(row.entry for row in self.rows if self.now < row.at + TTL)
        return Snapshot(
            epoch=self.epoch, head=self.head, as_of=self.now + jitter, ttl=TTL, entries=kept[::-1]
        )

    def frame(self, since: int, jitter: float) -> News:
        """What was taken after a number; a heartbeat where that is nothing."""
        if since >= self.head:
            return Heartbeat(epoch=self.epoch, head=self.head, as_of=self.now + jitter)
        entries = tuple(row.entry for row in self.rows[since:])
        return Frame(
            epoch=self.epoch, first=since + 1, last=self.head, as_of=self.now + jitter, entries=entries
        )


class Naive:
    """The rule as it is written, over everything that was ever taken in."""

    def __init__(self) -> None:
        self.head: tuple[int, int] | None = None
        self.as_of = 0.0
        self.known: set[tuple[tuple[int, int], Kind, bytes, Effect]] = set()

    def apply(self, news: News) -> type:
        """What is to be answered."""
        last = news.last if isinstance(news, Frame) else news.head
        there = (news.epoch, last)
        if self.head is not None and news.epoch < self.head[0]:
            return Ignored
        if isinstance(news, Snapshot):
            if self.head is not None and there < self.head:
                return Ignored
        elif self.head is None or news.epoch > self.head[0]:
            return SnapshotNeeded
        elif (news.first if isinstance(news, Frame) else last + 1) > self.head[1] + 1:
            return Gap
        elif there < self.head:
            return Ignored
        self.head, self.as_of = there, max(self.as_of, news.as_of)
        entries = () if isinstance(news, Heartbeat) else news.entries
        self.known |= {((news.epoch, number), kind, key, effect) for number, kind, key, effect in entries}
        return Applied

    def verdict(self, token: Token) -> object:
        """What is to become of a token."""
        effects = {
            effect
            for at, kind, key, effect in self.known
            if key in token.marks.keys and (kind == "key" or at > token.rv)
        }
        if effects:
            return "token_revoked" if "revoked" in effects else "token_stale"
        if self.head is None:
            return RevocationsUnavailable
        if token.rv <= self.head:
            return Standing.CURRENT
        return "token_stale" if token.issued_at + CLOCKS <= self.as_of else Standing.BEHIND


def claimed(*, sid: str, sub: str, groups: frozenset[str], rv: str, issued_at: float) -> AccessClaims:
    """The claims of a token."""
    return AccessClaims(
        issuer="i",
        subject=sub,
        audience="a",
        expires_at=issued_at + LIFE,
        issued_at=issued_at,
        jti="j",
        client_id="c",
        sid=sid,
        rv=rv,
        groups=groups,
    )


class Feed(RuleBasedStateMachine):
    """An issuer, a line that does what it likes, a verifier, and the model beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.issuer = Issuer()
        self.sent: list[News] = []
        self.tokens: list[Token] = []
        self.held = Revocations()
        self.naive = Naive()

    @rule(thing=PUBLISHED, effect=st.sampled_from(["revoked", "stale"]))
    def publish(self, thing: tuple[Kind, str], effect: Effect) -> None:
        """Something ends."""
        self.issuer.publish(*thing, effect)

    @rule(
        sid=st.sampled_from(NAMES["session"]),
        sub=st.sampled_from(NAMES["user"]),
        groups=st.frozensets(st.sampled_from(NAMES["group"])),
        kid=st.sampled_from(["k0", "k0", "k0", "k1"]),
        late=st.floats(0, GRACE),
    )
    def mint(self, sid: str, sub: str, groups: frozenset[str], kid: str, late: float) -> None:
        """Somebody gets a token, by what was read up to a grace ago."""
        issuer = self.issuer
        issued_at = float(int(issuer.now + late))
        claims = claimed(
            sid=sid, sub=sub, groups=groups, rv=f"{issuer.epoch}.{issuer.head}", issued_at=issued_at
        )
        named: list[tuple[Kind, str]] = [("session", sid), ("user", sub), ("everything", ""), ("key", kid)]
        self.tokens.append(
            Token(
                marks(claims, kid=kid),
                frozenset(named) | {("group", group) for group in groups},
                (issuer.epoch, issuer.head),
                issued_at,
                issuer.line,
            )
        )

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.issuer.now += seconds

    @rule(back=st.integers(0, 5), jitter=JITTER)
    def send_frame(self, back: int, jitter: float) -> None:
        """A frame sets out, which may begin before what is known, and may never arrive."""
        self.sent.append(self.issuer.frame(max(self.issuer.head - back, 0), jitter))

    @rule(jitter=JITTER)
    def send_snapshot(self, jitter: float) -> None:
        """A snapshot sets out."""
        self.sent.append(self.issuer.snapshot(jitter))

    @rule(jitter=JITTER)
    def follow(self, jitter: float) -> None:
        """What is missing is read, as a good line would."""
        head = self.naive.head
        if head is None or head[0] != self.issuer.epoch or head[1] > self.issuer.head:
            self.take(self.issuer.snapshot(jitter))
        else:
            self.take(self.issuer.frame(head[1], jitter))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """Anything that was ever sent arrives: late, again, out of its order."""
        self.take(data.draw(st.sampled_from(self.sent)))

    @rule(lost=st.integers(0, 4))
    def restore(self, lost: int) -> None:
        """The issuer comes back from a backup, without its last acts, in a new epoch."""
        issuer = self.issuer
        del issuer.rows[issuer.head - lost :]
        issuer.epoch += 1
        issuer.line += 1

    def take(self, news: News) -> None:
        """Apply news here and there."""
        outcome = self.held.apply(news)
        assert type(outcome) is self.naive.apply(news)
        if isinstance(outcome, Gap):
            assert (outcome.epoch, outcome.head) == self.naive.head

    @invariant()
    def judges_as_the_model(self) -> None:
        """No revoked token is accepted and no good one refused, as long as it lives."""
        for token in self.tokens:
            if self.issuer.now < token.issued_at + LIFE:
                verdict = verdict_of(self.held, token.marks)
                assert verdict == self.naive.verdict(token)
                if self.good(token):
                    assert verdict in {Standing.CURRENT, Standing.BEHIND, RevocationsUnavailable}

    def good(self, token: Token) -> bool:
        """Whether the issuer, as of now, has nothing against a token of its present line."""
        return (
            token.line == self.issuer.line
            and not any(
                row.entry.key in token.marks.keys
                and (row.entry.number > token.rv[1] or row.entry.kind == "key")
                for row in self.issuer.rows
            )
            and ("key", "k1") not in token.things
        )


def verdict_of(held: Revocations, token: Marks) -> object:
    """A standing, a code, or that there is none."""
    try:
        return held.check(token)
    except TokenRefused as refused:
        return refused.code
    except RevocationsUnavailable:
        return RevocationsUnavailable


TestFeed = Feed.TestCase
# Some seconds, the most of any test here: to go wrong takes epochs, losses and doubles, one upon the other.
TestFeed.settings = settings(max_examples=2 * settings().max_examples, stateful_step_count=60)
