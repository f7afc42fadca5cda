"""Twenty verifiers follow two nodes, of which each dies once: they hear of every end, and of no other."""

from __future__ import annotations

import asyncio
import base64
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sekisho.adapters import system
from sekisho.adapters.sql import revocations
from sekisho.rules.revocation import Entry
from sekisho_verify import IssuerFeed, TokenRefused, Verifier, fetch_key_set
from tests.parts.postgres_nodes import migrated, nodes
from tests.parts.serving import Server, ask, run, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sekisho.adapters.sql.operation import Operation
    from tests.parts.postgres import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.long]

PASSWORD = "a checkpoint on the road to Edo"
VERIFIERS = 20
ACCEPTED = "accepted"


@dataclass
class Person:
    """Somebody who is logged in."""

    email: str
    pair: dict[str, Any]

    @property
    def token(self) -> str:
        """The access token that was given last."""
        token: str = self.pair["access_token"]
        return token


@dataclass
class Region:
    """Two nodes, the verifiers, and what each of them has to say of every token there ever was."""

    nodes: tuple[Server, Server]
    settings: Mapping[str, str]
    verifiers: list[Verifier]
    expected: dict[str, str] = field(default_factory=dict)

    def person(self, name: str, *, at: int) -> Person:
        """Somebody new, who logs in at a node; every verifier accepts the token."""
        url, account = self.nodes[at].url, {"email": f"{name}@example.com", "password": PASSWORD}
        assert ask(url, "POST", "/v1/accounts", account).status == 201
        person = Person(account["email"], ask(url, "POST", "/v1/login", {**account, "mode": "token"}).json)
        self.expect(person, ACCEPTED)
        return person

    def command(self, *arguments: str) -> None:
        """What an operator does at the command line."""
        done = run(*arguments, **self.settings)
        assert done.returncode == 0, done.stderr

    def log_out(self, person: Person, *, at: int) -> None:
        """End the session."""
        assert ask(self.nodes[at].url, "POST", "/v1/logout", {}, bearer=person.token).status == 204
        self.expect(person, "token_revoked")

    def refresh(self, person: Person, *, at: int) -> None:
        """What a client does when it is told `token_stale`: without a login, and every verifier goes on."""
        body = {"refresh_token": person.pair["refresh_token"]}
        answer = ask(self.nodes[at].url, "POST", "/v1/refresh", body)
        assert answer.status == 200, answer.json
        person.pair = answer.json
        self.expect(person, ACCEPTED)

    def expect(self, person: Person, verdict: str) -> None:
        """Until every verifier says so of this token; of all others each says what it said before."""
        self.expected[person.token] = verdict
        text = person.token
        until(lambda: all(said(v, text) == verdict for v in self.verifiers), f"{person.email}: {verdict}")
        self.hold()

    def hold(self) -> None:
        """Nobody was missed, and nobody is refused who should not be: each verifier, each token."""
        for verifier in self.verifiers:
            assert {text: said(verifier, text) for text in self.expected} == self.expected

    def end_everything(self) -> None:
        """What a restore from a backup publishes."""

        def act() -> Operation[None]:
            yield from revocations.publish([Entry("everything", "", "revoked")], now=system.clock())

        async def publish() -> None:
            async with nodes(self.settings["SEKISHO_DATABASE_URL"], size=2) as scene:
                await scene.store.engine.write(act)

        asyncio.run(publish())

    def round(self, name: str, *, at: int) -> None:
        """Everything by which a token ends or grows stale, for people of its own."""
        group = f"group-{name}"
        self.command("group", "create", group)
        bystander = self.person(f"bystander-{name}", at=at)
        leaver, disabled, promoted = (self.person(f"{who}-{name}", at=at) for who in ("a", "b", "c"))
        member = self.person(f"member-{name}", at=at)
        self.log_out(leaver, at=at)
        self.command("user", "disable", disabled.email)
        self.expect(disabled, "token_revoked")
        self.command("user", "grant", promoted.email, "clerk")
        self.expect(promoted, "token_stale")
        self.refresh(promoted, at=at)
        assert self.verifiers[0].verify(promoted.token).roles == {"clerk"}
        self.command("group", "add", group, member.email)
        self.expect(member, "token_stale")
        self.refresh(member, at=at)
        self.command("group", "allow", group, "customers:read")
        self.expect(member, "token_stale")
        self.refresh(member, at=at)
        assert self.verifiers[0].verify(member.token).permissions == {"customers:read"}
        assert self.expected[bystander.token] == ACCEPTED


def said(verifier: Verifier, text: str) -> str:
    """The verdict of a verifier."""
    try:
        verifier.verify(text)
    except TokenRefused as refused:
        return refused.code
    return ACCEPTED


@contextmanager
def region(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Region]:
    """Two nodes on one database, and verifiers that begin at one or the other in turns."""
    settings = {
        "SEKISHO_DATABASE_URL": migrated(postgres_server),
        "SEKISHO_ROOT_SECRET": "env:ROOT",
        "ROOT": base64.b64encode(os.urandom(48)).decode(),
    }
    with ExitStack() as stack:
        first = stack.enter_context(Server(tmp_path / "a", settings=settings))
        issuer = first.url
        settings = {**settings, "SEKISHO_ISSUER": issuer}
        second = Server(tmp_path / "b", settings=settings)
        stack.callback(second.__exit__)
        second.start()
        # What it names at its start is the issuer, which both of them are.
        second.url = f"http://localhost:{second.port}"
        keys = fetch_key_set(issuer).keys
        urls = [f"{node.url}/v1/revocations" for node in (first, second)]
        verifiers = []
        for turn in range(VERIFIERS):
            feed = IssuerFeed(issuer, urls=urls if turn % 2 else urls[::-1], keys=keys)
            verifier = Verifier(issuer=issuer, audience="api", keys=keys, feed=feed)
            verifiers.append(stack.enter_context(verifier))
        yield Region((first, second), settings, verifiers)


@pytest.mark.timeout(600)
@pytest.mark.requirement("J19")
def test_nobody_is_missed_while_a_node_dies_and_comes_back(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Logout, disabling, a role, a group's permission, everything: every verifier, and only who is meant."""
    with region(postgres_server, tmp_path) as place:
        first, second = place.nodes
        witness = place.person("witness", at=0)
        place.round("both", at=0)
        leaving = place.person("leaving", at=0)
        first.kill9()
        # At once: half of the verifiers have just lost their stream.
        place.log_out(leaving, at=1)
        place.round("one", at=1)
        first.start()
        place.round("again", at=0)
        # Those that had moved stay where they are, until that node goes too.
        last = place.person("last", at=1)
        second.kill9()
        place.log_out(last, at=0)
        assert {verifier.feed_status.state for verifier in place.verifiers} <= {"fresh", "stale"}
        until(lambda: {v.feed_status.state for v in place.verifiers} == {"fresh"}, "all have moved back")
        assert said(place.verifiers[0], witness.token) == ACCEPTED
        living = [text for text, verdict in place.expected.items() if verdict == ACCEPTED]
        place.end_everything()
        place.expected |= dict.fromkeys(place.expected, "token_revoked")
        until(
            lambda: all(said(v, text) == "token_revoked" for v in place.verifiers for text in living),
            "everything has ended",
        )
        place.hold()
