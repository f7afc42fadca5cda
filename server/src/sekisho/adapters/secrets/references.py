"""References to secrets: which scheme is read by whom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Protocol

from sekisho.adapters.secrets.aws import AwsSecretsManager
from sekisho.adapters.secrets.env import EnvironmentSource
from sekisho.adapters.secrets.file import file_source
from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.secrets.versions import Versions
from sekisho.frozen import Frozen
from sekisho.setting_words import Words
from sekisho.settings import refused


class SecretSource(Protocol):
    """One scheme. What it raises names the reference and never the content.

    It may block for as long as its own time limits allow (seconds): call it off the event loop.
    """

    def __call__(self, name: str, /) -> Versions:
        """The content behind what follows the scheme, in each version there is. Raises `SettingsRefused`."""
        ...


def sources(environ: Mapping[str, str]) -> dict[str, SecretSource]:
    """The schemes of this release. A new one is a file beside these and a line here."""
    return {"file": file_source, "env": EnvironmentSource(environ), "aws-sm": AwsSecretsManager(environ)}


class Secrets(Frozen):
    """Reads references by the sources it was given."""

    sources: Mapping[str, SecretSource]

    def read(self, reference: str, *, setting: str) -> Secret:
        """The current version alone of what `versions` reads. Raises `SettingsRefused` as it does."""
        return self.versions(reference, setting=setting).current

    def versions(self, reference: str, *, setting: str) -> Versions:
        """What is behind `reference`, one trailing newline dropped: editors and `echo` put it there.

        `setting` is the name of the setting that holds the reference, for the refusal. It blocks while its
        source does: `file:` and `env:` answer at once, others within their time limits.

        Raises:
            SettingsRefused: no source knows the scheme, the source refuses, or there is nothing in it.
        """
        scheme, _, name = reference.partition(":")
        source = self.sources.get(scheme)
        if source is None:
            known = ", ".join(f"{scheme}:" for scheme in self.sources)
            # The reference is not repeated: somebody may have put the secret itself in its place.
            raise refused(
                setting,
                Words("has a scheme that this release does not read", "この版では読めない種類の参照です"),
                Words(f"use one of: {known}", f"次のどれかにしてください: {known}"),
            )
        return source(name).each(partial(_trimmed, where=f"{setting} ({reference})"))


def _trimmed(secret: Secret, *, where: str) -> Secret:
    content = secret.reveal()
    content = content[:-2] if content.endswith(b"\r\n") else content.removesuffix(b"\n")
    if not content:
        raise refused(
            where,
            Words("is empty", "中身が空です"),
            Words("put the secret into it", "秘密を入れてください"),
        )
    return Secret(content)
