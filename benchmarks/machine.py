"""What was measured, and on what: without both, a number means nothing to whoever reads it later."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.backends.openssl.backend import backend

from tests.parts import redis
from tests.parts.postgres import binaries

_PACKAGES = (
    "sekisho",
    "sekisho-verify",
    "uvicorn",
    "uvloop",
    "httptools",
    "starlette",
    "msgspec",
    "cryptography",
    "psycopg",
    "psycopg-pool",
    "redis",
    "argon2-cffi",
    "PyJWT",
    "joserfc",
)


def facts() -> str:
    """The machine, the interpreter and the exact versions, as a few lines of text."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    sqlite, openssl = f"SQLite {sqlite3.sqlite_version}", backend.openssl_version_text()
    engines = f"{_postgres()}, {_redis()}, {sqlite}, {openssl}"
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    return "\n".join(
        (
            f"machine   {_processor()}, {os.cpu_count()} cores, {_memory()}, load {load}",
            f"system    {platform.system()} {platform.release()}, {platform.machine()}",
            f"python    {platform.python_implementation()} {platform.python_version()}",
            f"packages  {packages}",
            f"engines   {engines}",
        )
    )


def _postgres() -> str:
    program = binaries() / "postgres"
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _redis() -> str:
    try:
        program = redis.require()
    except redis.RedisUnavailableError:
        return "no Redis"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    # Redis server v=7.0.15 sha=00000000:0 malloc=... (Valkey says the same of itself)
    return said.partition(" sha=")[0].replace(" server v=", " ")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _memory() -> str:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return f"{pages * size / 2**30:.0f} GiB"
