"""Arrows point down: the contracts of pyproject.toml hold, and each fires on the fault it is there for."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.house import tree

if TYPE_CHECKING:
    from pathlib import Path

# Contract: files to plant. Names that nobody would choose, so that nothing of the house is replaced.
FAULTS = {
    "floors-upward": ("Arrows point down", {"sekisho/flows/planted.py": "import sekisho.web\n"}),
    "floors-adapters-in-flows": (
        "Arrows point down",
        {
            "sekisho/adapters/planted.py": "",
            "sekisho/flows/planted.py": "import sekisho.adapters.planted\n",
        },
    ),
    "floors-lazy": (
        "Arrows point down",
        {"sekisho/rules/planted.py": "def late():\n    import sekisho.ports\n"},
    ),
    "floors-unlisted": ("Arrows point down", {"sekisho/planted.py": ""}),
    "verifier": ("The verifier stands alone", {"sekisho_verify/planted.py": "import sekisho.rules\n"}),
    "flows-alone": (
        "Flows do not call flows",
        {
            "sekisho/flows/planted.py": "import sekisho.flows.planted_other\n",
            "sekisho/flows/planted_other.py": "",
        },
    ),
    "flows-sql": ("Flows never see HTTP or SQL", {"sekisho/flows/planted.py": "import sqlite3\n"}),
    "flows-http": (
        "Flows never see HTTP or SQL",
        {"sekisho/flows/planted.py": "import starlette.requests\n"},
    ),
    "features-alone": (
        "Features are true options",
        {
            "sekisho/features/planted/__init__.py": "",
            "sekisho/features/planted/plug.py": "import sekisho.features.planted_other.plug\n",
            "sekisho/features/planted_other/__init__.py": "",
            "sekisho/features/planted_other/plug.py": "",
        },
    ),
    "rules-pure": ("Rules are pure", {"sekisho/rules/planted.py": "import time\n"}),
    "acyclic": (
        "No cycles",
        {
            "sekisho/rules/planted.py": "import sekisho.rules.planted_other\n",
            "sekisho/rules/planted_other.py": "import sekisho.rules.planted\n",
        },
    ),
}


def lint(folder: Path, sources: str) -> subprocess.CompletedProcess[str]:
    """Check the contracts against the packages below `folder`."""
    command = [tree.program("lint-imports"), "--no-cache", "--config", str(tree.ROOT / "pyproject.toml")]
    environment = os.environ | {"PYTHONPATH": sources, "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_contracts_hold() -> None:
    """Every contract of the house is kept by the tree as it stands."""
    result = lint(tree.ROOT, "")
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_breaks_its_contract(fault: str, tmp_path: Path) -> None:
    """A contract that would not notice its own breach holds nothing."""
    contract, files = FAULTS[fault]
    for package in (tree.SERVER, tree.VERIFIER):
        shutil.copytree(package, tmp_path / package.name)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        assert not path.exists()
        path.write_text(text)
    result = lint(tmp_path, str(tmp_path))
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [line for line in result.stdout.splitlines() if line.endswith(" BROKEN")]
    assert any(line.startswith(contract) for line in broken), result.stdout
    assert "planted" in result.stdout, "it broke for another reason"
