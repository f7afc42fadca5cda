"""`sekisho key`: the keys that sign."""

from __future__ import annotations

import click

from sekisho.cli import output
from sekisho.cli.operating import operate
from sekisho.cli.options import Surroundings, as_json, examples, surroundings
from sekisho.house import House


@click.group(
    "key",
    epilog=examples(
        "sekisho key list",
        "sekisho key jwks > jwks.json",
    ),
)
def command() -> None:
    """Signing keys."""


@command.command("list")
@as_json
@surroundings
def list_(here: Surroundings, *, as_json: bool) -> None:
    """List the keys by which access tokens are verified, and which of them signs new ones."""

    async def act(house: House) -> list[dict[str, object]]:
        return [
            {"kid": key.kid, "alg": key.alg, "signs": key.kid == house.signer.kid}
            for key in house.signer.verification_keys()
        ]

    keys = operate(here, act)
    if as_json:
        output.document({"keys": keys})
    else:
        output.table(
            ("kid", "alg", "signs"),
            [(str(key["kid"]), str(key["alg"]), "yes" if key["signs"] else "") for key in keys],
        )


@command.command()
@surroundings
def jwks(here: Surroundings) -> None:
    """Print the public keys as a JWK set; a shared secret is never in it."""

    async def act(house: House) -> dict[str, object]:
        return dict(house.signer.jwks())

    output.document(operate(here, act))
