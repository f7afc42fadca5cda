"""Send the forgeries of the catalogue to an API of one's own, and report which were refused.

    python -m sekisho_verify.attack http://localhost:8001/orders --token-file token

First the control: the good token must be let in, and nobody without one; else nothing could be judged. The
same again at the end. Exit code 0 if all were refused; 1 if there is something to mend: a forgery was let in,
or the API crashed (5xx), fell silent, or fetched an address that stood in the token; 2 if nothing can be
judged, with what to do. What only its old signature refused proves no other check: those checks are reported
as not proven, at exit code 0, as nothing was found. Requests are GET unless you choose otherwise, no redirect
is followed, and the token is never printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO, cast, get_args

import msgspec

from sekisho_verify.attack.material import Good, Unusable, good_token, issuer_key, published_key
from sekisho_verify.attack.probe import Prober, Reply, Unreachable
from sekisho_verify.attack.report import (
    Language,
    Left,
    Outcome,
    Trial,
    answered,
    document,
    judge,
    line,
    listed,
    told,
    wording,
)
from sekisho_verify.forgeries import NOWHERE, Forged, Untried, catalogue, forge
from sekisho_verify.forgeries.forging import certificate_pem
from sekisho_verify.key_generation import new_key
from sekisho_verify.keypairs import SigningKey
from sekisho_verify.keys import HmacKey
from sekisho_verify.loopback import Asked, Document, serving
from sekisho_verify.urls import Place, place

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping, Sequence

    from sekisho_verify.attack.material import PublicKey
    from sekisho_verify.attack.report import Say

OK: Final = 0
FAULTY: Final = 1
CANNOT_JUDGE: Final = 2
INTERRUPTED: Final = 130


class CannotJudge(Exception):
    """Nothing can be said about the API; the message says what to do."""


class _Keys(NamedTuple):
    signer: HmacKey | SigningKey | None
    public_key: PublicKey | None
    trouble: str | None


def main(arguments: Sequence[str], environ: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Run the command; the exit code."""
    language = _language(arguments, environ)
    say = wording(language)
    options = _parser(say).parse_args(arguments)
    if options.list:
        out.write(listed(catalogue().values(), language=language) + "\n")
        return OK

    def report(at: int, of: int, trial: Trial) -> None:
        if err.isatty():
            err.write(f"\r{at}/{of}\033[K" if at < of else "\r\033[K")
        if not options.json:
            out.write(line(trial, say) + "\n")

    try:
        outcome = _attack(options, say, report)
    except CannotJudge as fault:
        err.write(say("cannot_judge", why=str(fault)) + "\n")
        return CANNOT_JUDGE
    code = FAULTY if outcome.faults else OK
    out.write(
        document(outcome, code=code, say=say, language=language)
        if options.json
        else told(outcome, say, language=language)
    )
    out.write("\n")
    return code


def _attack(options: Namespace, say: Say, report: Callable[[int, int, Trial], None]) -> Outcome:
    at = _api(options, say)
    chosen = _chosen(options, say)
    good = _good(options, say)
    prober = Prober(at, method=options.method, headers=_headers(options, say), timeout=_timeout(options, say))
    keys = _keys(options, good, say)
    _control(prober, good, say)
    trials: list[Trial] = []
    left: list[Left] = []
    with ExitStack() as stack:
        site = _Site(good, stack, local=at.local)
        made = forge(
            good.text,
            forger=site.key,
            public_key=keys.public_key,
            signer=keys.signer,
            expired=_optional_token(options.expired_file, say),
            foreign=_optional_token(options.other_audience_file, say),
            origin=site.origin,
        )
        left += [Left(each.forgery, None) for each in made if each.forgery.name not in chosen]
        made = tuple(each for each in made if each.forgery.name in chosen)
        left += [Left(each.forgery, each.need) for each in made if isinstance(each, Untried)]
        ready = [each for each in made if isinstance(each, Forged)]
        for number, forged in enumerate(ready, 1):
            site.visits = 0
            reply = _ask(prober, forged, say)
            trial = Trial(forged, reply, judge(forged, reply, fetched=site.visits > 0))
            trials.append(trial)
            report(number, len(ready), trial)
    if any(trial.verdict == "throttled" for trial in trials):
        raise CannotJudge(say("throttled"))
    _control(prober, good, say, again=True)
    return Outcome(options.url, trials, left, keys.trouble)


def _control(prober: Prober, good: Good, say: Say, *, again: bool = False) -> None:
    """Return if the good token is let in and, at the first time, nobody without one."""
    try:
        reply = prober.ask((("Authorization", f"Bearer {good.text}"),))
        if not _let_in(reply):
            raise CannotJudge(say("good_no_longer" if again else "good_refused", reply=_reply(reply, say)))
        if again:
            return
        reply = prober.ask()
        if reply.status is None or not 300 <= reply.status < 500:
            raise CannotJudge(say("stranger_let_in", reply=_reply(reply, say)))
    except Unreachable as error:
        raise CannotJudge(say("unreachable", why=str(error))) from None


def _ask(prober: Prober, forged: Forged, say: Say) -> Reply:
    try:
        return prober.ask(forged.headers, query=forged.query, form=forged.form)
    except Unreachable as error:
        raise CannotJudge(say("unreachable", why=str(error))) from None


def _let_in(reply: Reply) -> bool:
    return reply.status is not None and 200 <= reply.status < 300


