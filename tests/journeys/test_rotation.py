"""Keys change under load, on two real nodes and for verifiers over HTTP: nobody is refused or restarted."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sekisho.adapters import system
from sekisho.features.demo.clock import ClockHand, MovedClock
from sekisho.flows.signing_keys import rotate
from sekisho.house import open_house
from sekisho.rules.keyring import LEAD, believed_for
from sekisho.settings import read_settings
from sekisho_verify import IssuerKeys, TokenRefused, Verifier
from sekisho_verify.encoding import b64url_decode
from sekisho_verify.steady_clock import steady
from tests.parts.clocked_server import ClockedServer
from tests.parts.postgres_nodes import migrated
from tests.parts.serving import Server, ask, environment, run, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.postgres import PostgresServer

pytestmark = pytest.mark.postgres

AYA = {"email": "aya@example.com", "password": "a checkpoint on the road to Edo"}
BELIEVED = believed_for(900.0)


@pytest.fixture
def shared(postgres_server: PostgresServer, tmp_path: Path) -> dict[str, str]:
    """The settings that two nodes have in common: a database of their own, and a root secret."""
    root = tmp_path / "root"
    root.touch(0o600)
    root.write_bytes(base64.b64encode(os.urandom(48)))
    return {"SEKISHO_DATABASE_URL": migrated(postgres_server), "SEKISHO_ROOT_SECRET": f"file:{root}"}


def header(token: str) -> dict[str, Any]:
    """What a token says of its key."""
    read: dict[str, Any] = json.loads(b64url_decode(token.partition(".")[0].encode()))
    return read


def published(url: str) -> list[str]:
    """The ids in the JWK set there, the newest first."""
    return [key["kid"] for key in ask(url, "GET", "/.well-known/jwks.json").json["keys"]]


@dataclass
class Region:
    """Two nodes on one database and one clock, and what an operator does to their keys."""

    nodes: list[ClockedServer]
    hand: ClockHand
    clock: MovedClock
    settings: dict[str, str]

    def rotate(self) -> str:
        """Rotate as `sekisho key rotate` does, on this clock; the id of the key that is pending."""

        async def act() -> str:
            settings = read_settings(self.settings)
            async with open_house(settings, environ=environment(), clock=self.clock) as house:
                assert house.key_room is not None
                outcome, standings = await rotate(house.key_room, at_once=False)
                assert outcome == "added"
                return standings[0].kid

        return asyncio.run(act())

    def until_published(self, kid: str) -> None:
        """Until every node publishes it."""
        until(lambda: all(kid in published(node.url) for node in self.nodes), f"{kid} is published")


@contextmanager
def region(shared: dict[str, str], tmp_path: Path) -> Iterator[Region]:
    """Two nodes at work."""
    hand = ClockHand(tmp_path / "clock")
    clock = MovedClock(tmp_path / "clock", system.clock)
    with ExitStack() as stack:
        first = ClockedServer(tmp_path / "a", settings=shared, clock=tmp_path / "clock")
        stack.enter_context(first)
        # One issuer, whichever node answers: here the first, where verifiers look for the keys.
        settings = {**shared, "SEKISHO_ISSUER": first.url}
        second = ClockedServer(tmp_path / "b", settings=settings, clock=tmp_path / "clock")
        stack.enter_context(second)
        yield Region([first, second], hand, clock, settings)


@dataclass
class Load:
    """Somebody who refreshes at one node, asks at the other, and is checked by verifiers, without a pause."""

    region: Region
    verifiers: list[Verifier]
    stopping: threading.Event
    number: int
    done: int = 0
    kids: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Go on until it is stopped, or something is refused."""
        nodes = self.region.nodes
        body = {**AYA, "email": f"aya{self.number}@example.com"}
        assert ask(nodes[0].url, "POST", "/v1/accounts", body).status == 201
        pair = ask(nodes[0].url, "POST", "/v1/login", {**body, "mode": "token"}).json
        kept: list[str] = []
        while not self.stopping.is_set() and not self.faults:
            at = self.done % 2
            answer = ask(nodes[at].url, "POST", "/v1/refresh", {"refresh_token": pair["refresh_token"]})
            if answer.status != 200:
                self.faults.append(f"refresh: {answer.status} {answer.json}")
                return
            pair = answer.json
            token = pair["access_token"]
            self.kids.append(header(token)["kid"])
            me = ask(nodes[1 - at].url, "GET", "/v1/me", bearer=token)
            if me.status != 200 and self.alive(token):
                self.faults.append(f"me: {me.status} {me.json} {header(token)}")
            kept = [token, *kept][:40]
            for each in kept:
                self.check(each)
            self.done += 1

    def signed_by(self, kid: str) -> bool:
        """Whether both nodes sign by that key: its last tokens came from them in turns."""
        return self.kids[-4:] == [kid] * 4

    def alive(self, token: str) -> bool:
        """Whether it has not expired yet: asked after a refusal, since the clock moves by minutes at once."""
        claims: dict[str, Any] = json.loads(b64url_decode(token.split(".")[1].encode()))
        lives: bool = self.region.clock() < claims["exp"]
        return lives

    def check(self, token: str) -> None:
        """A token is good until it expires, whichever key sealed it."""
        for verifier in self.verifiers:
            try:
                verifier.verify(token)
            except TokenRefused as refused:
                if self.alive(token):
                    self.faults.append(f"{refused.code} {refused.detail} {header(token)}")


