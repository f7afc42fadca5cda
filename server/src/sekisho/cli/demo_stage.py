"""The stage of the explorer: its processes, their ports and secrets, and what may be done to them."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from socket import socket
from time import sleep
from typing import Final

from sekisho.adapters import system
from sekisho.adapters.data_directory import write_private
from sekisho.adapters.settings_file import load_settings
from sekisho.cli.fault import EXITS, Exit, Fault
from sekisho.cli.listening import listen
from sekisho.cli.main import run
from sekisho.cli.operating import operate
from sekisho.cli.options import Given, Surroundings
from sekisho.cli.processes import Child, stop_all
from sekisho.cli.stage_servers import (
    StageShop,
    Watched,
    serve_stage_alone,
    serve_stage_auth,
    serve_stage_shop,
)
from sekisho.features.demo.clock import ClockHand, MovedClock
from sekisho.features.demo.scene import Person
from sekisho.features.demo.wire import exchange, request
from sekisho.features.explorer.stage import Keys, Lifetimes, Server, SetName
from sekisho.features.explorer.tables import Change, Tables
from sekisho.features.explorer.telling import Source
from sekisho.house import House
from sekisho.rules.refusals import Refusal
from sekisho.settings import Settings
from sekisho.words.catalogue import Say
from sekisho_verify import HmacKey
from sekisho_verify.forgeries.forging import parts

#: Short, so that an expiry can be waited for; the rest long enough that nobody is signed out behind his back.
LIFETIMES: Final = Lifetimes(access=20, refresh=1800, idle=1800, grace=10)
AUDIENCE: Final = "shop"
#: Seconds for a server to start on a machine that is busy with other things.
_PATIENCE: Final = 60.0
_SECRET_BYTES: Final = 32
#: Seconds between two looks at who signs.
_PAUSE: Final = 0.2
#: The first four take consecutive ports where one was chosen.
_FIRST: Final = ("auth", "a", "b", "explorer")
_LATER: Final[Mapping[SetName, tuple[str, str]]] = {
    "alone": ("auth_alone", "b_alone"),
    "deaf": ("b_deaf", ""),
    "es256": ("auth_es256", "a_es256"),
    "stateless": ("auth_stateless", "a_stateless"),
}


@dataclass(slots=True)
class _Place:
    """Where a server listens: the sockets until it starts, the port for when it starts again."""

    port: int
    sockets: list[socket] = field(default_factory=list[socket])
    child: Child | None = None


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
        later = [name for names in _LATER.values() for name in names if name]
        self._places: Final = {
            name: self._bind(port and port + place) for place, name in enumerate(_FIRST)
        } | {name: self._bind(0) for name in later}
        self._clock: Final = folder / "clock"
        self._hand: Final = ClockHand(self._clock)
        self._moved: Final = MovedClock(self._clock, system.clock)
        self._secret: Final = folder / "shared-secret"
        write_private(self._secret, system.entropy(_SECRET_BYTES).hex().encode())
        self._environs: Final = {
            "auth": self._environment(environ, "auth", SEKISHO_SIGNING_KEY=f"file:{self._secret}"),
            "auth_es256": self._environment(environ, "auth_es256", SEKISHO_SIGNING_ALG="ES256"),
            "auth_stateless": self._environment(
                environ,
                "auth_stateless",
                SEKISHO_SIGNING_KEY=f"file:{self._secret}",
                SEKISHO_REFRESH_STORE="none",
            ),
        }
        self._settings: Final = {name: load_settings(each) for name, each in self._environs.items()}
        self._sets: list[SetName] = []
        self._keys: dict[str, Keys] = {}
        self._tables: Final = Tables(folder / "auth" / "sekisho.db")

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
        stop_all([place.child for place in self._places.values() if place.child is not None])
        for place in self._places.values():
            _close(place)

    def servers(self) -> Mapping[str, Server]:
        """See `Stage`."""
        return {
            name: Server(name, self._url(name), place.child is not None and place.child.process.is_alive())
            for name, place in self._places.items()
            if name != "explorer" and (name in _FIRST or self._is_summoned(name))
        }

    def origins(self) -> Sequence[str]:
        """See `Stage`."""
        return [self._url(name) for name in self._places if name != "explorer"]

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

    def operate(self, command: Sequence[str], *, at: str) -> None:
        """See `Stage`."""
        self._run(command, self._environs[at])

    def _run(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        with redirect_stderr(StringIO()) as said, redirect_stdout(StringIO()):
            code = run([*command], Given(environ, self._moved))
        if code == Exit.OK:
            return
        found = next((name for name, exit_code in EXITS.items() if exit_code == code), "invalid_request")
        raise Refusal(
            "not_found" if found == "not_found" else "conflict" if found == "conflict" else "invalid_request",
            f"sekisho {' '.join(command)}: {said.getvalue().strip()}",
        )

    def turn(self, server: str, *, up: bool) -> None:
        """See `Stage`."""
        place = self._places[server]
        if up:
            if place.child is None or not place.child.process.is_alive():
                self._start_again(server, place)
        elif place.child is not None:
            place.child.stop()
            place.child = None

    def summon(self, name: SetName) -> None:
        """See `Stage`."""
        if name in self._sets:
            return
        try:
            for server in _LATER[name]:
                if server:
                    self._start(server)
                    self._await(server)
            if name in {"es256", "stateless"}:
                self._people(f"auth_{name}")
        except Fault as fault:
            raise Refusal("unavailable", str(fault)) from None
        self._sets.append(name)

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
        new = HmacKey(system.entropy(_SECRET_BYTES))
        held = json.dumps({"keys": [new.to_private_jwk(), old.to_private_jwk()]})
        fresh = self._secret.with_suffix(".new")
        with suppress(FileNotFoundError):
            fresh.unlink()
        write_private(fresh, held.encode())
        fresh.replace(self._secret)
        self._await_seal(new.kid)
        return old.kid

    def _await_seal(self, kid: str) -> None:
        """Wait until the auth server signs by that key: it reads the file by itself, every few seconds.

        Its feed is sealed by the key that signs, and anybody here may read that.

        Raises:
            Refusal: `unavailable`: it does not, or is not there; the new secret stays where it was put.
        """
        until = system.steady() + _PATIENCE
        while system.steady() < until:
            try:
                answer = exchange(request("GET", f"{self._url('auth')}/v1/revocations"))
                sealed_by = parts(answer.body.decode()).header.get("kid")
            except (OSError, ValueError):
                break
            if sealed_by == kid:
                return
            sleep(_PAUSE)
        raise Refusal("unavailable", "the auth server does not sign by the new secret")

    def look(self) -> list[Change]:
        """See `Stage`."""
        return self._tables.look()

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
        root = self._folder / f"root-secret-{name}"
        write_private(root, system.entropy(_SECRET_BYTES).hex().encode())
        return {
            **environ,
            "SEKISHO_DATA": str(self._folder / name),
            "SEKISHO_ISSUER": self._url(name),
            "SEKISHO_AUDIENCE": AUDIENCE,
            "SEKISHO_ROOT_SECRET": f"file:{root}",
            "SEKISHO_ALLOWED_ORIGINS": self.explorer,
            "SEKISHO_ACCESS_TTL": f"{LIFETIMES.access:.0f}s",
            "SEKISHO_REFRESH_TTL": f"{LIFETIMES.refresh:.0f}s",
            "SEKISHO_SESSION_IDLE": f"{LIFETIMES.idle:.0f}s",
            "SEKISHO_REFRESH_GRACE": f"{LIFETIMES.grace:.0f}s",
            **signing,
        }

    def _bind(self, port: int) -> _Place:
        sockets = listen(self._host, port, self._say)
        return _Place(sockets[0].getsockname()[1], sockets)

    def _url(self, name: str) -> str:
        return f"http://{self._host}:{self._places[name].port}"

    def _is_summoned(self, name: str) -> bool:
        return any(name in _LATER[each] for each in self._sets)

    def _start(self, name: str) -> None:
        place = self._places[name]
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        watched = Watched(name, self._clock, self._folder / f"{name}.log", self.explorer)
        serve, about = self._role(name)
        place.child = Child(serve, about, watched, theirs, place.sockets)
        theirs.close()
        _close(place)
        self._join(Source(ours))

    def _start_again(self, name: str, place: _Place) -> None:
        try:
            place.sockets = listen(self._host, place.port, self._say)
            self._start(name)
            self._await(name)
        except Fault as fault:
            raise Refusal("unavailable", str(fault)) from None

    def _role(self, name: str) -> tuple[Callable[..., None], Settings | StageShop]:
        """What a server runs, and what it is told."""
        if name in self._settings:
            return serve_stage_auth, self._settings[name]
        if name == "auth_alone":
            return serve_stage_alone, self._settings["auth"]
        auth, secret = self._url("auth"), self._secret
        shop = StageShop(self._folder / f"shop-{name}.db", auth, AUDIENCE, secret, sessions=auth)
        if name == "b_alone":
            shop = replace(shop, sessions=self._url("auth_alone"))
        elif name == "b_deaf":
            shop = replace(shop, deaf=True)
        elif name in {"a_es256", "a_stateless"}:
            other = self._url(name.replace("a_", "auth_", 1))
            shop = replace(shop, issuer=other, sessions=other)
            shop = replace(shop, secret=None) if name == "a_es256" else shop
        return serve_stage_shop, shop

    def _await(self, name: str) -> None:
        child = self._places[name].child
        if child is None or not child.is_ready(within=_PATIENCE):
            raise Fault("demo_failed", self._say("fault.demo_start"), self.logs())

    def _people(self, at: str) -> None:
        """Two accounts, and a group that may read the secret; of its members, one is denied it.

        Aya signs up. Ken was there when new passwords were hashed by bcrypt: his next login changes his row.
        """
        first, second = self._cast
        body = {"email": first.email, "password": first.password}
        answer = exchange(request("POST", f"{self._url(at)}/v1/accounts", json_body=body))
        if answer.status != 201:
            raise Fault("demo_failed", f"{answer.status} {answer.code}", self.logs())
        aya, ken = first.email, second.email
        password = self._folder / f"password-{at}"
        write_private(password, second.password.encode())
        earlier = {**self._environs[at], "SEKISHO_PASSWORD_HASH": "bcrypt"}
        self._run(["user", "create", ken, "--password-file", str(password)], earlier)
        password.unlink()
        for command in (
            ["group", "create", "staff"],
            ["group", "allow", "staff", "customers:read"],
            ["group", "allow", "staff", "secret:read"],
            ["group", "add", "staff", aya],
            ["group", "add", "staff", ken],
            ["user", "grant", aya, "user"],
            ["user", "grant", ken, "admin"],
            ["user", "deny", ken, "secret:read"],
        ):
            self.operate(command, at=at)


def _close(place: _Place) -> None:
    """The child has them now; kept open here they would keep a dead server's callers waiting."""
    for opened in place.sockets:
        opened.close()
    place.sockets = []
