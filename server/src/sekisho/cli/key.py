"""`sekisho key`: the keys that sign."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from sekisho.adapters.data_directory import write_private
from sekisho.adapters.given_keys import KnownKey, VerifyingKey
from sekisho.adapters.key_reading import Reading
from sekisho.cli import output
from sekisho.cli.fault import Fault
from sekisho.cli.operating import operate
from sekisho.cli.options import Surroundings, as_json, examples, surroundings
from sekisho.flows.signing_keys import KeyRoom, RetireRequest, retire, rotate
from sekisho.house import House
from sekisho.rules.keyring import RetiredKey, Standing
from sekisho.rules.refusals import Refusal
from sekisho_verify import HmacKey

#: A key id that Click would take for options: no command here has short ones but -h, none 43 characters.
_DASHED_KID = re.compile(r"-[A-Za-z0-9_][A-Za-z0-9_-]+|--[A-Za-z0-9_-]{41}")


class OfOneKey(click.Command):
    """A command with a KID: one in 64 begins with a dash, and a leak is no time to learn of `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, with such a KID behind `--`."""
        if "--" not in args:
            kids = [each for each in args if _DASHED_KID.fullmatch(each)]
            args = [*(each for each in args if each not in kids), "--", *kids]
        return super().parse_args(ctx, args)


@click.group(
    "key",
    epilog=examples(
        "sekisho key list",
        "sekisho key rotate",
        "sekisho key retire Xq3vGm1w --compromised",
        "sekisho key jwks > jwks.json",
        "sekisho key export Xq3vGm1w --secret-file next.jwk",
    ),
)
def command() -> None:
    """Signing keys."""


@command.command("list")
@as_json
@surroundings
def list_(here: Surroundings, *, as_json: bool) -> None:
    """List the keys by which access tokens are verified: which signs, which comes next, which ends when."""

    async def act(house: House) -> Reading:
        return house.keyring.reading

    reading = operate(here, act)
    if as_json:
        retired = [_retired(key) for key in reading.retired]
        output.document({"keys": [_key(each) for each in reading.standings], "retired": retired})
    else:
        _table(reading.standings)


@command.command("rotate")
@click.option(
    "--now",
    "at_once",
    is_flag=True,
    help="Sign by the new key at once: verifiers that have not seen it refuse its tokens meanwhile.",
)
@as_json
@surroundings
def rotate_(here: Surroundings, *, at_once: bool, as_json: bool) -> None:
    """Publish the next key, which signs when every verifier has seen it; nothing has to be restarted."""

    async def act(house: House) -> tuple[str, tuple[Standing, ...]]:
        return await rotate(_room(here, house), at_once=at_once)

    outcome, standings = operate(here, act)
    if as_json:
        output.document({"outcome": outcome, "keys": [_key(each) for each in standings]})
        return
    _table(standings)
    output.note(here.say(f"key.{outcome}"))
    for each in standings:
        if each.until is not None and each.state in {"pending", "previous"}:
            output.note(here.say(f"key.{each.state}", kid=each.kid, at=output.instant(each.until)))


@command.command("retire", cls=OfOneKey)
@click.argument("kid")
@click.option(
    "--compromised",
    is_flag=True,
    help="Somebody else has it: refuse its tokens everywhere, at once; another key takes over.",
)
@surroundings
def retire_(here: Surroundings, kid: str, *, compromised: bool) -> None:
    """Never use, publish or believe a key again, wherever it turns up. KID is as in `sekisho key list`."""

    async def act(house: House) -> None:
        request = _request(house.keyring.reading, kid, compromised=compromised)
        try:
            await retire(
                request, room=house.key_room, store=house.store, clock=house.clock, entropy=house.entropy
            )
        except Refusal as refusal:
            if refusal.code != "conflict":
                raise
            given = house.key_room is None
            raise _in_use(here, kid, compromised=compromised, given=given) from None

    operate(here, act)
    output.note(here.say("key.compromised" if compromised else "key.retired", kid=kid))
    if here.settings.signing_key is not None:
        output.note(here.say("key.take_out", kid=kid, reference=here.settings.signing_key))


@command.command()
@surroundings
def jwks(here: Surroundings) -> None:
    """Print the public keys as a JWK set; a shared secret is never in it."""

    async def act(house: House) -> dict[str, object]:
        return dict(house.signer.jwks())

    output.document(operate(here, act))


@command.command(cls=OfOneKey)
@click.argument("kid")
@click.option(
    "--secret-file",
    "file",
    metavar="FILE",
    required=True,
    help="A new file (0600) for the secret, as a JWK; - is stdout.",
)
@surroundings
def export(here: Surroundings, kid: str, *, file: str) -> None:
    """Write a shared secret (HS256) to a file for verifiers, who have no other way to it.

    Whoever has it can make tokens. Of a key pair nobody needs the private half: see `sekisho key jwks`.
    """

    async def act(house: House) -> VerifyingKey | None:
        return next((key for key in house.signer.verification_keys() if key.kid == kid), None)

    key = operate(here, act)
    if key is None:
        raise Refusal("not_found", f"no key {kid}")
    if not isinstance(key, HmacKey):
        raise Fault("conflict", here.say("fault.key_pair", kid=kid), here.say("fix.key_pair"))
    if file == "-":
        output.document(key.to_private_jwk())
        return
    try:
        write_private(Path(file), json.dumps(key.to_private_jwk()).encode() + b"\n")
    except FileExistsError:
        raise Fault(
            "conflict", here.say("fault.file_exists", file=file), here.say("fix.file_exists")
        ) from None
    except OSError as fault:
        what = here.say("fault.input_failed", source=file, reason=fault.strerror or fault)
        raise Fault("input_unreadable", what, here.say("fix.backup_file")) from None
    output.note(here.say("key.exported", kid=kid, file=file))


def _room(here: Surroundings, house: House) -> KeyRoom:
    """What a rotation asks for.

    Raises:
        Fault: `conflict`: the keys are the operator's own.
    """
    if house.key_room is None:
        reference = house.settings.signing_key
        raise Fault("conflict", here.say("fault.keys_given", reference=reference), here.say("fix.keys_given"))
    return house.key_room


def _request(reading: Reading, kid: str, *, compromised: bool) -> RetireRequest:
    """What is known of the key: one in use, or one that was retired before anybody knew that it had leaked.

    Raises:
        Refusal: `not_found`.
    """
    candidates: tuple[KnownKey | RetiredKey, ...] = (*reading.known, *reading.retired)
    found = next((key for key in candidates if key.kid == kid), None)
    if found is None:
        raise Refusal("not_found", f"no key {kid}")
    return RetireRequest(
        kid,
        found.alg,
        found.thumbprint,
        next((each for each in reading.standings if each.kid == kid), None),
        compromised,
        reading.others_sign(kid),
    )


def _in_use(here: Surroundings, kid: str, *, compromised: bool, given: bool) -> Fault:
    if given:
        reference = here.settings.signing_key
        fix = here.say("fix.key_only" if compromised else "fix.key_signs_given", reference=reference)
    else:
        fix = here.say("fix.key_signs")
    return Fault("conflict", here.say("fault.key_signs", kid=kid), fix)


def _table(standings: tuple[Standing, ...]) -> None:
    output.table(
        ("kid", "alg", "state", "since", "until"),
        [
            (each.kid, each.alg, each.state, _instant(each.since) or "", _instant(each.until) or "")
            for each in standings
        ],
    )


def _key(standing: Standing) -> dict[str, object]:
    return {
        "kid": standing.kid,
        "alg": standing.alg,
        "state": standing.state,
        "signs": standing.state == "current",
        "since": _instant(standing.since),
        "until": _instant(standing.until),
    }


def _retired(key: RetiredKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "alg": key.alg,
        "at": output.instant(key.at),
        "compromised": key.compromised,
    }


def _instant(at: float | None) -> str | None:
    return None if at is None else output.instant(at)
