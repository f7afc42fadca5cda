"""From what was raised to what the person is told, and the exit code. A defect is raised again."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence

import click
from click.exceptions import NoArgsIsHelpError

from sekisho.cli.fault import Exit, Fault
from sekisho.cli.wording import language, wording
from sekisho.rules.refusals import Refusal
from sekisho.settings import SettingsRefused
from sekisho.words.catalogue import SHARED, Language, words
from sekisho_verify.errors import (
    PROBLEM_TYPE,
    ConfigurationError,
    EncodingError,
    KeyRefused,
    KeySetUnavailable,
    TokenRefused,
)

#: Drivers that only some servers need, with the setting that asks for one, the part, and the extra with it.
_DRIVERS = {
    "psycopg": ("SEKISHO_DATABASE_URL", "PostgreSQL", "postgres"),
    "psycopg_pool": ("SEKISHO_DATABASE_URL", "PostgreSQL", "postgres"),
    "redis": ("SEKISHO_SESSION_STORE_URL", "Redis", "redis"),
}
#: Refusals after which an operator does something else than a caller of the API.
_OWN_FIXES = {
    "not_found": "fix.not_found",
    "not_stored": "fix.not_stored",
    "unavailable": "fix.unavailable",
}


def tell(error: Exception, *, as_json: bool) -> int:
    """Report the fault on stderr and return its exit code.

    Raises:
        Exception: `error` itself, if it is a defect of ours: a traceback is then the honest answer.
    """
    lang = language(os.environ)
    if isinstance(error, NoArgsIsHelpError):
        # Whoever names only a noun asks what there is; Click would tell it in one line.
        click.echo(error.format_message(), err=True)
        return Exit.USAGE
    if isinstance(error, click.ClickException):
        _report(_usage(error, lang), as_json=as_json)
        return Exit.USAGE
    faults = _faults(error, lang)
    if not faults:
        raise error
    for fault in faults:
        _report(fault, as_json=as_json)
    return faults[0].exit


def _report(fault: Fault, *, as_json: bool) -> None:
    """Two lines: what is wrong, and what to do about it; with `--json` the problem object in their place."""
    if as_json:
        problem = {
            "type": PROBLEM_TYPE + fault.code,
            "title": fault.what,
            "detail": fault.fix,
            "code": fault.code,
            **fault.more,
        }
        click.echo(json.dumps(problem, ensure_ascii=False), err=True)
        return
    click.echo(click.style(f"error[{fault.code}]", fg="red") + f": {fault.what}", err=True)
    if fault.fix:
        click.echo(click.style("fix", fg="green") + f": {fault.fix}", err=True)


def _usage(error: click.ClickException, lang: Language) -> Fault:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "sekisho"
    # Click breaks its lists of choices into lines, and ends what is missing with a full stop of its own.
    what = " ".join(error.format_message().split())
    return Fault(
        "usage",
        what if lang == "en" else what.removesuffix("."),
        wording(lang)("fix.usage", command=command),
    )


def _faults(error: Exception, lang: Language) -> Sequence[Fault]:
    say = wording(lang)
    faults: list[Fault] = []
    match error:
        case Fault():
            faults = [error]
        case SettingsRefused():
            faults = [
                Fault(
                    "setting_invalid", f"{each.name} {getattr(each.problem, lang)}", getattr(each.fix, lang)
                )
                for each in error.faults
            ]
        case Refusal():
            faults = [_refusal(error, lang)]
        case TokenRefused():
            title, detail = _words(error.code, lang)
            faults = [Fault(error.code, title, detail, reason=error.detail)]
        case KeySetUnavailable():
            faults = [
                Fault("unavailable", say("fault.keys_unavailable", reason=error), say("fix.keys_unavailable"))
            ]
        case KeyRefused() | EncodingError():
            faults = [Fault("key_refused", say("fault.key_refused", reason=error), say("fix.key"))]
        case ConfigurationError():
            faults = [Fault("usage", say("fault.configuration", reason=error))]
        case ModuleNotFoundError() if error.name in _DRIVERS:
            setting, part, extra = _DRIVERS[error.name]
            what = f"{setting} {say('fault.no_driver', part=part, module=error.name)}"
            faults = [Fault("setting_invalid", what, say("fix.no_driver", extra=extra))]
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            faults = [Fault("unavailable", where + say("fault.system", reason=error.strerror or error))]
        case _:
            pass
    return faults


def _words(code: str, lang: Language, *, seconds: int = 1) -> tuple[str, str]:
    """Title and detail of a problem, in the words that every surface shares."""
    say = words(SHARED, lang)
    return say(f"problem.{code}.title"), say(f"problem.{code}.detail", count=seconds)


def _refusal(refusal: Refusal, lang: Language) -> Fault:
    """The operator reads what callers are not told: `detail` says which account, which schema."""
    shared, say = words(SHARED, lang), wording(lang)
    title, fix = _words(refusal.code, lang, seconds=math.ceil(refusal.retry_after or 1))
    if refusal.errors:
        faults = [
            {
                "pointer": each.pointer,
                "code": each.code,
                "detail": shared(f"field.{each.code}", limit=each.limit),
            }
            for each in refusal.errors
        ]
        listed = "; ".join(f"{each['pointer'].removeprefix('/')} {each['detail']}" for each in faults)
        return Fault(refusal.code, listed, say("fix.validation_failed"), errors=faults)
    if refusal.code in _OWN_FIXES:
        fix = say(_OWN_FIXES[refusal.code])
    # libpq breaks its sentences into lines.
    what = " ".join(refusal.detail.split()) or title
    if refusal.detail and lang != "en":
        # The log's language is English; the sentence before it is the reader's.
        what = f"{title} ({what})"
    return Fault(refusal.code, what, fix)
