"""The setup code in a file of the data directory: for whoever starts the server where nobody reads along.

What a service prints ends in a journal, and is gone from the screen; the file is its owner's alone (0600).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sekisho.adapters.data_directory import write_private

FILE: Final = "setup-code"


def write_down(data: Path, code: str) -> None:
    """Put it there. Raises `FileExistsError`: see `forget`."""
    write_private(data / FILE, f"{code}\n".encode())


def forget(data: Path) -> None:
    """Remove it, if it is there."""
    (data / FILE).unlink(missing_ok=True)
