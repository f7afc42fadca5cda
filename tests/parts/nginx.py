"""An nginx of our own, on loopback, in a temporary directory, configured by the test."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

_START_SECONDS = 20.0

_CONFIGURATION = """
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
{servers}
}}
"""


class NginxUnavailableError(RuntimeError):
    """No nginx can run here; the message says why and how to change that."""


def require() -> str:
    """The program.

    Raises:
        NginxUnavailableError: there is none.
    """
    # Debian has it where only root looks.
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if found is None:
        raise NginxUnavailableError(
            "no nginx found; Debian: apt-get install nginx-light; macOS: brew install nginx"
        )
    return found


class Nginx:
    """One nginx: started on entry, stopped and removed on exit.

    Args:
        servers: server blocks, which listen on ports from `ports.free_port`.

    Raises:
        NginxUnavailableError: see `require`.
    """

    def __init__(self, servers: str) -> None:
        self._program = require()
        self._configuration = _CONFIGURATION.format(servers=servers)
        self._folder = Path(tempfile.mkdtemp(prefix="sekisho-nginx-"))
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def configured(cls, configuration: str) -> Self:
        """One with a whole file of configuration, which says `daemon off` and `pid nginx.pid`."""
        nginx = cls("")
        nginx._configuration = configuration
        return nginx

    def __enter__(self) -> Self:
        """Start it, and wait until it listens: it writes its number when it does (`pid nginx.pid`)."""
        file = self._folder / "nginx.conf"
        file.write_text(self._configuration)
        # With a prefix of its own it writes nowhere else.
        self._process = subprocess.Popen(
            [self._program, "-p", str(self._folder), "-c", str(file), "-e", "error.log"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with suppress(FileNotFoundError):
                if int((self._folder / "nginx.pid").read_text() or 0) == self._process.pid:
                    return self
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx did not start: {self.log}")
            time.sleep(0.01)

    def __exit__(self, *_: object) -> None:
        """Stop it and remove what it wrote."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def log(self) -> str:
        """What it wrote of what went wrong."""
        file = self._folder / "error.log"
        return file.read_text() if file.exists() else ""
