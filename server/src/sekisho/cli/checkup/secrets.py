"""The secrets in use: whether they can be read, and are as strong as they have to be."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.adapters.key_files import DIRECTORY
from sekisho.adapters.root_secret import FILE
from sekisho.adapters.secrets.file import read_file
from sekisho.adapters.secrets.references import Secrets
from sekisho.adapters.secrets.secret import Secret, strong
from sekisho.adapters.signing_keys import verifies_by_secret
from sekisho.cli.checkup.findings import Finding, good, skipped
from sekisho.settings import Settings, SettingsRefused


def references(settings: Settings) -> list[tuple[str, str]]:
    """The settings that name a secret, each with a reference that holds now."""
    made = settings.data / FILE
    named = [
        ("SEKISHO_ROOT_SECRET", settings.root_secret or (f"file:{made}" if made.exists() else None)),
        *(("SEKISHO_ROOT_SECRET_PREVIOUS", each) for each in settings.root_secret_previous),
        ("SEKISHO_SIGNING_KEY", settings.signing_key),
        ("SEKISHO_FEED_TOKEN", settings.feed_token),
    ]
    return [(name, reference) for name, reference in named if reference is not None]


def look_at_secrets(
    settings: Settings, secrets: Secrets, *, found: list[Secret]
) -> Iterator[Finding | SettingsRefused]:
    """Read each, and tell of those that cannot be used; what was read goes to `found`.

    So do the keys that the server has made in files. What the server itself would refuse is given as that
    refusal, which has words of its own.
    """
    for name, reference in references(settings):
        try:
            versions = secrets.versions(reference, setting=name)
            beside = () if versions.pending is None else (versions.pending,)
            each_of_them = (versions.current, *beside, *versions.previous)
            found.extend(each_of_them)
            if name == "SEKISHO_SIGNING_KEY":
                verifies_by_secret(settings, secrets=secrets)  # it reads it as the server would
            else:
                for secret in each_of_them:
                    strong(secret, f"{name} ({reference})")
        except SettingsRefused as refused:
            yield refused
        else:
            yield good("secret", name=name, reference=reference)
    if not references(settings):
        yield skipped("secret", "secret.none")
    for file in sorted((settings.data / DIRECTORY).glob("[!.]*")):
        try:
            found.append(Secret(read_file(str(file))))
        except SettingsRefused as refused:
            yield refused
