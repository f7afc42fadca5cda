"""Who is on the stage: two accounts, and a group that may read the secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from sekisho.adapters.data_directory import write_private
from sekisho.features.demo.scene import Person

#: Runs a command of `sekisho` in an environment.
Run: TypeAlias = Callable[[Sequence[str], Mapping[str, str]], None]


def settle(people: Sequence[Person], *, run: Run, environ: Mapping[str, str], password: Path) -> None:
    """Make the accounts on the data of an auth server, by commands alone: no request is nobody's.

    Of the group's members one is denied what it may. Ken was there when new passwords were hashed by bcrypt:
    his next login changes his row. `password` is where each is put for a moment.
    """
    aya, ken = (person.email for person in people)
    for person, hashed in zip(people, ("argon2id", "bcrypt"), strict=True):
        write_private(password, person.password.encode())
        then = {**environ, "SEKISHO_PASSWORD_HASH": hashed}
        run(["user", "create", person.email, "--password-file", str(password)], then)
        password.unlink()
    for command in (
        ["group", "create", "staff"],
        ["group", "allow", "staff", "customers:read"],
        ["group", "allow", "staff", "secret:read"],
        ["group", "add", "staff", aya],
        ["group", "add", "staff", ken],
        *own_rights(people),
    ):
        run(command, environ)


def own_rights(people: Sequence[Person]) -> Sequence[Sequence[str]]:
    """The commands that give each of them what is theirs alone, beside the group's."""
    aya, ken = (person.email for person in people)
    return (
        ["user", "grant", aya, "user"],
        ["user", "grant", ken, "admin"],
        ["user", "deny", ken, "secret:read"],
    )
