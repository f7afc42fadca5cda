"""The peers from PyPI, in an environment of their own: what they pin is not what we pin.

It is made once, in the checkout, in the versions of `requirements/peers.txt`, and anew when those change.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_FOLDER = _ROOT / ".venv-peers"
_LOCK = _ROOT / "requirements" / "peers.txt"
#: What has no wheel: built from a source held by its hash, with what the lock brings and nothing else.
_SOURCES = _ROOT / "requirements" / "peers-source.txt"
#: The interpreter that sees them.
PYTHON = _FOLDER / "bin" / "python"
_STAMP = _FOLDER / ".installed"
#: Seconds that pip may take.
_PATIENCE = 600.0
_NAMES = (
    *("fastapi-users", "fastapi", "SQLAlchemy", "asyncpg", "aiosqlite", "Django", "djangorestframework"),
    *("djangorestframework-simplejwt", "Flask", "Flask-Security", "Flask-SQLAlchemy", "psycopg", "redis"),
    *("argon2-cffi", "PyJWT", "joserfc", "Authlib", "python-jose", "cryptography", "uvicorn", "uvloop"),
)
_VERSIONS = (
    "import importlib.metadata as m, sys; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
)

#: What runs one of `peers.served.KINDS`.
PROGRAM = (str(PYTHON), "-m", "benchmarks.peers.served")


class PeersMissingError(RuntimeError):
    """The peers cannot be installed here; the message says why."""


def install() -> str:
    """Make the environment where it is not there yet; the versions in it.

    Raises:
        PeersMissingError: no venv module, no way to the packages, or no wheels for this machine.
    """
    locks = _LOCK.read_bytes() + _SOURCES.read_bytes()
    wanted = f"{sys.version} {hashlib.sha256(locks).hexdigest()}"
    if not _STAMP.exists() or _STAMP.read_text() != wanted:
        shutil.rmtree(_FOLDER, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(_FOLDER))
        options = ("--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps")
        pip = (str(PYTHON), "-m", "pip", "install", *options)
        _run(*pip, "--only-binary", ":all:", "-r", str(_LOCK))
        _run(*pip, "--no-build-isolation", "--no-binary", ":all:", "-r", str(_SOURCES))
        _STAMP.write_text(wanted)
    return _run(str(PYTHON), "-c", _VERSIONS, *_NAMES)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PATIENCE)
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise PeersMissingError(said.strip().rpartition("\n")[2]) from error
    return done.stdout.strip()
