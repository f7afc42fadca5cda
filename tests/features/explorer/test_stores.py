"""What servers share on the stage: a real Redis before the database, seen from the side of the servers."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from sekisho_verify.revocations.entries import entry_key
from tests.parts.explorer import Exploring
from tests.parts.serving import ask, until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.redis

#: Starts a Redis as the stage does, says where, and waits to be killed.
KILLED = """
import sys
from pathlib import Path

from sekisho.cli.stage_redis import StageRedis

if __name__ == "__main__":
    redis = StageRedis(Path(sys.argv[1]))
    assert redis.start()
    print(redis.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def sharing(exploring: Exploring) -> Exploring:
    """The stage with Redis on it."""
    assert "redis" in exploring.act("summon", set="redis").json["sets"]
    return exploring


def redis_keys(exploring: Exploring) -> list[dict[str, Any]]:
    """The keys in Redis as the page shows them."""
    tables = {each["name"]: each["rows"] for each in exploring.told("tables")["tables"]}
    return [row["cells"] for row in tables["redis"]]


def call(exploring: Exploring, server: str, cookie: str, act: str) -> list[dict[str, Any]]:
    """What happened when a shop was asked by cookie."""
    headers = {"Cookie": cookie, "Sekisho-Explorer-Act": act}
    assert ask(exploring.url(server), "GET", "/products", headers=headers).status == 200
    return exploring.of_act(act)


def at_redis(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """What was asked of Redis: the event, the command without its value, and how the answer begins."""
    return [
        (each["msg"]["id"], " ".join(each["refs"]["command"].split()[:2]), each["refs"].get("answer", "")[:2])
        for each in events
        if each["to"] == "redis" and each["kind"] != "rows"
    ]


def used_by(exploring: Exploring, act: str) -> bool:
    """Whether Redis answered when somebody new was looked up."""
    cookie = exploring.log_in_by_cookie().cookie
    return "ev.redis.miss" in [name for name, _, _ in at_redis(call(exploring, "a_redis", cookie, act))]


def test_one_server_leaves_in_redis_what_the_other_one_finds(sharing: Exploring) -> None:
    """A's look-up misses, reads the row and leaves a copy; B's is one command of Redis and reads no row."""
    seen = sharing.seen
    person = sharing.log_in_by_cookie()
    rows = sharing.event(
        lambda each: each["kind"] == "rows" and each["refs"]["table"] == "sessions", after=seen
    )
    [session] = rows["refs"]["rows"]
    name = f"sekisho:session:{entry_key('session', session['key']).hex()}"
    first = call(sharing, "a_redis", person.cookie, "s1")
    assert at_redis(first) == [
        ("ev.redis.miss", f"MGET {name}", "(n"),
        ("ev.redis.write", f"SET {name}", "OK"),
    ]
    [kept] = [each for each in first if each["kind"] == "redis.write"]
    assert kept["refs"]["command"].endswith("…' PX 20000")
    assert {each["refs"]["server"] for each in first if each["kind"].startswith("redis.")} == {"auth_redis"}
    assert kept["ms"] > 0
    assert [each for each in first if each["kind"] == "db.read" and each["to"] == "db"]
    second = call(sharing, "b_redis", person.cookie, "s2")
    assert at_redis(second) == [("ev.redis.hit", f"MGET {name}", "x'")]
    assert not [each for each in second if each["kind"].startswith("db.") and each["to"] == "db"]
    assert at_redis(call(sharing, "b_redis", person.cookie, "s3")) == []  # it is remembered in the process
    [row] = [each for each in redis_keys(sharing) if each["key"] == name]
    assert row["value"].startswith("x'")
    assert row["value"].endswith("…'")
    assert session["key"] not in str(row)


def test_what_redis_forgets_goes_from_the_page_by_itself(sharing: Exploring) -> None:
    """A logout deletes the copy: the row of the panel is gone, and both servers refuse the cookie."""
    person = sharing.log_in_by_cookie()
    call(sharing, "a_redis", person.cookie, "s5")
    added = sharing.event(
        lambda each: each["kind"] == "rows" and each["refs"]["table"] == "redis" and each["act"] == "s5"
    )
    [row] = [row for row in added["refs"]["rows"] if row["change"] == "added"]
    assert (added["from"], added["to"]) == ("redis", "redis")
    headers = {"Cookie": person.cookie, "Sekisho-CSRF": person.csrf}
    assert ask(sharing.url("auth"), "POST", "/v1/logout", {}, headers=headers).status == 204
    sharing.event(
        lambda each: (
            each["kind"] == "rows"
            and [(gone["key"], gone["change"]) for gone in each["refs"]["rows"]] == [(row["key"], "removed")]
        ),
        after=added["seq"],
    )
    for server in ("a_redis", "b_redis"):
        # What a process remembers by itself it believes for up to half a second more.
        until(partial(is_revoked, sharing.url(server), person.cookie), f"{server} has read the feed")


def is_revoked(url: str, cookie: str) -> bool:
    """Whether a shop refuses the cookie because its session was ended."""
    answer = ask(url, "GET", "/products", headers={"Cookie": cookie})
    return (answer.status, answer.json.get("code")) == (401, "session_revoked")


def test_without_redis_nobody_is_logged_out(sharing: Exploring) -> None:
    """It is stopped: the command has no answer, the database has it; started again it is empty and used."""
    person = sharing.log_in_by_cookie()
    stopped = sharing.act("server", name="redis", up=False)
    assert stopped.json["servers"]["redis"]["up"] is False
    try:
        told = call(sharing, "a_redis", person.cookie, "s7")
        [asked] = [each for each in told if each["kind"] == "redis.read"]
        assert asked["msg"]["id"] == "ev.redis.silent"
        assert asked["refs"]["silent"] == "ConnectionError"
        assert [each for each in told if each["kind"] == "db.read" and each["to"] == "db"]
        assert redis_keys(sharing) == []
    finally:
        started = sharing.act("server", name="redis", up=True)
    assert started.json["servers"]["redis"]["up"] is True
    names = (f"again{number}" for number in count())
    # Whoever got no answer leaves it alone for a second.
    until(lambda: used_by(sharing, next(names)), "a look-up in Redis again")
    stolen = sharing.act("thief", credential="bearer", value="x", at="redis")
    assert (stolen.status, stolen.json["code"]) == (404, "not_found")


@pytest.mark.requirement("H5")
def test_the_password_of_redis_is_nowhere(sharing: Exploring) -> None:
    """In no event, table, log or argument; and without it Redis answers nobody."""
    commands = subprocess.run(["ps", "axo", "args"], capture_output=True, text=True, check=True).stdout
    assert "requirepass" not in commands
    [line] = [each for each in commands.splitlines() if "redis-server" in each or "valkey-server" in each][
        -1:
    ]
    assert "127.0.0.1:" in line
    logs = "".join(log.read_text() for log in sharing.folder.glob("sekisho-demo-*/*.log"))
    told = str(sharing.all()) + str(sharing.told("state")) + str(sharing.told("tables")) + logs
    assert "redis://:" not in told
    assert "requirepass" not in told


@pytest.fixture
def killed(tmp_path: Path) -> str:
    """The URL of a Redis whose stage was killed outright."""
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as stage:
        assert stage.stdout is not None
        url = stage.stdout.readline().strip()
        stage.kill()
    return url


def test_it_ends_with_a_stage_that_is_killed(killed: str) -> None:
    """SIGKILL leaves no server behind."""
    import redis  # noqa: PLC0415 - only where there is one

    assert killed.startswith("redis://:")

    def gone() -> bool:
        with redis.Redis.from_url(killed, socket_timeout=1) as client:
            try:
                client.ping()
            except redis.ConnectionError:
                return True
        return False

    until(gone, "the end of Redis")


@pytest.mark.long
def test_where_there_is_none_that_is_said(tmp_path: Path) -> None:
    """With no program on PATH: the one command that brings it, a refusal with a code, and the rest works."""
    with Exploring(tmp_path, {"PATH": str(tmp_path)}) as exploring:
        assert exploring.told("state")["lacking"]["redis"] == "sudo apt-get install redis-server"
        refused = exploring.act("summon", set="redis")
        assert (refused.status, refused.json["code"]) == (503, "unavailable")
        assert exploring.told("state")["sets"] == []
        person = exploring.log_in_by_cookie()
        assert ask(exploring.url("b"), "GET", "/products", headers={"Cookie": person.cookie}).status == 200
