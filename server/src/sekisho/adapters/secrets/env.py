"""`env:NAME`: another variable of the environment."""

from __future__ import annotations

from collections.abc import Mapping

from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.secrets.versions import Versions
from sekisho.frozen import Frozen, Hidden
from sekisho.setting_words import Words
from sekisho.settings import refused


class EnvironmentSource(Frozen):
    """Reads from an environment that is handed in."""

    environ: Hidden[Mapping[str, str]]

    def __call__(self, name: str, /) -> Versions:
        """The bytes of the variable `name`: a variable knows no versions.

        Raises:
            SettingsRefused: it is not set.
        """
        if name not in self.environ:
            raise refused(
                f"env:{name}",
                Words("is not set", "設定されていません"),
                Words("set that variable, or correct its name", "変数を設定するか、名前を直してください"),
            )
        return Versions(Secret(self.environ[name].encode("utf-8", "surrogateescape")))