def _reply(reply: Reply, say: Say) -> str:
    return f"{answered(reply, say)} {reply.code or ''}".rstrip()


class _Site:
    """The forger's key, and a server that hands it out, if the API is near enough to come for it."""

    def __init__(self, good: Good, stack: ExitStack, *, local: bool) -> None:
        self.visits = 0
        self.key: Final = new_key(good.alg, kid="forger")
        key = self.key
        jwk = key.to_private_jwk() if isinstance(key, HmacKey) else key.public.to_jwk()
        found = {"/jwks.json": Document("application/json", msgspec.json.encode({"keys": [jwk]}))}
        if isinstance(key, SigningKey):
            pem = certificate_pem(key.public)
            found["/certificate.pem"] = Document("application/x-pem-file", pem)

        def find(asked: Asked) -> Document | None:
            self.visits += 1
            return found.get(asked.path)

        self.origin: Final = stack.enter_context(serving(find)) if local else NOWHERE


def _api(options: Namespace, say: Say) -> Place:
    if options.url is None:
        raise CannotJudge(say("no_url"))
    try:
        at = place(options.url)
    except ValueError as error:
        raise CannotJudge(say("bad_url", why=str(error))) from None
    if not at.local and not options.i_own_this:
        raise CannotJudge(say("not_local"))
    return at


def _chosen(options: Namespace, say: Say) -> set[str]:
    for name in (*options.only, *options.without):
        if name not in catalogue():
            raise CannotJudge(say("unknown_name", name=ascii(name)))
    return set(options.only or catalogue()) - set(options.without)


def _good(options: Namespace, say: Say) -> Good:
    if options.token_file is None:
        raise CannotJudge(say("no_token_file"))
    try:
        return good_token(_read_token(options.token_file, say))
    except Unusable:
        raise CannotJudge(say("opaque")) from None


def _optional_token(file: str | None, say: Say) -> str | None:
    return None if file is None else _read_token(file, say)


def _read_token(file: str, say: Say) -> str:
    text = _read(file, say).decode("ascii", "replace").strip()
    if not text:
        raise CannotJudge(say("no_token", file=file))
    return text


def _read(file: str, say: Say) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CannotJudge(say("unreadable", file=file, why=error.strerror)) from None


def _keys(options: Namespace, good: Good, say: Say) -> _Keys:
    signer: HmacKey | SigningKey | None = None
    if options.issuer_key_file is not None:
        try:
            signer = issuer_key(_read(options.issuer_key_file, say), good)
        except Unusable as error:
            raise CannotJudge(say("bad_key", option="--issuer-key-file", why=str(error))) from None
    if isinstance(signer, SigningKey):
        return _Keys(signer, signer.public, None)
    if good.alg.startswith("HS"):
        return _Keys(signer, None, None)
    try:
        return _Keys(None, published_key(good, jwks=options.jwks, timeout=_timeout(options, say)), None)
    except OSError as error:
        raise CannotJudge(say("unreadable", file=options.jwks, why=error.strerror)) from None
    except Unusable as error:
        if options.jwks is not None:
            raise CannotJudge(say("bad_key", option="--jwks", why=str(error))) from None
        return _Keys(None, None, str(error))


def _headers(options: Namespace, say: Say) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    for text in cast("list[str]", options.header):
        name, colon, value = text.partition(":")
        plain = name.isascii() and name.replace("-", "").isalnum() and value.isprintable()
        if not colon or not plain or name.lower() == "authorization":
            raise CannotJudge(say("bad_header"))
        headers.append((name, value.strip()))
    return headers


def _timeout(options: Namespace, say: Say) -> float:
    if not 0 < options.timeout < 3600:
        raise CannotJudge(say("bad_timeout"))
    return float(options.timeout)


def _language(arguments: Sequence[str], environ: Mapping[str, str]) -> Language:
    """`--lang`, else `SEKISHO_LANG`, else Japanese where the locale is, else English."""
    # Before the options are parsed, whose help is in that language too.
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--lang")
    asked = first.parse_known_args(arguments)[0].lang or environ.get("SEKISHO_LANG")
    if asked in get_args(Language):
        return cast("Language", asked)
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "ja" if locale.startswith("ja") else "en"


def _parser(say: Say) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sekisho_verify.attack",
        description=say("about"),
        epilog=say("epilog"),
        allow_abbrev=False,
    )
    parser.add_argument("url", nargs="?", metavar="URL", help=say("url"))
    for option, metavar in (
        ("--token-file", "FILE"),
        ("--jwks", "URL|FILE"),
        ("--issuer-key-file", "FILE"),
        ("--expired-file", "FILE"),
        ("--other-audience-file", "FILE"),
    ):
        parser.add_argument(option, metavar=metavar, help=say(option.strip("-").replace("-", "_")))
    parser.add_argument(
        "--method",
        default="GET",
        choices=("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"),
        help=say("method"),
    )
    parser.add_argument("--header", action="append", default=[], metavar="'NAME: VALUE'", help=say("header"))
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help=say("timeout"))
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=say("only"))
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help=say("without"))
    parser.add_argument("--i-own-this", action="store_true", help=say("own"))
    parser.add_argument("--list", action="store_true", help=say("list"))
    parser.add_argument("--json", action="store_true", help=say("json"))
    parser.add_argument("--lang", choices=get_args(Language), help=say("lang"))
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ, sys.stdout, sys.stderr))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
