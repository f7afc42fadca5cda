"""What the explorer asks of whoever runs the stage: the servers, the clock, and an operator's commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sekisho.features.explorer.events import actor_of
from sekisho.features.explorer.tables import Change
from sekisho_verify.keys import Signer, VerificationKey

SetName = Literal["alone", "deaf", "es256", "stateless", "redis", "aws"]
#: What an operator does to a secret at AWS: put the next version there, and let that be the current one.
SecretStep = Literal["pending", "promote"]


@dataclass(frozen=True, slots=True)
class Server:
    """One process of the stage."""

    name: str
    url: str
    up: bool

    def as_row(self) -> dict[str, object]:
        """As the page takes it."""
        return {"url": self.url, "up": self.up, "label": self.name, "actor": actor_of(self.name)}


@dataclass(frozen=True, slots=True)
class Keys:
    """The sandbox's own: the one that signs, which the explorer may forge with, and those that verify."""

    signing: Signer = field(repr=False)
    verifying: tuple[VerificationKey, ...]


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds."""

    access: float
    refresh: float
    idle: float
    grace: float


class Stage(Protocol):
    """The servers, and what may be done to them. Each waits until it is done, on a thread of its own."""

    @property
    def lifetimes(self) -> Lifetimes:
        """How long tokens and sessions live."""
        ...

    @property
    def audience(self) -> str:
        """The name of the shops in tokens."""
        ...

    @property
    def people(self) -> Sequence[tuple[str, str]]:
        """E-mail address and password of the accounts that were made."""
        ...

    def servers(self) -> Mapping[str, Server]:
        """Every process that has been started, by its name."""
        ...

    def origins(self) -> Sequence[str]:
        """Those of all servers, of the ones that are still to come too."""
        ...

    def sets(self) -> Sequence[SetName]:
        """Which further servers there are."""
        ...

    def now(self) -> float:
        """POSIX seconds on the clock of the stage."""
        ...

    def offset(self) -> float:
        """How many of those were skipped."""
        ...

    def forward(self, seconds: float) -> None:
        """Let that many seconds pass at once, for every server."""
        ...

    def rights(self) -> Sequence[Sequence[str]]:
        """The commands by which the accounts got what is theirs alone; each may be run again."""
        ...

    def operate(self, command: Sequence[str], *, at: str) -> None:
        """Run a command of `sekisho` on the data of an auth server. Raises `Refusal`."""
        ...

    def turn(self, server: str, *, up: bool) -> None:
        """Start or stop a server; it keeps its port and its data. Raises `Refusal`."""
        ...

    def summon(self, name: SetName) -> None:
        """Start further servers, once. Raises `Refusal`."""
        ...

    def lacking(self) -> Mapping[SetName, str]:
        """Sets for which this machine lacks something, each with the command that brings it."""
        ...

    def turn_secret(self, step: SecretStep, *, act: str) -> None:
        """Do that to the secret at AWS, as part of an act of the page. Raises `Refusal`."""
        ...

    def keys(self, at: str) -> Keys:
        """Those of an auth server."""
        ...

    def replace_secret(self) -> str:
        """Put a new shared secret in front of the old one, where all read it; the `kid` of the old."""
        ...

    def look(self) -> list[Change]:
        """The rows of the database that have changed since the last look."""
        ...

    def look_beside(self) -> list[Change]:
        """The same of what is not in the database: it may change while nobody asks for anything."""
        ...

    def tables(self) -> list[dict[str, object]]:
        """All of them, as they were then."""
        ...