@contextmanager
def under_load(region: Region, *, people: int, verifiers: list[Verifier]) -> Iterator[list[Load]]:
    """Load while the block runs; what was refused, at the end, is a failure."""
    stopping = threading.Event()
    loads = [Load(region, verifiers, stopping, i) for i in range(people)]
    threads = [threading.Thread(target=load.run) for load in loads]
    for thread in threads:
        thread.start()
    try:
        until(lambda: all(load.done or load.faults for load in loads), "the load is under way")
        yield loads
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert [fault for load in loads for fault in load.faults] == []


@pytest.mark.requirement("A12")
@pytest.mark.requirement("J21")
@pytest.mark.parametrize("rotations", [2, pytest.param(20, marks=pytest.mark.long)])
def test_rotations_under_load_refuse_nobody(shared: dict[str, str], tmp_path: Path, rotations: int) -> None:
    """Every request succeeds and every token is good until it expires, at both nodes and all verifiers."""
    with region(shared, tmp_path) as place, ExitStack() as stack:
        issuer = place.nodes[0].url
        verifiers = [
            stack.enter_context(
                Verifier(
                    issuer=issuer,
                    audience="api",
                    keys=IssuerKeys(issuer, refresh_every=every),
                    feed=None,
                    clock=place.clock,
                )
            )
            for every in (0.2, 0.5)
        ]
        kids = published(issuer)
        with under_load(place, people=2, verifiers=verifiers) as loads:
            for _ in range(rotations):
                kid = place.rotate()
                kids.append(kid)
                place.until_published(kid)
                # What the lead is for: each verifier has loaded the keys once before the new one signs.
                until(lambda: all(kid in v.key_status.kids for v in verifiers), f"{kid} is known")  # noqa: B023 - asked within this turn
                assert not any(kid in load.kids for load in loads), "it signs before its time"
                place.hand.forward(LEAD)
                until(lambda: all(load.signed_by(kid) or load.faults for load in loads), f"{kid} signs")  # noqa: B023 - as above
            place.hand.forward(BELIEVED)
            until(lambda: all(published(node.url) == [kids[-1]] for node in place.nodes), "the rest is gone")
        assert {kid for load in loads for kid in load.kids} == set(kids)
        assert len(set(kids)) == rotations + 1


@pytest.mark.long
@pytest.mark.requirement("A12")
def test_a_node_that_dies_amid_a_rotation_changes_nothing(shared: dict[str, str], tmp_path: Path) -> None:
    """The other one comes to the next key by itself; the dead one finds it there when it starts again."""
    with region(shared, tmp_path) as place:
        alive, dying = place.nodes
        (old,) = published(alive.url)
        new = place.rotate()
        place.until_published(new)
        dying.kill9()
        place.hand.forward(LEAD - 30)
        assert ask(alive.url, "POST", "/v1/accounts", AYA).status == 201

        def signs(node: ClockedServer) -> str:
            answer = ask(node.url, "POST", "/v1/login", {**AYA, "mode": "token"})
            kid: str = header(answer.json["access_token"])["kid"]
            return kid

        assert signs(alive) == old
        place.hand.forward(30)
        until(lambda: signs(alive) == new, "the new key signs")
        dying.start()
        assert published(dying.url) == published(alive.url) == [new, old]
        assert signs(dying) == new


