"""Who is on the stage: two accounts, and a group that may read the secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from sekisho.adapters.data_directory import write_private
from sekisho.features.demo.scene import Person
from sekisho.features.demo.wire import exchange, request

#: Runs a command of `sekisho` in an environment.
Run: TypeAlias = Callable[[Sequence[str], Mapping[str, str]], None]


def settle(
    people: Sequence[Person], url: str, *, run: Run, environ: Mapping[str, str], password: Path
) -> str:
    """Make the accounts at an auth server; the reason if it does not take one, else nothing.

    Of the group's members one is denied what it may. Aya signs up. Ken was there when new passwords were
    hashed by bcrypt: his next login changes his row. `password` is where his is put for a moment.
    """
    first, second = people
    body = {"email": first.email, "password": first.password}
    answer = exchange(request("POST", f"{url}/v1/accounts", json_body=body))
    if answer.status != 201:
        return f"{answer.status} {answer.code}"
    aya, ken = first.email, second.email
    write_private(password, second.password.encode())
    earlier = {**environ, "SEKISHO_PASSWORD_HASH": "bcrypt"}
    run(["user", "create", ken, "--password-file", str(password)], earlier)
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
        run(command, environ)
    return ""
