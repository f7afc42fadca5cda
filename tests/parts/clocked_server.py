"""A real auth server on a clock that the test moves: `python -m tests.parts.clocked_server CLOCK PORT`.

Everything is as in `sekisho serve` but for the clock, which is that of the demo.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from sekisho.adapters import system
from sekisho.adapters.settings_file import load_settings
from sekisho.cli.auth_server import serve_auth
from sekisho.cli.http_server import SIGNALS
from sekisho.cli.listening import listen
from sekisho.cli.wording import wording
from sekisho.features.demo.clock import MovedClock
from sekisho.setting_urls import issuer_at
from tests.parts.serving import Server, environment


@dataclass
class ClockedServer(Server):
    """`Server` on the clock of that file."""

    clock: Path = field(default=Path())

    def begin(self) -> subprocess.Popen[str]:
        """Start it, and do not wait; its log goes to a file beside the data."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.parts.clocked_server", str(self.clock), str(self.port)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(SEKISHO_DATA=str(self.data), **self.settings),
                start_new_session=True,
            )
        return self._process


def main(clock: str, port: str) -> None:
    """Serve until a signal asks to stop, having said where in the words of `sekisho serve`."""
    settings = load_settings(os.environ)
    sockets = listen("localhost", int(port), wording("en"))
    at = issuer_at(sockets[0].getsockname()[1])
    if settings.sources["SEKISHO_ISSUER"] == "default":
        settings = replace(settings, issuer=at)

    def ready() -> None:
        print(f"{at}/.well-known/jwks.json\nCtrl-C stops it.", flush=True)  # noqa: T201 - what the test reads

    serve_auth(settings, sockets, ready=ready, signals=SIGNALS, clock=MovedClock(Path(clock), system.clock))


if __name__ == "__main__":
    main(*sys.argv[1:])