def test_nodes_that_start_at_once_agree_on_one_key(shared: dict[str, str], tmp_path: Path) -> None:
    """Three servers on an empty database, each a process of its own: one key, which all of them publish."""
    with ExitStack() as stack:
        nodes = [Server(tmp_path / name, settings=shared) for name in "abc"]
        threads = []
        for node in nodes:
            stack.callback(node.__exit__)
            threads.append(threading.Thread(target=node.start))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({tuple(published(node.url)) for node in nodes}) == 1
        assert len(published(nodes[0].url)) == 1


@pytest.mark.long
@pytest.mark.parametrize("engine", ["postgres", "sqlite"])
def test_operators_who_rotate_at_once_publish_one_key(
    shared: dict[str, str], tmp_path: Path, engine: str
) -> None:
    """Four processes of `sekisho key rotate`: all end well and name the same pending key."""
    settings = shared if engine == "postgres" else {}
    data = {"SEKISHO_DATA": str(tmp_path / "data")}
    assert run("db", "migrate", **data, **settings).returncode == 0
    assert run("key", "list", **data, **settings).returncode == 0
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "sekisho", "key", "rotate", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**data, **settings),
        )
        for _ in range(4)
    ]
    ends = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, ends
    rotated = [json.loads(out) for out, _ in ends]
    assert sorted(each["outcome"] for each in rotated) == ["added"] + ["unchanged"] * 3
    assert len({each["keys"][0]["kid"] for each in rotated}) == 1
    keys = json.loads(run("key", "list", "--json", **data, **settings).stdout)["keys"]
    assert [key["state"] for key in keys] == ["pending", "current"]
    if engine == "sqlite":
        assert len(list((tmp_path / "data" / "keys").iterdir())) == 2


@pytest.mark.requirement("A12")
def test_a_leaked_key_is_refused_everywhere_within_a_second(shared: dict[str, str], tmp_path: Path) -> None:
    """At both nodes and at an API that follows the feed; whoever held a token refreshes and goes on."""
    with region(shared, tmp_path) as place:
        first, second = place.nodes
        assert ask(first.url, "POST", "/v1/accounts", AYA).status == 201
        pair = ask(first.url, "POST", "/v1/login", {**AYA, "mode": "token"}).json
        token = pair["access_token"]
        later = 0.0
        # The API has been up for a while: what it may ask of the issuer so soon after its start is bounded.
        keys = IssuerKeys(first.url, steady=lambda: steady() + later)
        with Verifier(issuer=first.url, audience="api", keys=keys) as api:
            assert api.verify(token).sub == pair["user"]["id"]
            for node in place.nodes:
                assert ask(node.url, "GET", "/v1/me", bearer=token).status == 200
            later = 2.0
            (leaked,) = published(first.url)
            retired = run("key", "retire", leaked, "--compromised", **place.settings)
            assert retired.returncode == 0, retired.stderr
            began = time.monotonic()
            until(lambda: refused_by(api, token) != "", "the API refuses it")
            at_the_api = time.monotonic() - began
            # By the entry in the feed, or because it has loaded the keys meanwhile: whichever is first.
            assert refused_by(api, token) in {"token_revoked", "token_key_unknown"}
            until(
                lambda: all(
                    ask(node.url, "GET", "/v1/me", bearer=token).status == 401 for node in place.nodes
                ),
                "the nodes refuse it",
            )
            at_the_nodes = time.monotonic() - began
            assert (at_the_api < 1.0, at_the_nodes < 1.0) == (True, True), (at_the_api, at_the_nodes)
            assert ask(first.url, "GET", "/v1/me", bearer=token).json["code"] == "token_key_unknown"
            assert published(first.url) == published(second.url) != [leaked]
            renewed = ask(second.url, "POST", "/v1/refresh", {"refresh_token": pair["refresh_token"]}).json
            assert ask(first.url, "GET", "/v1/me", bearer=renewed["access_token"]).status == 200
            # The new key had no time to be published first: the API asks for it when it meets it.
            until(lambda: not refused_by(api, renewed["access_token"]), "the API has the new key")
            assert api.feed is not None
            assert api.feed.entry_count == 1


def refused_by(api: Verifier, token: str) -> str:
    """The code with which an API refuses it; empty where it does not."""
    try:
        api.verify(token)
    except TokenRefused as refused:
        return refused.code
    return ""
