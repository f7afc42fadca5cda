"""The verifier alone: an API that only checks tokens installs two libraries and no server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib

import pytest

from tests.house import tree

ALLOWED = {"sekisho_verify", "cryptography", "msgspec"}

# The extension modules of cryptography, and what msgspec and cryptography look into where it is installed.
PART_OF_THEM = {"_cffi_backend", "_openssl", "typing_extensions", "bcrypt"}

# Run in a bare interpreter, since this one has long loaded everything.
REPORT = """
import json, sys
before = set(sys.modules)
import {module}
print(json.dumps(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})))
"""

# The guards of frameworks, and the plugin of pytest, import theirs, and nobody else imports them.
GUARDS = {"fastapi", "flask", "django", "drf", "pytest"}
MODULES = [
    ".".join(path.relative_to(tree.VERIFIER.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in tree.python_files(tree.VERIFIER)
    if path.stem not in GUARDS
]


def loaded(module: str) -> set[str]:
    """Return the third-party packages that an import brings in."""
    command = [sys.executable, "-c", REPORT.format(module=module)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name for name in json.loads(result.stdout) if name not in sys.stdlib_module_names} - PART_OF_THEM


@pytest.mark.parametrize("module", MODULES)
def test_the_verifier_loads_two_libraries(module: str) -> None:
    """No module of the verifier loads anything but cryptography and msgspec."""
    assert loaded(module) - ALLOWED == set()


def test_the_verifier_declares_what_it_loads() -> None:
    """Its dependencies are those two, with lower bounds only."""
    project = tomllib.loads((tree.VERIFIER.parents[1] / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]}
    assert names == ALLOWED - {"sekisho_verify"}
    assert not any("<" in requirement or "==" in requirement for requirement in project["dependencies"])


def test_the_report_sees_what_an_import_brings() -> None:
    """The report names a third-party package that a module loads."""
    assert "starlette" in loaded("starlette.requests")
