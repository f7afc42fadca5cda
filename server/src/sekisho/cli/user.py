"""`sekisho user`: accounts, their roles, and permissions of one person."""

from __future__ import annotations

from typing import Any

import click

from sekisho.cli import output
from sekisho.cli.operating import account_of, afterwards, operate, rights_operator
from sekisho.cli.options import Surroundings, as_json, examples, read_secret, surroundings
from sekisho.compose import bind
from sekisho.flows import manage_accounts, manage_rights
from sekisho.flows.register import RegisterRequest
from sekisho.house import House
from sekisho.rules.access import ADMINISTRATOR, Effect, Rights
from sekisho.rules.account import LOCALES, Account, Status
from sekisho.rules.session import Client


@click.group(
    "user",
    epilog=examples(
        "sekisho user create aya@example.com",
        'printf %s "$PASSWORD" | sekisho user create ken@example.com --password-file -',
        "sekisho user allow aya@example.com customers:read",
    ),
)
def command() -> None:
    """Accounts: create, look, disable, roles and permissions."""


def _shown(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "email": account.email,
        "status": account.status,
        "locale": account.locale,
        "created_at": output.instant(account.created_at),
    }


def _with_rights(account: Account, rights: Rights) -> dict[str, Any]:
    return {
        **_shown(account),
        "roles": list(rights.roles),
        "groups": list(rights.groups),
        "entitlements": list(rights.entitlements),
    }


@command.command()
@click.argument("email")
@click.option("--password-file", metavar="FILE", help="Read the password from FILE, or from stdin for -.")
@click.option(
    "--locale",
    type=click.Choice(LOCALES),
    help="Language of mails and pages.  [default: und, what the reader's browser asks for]",
)
@click.option("--admin", is_flag=True, help="Give it the role admin.")
@as_json
@surroundings
def create(
    here: Surroundings,
    email: str,
    *,
    password_file: str | None,
    locale: str | None,
    admin: bool,
    as_json: bool,
) -> None:
    """Make an account. The password comes from a file, from stdin or from the keyboard, never from a flag."""
    password = read_secret(password_file, here.say("prompt.password"), here.say)
    request = RegisterRequest(email, password, locale, Client("", "sekisho user create"), operator=True)

    async def act(house: House) -> Account:
        account = await bind(house).register(request)
        if admin:
            said = {"email": account.email, "role": ADMINISTRATOR}
            with afterwards(here.say("fault.no_role", **said), here.say("fix.no_role", **said)):
                await manage_rights.grant_role(rights_operator(house), account.id, ADMINISTRATOR)
        return account

    account = operate(here, act, may_make=True)
    if as_json:
        output.document(_shown(account))
    else:
        click.echo(account.id)
        output.note(here.say("user.created", email=account.email))


@command.command()
@click.argument("email")
@as_json
@surroundings
def show(here: Surroundings, email: str, *, as_json: bool) -> None:
    """Show an account with its roles, groups and effective permissions."""

    async def act(house: House) -> dict[str, Any]:
        account = await account_of(house, email)
        return _with_rights(account, await house.store.rights_of(account.id))

    found = operate(here, act)
    if as_json:
        output.document(found)
        return
    found |= {name: " ".join(found[name]) for name in ("roles", "groups", "entitlements")}
    output.fields(found)


@command.command("list")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many at most."
)
@click.option("--after", metavar="EMAIL", default="", help="Begin behind this address.")
@as_json
@surroundings
def list_(here: Surroundings, *, limit: int, after: str, as_json: bool) -> None:
    """List accounts, ordered by address."""

    async def act(house: House) -> list[Account]:
        return await house.store.list_accounts(after=after, limit=limit + 1)

    found = operate(here, act)
    shown, more = found[:limit], len(found) > limit
    if as_json:
        output.document(
            {"users": [_shown(user) for user in shown], "next": shown[-1].email if more else None}
        )
        return
    output.table(
        ("email", "status", "created", "id"),
        [(user.email, user.status, output.instant(user.created_at), user.id) for user in shown],
    )
    if more:
        output.note(here.say("user.more", email=shown[-1].email))


def _set_status(here: Surroundings, email: str, status: Status) -> None:
    async def act(house: House) -> Account:
        account = await account_of(house, email)
        await manage_accounts.set_status(
            account, status, accounts=house.store, clock=house.clock, entropy=house.entropy
        )
        return account

    output.note(here.say(f"user.{status}", email=operate(here, act).email))


@command.command()
@click.argument("email")
@surroundings
def disable(here: Surroundings, email: str) -> None:
    """Disable an account: every session of it ends, and nobody can log in to it."""
    _set_status(here, email, "disabled")


@command.command()
@click.argument("email")
@surroundings
def enable(here: Surroundings, email: str) -> None:
    """Enable an account again. Its old sessions stay ended."""
    _set_status(here, email, "active")


@command.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask.")
@surroundings
def delete(here: Surroundings, email: str, *, yes: bool) -> None:
    """Delete an account with everything it owns. There is no way back: see `disable`."""
    if not yes:
        click.confirm(here.say("user.delete_confirm", email=email), abort=True, err=True)

    async def act(house: House) -> Account:
        account = await account_of(house, email)
        await manage_accounts.delete_account(
            account, accounts=house.store, clock=house.clock, entropy=house.entropy
        )
        return account

    output.note(here.say("user.deleted", email=operate(here, act).email))


@command.command()
@click.argument("email")
@click.argument("role")
@surroundings
def grant(here: Surroundings, email: str, role: str) -> None:
    """Give a role."""

    async def act(house: House) -> bool:
        account = await account_of(house, email)
        return await manage_rights.grant_role(rights_operator(house), account.id, role)

    output.changed(here.say, changed=operate(here, act))


@command.command("revoke-role")
@click.argument("email")
@click.argument("role")
@surroundings
def revoke_role(here: Surroundings, email: str, role: str) -> None:
    """Take a role."""

    async def act(house: House) -> bool:
        account = await account_of(house, email)
        return await manage_rights.revoke_role(rights_operator(house), account.id, role)

    output.changed(here.say, changed=operate(here, act))


def _set_permission(here: Surroundings, email: str, permission: str, effect: Effect | None) -> None:
    async def act(house: House) -> bool:
        account = await account_of(house, email)
        return await manage_rights.set_user_permission(rights_operator(house), account.id, permission, effect)

    output.changed(here.say, changed=operate(here, act))


@command.command()
@click.argument("email")
@click.argument("permission")
@surroundings
def allow(here: Surroundings, email: str, permission: str) -> None:
    """Allow a permission to one person."""
    _set_permission(here, email, permission, "allow")


@command.command()
@click.argument("email")
@click.argument("permission")
@surroundings
def deny(here: Surroundings, email: str, permission: str) -> None:
    """Deny a permission to one person: it wins over whatever a group of theirs allows."""
    _set_permission(here, email, permission, "deny")


@command.command()
@click.argument("email")
@click.argument("permission")
@surroundings
def clear(here: Surroundings, email: str, permission: str) -> None:
    """Clear a permission of one person: neither allowed nor denied, their groups decide."""
    _set_permission(here, email, permission, None)
