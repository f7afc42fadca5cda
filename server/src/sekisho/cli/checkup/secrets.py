"""The secrets in use: whether they can be read, and are as strong as they have to be."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.adapters.root_secret import FILE
from sekisho.adapters.secrets.references import Secrets
from sekisho.adapters.secrets.secret import Secret, strong
from sekisho.adapters.signing_keys import verifies_by_secret
from sekisho.cli.checkup.findings import Finding, good, skipped
from sekisho.settings import Settings, SettingsRefused


def references(settings: Settings) -> dict[str, str]:
    """The settings that name a secret, with the reference that holds now."""
    made = settings.data / FILE
    named = {
        "SEKISHO_ROOT_SECRET": settings.root_secret or (f"file:{made}" if made.exists() else None),
        "SEKISHO_SIGNING_KEY": settings.signing_key,
        "SEKISHO_FEED_TOKEN": settings.feed_token,
    }
    return {name: reference for name, reference in named.items() if reference is not None}


def look_at_secrets(
    settings: Settings, secrets: Secrets, *, found: list[Secret]
) -> Iterator[Finding | SettingsRefused]:
    """Read each, and tell of those that cannot be used; what was read goes to `found`.

    What the server itself would refuse is given as that refusal, which has words of its own.
    """
    for name, reference in references(settings).items():
        try:
            secret = secrets.read(reference, setting=name)
            found.append(secret)
            if name == "SEKISHO_SIGNING_KEY":
                verifies_by_secret(settings, secrets=secrets)  # it reads it as the server would
            else:
                strong(secret, f"{name} ({reference})")
        except SettingsRefused as refused:
            yield refused
        else:
            yield good("secret", name=name, reference=reference)
    if not references(settings):
        yield skipped("secret", "secret.none")
