"""The last good public keys of an issuer on disk, for a start while the issuer is down. Never a secret."""

from __future__ import annotations

import logging
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from sekisho_verify.encoding import json_object
from sekisho_verify.errors import KeyRefused
from sekisho_verify.keypairs import PublicVerificationKey
from sekisho_verify.keysets import key_set_from_jwks
from sekisho_verify.private_files import read_private, replace_private

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from sekisho_verify.keys import VerificationKey

MAX_FILE: Final = 512 * 1024
"""Bytes of the largest file that is read."""

_log: Final = logging.getLogger("sekisho_verify.keys")


class KeyCache:
    """One file that holds the keys of one issuer.

    What it says is believed like what the issuer itself says, so nobody else may be able to write it: it is
    made with mode 0600, and not read unless it belongs to this user (or root) and no other may write it. Nor
    is it read through a link, which may lead to another file of this user's with somebody's words in it.

    Args:
        path: of the file; its folder must exist, and be this process's to write.
        issuer: whose keys it holds.
    """

    def __init__(self, path: str | os.PathLike[str], *, issuer: str) -> None:
        self._path: Final = Path(path)
        self._issuer: Final = issuer

    def write(self, keys: Iterable[VerificationKey], *, now: float) -> None:
        """Replace the file as a whole, so that no reader ever sees a part. What goes wrong is logged.

        Args:
            keys: those of them that are public; a secret has no form in which it could get here.
            now: seconds since 1970.
        """
        public = [key.to_jwk() for key in keys if isinstance(key, PublicVerificationKey)]
        content = msgspec.json.encode({"issuer": self._issuer, "fetched_at": float(now), "keys": public})
        try:
            replace_private(self._path, content)
        except OSError as error:
            _log.warning("the key cache %s cannot be written: %s", self._path, error)

    def read(self, *, now: float, max_age: float) -> tuple[tuple[VerificationKey, ...], float] | None:
        """The keys, and how many seconds ago they were fetched; None, with a warning, for anything else.

        Args:
            now: seconds since 1970.
            max_age: seconds that the keys may be old.
        """
        try:
            document = json_object(read_private(self._path, limit=MAX_FILE), unique_members=True)
            if document.get("issuer") != self._issuer:
                raise KeyRefused(f"it is of issuer {document.get('issuer')!a}")
            fetched_at: object = document.get("fetched_at")
            age = now - fetched_at if isinstance(fetched_at, float) else inf
            if not 0 <= age < max_age:
                raise KeyRefused(f"it is not of the last {max_age:.0f} seconds")
            found = key_set_from_jwks(document)
            if any(key.symmetric for key in found.keys):
                raise KeyRefused("it holds a shared secret")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            _log.warning("the key cache %s is not used: %s", self._path, error)
            return None
        return found.keys, age
