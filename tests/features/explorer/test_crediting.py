"""Whose a changed row is, where several requests were answered together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sekisho.features.explorer.crediting import Credits, Doer
from sekisho.features.explorer.events import Event, Message
from sekisho.features.explorer.tables import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sekisho.features.explorer.events import Lane

INSERT = "INSERT INTO sessions (id) VALUES (:id)"


def wrote(request: str, lane: Lane, sql: str = INSERT, **parameters: str) -> Event:
    """A write, as the ledger gives it out."""
    refs = {"sql": sql, "parameters": parameters, "for": request}
    about = {"kind": "db.write", "source": "auth", "to": "db", "msg": Message("ev.db.write")}
    return Event(seq=1, t=0.0, lane=lane, act="a1", refs=refs, **about)  # type: ignore[arg-type]  # as written above


def answered(request: str, lane: Lane) -> Event:
    """Its answer."""
    about = {"kind": "http.response", "source": "auth", "to": "browser", "msg": Message("ev.ok")}
    return Event(seq=2, t=0.0, lane=lane, act="a1", id=request, **about)  # type: ignore[arg-type]  # as written above


def row(table: str, key: str) -> Change:
    """A row that was found."""
    return Change(table, key, "added", {})


def doer(known: Credits, change: Change, answers: Sequence[Event]) -> Doer:
    """Whose one row is that was found alone."""
    [found] = known.doers([change], answers)
    return found


def test_a_row_is_the_doing_of_the_request_that_named_its_key() -> None:
    """Two logins at once: each session is credited to its own, whoever was answered first."""
    known, answers = Credits(), [answered("x1", "session"), answered("x2", "jwt")]
    known.take(wrote("x1", "session", id="s1"))
    known.take(wrote("x2", "jwt", id="s2"))
    assert doer(known, row("sessions", "s2"), answers) == Doer("a1", "jwt")
    assert doer(known, row("sessions", "s1"), answers) == Doer("a1", "session")


def test_without_its_key_a_row_is_one_of_those_who_wrote_the_table() -> None:
    """One alone: it is his; two: the act that they share, and no lane, rather than the wrong one."""
    known, answers = Credits(), [answered("x1", "session"), answered("x2", "jwt")]
    feed = "INSERT INTO feed (shard, seq) SELECT 0, seq + 1 FROM feed_head"
    known.take(wrote("x2", "jwt", feed))
    assert doer(known, row("feed", "0|7"), answers) == Doer("a1", "jwt")
    known.take(wrote("x1", "session", feed))
    assert doer(known, row("feed", "0|7"), answers) == Doer("a1", None)
    assert doer(known, row("users", "u1"), answers) == Doer("a1", None)


def test_what_changes_beside_a_request_is_not_its_doing() -> None:
    """A login made one session; that another was last used at some time was written by nobody's request."""
    known, answers = Credits(), [answered("x1", "session")]
    known.take(wrote("x1", "session", id="s2"))
    assert known.doers([row("sessions", "s1"), row("sessions", "s2")], answers) == [
        Doer(None, None),
        Doer("a1", "session"),
    ]
    known.take(wrote("x1", "session", "UPDATE sessions SET revoked_at = :now WHERE user_id = :user_id"))
    assert known.doers([row("sessions", "s1"), row("sessions", "s2")], answers) == [
        Doer("a1", "session"),
        Doer("a1", "session"),
    ]


def test_whoever_ends_all_but_one_names_the_one_that_stays() -> None:
    """Another password ended the other sessions, though its own row changed too, and was named."""
    known, answers = Credits(), [answered("x1", "session")]
    ending = "UPDATE sessions SET revoked_at = :now WHERE user_id = :user_id AND id <> :keep"
    known.take(wrote("x1", "session", ending, user_id="u1", keep="s1"))
    known.take(wrote("x1", "session", "UPDATE sessions SET fam = :fam WHERE id = :id", id="s1"))
    assert known.doers([row("sessions", "s1"), row("sessions", "s2")], answers) == [Doer("a1", "session")] * 2


def test_a_key_of_redis_is_the_doing_of_the_command_that_named_it() -> None:
    """Seen before its request was answered, too; a key that Redis forgets by itself is nobody's doing."""
    known = Credits()
    refs = {"command": "SET sekisho:session:1f x'01…' PX 20000", "for": "x1"}
    about = {"kind": "redis.write", "source": "auth", "to": "redis", "msg": Message("ev.redis.write")}
    known.take(Event(seq=1, t=0.0, lane="session", act="a1", refs=refs, **about))  # type: ignore[arg-type]  # as written above
    assert doer(known, row("redis", "sekisho:session:1f"), ()) == Doer("a1", "session")
    assert doer(known, row("redis", "sekisho:session:1"), ()) == Doer(None, None)
    assert doer(known, row("sessions", "sekisho:session:1f"), ()) == Doer(None, None)


def test_what_was_found_is_credited_no_more() -> None:
    """A later change of the same row is the later request's; a request without an answer keeps its own."""
    known, first = Credits(), answered("x1", "session")
    known.take(wrote("x1", "session", id="s1"))
    known.take(wrote("x3", "session", id="s3"))
    known.settle([first])
    later = [answered("x2", "jwt")]
    assert doer(known, row("sessions", "s1"), later) == Doer("a1", "jwt")
    assert doer(known, row("sessions", "s3"), later) == Doer("a1", "session")
