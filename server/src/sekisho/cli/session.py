"""`sekisho session`: where an account is signed in, and ending it."""

from __future__ import annotations

import click

from sekisho.cli import output
from sekisho.cli.operating import account_of, operate
from sekisho.cli.options import Surroundings, as_json, examples, surroundings
from sekisho.flows.sessions import RevokeRequest, list_sessions, revoke_session, revoke_sessions
from sekisho.flows.stateless import not_stored
from sekisho.house import House
from sekisho.rules.session import Client, Session


@click.group(
    "session",
    epilog=examples(
        "sekisho session list aya@example.com",
        "sekisho session revoke 019ab3f2-7c1e-7d4a-9b0c-1f2e3d4c5b6a",
        "sekisho session revoke --user aya@example.com",
    ),
)
def command() -> None:
    """Where an account is logged in."""


def _require_rows(here: Surroundings) -> None:
    """Refuse what looks for rows where there are none: "none found" would be taken for "nobody logged in"."""
    if here.settings.refresh_store == "none":
        not_stored()


@command.command("list")
@click.argument("email")
@as_json
@surroundings
def list_(here: Surroundings, email: str, *, as_json: bool) -> None:
    """List the living sessions of an account, newest first."""
    _require_rows(here)

    async def act(house: House) -> list[Session]:
        account = await account_of(house, email)
        return await list_sessions(account.id, sessions=house.store, clock=house.clock)

    sessions = operate(here, act)
    if as_json:
        output.document(
            {
                "sessions": [
                    {
                        "id": session.id,
                        "mode": session.mode,
                        "created_at": output.instant(session.created_at),
                        "last_used_at": output.instant(session.last_used_at),
                        "ip": session.ip,
                        "user_agent": session.user_agent,
                    }
                    for session in sessions
                ]
            }
        )
        return
    output.table(
        ("id", "mode", "created", "last used", "ip", "user agent"),
        [
            (
                session.id,
                session.mode,
                output.instant(session.created_at),
                output.instant(session.last_used_at),
                session.ip,
                session.user_agent,
            )
            for session in sessions
        ],
    )


@command.command()
@click.argument("session_id", required=False)
@click.option("--user", "email", metavar="EMAIL", help="End every session of this account.")
@surroundings
def revoke(here: Surroundings, session_id: str | None, email: str | None) -> None:
    """End one session, or every session of an account. Its tokens are published as revoked."""
    if (session_id is None) == (email is None):
        raise click.UsageError(here.say("fault.session_or_user"))
    _require_rows(here)

    async def act(house: House) -> int:
        if email is not None:
            account = await account_of(house, email)
            return await revoke_sessions(
                account.id, sessions=house.store, clock=house.clock, entropy=house.entropy
            )
        request = RevokeRequest(session_id or "", None, Client("", "sekisho session revoke"))
        await revoke_session(request, sessions=house.store, clock=house.clock, entropy=house.entropy)
        return 1

    output.note(here.say("session.revoked", count=operate(here, act)))
