"""What may not stand in the repository: where a machine gets its packages, where it keeps us, and secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

from sekisho.version import VERSION
from tests.house import tree

if TYPE_CHECKING:
    from pathlib import Path

# Taken apart, for this file is scanned like every other.
HOSTS = ["pypi*org", "pythonhosted*org", "registry*npmjs*org", "registry*yarnpkg*com", "deb*debian*org"]
OPTIONS = ["(?<!no*emit*)index*url", "find*links", "trusted*host"]

ORIGIN = re.compile(
    "|".join([host.replace("*", "[.]") for host in HOSTS] + [option.replace("*", "-") for option in OPTIONS])
    + r"|^\s*registry\s*=\s*['\"]?https?:",
    re.IGNORECASE | re.MULTILINE,
)
MACHINE = re.compile(r"(?<![\w.~)}\]/-])/(?:work|root|tmp|home|Users)/\w")
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+(?:[\w-]+: .*\s+)*[A-Za-z0-9+/=\s]{40,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
)


def text(path: Path) -> str:
    """Read any file; what is not text becomes characters that no pattern knows."""
    return path.read_bytes().decode(errors="replace")


def faults(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Return each place where a pattern occurs, with the first of its characters only: it may be a secret."""
    return [
        f"{tree.place(path, content.count(chr(10), 0, found.start()) + 1)}: {found[0][:24]!r}"
        for path in paths
        for content in [text(path)]
        for found in pattern.finditer(content)
    ]


def test_no_file_says_where_packages_come_from() -> None:
    """A registry is the business of the machine that installs: names, versions and hashes are ours."""
    assert faults(ORIGIN, tree.tracked_files()) == []


def test_the_locks_hold_names_versions_and_hashes_only() -> None:
    """No requirement of a lock is a URL or a path, and each has a hash."""
    for name in ("run.txt", "dev.txt"):
        lock = (tree.ROOT / "requirements" / name).read_text()
        assert re.search(r"://|@ |file:|^-", lock, re.MULTILINE) is None
        requirements = re.sub(r"\\\n", "", lock).strip().splitlines()
        bare = [line for line in requirements if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:", line)]
        assert bare == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    """What names somebody's folder works in that folder only."""
    assert faults(MACHINE, tree.tracked_files()) == []


def test_no_file_outside_the_tests_looks_like_a_secret() -> None:
    """Private keys and cloud credentials are never in a source, an example or a guide."""
    outside = [path for path in tree.tracked_files() if not path.is_relative_to(tree.ROOT / "tests")]
    assert faults(SECRET, outside) == []


def test_each_distribution_ships_the_license() -> None:
    """The copies beside each pyproject.toml, which the packages carry, are the one at the root."""
    license_text = (tree.ROOT / "LICENSE").read_text()
    assert "Apache License" in license_text
    for distribution in ("verify", "server"):
        assert (tree.ROOT / distribution / "LICENSE").read_text() == license_text


BAD = [
    (ORIGIN, "see https://pypi*org/simple"),
    (ORIGIN, "--extra-index*-url https://packages.example"),
    (ORIGIN, "find*-links = wheels"),
    (ORIGIN, "  registry* = https://packages.example"),
    (MACHINE, "cd /ro*ot/x"),
    (MACHINE, "path = '/wo*rk/main'"),
    (MACHINE, "file:/Us*ers/somebody"),
    (SECRET, "-----BEGIN EC PRIVATE KEY-----\n" + "A" * 64),
    (SECRET, "aws_access_key_id = AKIA" + "Z" * 16),
]


@pytest.mark.parametrize(("pattern", "sample"), BAD)
def test_the_scan_finds_it(tmp_path: Path, pattern: re.Pattern[str], sample: str) -> None:
    """Each pattern fires on its sample, and names the line."""
    path = tmp_path / "sample.txt"
    path.write_text(f"first\n{sample.replace('*', '.' if '*org' in sample else '')}\n")
    found = faults(pattern, [path])
    assert len(found) == 1
    assert found[0].startswith(f"{path}:2: ")


@pytest.mark.parametrize(
    "sample",
    [
        "uv pip compile --no-emit-index-url",
        "https://id.example.com/home/login",
        "GET /home",
        "./work/x ~/work/x $(HOME)/work/x",
        "the header -----BEGIN PRIVATE KEY----- marks a PEM",
    ],
)
def test_the_scan_leaves_innocent_text_alone(tmp_path: Path, sample: str) -> None:
    """A pattern that cried wolf would be switched off."""
    path = tmp_path / "sample.txt"
    path.write_text(sample)
    assert [faults(pattern, [path]) for pattern in (ORIGIN, MACHINE, SECRET)] == [[], [], []]


@pytest.mark.parametrize("distribution", ["verify", "server"])
def test_the_build_finds_the_version(distribution: str) -> None:
    """As the build backend reads it: a checkout that was installed before would not notice."""
    found = ProjectMetadata(str(tree.ROOT / distribution), PluginManager())
    assert found.version == VERSION
