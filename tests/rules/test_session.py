"""Sessions: what is put on record of a request."""

from __future__ import annotations

from sekisho.rules.events import Event
from sekisho.rules.session import Client


def test_what_a_request_did_is_on_record_with_where_it_came_from() -> None:
    """Its address and its id go with every event, so that a row is found by a line of the log."""
    client = Client("192.0.2.7", "curl/8", "0123456789abcdef")
    recorded = client.event("session_revoked", 1.5, "id", user_id="aya", session_id="s1", why="logout")
    assert recorded == Event(
        kind="session_revoked",
        at=1.5,
        id="id",
        user_id="aya",
        session_id="s1",
        ip="192.0.2.7",
        request_id="0123456789abcdef",
        about={"why": "logout"},
    )
