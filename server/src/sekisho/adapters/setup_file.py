"""The setup code in a file of the data directory: for whoever starts the server where nobody reads along.

What a service prints ends in a journal, and is gone from the screen; the file is its owner's alone (0600).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sekisho.adapters.data_directory import write_private
from sekisho.ports import Entropy

FILE: Final = "setup-code"


def write_down(data: Path, code: str, *, entropy: Entropy) -> None:
    """Put it there, in the place of an older one: of several starts at once none fails."""
    draft = data / f".{FILE}.{entropy(8).hex()}"
    write_private(draft, f"{code}\n".encode())
    # By its name: a link that somebody put there is replaced, and what it leads to is left alone.
    draft.replace(data / FILE)


def forget(data: Path) -> None:
    """Remove it, if it is there."""
    (data / FILE).unlink(missing_ok=True)
