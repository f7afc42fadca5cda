"""Acknowledged means durable: `kill -9` of the server in a storm of logins, refreshes and logouts."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.parts.serving import Server, run

PASSWORD = "a gate at the sixth bell"
# Each with an account and an address of its own: attempts that a crash cut short stay counted, and on one
# account or network they would add up.
CALLERS = {f"caller{number}@example.com": f"192.0.2.{number}" for number in range(6)}
PROXY = {"SEKISHO_TRUSTED_PROXIES": "127.0.0.1/32,::1/128"}


@dataclass
class Record:
    """What callers were told, and only what they were told: an answer that never came promises nothing."""

    #: Sessions whose last acknowledged act was a login or a refresh, with the token it handed out.
    alive: dict[str, str] = field(default_factory=dict)
    #: Refresh tokens of sessions whose logout was acknowledged.
    ended: dict[str, str] = field(default_factory=dict)
    #: Sessions with an act that was sent and not answered: it may or may not have happened.
    unknown: set[str] = field(default_factory=set)
    acts: int = 0


def storm(server: Server, email: str, record: Record, enough: Callable[[], bool]) -> None:
    """Log in, refresh and log out in turn, until the server is gone."""
    turn = 0
    while not enough():
        session = ""
        try:
            body = {"email": email, "password": PASSWORD, "mode": "token"}
            said = server.ask("POST", "/v1/login", body, headers={"X-Forwarded-For": CALLERS[email]})
            assert said.status == 200, said
            session, token = said.json["session_id"], said.json["refresh_token"]
            record.alive[session] = token
            record.acts += 1
            for _ in range(turn % 3):
                record.unknown.add(session)
                said = server.ask("POST", "/v1/refresh", {"refresh_token": token})
                assert said.status == 200, said
                token = said.json["refresh_token"]
                record.alive[session] = token
                record.unknown.discard(session)
                record.acts += 1
            if turn % 2:
                record.unknown.add(session)
                assert server.ask("POST", "/v1/logout", {"refresh_token": token}).status == 204
                del record.alive[session]
                record.ended[session] = token
                record.unknown.discard(session)
                record.acts += 1
        except (OSError, http.client.HTTPException):
            return
        turn += 1


def crash_in_a_storm(server: Server, acts: int) -> Record:
    """Run callers until `acts` things were acknowledged in all, kill the server, and return the record."""
    records = [Record() for _ in CALLERS]
    over = threading.Event()
    callers = [
        threading.Thread(target=storm, args=(server, email, record, over.is_set))
        for email, record in zip(CALLERS, records, strict=True)
    ]
    for caller in callers:
        caller.start()
    while sum(record.acts for record in records) < acts and all(caller.is_alive() for caller in callers):
        over.wait(0.01)
    server.kill9()
    over.set()
    for caller in callers:
        caller.join()
    whole = Record()
    for record in records:
        whole.alive |= record.alive
        whole.ended |= record.ended
        whole.unknown |= record.unknown
        whole.acts += record.acts
    return whole


def check(server: Server, record: Record) -> None:
    """After the restart every acknowledged logout holds, and every acknowledged login can refresh."""
    for session, token in record.ended.items():
        said = server.ask("POST", "/v1/refresh", {"refresh_token": token})
        assert said.json.get("code") == "session_revoked", session
    for session, token in record.alive.items():
        if session in record.unknown:
            continue
        said = server.ask("POST", "/v1/refresh", {"refresh_token": token})
        assert said.status == 200, (session, said)


def crashes(tmp_path: Path, *, rounds: int, acts: int) -> None:
    """So many crashes on one data directory, each checked after the restart."""
    data = tmp_path / "data"
    for email in CALLERS:
        made = run("user", "create", email, "--password-file", "-", "--data", str(data), text=PASSWORD)
        assert made.returncode == 0, made.stderr
    for _ in range(rounds):
        with Server(data, settings=PROXY) as server:
            record = crash_in_a_storm(server, acts)
            assert record.acts >= acts
            assert record.ended
            assert record.alive.keys() - record.unknown
        with Server(data, settings=PROXY) as server:
            check(server, record)
            assert server.stop() == 0


@pytest.mark.requirement("R9", "X02")
def test_what_was_acknowledged_survives_a_crash(tmp_path: Path) -> None:
    """One kill -9 in the middle of a storm loses no logout and no login that anybody was told of."""
    crashes(tmp_path, rounds=1, acts=60)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_what_was_acknowledged_survives_many_crashes(tmp_path: Path) -> None:
    """Twenty crashes of one data directory, each in a longer storm."""
    crashes(tmp_path, rounds=20, acts=300)
