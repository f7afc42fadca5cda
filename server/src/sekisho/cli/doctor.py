"""`sekisho doctor [URL]`: what has to be put right before anybody relies on this server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from sekisho.adapters import system
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.signing_keys import verifies_by_secret
from sekisho.cli import output
from sekisho.cli.checkup import choices, files, records, repository
from sekisho.cli.checkup.findings import Finding, Verdict, skipped
from sekisho.cli.checkup.secrets import look_at_secrets
from sekisho.cli.checkup.site import Site, look_at_site
from sekisho.cli.fault import Exit
from sekisho.cli.options import Surroundings, as_json, examples, surroundings
from sekisho.cli.wording import language
from sekisho.settings import SettingsRefused
from sekisho.words.catalogue import Say, words

_MARKS: dict[Verdict, str] = {"good": "ok", "warning": "!", "bad": "BAD", "skipped": "-"}
_COLOURS: dict[Verdict, str] = {"good": "green", "warning": "yellow", "bad": "red", "skipped": "bright_black"}


@click.command(
    "doctor",
    epilog=examples(
        "sekisho doctor",
        "sekisho doctor https://id.example.com",
        "sekisho doctor https://id.example.com --json",
    ),
)
@click.argument("url", required=False)
@as_json
@surroundings
def command(here: Surroundings, url: str | None, *, as_json: bool) -> int:
    """What has to be put right before anybody relies on this server.

    Looks at settings, secrets, files, repository and database, and with URL at the server as others see it.
    Exit 1 if anything is BAD. Nothing is changed.
    """
    if url is not None and urlsplit(url).scheme not in {"http", "https"}:
        raise click.UsageError(here.say("fault.not_a_url"))
    say = words("sekisho.cli.checkup", language(here.environ))
    findings = [_worded(finding, here, say) for finding in _look(here, url)]
    if as_json:
        output.document({"findings": findings})
    else:
        _show(findings, say)
    return Exit.FAILED if any(each["verdict"] == "bad" for each in findings) else Exit.OK


def _look(here: Surroundings, url: str | None) -> Iterator[Finding | SettingsRefused]:
    settings = here.settings
    secrets, values = Secrets(sources(here.environ)), list[Secret]()
    yield from files.look_at_files(settings)
    yield from look_at_secrets(settings, secrets, found=values)
    yield from choices.look_at_settings(settings, shared_secret=_is_shared(here, secrets))
    yield from repository.look_at_repository(Path.cwd(), data=settings.data, secrets=values)
    schema = records.look_at_schema(settings)
    yield schema
    if schema.verdict == "good":
        try:
            yield from asyncio.run(records.look_inside(settings, secrets))
        except SettingsRefused as refused:
            yield refused  # told above already where it is a secret; told once more rather than not at all
    if url is None:
        yield skipped("reachable", "reachable.no_url", issuer=settings.issuer)
    else:
        yield from look_at_site(Site(url, clock=system.clock))


def _is_shared(here: Surroundings, secrets: Secrets) -> bool:
    try:
        return verifies_by_secret(here.settings, secrets=secrets)
    except SettingsRefused:
        return False  # what is wrong with it is told of the secret itself


def _worded(found: Finding | SettingsRefused, here: Surroundings, say: Say) -> dict[str, str]:
    if isinstance(found, SettingsRefused):
        lang = language(here.environ)
        return {
            "check": "secret",
            "verdict": "bad",
            "seen": " / ".join(f"{fault.name}: {getattr(fault.problem, lang)}" for fault in found.faults),
            "fix": " / ".join(getattr(fault.fix, lang) for fault in found.faults),
        }
    fix = say(found.fix, **found.values) if found.fix else ""
    seen = say(found.seen, **found.values)
    return {"check": found.check, "verdict": found.verdict, "seen": seen, "fix": fix}


def _show(findings: Sequence[dict[str, str]], say: Say) -> None:
    """A line a check on a terminal, with its fix below; tab-separated for a pipe."""
    if not output.for_a_person():
        for each in findings:
            click.echo("\t".join(output.one_line(each[name]) for name in ("verdict", "check", "seen", "fix")))
        return
    width = max(len(each["check"]) for each in findings)
    for each in findings:
        verdict: Verdict = each["verdict"]  # type: ignore[assignment] # made of one just above
        mark = click.style(f"{_MARKS[verdict]:>4}", fg=_COLOURS[verdict])
        click.echo(f"{mark}  {each['check']:{width}}  {output.one_line(each['seen'])}")
        if each["fix"]:
            click.echo(
                f"{'':{width + 8}}{click.style(say('doctor.fix'), fg='green')} {output.one_line(each['fix'])}"
            )
    bad = sum(each["verdict"] == "bad" for each in findings)
    warnings = sum(each["verdict"] == "warning" for each in findings)
    output.note(say("doctor.end", bad=bad, warnings=warnings))
