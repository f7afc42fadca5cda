"""Where the story happens, who is in it, and how its teller asks and judges."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from sekisho.features.demo.transcript import Transcript
from sekisho.features.demo.wire import Answer, Sent, exchange, request
from sekisho.ports import Entropy
from sekisho.words.catalogue import Say


class Broken(Exception):
    """A step did not behave: what was expected, and what came."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the story."""

    email: str
    password: str = field(repr=False)


def cast(entropy: Entropy) -> tuple[Person, Person]:
    """Aya and Ken, with passwords made up for this one run."""

    def password() -> str:
        return base64.b32encode(entropy(10)).decode().lower()

    return Person("aya@example.com", password()), Person("ken@example.com", password())


@dataclass(frozen=True, slots=True)
class Scene:
    """Where it happens, who is there, and what the teller may do beside HTTP.

    `forward` moves the demo's clock by seconds, `steady` gives those of a clock that nobody moves; `operate`
    runs a command of the operator; `grace` is the server's refresh grace in seconds.
    """

    auth: str
    shop_a: str
    shop_b: str
    grace: float
    people: tuple[Person, Person]
    forward: Callable[[float], None]
    steady: Callable[[], float]
    operate: Callable[[list[str]], None]
    entropy: Entropy
    say: Say
    transcript: Transcript


def prepare(scene: Scene) -> None:
    """Two accounts, and a group that may read the secret; of its members, one is denied it.

    Raises:
        Broken: an account was not made.
    """
    for person in scene.people:
        body = {"email": person.email, "password": person.password}
        sent = request("POST", f"{scene.auth}/v1/accounts", json_body=body)
        expect(show(scene, sent), 201)
    aya, ken = (person.email for person in scene.people)
    commands = [
        ["group", "create", "staff"],
        ["group", "allow", "staff", "customers:read"],
        ["group", "allow", "staff", "secret:read"],
        ["group", "add", "staff", aya],
        ["group", "add", "staff", ken],
        ["user", "deny", ken, "secret:read"],
    ]
    scene.transcript.ran([" ".join(["sekisho", *command]) for command in commands])
    for command in commands:
        scene.operate(command)


def show(scene: Scene, sent: Sent) -> Answer:
    """Send it, with request and answer on the transcript."""
    scene.transcript.sent(sent)
    answer = exchange(sent)
    scene.transcript.came(answer)
    return answer


def expect(answer: Answer, status: int, code: str = "") -> None:
    """Return if it is this status with this code, and no other.

    Raises:
        Broken: it is not.
    """
    if answer.status != status or answer.code != code:
        came = f"{answer.status} {answer.code}".strip()
        raise Broken(f"{f'{status} {code}'.strip()} != {came}")


def member(answer: Answer, name: str) -> str:
    """A text of the answer's JSON.

    Raises:
        Broken: there is none under that name.
    """
    value = answer.json.get(name)
    if not isinstance(value, str) or not value:
        raise Broken(f"no {name} in the answer")
    return value


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - the name says what True means
    """Return if it holds.

    Raises:
        Broken: it does not.
    """
    if not holds:
        raise Broken(otherwise)
