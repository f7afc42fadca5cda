"""The root secret: made once, shared by all, and the keys that derive from it."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from sekisho.adapters.root_secret import Roots, ServerKeys, derive_keys, root_secrets
from sekisho.adapters.sealing import Sealing, UnsealRefused
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.secrets.versions import Versions
from sekisho.adapters.system import entropy
from sekisho.settings import SettingsRefused

ROOT = Secret(b"R0otSecretOfTheTests-4fZ8qLw1nXc")
OTHER = Secret(b"An0therSecretOfTests-7hY2vKd9pMs")


def start(data: Path, reference: str | None = None) -> bytes:
    """The root secret that a server starting on this directory has."""
    return roots(data, reference).current.reveal()


def roots(data: Path, reference: str | None = None, *others: str) -> Roots:
    """The root secret of a server starting on this directory, and those beside it."""
    return root_secrets(reference, others, data=data, secrets=Secrets(sources({})), entropy=entropy)


def hkdf(root: bytes, label: bytes, size: int) -> bytes:
    """RFC 5869 by hand, for one block of output, without a salt."""
    pseudorandom = hmac.digest(bytes(32), root, "sha256")
    return hmac.digest(pseudorandom, label + b"\x01", hashlib.sha256)[:size]


@pytest.mark.requirement("H5")
def test_derivation_is_hkdf() -> None:
    """Each key is HKDF-SHA256 of the root under its label, so any other implementation finds the same."""
    keys = derive_keys(ROOT)
    assert keys.refresh.current.secret == hkdf(ROOT.reveal(), b"sekisho 1 refresh token", 32)
    assert keys.refresh.current.id == hkdf(ROOT.reveal(), b"sekisho 1 key id", 4)


@pytest.mark.requirement("H5")
def test_no_two_uses_share_a_key() -> None:
    """Refresh, device, CSRF, feed and sealing keys are all different ones, and none is printed."""
    keys = derive_keys(ROOT)
    rings = (keys.refresh, keys.stateless_refresh, keys.device, keys.csrf, keys.feed, keys.sealing.keys)
    secrets = {ring.current.secret for ring in rings}
    assert len(secrets) == 6
    assert not any(str(secret) in repr(keys) for secret in secrets)


def test_previous_roots_are_still_believed() -> None:
    """After a rotation of the root the current key seals and the previous one is found by its id."""
    before, after = derive_keys(ROOT), derive_keys(OTHER, [ROOT])
    found = after.refresh.find(before.refresh.current.id)
    assert found is not None
    assert found.secret == before.refresh.current.secret
    assert after.refresh.current.secret == derive_keys(OTHER).refresh.current.secret
    sealed = before.sealing.seal(b"key", about=b"kid", entropy=entropy)
    assert after.sealing.unseal(sealed, about=b"kid") == b"key"


def test_made_once(tmp_path: Path) -> None:
    """A first start makes the file, 0600, and later starts read the same secret."""
    first = start(tmp_path)
    assert len(first) >= 32
    assert start(tmp_path) == first
    assert (tmp_path / "root-secret").stat().st_mode & 0o777 == 0o600


def test_servers_that_start_at_once_agree(tmp_path: Path) -> None:
    """Four processes on one empty directory end up with one root secret."""
    with ProcessPoolExecutor(4) as pool:
        assert len(set(pool.map(start, [tmp_path] * 4))) == 1


@pytest.mark.requirement("H5")
def test_a_readable_root_secret_stops_the_start(tmp_path: Path) -> None:
    """The file of the data directory is judged like any other: open to others, it is refused."""
    start(tmp_path)
    (tmp_path / "root-secret").chmod(0o640)
    with pytest.raises(SettingsRefused, match=f"chmod 600 {tmp_path}/root-secret"):
        start(tmp_path)


def test_a_given_root_secret(tmp_path: Path) -> None:
    """A reference is read and nothing is made; a short secret is refused by the reference's name."""
    given = tmp_path / "given"
    given.touch(0o600)
    given.write_bytes(ROOT.reveal())
    assert start(tmp_path / "data", f"file:{given}") == ROOT.reveal()
    given.write_bytes(b"short")
    with pytest.raises(SettingsRefused, match=f"file:{given}: holds 5 bytes"):
        start(tmp_path / "data", f"file:{given}")
    assert not (tmp_path / "data").exists()


@pytest.mark.requirement("H5")
def test_roots_beside_the_current_one(tmp_path: Path) -> None:
    """Each that is named counts, none twice; a weak one among them stops the start as the first would."""
    for name, secret in (("now", OTHER), ("before", ROOT), ("weak", Secret(b"short"))):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_bytes(secret.reveal() + b"\n")
    now, before = f"file:{tmp_path}/now", f"file:{tmp_path}/before"
    found = roots(tmp_path / "data", now, before, now)
    assert found.current.reveal() == OTHER.reveal()
    assert [secret.reveal() for secret in found.others] == [ROOT.reveal()]
    made = roots(tmp_path, None, before)
    assert made.current.reveal() == start(tmp_path)
    assert [secret.reveal() for secret in made.others] == [ROOT.reveal()]
    with pytest.raises(SettingsRefused, match=f"file:{tmp_path}/weak: holds 5 bytes"):
        roots(tmp_path / "data", now, before, f"file:{tmp_path}/weak")


@pytest.mark.requirement("H5")
def test_versions_of_a_root_count_beside_it(tmp_path: Path) -> None:
    """A source that knows versions gives the pending and the previous root without another setting."""
    versions = Versions(OTHER, (ROOT,), Secret(b"Th3NextSecretOfTheTests-9kLmQ2xZ"))
    secrets = Secrets({"store": lambda _: versions})
    found = root_secrets("store:root", data=tmp_path, secrets=secrets, entropy=entropy)
    assert found.current.reveal() == OTHER.reveal()
    assert versions.pending is not None
    assert [each.reveal() for each in found.others] == [versions.pending.reveal(), ROOT.reveal()]


def sealing(root: Secret) -> Sealing:
    """The sealing key of that root."""
    keys: ServerKeys = derive_keys(root)
    return keys.sealing


@pytest.mark.requirement("H5")
def test_seals() -> None:
    """What is sealed opens whole, never twice the same, and shows nothing of itself."""
    sealed = sealing(ROOT).seal(b"private key", about=b"kid|ES256", entropy=entropy)
    again = sealing(ROOT).seal(b"private key", about=b"kid|ES256", entropy=entropy)
    assert sealing(ROOT).unseal(sealed, about=b"kid|ES256") == b"private key"
    assert sealed != again
    assert b"private" not in sealed


@pytest.mark.requirement("H5")
def test_broken_seals() -> None:
    """A changed byte, another subject, a cut seal or another root is refused."""
    sealed = sealing(ROOT).seal(b"private key", about=b"kid|ES256", entropy=entropy)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(UnsealRefused):
            sealing(ROOT).unseal(bytes(changed), about=b"kid|ES256")
    for size in (0, 3, 15, 16, 31, len(sealed) - 1):
        with pytest.raises(UnsealRefused):
            sealing(ROOT).unseal(sealed[:size], about=b"kid|ES256")
    with pytest.raises(UnsealRefused, match="does not fit"):
        sealing(ROOT).unseal(sealed, about=b"kid|RS256")
    with pytest.raises(UnsealRefused, match="another root secret"):
        sealing(OTHER).unseal(sealed, about=b"kid|ES256")
