"""`sekisho token`: read, verify and explain an access token, which comes on stdin, never as an argument."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import click

from sekisho.adapters import system
from sekisho.cli import output, token_findings
from sekisho.cli.fault import Exit, Fault
from sekisho.cli.key_file import read_keys
from sekisho.cli.options import as_json, examples, read_text, unreadable
from sekisho.cli.wording import language, wording
from sekisho.words.catalogue import Say
from sekisho_verify import Verifier, fetch_key_set
from sekisho_verify.encoding import b64url_decode, json_object
from sekisho_verify.errors import EncodingError
from sekisho_verify.explain import Check
from sekisho_verify.explain import explain as explain_token
from sekisho_verify.keys import VerificationKey

P = ParamSpec("P")
R = TypeVar("R")

_TIMES = ("iat", "nbf", "exp", "auth_time")
_SCHEME = re.compile(r"[\"']?(authorization\s*:\s*)?bearer[\s:]", re.IGNORECASE)
_MARKS = {"passed": "✓", "refused": "✗", "not_reached": "-", "not_asked": "·"}


@click.group(
    "token",
    epilog=examples(
        "pbpaste | sekisho token decode",
        'printf %s "$TOKEN" | sekisho token verify --issuer http://localhost:8400 --audience api',
        'printf %s "$TOKEN" | sekisho token explain --issuer http://localhost:8400 --audience api',
    ),
)
def command() -> None:
    """Read, verify and explain an access token. It comes on stdin: every user of a machine sees arguments."""


def _expected(command: Callable[P, R]) -> Callable[P, R]:
    """What a token is measured against; nothing of it has a default."""
    for option in (
        click.option(
            "--key-file", metavar="FILE", help="Secret, PEM, JWK or JWK set.  [default: asks the issuer]"
        ),
        click.option(
            "--alg",
            type=click.Choice(["HS256", "HS384", "HS512", "RS256", "PS256"]),
            help="Where the key file leaves a choice.",
        ),
        click.option("--audience", required=True, metavar="AUD", help="Must be in aud."),
        click.option("--issuer", required=True, metavar="URL", help="Must be iss."),
    ):
        command = option(command)
    return command


@command.command()
@as_json
def decode(*, as_json: bool) -> None:
    """Show what a token says, as far as it can be read, and check nothing of it."""
    say = wording(language(os.environ))
    segments = _token(say, "sekisho token decode").split(".")
    read = {name: _read(segment) for name, segment in zip(("header", "payload"), segments, strict=False)}
    if not any(isinstance(part, dict) for part in read.values()):
        raise Fault("token_malformed", say("fault.token_unreadable"))
    times = _times(read.get("payload"))
    output.note(click.style(say("token.unverified"), fg="yellow"))
    if as_json:
        output.document({**read, "segments": len(segments), "times": times})
        return
    for name, part in read.items():
        click.echo(f"{name} {json.dumps(part, ensure_ascii=False, indent=2)}")
    for name, at in times.items():
        left = at - system.clock()
        when = say("token.expires_in" if left > 0 else "token.expired_ago", seconds=f"{abs(left):.0f}")
        click.echo(f"{name:9} {output.instant(at)}  {when}")


@command.command()
@_expected
def verify(*, issuer: str, audience: str, key_file: str | None, alg: str | None) -> None:
    """Verify a token: its claims as JSON and exit code 0, or the code of the refusal and exit code 1."""
    say = wording(language(os.environ))
    text = _token(say, "sekisho token verify")
    verifier = Verifier(
        issuer=issuer,
        audience=audience,
        keys=_keys(issuer, key_file, alg, say),
        feed=None,
        clock=system.clock,
    )
    output.document(dict(verifier.verify(text).claims))


@command.command()
@_expected
@as_json
def explain(*, issuer: str, audience: str, key_file: str | None, alg: str | None, as_json: bool) -> int:
    """Show every check of a token in its order, with its verdict. Exit code 1 if one refuses."""
    say = wording(language(os.environ))
    text = _token(say, "sekisho token explain")
    checks = explain_token(
        text,
        keys=_keys(issuer, key_file, alg, say),
        issuer=issuer,
        audience=audience,
        feed=None,
        now=system.clock(),
    )
    if as_json:
        output.document({"checks": [_shown(check) for check in checks]})
    else:
        for check in checks:
            for line in _told(check, say):
                click.echo(line)
    return Exit.FAILED if any(check.verdict == "refused" for check in checks) else Exit.OK


def _told(check: Check, say: Say) -> Iterator[str]:
    """One check for a reader: what was checked and, where it refused, what was found, why, and what to do."""
    words = f"explain.{check.name.replace(' ', '_')}"
    head = f"{_MARKS[check.verdict]} {check.name:11}"
    if check.verdict == "passed":
        yield f"{head} {say(f'{words}.checked')}"
    elif check.verdict != "refused":
        yield f"{head} {say(f'explain.{check.verdict}')}"
    else:
        yield click.style(f"{head} {check.code}", fg="red")
        below = " " * 14
        yield f"{below}{say('explain.checked')}{say(f'{words}.checked')}"
        if check.detail:
            yield f"{below}{say('explain.found')}{token_findings.told(check.detail, say)}"
        yield f"{below}{say('explain.why')}{say(f'{words}.why')}"
        yield f"{below}{say('explain.do')}{say(f'{words}.do')}"


def _shown(check: Check) -> Mapping[str, str | None]:
    return {
        "check": check.name,
        "verdict": check.verdict,
        "code": check.code,
        "detail": check.detail or None,
    }


def _token(say: Say, command: str) -> str:
    text = read_text("-", say).strip()
    if not text:
        raise Fault("token_missing", say("fault.no_token"), say("fix.no_token", command=command))
    if _SCHEME.match(text):
        # Not cut off in silence: where else it was pasted so, it does not work either.
        raise Fault("token_malformed", say("fault.token_with_scheme"), say("fix.token_with_scheme"))
    return text


def _keys(issuer: str, key_file: str | None, alg: str | None, say: Say) -> tuple[VerificationKey, ...]:
    if key_file is not None:
        try:
            return read_keys(key_file, alg=alg)
        except OSError as fault:
            raise unreadable(key_file, fault, say) from None
    return fetch_key_set(issuer).keys


def _read(segment: str) -> Any:  # noqa: ANN401 - an object, or a word about why there is none
    try:
        return json_object(b64url_decode(segment.encode()), unique_members=False)
    except EncodingError as fault:
        return str(fault)


def _times(payload: Any) -> dict[str, float]:  # noqa: ANN401 - whatever a stranger wrote
    if not isinstance(payload, dict):
        return {}
    members = cast("dict[str, Any]", payload)
    given = {name: members[name] for name in _TIMES if isinstance(members.get(name), int | float)}
    return {name: at for name, at in given.items() if 0 <= at < 253402300800}
