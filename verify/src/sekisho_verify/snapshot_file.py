"""The last snapshot of the feed on disk, for a start while the issuer is down.

It is kept as it was sealed, so it is checked again when it is read, and nobody can put words into it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sekisho_verify.claims import EARLY
from sekisho_verify.errors import RevocationsUnavailable
from sekisho_verify.private_files import read_private, replace_private
from sekisho_verify.revocations.sealed import MAX_SNAPSHOT

if TYPE_CHECKING:
    import os

    from sekisho_verify.revocations.entries import Snapshot
    from sekisho_verify.revocations.sealed import FeedSeals

_log: Final = logging.getLogger("sekisho_verify.feed")


class SnapshotFile:
    """One file with the snapshot of one issuer.

    Args:
        path: of the file; its folder must exist, and be this process's to write.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path: Final = Path(path)

    def write(self, sealed: bytes) -> None:
        """Replace the file as a whole, for this user alone. What goes wrong is logged."""
        try:
            replace_private(self._path, sealed)
        except OSError as error:
            _log.warning("the snapshot %s cannot be written: %s", self._path, error)

    def read(self, seals: FeedSeals, *, now: float) -> Snapshot | None:
        """The snapshot, if it holds and is not too old to matter; None, with a warning, for anything else.

        Args:
            seals: reads it.
            now: seconds since 1970. The age is told by it alone, so it never makes anything count as fresh.
        """
        try:
            snapshot = seals.snapshot(read_private(self._path, limit=MAX_SNAPSHOT).decode())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RevocationsUnavailable) as error:
            _log.warning("the snapshot %s is not used: %s", self._path, error)
            return None
        # One that is older than its entries live lacks all that matters now.
        if not -EARLY <= now - snapshot.as_of < snapshot.ttl:
            _log.warning("the snapshot %s is not used: not of the last %.0f s", self._path, snapshot.ttl)
            return None
        return snapshot
