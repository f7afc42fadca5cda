"""The stage of the explorer: its processes, their ports and secrets, and what may be done to them."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from socket import socket
from typing import Final

from msgspec.structs import replace

from sekisho.adapters import system
from sekisho.adapters.settings_file import load_settings
from sekisho.cli import stage_aws, stage_redis
from sekisho.cli.fault import Exit, Fault
from sekisho.cli.main import run
from sekisho.cli.operating import operate
from sekisho.cli.options import Given, Surroundings
from sekisho.cli.processes import stop_all
from sekisho.cli.stage_aws import AwsAuth, Emulated, StageAws, serve_stage_aws, serve_stage_aws_auth
from sekisho.cli.stage_people import own_rights, settle
from sekisho.cli.stage_places import StagePlace
from sekisho.cli.stage_redis import StageRedis
from sekisho.cli.stage_secret import SharedSecret
from sekisho.cli.stage_servers import (
    StageShop,
    Watched,
    serve_stage_alone,
    serve_stage_auth,
    serve_stage_shop,
)
from sekisho.cli.stage_sets import BACKSTAGE, FIRST, LATER, PEOPLED, shop_of
from sekisho.cli.stage_settings import AUDIENCE, LIFETIMES, environment
from sekisho.features.demo.clock import ClockHand, MovedClock
from sekisho.features.demo.scene import Person
from sekisho.features.explorer.stage import Keys, SecretStep, Server, SetName
from sekisho.features.explorer.tables import Change, Tables
from sekisho.features.explorer.telling import Source
from sekisho.house import House
from sekisho.rules.refusals import Code, Refusal
from sekisho.settings import Settings
from sekisho.words.catalogue import Say
from sekisho_verify import HmacKey

#: Seconds for a server to start on a machine that is busy with other things.
_PATIENCE: Final = 60.0
#: What an act is refused for, by the exit code of its command; anything else is a fault of whoever asked.
_REFUSALS: Final[Mapping[int, Code]] = {Exit.NOT_FOUND: "not_found", Exit.CONFLICT: "conflict"}


class DemoStage:
    """The processes. `features/explorer/stage.py` says what each method is for.

    Args:
        folder: a temporary directory, which everything is in.
        environ: the environment of the demo, without settings of its owner.
        host: what everything listens on.
        port: of the auth server, the others follow; 0 for free ones.
        people: who gets an account.
        join: listens to a server.
        say: the words of the command line.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        *,
        host: str,
        port: int,
        people: Sequence[Person],
        join: Callable[[Source], None],
        say: Say,
    ) -> None:
        self.lifetimes: Final = LIFETIMES
        self.audience: Final = AUDIENCE
        self._folder: Final = folder
        self._host: Final = host
        self._say: Final = say
        self._join: Final = join
        self._cast: Final = people
        self.people: Final = [(person.email, person.password) for person in people]
        later = [name for names in LATER.values() for name in names]
        self._places: Final = {
            name: StagePlace.bound(host, port and port + place, say) for place, name in enumerate(FIRST)
        } | {name: StagePlace.bound(stage_aws.HOST if name == "aws" else host, 0, say) for name in later}
        self._clock: Final = folder / "clock"
        self._hand: Final = ClockHand(self._clock)
        self._moved: Final = MovedClock(self._clock, system.clock)
        self._secret: Final = SharedSecret(folder / "shared-secret")
        self._environs: Final = {
            "auth": self._environment(environ, "auth", SEKISHO_SIGNING_KEY=self._secret.reference),
            "auth_es256": self._environment(environ, "auth_es256", SEKISHO_SIGNING_ALG="ES256"),
            "auth_stateless": self._environment(
                environ,
                "auth_stateless",
                SEKISHO_SIGNING_KEY=self._secret.reference,
                SEKISHO_REFRESH_STORE="none",
            ),
        }
        self._settings: Final = {name: load_settings(each) for name, each in self._environs.items()}
        self._sets: list[SetName] = []
        self._keys: dict[str, Keys] = {}
        self._tables: Final = Tables(folder / "auth" / "sekisho.db")
        self._redis: Final = StageRedis(folder)
        self._aws: Final = StageAws(self._places["aws"].port)

    @property
    def explorer(self) -> str:
        """The explorer's own origin."""
        return self._url("explorer")

    @property
    def settings(self) -> Settings:
        """Those of the auth server."""
        return self._settings["auth"]

    def take_explorer_sockets(self) -> list[socket]:
        """The sockets that the explorer answers on."""
        return self._places["explorer"].sockets

    def begin(self) -> None:
        """Start the first three servers, and do not wait."""
        for name in ("auth", "a", "b"):
            self._start(name)

    def prepare(self) -> None:
        """Wait until they serve, and make the accounts.

        Raises:
            Fault: `demo_failed`: one does not come up.
        """
        self._await("auth")
        self._people("auth")
        self._await("a")
        self._await("b")
        self._tables.look()

    def close(self) -> None:
        """Stop every server."""
        self._redis.stop()
        stop_all([place.child for place in self._places.values() if place.child is not None])
        for place in self._places.values():
            place.close()

    def servers(self) -> Mapping[str, Server]:
        """See `Stage`."""
        found = {
            name: Server(name, self._url(name), place.up)
            for name, place in self._places.items()
            if name not in BACKSTAGE and (name in FIRST or self._is_summoned(name))
        }
        return found | ({"redis": Server("redis", "", self._redis.up)} if "redis" in self._sets else {})

    def origins(self) -> Sequence[str]:
        """See `Stage`."""
        return [self._url(name) for name in self._places if name not in BACKSTAGE]

    def sets(self) -> Sequence[SetName]:
        """See `Stage`."""
        return tuple(self._sets)

    def now(self) -> float:
        """See `Stage`."""
        return self._moved()

    def offset(self) -> float:
        """See `Stage`."""
        return round(self._moved() - system.clock(), 1)

    def forward(self, seconds: float) -> None:
        """See `Stage`."""
        self._hand.forward(seconds)

    def rights(self) -> Sequence[Sequence[str]]:
        """See `Stage`."""
        return own_rights(self._cast)

    def operate(self, command: Sequence[str], *, at: str) -> None:
        """See `Stage`."""
        self._run(command, self._environs[at])

    def _run(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        with redirect_stderr(StringIO()) as said, redirect_stdout(StringIO()):
            code = run([*command], Given(environ, self._moved))
        if code != Exit.OK:
            detail = f"sekisho {' '.join(command)}: {said.getvalue().strip()}"
            raise Refusal(_REFUSALS.get(code, "invalid_request"), detail)

    def turn(self, server: str, *, up: bool) -> None:
        """See `Stage`."""
        if server == "redis":
            self._turn_redis(up=up)
            return
        place = self._places[server]
        if not up:
            place.stop()
        elif not place.up:
            try:
                self._start(server)
                self._await(server)
            except Fault as fault:
                raise Refusal("unavailable", str(fault)) from None

    def summon(self, name: SetName) -> None:
        """See `Stage`."""
        if name in self._sets:
            return
        if name in self.lacking():
            raise Refusal("unavailable", self.lacking()[name])
        try:
            if name == "redis":
                self._turn_redis(up=True)
                shared = replace(self.settings, session_store_url=self._redis.url)
                self._settings["auth_redis"] = self._settings["auth_redis_b"] = shared
                self._tables.add("redis", self._redis.rows)
            for server in LATER[name]:
                self._start(server)
                # These wait for nobody but Redis and the auth server, which are there.
                if name != "redis":
                    self._await(server)
                if server == "aws":
                    self._keep_secret_at_aws()
            for server in LATER[name]:
                self._await(server)
            if name in PEOPLED:
                self._people(f"auth_{name}")
        except (Fault, Refusal, OSError) as fault:
            self._dismiss(name)
            raise Refusal("unavailable", str(fault)) from None
        self._sets.append(name)

    def _dismiss(self, name: SetName) -> None:
        """Take down what a summons has begun: the next one begins anew, with accounts that are not there."""
        stop_all([child for server in LATER[name] if (child := self._places[server].child) is not None])
        for server in LATER[name]:
            self._places[server].child = None
            shutil.rmtree(self._folder / server, ignore_errors=True)

    def _turn_redis(self, *, up: bool) -> None:
        if not up:
            self._redis.stop()
        elif not self._redis.start():
            raise Refusal("unavailable", f"Redis does not start: {self.logs()}")

    def _keep_secret_at_aws(self) -> None:
        """Put the SECRET_KEY of the server to come there.

        What the operator does to that server's accounts is done with a key of no meaning: a command signs
        nothing, and would ask the AWS of whoever owns this machine.
        """
        self._aws.create()
        self._tables.add("secretsmanager", self._aws.rows)
        self._environs["auth_aws"] = self._environment(
            self._environs["auth"],
            "auth_aws",
            SEKISHO_SIGNING_KEY=self._secret.reference,
            SEKISHO_ACCESS_TTL=stage_aws.ACCESS_TTL,
        )
        self._settings["auth_aws"] = replace(
            load_settings(self._environs["auth_aws"]), signing_key=stage_aws.REFERENCE
        )

    def lacking(self) -> Mapping[SetName, str]:
        """See `Stage`."""
        found: dict[SetName, str | None] = {"redis": stage_redis.lacking(), "aws": stage_aws.lacking()}
        return {name: command for name, command in found.items() if command is not None}

    def turn_secret(self, step: SecretStep, *, act: str) -> None:
        """See `Stage`."""
        if "aws" not in self._sets:
            raise Refusal("not_found", "aws")
        if step == "pending":
            self._aws.put(act)
        elif not self._aws.promote(act):
            raise Refusal("conflict", "no version is AWSPENDING")

    def keys(self, at: str) -> Keys:
        """See `Stage`."""
        here = Surroundings(self._settings[at], self._environs[at], self._say, self._moved)

        async def held(house: House) -> Keys:
            return Keys(house.signer.signing, house.signer.verification_keys())

        return operate(here, held)

    def replace_secret(self) -> str:
        """See `Stage`."""
        old = self.keys("auth").signing
        if not isinstance(old, HmacKey):
            raise Refusal("conflict", "the auth server has a key pair")
        self._secret.replace(old, auth=self._url("auth"))
        return old.kid

    def look(self) -> list[Change]:
        """See `Stage`."""
        return self._tables.look()

    def look_beside(self) -> list[Change]:
        """See `Stage`."""
        return self._tables.look_beside()

    def tables(self) -> list[dict[str, object]]:
        """See `Stage`."""
        return self._tables.whole()

    def logs(self) -> str:
        """The last lines of all logs, for when something went wrong."""
        lines = [
            line for log in sorted(self._folder.glob("*.log")) for line in log.read_text("utf-8").splitlines()
        ]
        return "\n".join(lines[-20:])

    def _environment(self, environ: Mapping[str, str], name: str, **signing: str) -> dict[str, str]:
        return environment(
            environ, name, folder=self._folder, issuer=self._url(name), explorer=self.explorer, **signing
        )

    def _url(self, name: str) -> str:
        return f"http://{self._host}:{self._places[name].port}"

    def _is_summoned(self, name: str) -> bool:
        return any(name in LATER[each] for each in self._sets)

    def _start(self, name: str) -> None:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        watched = Watched(name, self._clock, self._folder / f"{name}.log", self.explorer)
        serve, about = self._role(name)
        self._places[name].start(serve, about, watched, theirs)
        theirs.close()
        self._join(Source(ours))

    def _role(self, name: str) -> tuple[Callable[..., None], Settings | StageShop | AwsAuth | Emulated]:
        """What a server runs, and what it is told."""
        if name == "aws":
            return serve_stage_aws, self._aws.emulated
        if name == "auth_aws":
            return serve_stage_aws_auth, AwsAuth(self._settings[name], self._aws.environ)
        if name in self._settings:
            return serve_stage_auth, self._settings[name]
        if name == "auth_alone":
            return serve_stage_alone, self._settings["auth"]
        return serve_stage_shop, shop_of(
            name,
            url=self._url,
            database=self._folder / f"shop-{name}.db",
            audience=AUDIENCE,
            secret=self._secret.file,
        )

    def _await(self, name: str) -> None:
        child = self._places[name].child
        if child is None or not child.is_ready(within=_PATIENCE):
            raise Fault("demo_failed", self._say("fault.demo_start"), self.logs())

    def _people(self, at: str) -> None:
        password, environ = self._folder / f"password-{at}", self._environs[at]
        try:
            settle(self._cast, run=self._run, environ=environ, password=password)
        except Refusal as refusal:
            raise Fault("demo_failed", str(refusal), self.logs()) from None
