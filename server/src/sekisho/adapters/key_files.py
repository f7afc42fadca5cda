"""Private keys in files: `<data>/keys/DATE-ALG-KID.pem` (or `.jwk`), 0600, beside a SQLite database.

What stands in the database counts; a file is only where its private key is. So a file that no row names,
left behind by a crash or put back by somebody, signs nothing.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from sekisho.adapters.data_directory import (
    make_directory,
    publish_private,
    sync_directory,
    write_private,
)
from sekisho.adapters.given_keys import SignerKey, VerifyingKey, unusable
from sekisho.adapters.key_making import MadeKey, make_key
from sekisho.adapters.secrets.file import read_file
from sekisho.adapters.secrets.secret import Secret
from sekisho.frozen import Frozen
from sekisho.ports import Entropy
from sekisho.rules.keyring import SealedKey
from sekisho.settings import Alg
from sekisho_verify import HmacKey, KeyRefused, key_from_jwk, key_from_pem
from sekisho_verify.keypairs import PairAlg

DIRECTORY: Final = "keys"
_NAME: Final = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})-(?P<alg>[A-Z][A-Za-z0-9]{3,5})-(?P<kid>[A-Za-z0-9_-]+)\.(?P<kind>pem|jwk)"
)


class KeyFiles(Frozen):
    """The directory of keys below `data`."""

    data: Path
    entropy: Entropy

    @property
    def directory(self) -> Path:
        """Where they are."""
        return self.data / DIRECTORY

    def first(self, alg: Alg, *, now: float) -> list[SealedKey]:
        """The keys that are there, oldest first, for a database that knows of none; one is made for none.

        Servers that start at once on one directory agree: the first key arrives together with its directory,
        by one `rename`, which succeeds only where there is none yet or an empty one.

        Raises:
            SettingsRefused: a file is open to others, no key, or not the key that its name says.
        """
        new = ""
        if not self._files():
            draft = self.data / f".{DIRECTORY}.{self.entropy(8).hex()}"
            make_directory(draft)
            made = make_key(alg, entropy=self.entropy)
            new = _file_name(made, now)
            write_private(draft / new, made.content)
            sync_directory(draft)
            try:
                draft.rename(self.directory)
            except OSError as fault:
                shutil.rmtree(draft)
                if fault.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                    raise unusable(str(self.directory), fault.strerror or "cannot be made") from None
                # Another process was first: its key is read below.
            sync_directory(self.data)
        make_directory(self.directory)
        return [_row(path, now, made_now=path.name == new) for path in self._files()]

    def keep(self, made: MadeKey, *, now: float) -> bytes:
        """Write the key; nothing of it is for the database."""
        make_directory(self.directory)
        publish_private(self.directory / _file_name(made, now), made.content, entropy=self.entropy)
        return b""

    def open(self, row: SealedKey) -> SignerKey | None:
        """The key of that row; none where its file is gone.

        Raises:
            SettingsRefused: the file is open to others, or does not hold the key that its name says.
        """
        if not self.directory.is_dir():
            return None
        make_directory(self.directory)  # looks whether it is open to others
        found = [path for path in self._files() if _is_of(path, row.kid)]
        return _read(found[0]) if found else None

    def reseal(self, row: SealedKey) -> bytes | None:  # noqa: ARG002 - a file is under no seal
        """Nothing to do."""
        return None

    def forget(self, kids: Iterable[str]) -> None:
        """Delete the files of these keys."""
        gone = set(kids)
        for path in self._files():
            if any(_is_of(path, kid) for kid in gone):
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        """The files, oldest first; those with a leading dot belong to the file system or to an editor."""
        if not self.directory.is_dir():
            return []
        return sorted(path for path in self.directory.iterdir() if not path.name.startswith("."))


def _file_name(made: MadeKey, now: float) -> str:
    """`2026-11-21-ES256-<kid>.pem`: sorts by age, and binds the key to its algorithm for good."""
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    return f"{day}-{made.key.alg}-{made.key.kid}.{'jwk' if isinstance(made.key, HmacKey) else 'pem'}"


def _is_of(path: Path, kid: str) -> bool:
    name = _NAME.fullmatch(path.name)
    return name is not None and name["kid"] == kid


def _row(path: Path, now: float, *, made_now: bool) -> SealedKey:
    """The row of a file; one from before there were rows has signed since the day of its name."""
    key = _read(path)
    day = datetime.fromisoformat(f"{path.name[:10]}T00:00:00+00:00").timestamp()
    made_at = now if made_now else min(now, day)
    return SealedKey(key.kid, key.alg, made_at, made_at, b"")


def _read(path: Path) -> SignerKey:
    content = Secret(read_file(str(path)))  # a traceback that shows locals would show bytes
    try:
        return _named_key(path.name, content)
    except KeyRefused as fault:
        raise unusable(str(path), str(fault)) from None


def _named_key(file_name: str, content: Secret) -> SignerKey:
    name = _NAME.fullmatch(file_name)
    if name is None:
        raise KeyRefused("the name is not DATE-ALG-KID.pem or .jwk")
    alg = cast("PairAlg", name["alg"])  # any other is refused by the loader
    key = _loaded(content, alg, as_jwk=name["kind"] == "jwk")
    if not isinstance(key, SignerKey) or (key.alg, key.kid) != (alg, name["kid"]):
        raise KeyRefused("the file does not hold the key that its name says")
    return key


def _loaded(content: Secret, alg: PairAlg, *, as_jwk: bool) -> SignerKey | VerifyingKey:
    return key_from_jwk(content.reveal()) if as_jwk else key_from_pem(content.reveal(), alg=alg)
