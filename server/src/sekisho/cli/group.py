"""`sekisho group`: members, and what they may do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import click

from sekisho.cli import output
from sekisho.cli.operating import account_of, operate, rights_operator
from sekisho.cli.options import Surroundings, as_json, examples, surroundings
from sekisho.flows import manage_rights
from sekisho.house import House
from sekisho.rules.access import Effect


@click.group(
    "group",
    epilog=examples(
        "sekisho group create staff",
        "sekisho group allow staff customers:read",
        "sekisho group add staff aya@example.com",
    ),
)
def command() -> None:
    """Groups: members, and what they may do."""


@command.command()
@click.argument("group")
@surroundings
def create(here: Surroundings, group: str) -> None:
    """Make a group."""
    operate(here, lambda house: manage_rights.create_group(rights_operator(house), group), may_make=True)
    output.note(here.say("group.created", group=group))


@command.command()
@click.argument("group")
@click.option("--yes", is_flag=True, help="Do not ask.")
@surroundings
def delete(here: Surroundings, group: str, *, yes: bool) -> None:
    """Delete a group, with what it allowed and denied."""
    if not yes:
        click.confirm(here.say("group.delete_confirm", group=group), abort=True, err=True)
    operate(here, lambda house: manage_rights.delete_group(rights_operator(house), group))
    output.note(here.say("group.deleted", group=group))


@command.command("list")
@as_json
@surroundings
def list_(here: Surroundings, *, as_json: bool) -> None:
    """List groups with the number of their members."""
    groups = operate(here, lambda house: house.store.list_groups())
    if as_json:
        output.document({"groups": [{"name": name, "members": members} for name, members in groups]})
    else:
        output.table(("group", "members"), [(name, str(members)) for name, members in groups])


def _change_member(
    here: Surroundings,
    email: str,
    change: Callable[[manage_rights.Operator, str], Awaitable[bool]],
) -> None:
    async def act(house: House) -> bool:
        return await change(rights_operator(house), (await account_of(house, email)).id)

    output.changed(here.say, changed=operate(here, act))


@command.command()
@click.argument("group")
@click.argument("email")
@surroundings
def add(here: Surroundings, group: str, email: str) -> None:
    """Put an account into a group."""
    _change_member(here, email, lambda rights, user_id: manage_rights.add_member(rights, group, user_id))


@command.command()
@click.argument("group")
@click.argument("email")
@surroundings
def remove(here: Surroundings, group: str, email: str) -> None:
    """Take an account out of a group."""
    _change_member(here, email, lambda rights, user_id: manage_rights.remove_member(rights, group, user_id))


def _set_permission(here: Surroundings, group: str, permission: str, effect: Effect | None) -> None:
    changed = operate(
        here,
        lambda house: manage_rights.set_group_permission(rights_operator(house), group, permission, effect),
    )
    output.changed(here.say, changed=changed)


@command.command()
@click.argument("group")
@click.argument("permission")
@surroundings
def allow(here: Surroundings, group: str, permission: str) -> None:
    """Allow a permission to everybody in a group."""
    _set_permission(here, group, permission, "allow")


@command.command()
@click.argument("group")
@click.argument("permission")
@surroundings
def deny(here: Surroundings, group: str, permission: str) -> None:
    """Deny a permission to everybody in a group: it wins over whatever else allows it."""
    _set_permission(here, group, permission, "deny")


@command.command()
@click.argument("group")
@click.argument("permission")
@surroundings
def clear(here: Surroundings, group: str, permission: str) -> None:
    """Clear a permission of a group: neither allowed nor denied."""
    _set_permission(here, group, permission, None)
