"""The last good keys on disk: written whole, for this user alone; believed if nobody else wrote them."""

from __future__ import annotations

import gc
import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any

import pytest

from sekisho_verify import IssuerKeys, KeySetUnavailable, Verifier
from sekisho_verify.key_cache import MAX_FILE, KeyCache
from tests.parts.serving import until
from tests.verify.issuers import SteadyClock, Taker, running_issuer, wait_until_at_rest, watched
from tests.verify.tokens import AUDIENCE, EC, HMAC, ISSUER, NOW, OKP, token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEYS = (EC.public, OKP.public)
GOOD = {"issuer": ISSUER, "fetched_at": float(NOW), "keys": [EC.public.to_jwk()]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the cache is."""
    return tmp_path / "keys.json"


@pytest.fixture(autouse=True)
def at_rest() -> Iterator[None]:
    """Every test leaves nothing running."""
    yield
    gc.collect()
    wait_until_at_rest()


def read(path: Path, *, now: float = NOW, max_age: float = 1000.0) -> tuple[list[str], float] | None:
    """What a process that starts at `now` finds there."""
    found = KeyCache(path, issuer=ISSUER).read(now=now, max_age=max_age)
    return None if found is None else ([key.kid for key in found[0]], found[1])


def test_what_is_written_is_read_with_its_age(path: Path) -> None:
    """All public keys come back, as old as they are."""
    KeyCache(path, issuer=ISSUER).write(KEYS, now=NOW)
    assert read(path, now=NOW + 999) == ([EC.kid, OKP.kid], 999)


def test_the_file_is_for_its_owner_alone_and_replaced_as_a_whole(path: Path) -> None:
    """Mode 0600 whatever the umask; who has the old one open reads it to its end; nothing else is left."""
    before = os.umask(0)
    try:
        KeyCache(path, issuer=ISSUER).write(KEYS, now=NOW)
        with path.open("rb") as old:
            KeyCache(path, issuer=ISSUER).write(KEYS[:1], now=NOW + 1)
            assert [key["kid"] for key in json.load(old)["keys"]] == [EC.kid, OKP.kid]
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read(path, now=NOW + 1) == ([EC.kid], 0)
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_never_reaches_the_disk(path: Path) -> None:
    """Of whatever is handed over, only what is public is written."""
    KeyCache(path, issuer=ISSUER).write((HMAC, EC.public), now=NOW)
    assert [key["kid"] for key in json.loads(path.read_bytes())["keys"]] == [EC.kid]
    assert HMAC.to_private_jwk()["k"] not in path.read_text()


@pytest.mark.requirement("J21")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not strict JSON"),
        (b"[]", "not an object"),
        (b'{"issuer":"https://id.example.com","issuer":"x"}', "twice"),
        (json.dumps(GOOD).encode() + b"x", "not strict JSON"),
        (GOOD | {"issuer": f"{ISSUER}/"}, f"it is of issuer '{ISSUER}/'"),
        (GOOD | {"issuer": None}, "it is of issuer None"),
        (GOOD | {"fetched_at": NOW - 1000.0}, "not of the last 1000 seconds"),
        (GOOD | {"fetched_at": NOW + 0.5}, "not of the last 1000 seconds"),
        (GOOD | {"fetched_at": True}, "not of the last 1000 seconds"),
        (GOOD | {"fetched_at": None}, "not of the last 1000 seconds"),
        (GOOD | {"fetched_at": 10**400}, "not of the last 1000 seconds|not strict JSON"),
        (GOOD | {"keys": []}, "no usable key"),
        (GOOD | {"keys": [HMAC.to_private_jwk()]}, "holds a shared secret"),
        (GOOD | {"keys": [EC.to_private_jwk()]}, "private key in a published set"),
        (GOOD | {"keys": [EC.public.to_jwk()] * 2}, "same kid"),
        (b" " * (MAX_FILE + 1), f"more than {MAX_FILE} bytes"),
    ],
)
def test_what_is_not_strictly_right_is_not_used(path: Path, content: Any, reason: str) -> None:  # noqa: ANN401 -- JSON
    """Another issuer, another time, bad JSON and anything but public keys are refused with a warning."""
    path.touch(0o600)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with watched() as watch:
        assert read(path) is None
    said = watch.next()
    assert said.startswith(f"the key cache {path} is not used: ")
    assert re.search(reason, said)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o660])
def test_what_others_may_write_is_not_believed(path: Path, mode: int) -> None:
    """A file that another user could have written is refused, with what to do; to read it harms nothing."""
    KeyCache(path, issuer=ISSUER).write(KEYS, now=NOW)
    path.chmod(mode)
    with watched() as watch:
        assert read(path) is None
    said = watch.next()
    assert said == f"the key cache {path} is not used: other users may write it: chmod 600 FILE, or remove it"
    path.chmod(0o644)
    assert read(path) == ([EC.kid, OKP.kid], 0)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_name_for_a_file_of_ours_elsewhere_is_not_followed(path: Path, link: Callable[..., None]) -> None:
    """Who may write into the folder cannot have another file of ours, say an upload, taken for the keys."""
    upload = path.with_name("upload")
    KeyCache(upload, issuer=ISSUER).write(KEYS, now=NOW)
    assert read(upload) == ([EC.kid, OKP.kid], 0)
    link(upload, path)
    with watched() as watch:
        assert read(path) is None
    assert re.search("not used: (.* symbolic link|it has another name too)", watch.next())
    KeyCache(path, issuer=ISSUER).write(KEYS[:1], now=NOW + 1)
    assert read(path, now=NOW + 1) == ([EC.kid], 0)
    assert read(upload) == ([EC.kid, OKP.kid], 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_another_user_owns_is_not_believed(path: Path) -> None:
    """The owner of a file can write it, whatever its mode says."""
    KeyCache(path, issuer=ISSUER).write(KEYS, now=NOW)
    os.chown(path, 12345, -1)
    with watched() as watch:
        assert read(path) is None
    assert "other users may write it" in watch.next()


def test_what_is_no_file_holds_nobody_up(path: Path) -> None:
    """A directory is refused, a pipe too and without waiting for a writer, and nothing at all is no fault."""
    with watched() as watch:
        assert read(path) is None
        path.mkdir()
        assert read(path) is None
        assert "Is a directory" in watch.next()
        path.rmdir()
        os.mkfifo(path, 0o600)
        assert read(path) is None
        assert watch.next() == f"the key cache {path} is not used: it is not a file"


def test_what_cannot_be_written_is_said_and_harms_nothing(tmp_path: Path) -> None:
    """Where the folder is missing, the keys are used all the same."""
    path = tmp_path / "missing" / "keys.json"
    with running_issuer() as issuer, watched() as watch:
        source = IssuerKeys(issuer.url, cache_file=path)
        with Verifier(
            issuer=issuer.url, audience=AUDIENCE, keys=source, feed=None, clock=lambda: NOW
        ) as using:
            assert using.verify(token(EC, iss=issuer.url)).sub
            assert watch.next() == f"{issuer.url}: the keys are now {EC.kid}"
            assert watch.next().startswith(f"the key cache {path} cannot be written: ")


def started(url: str, path: Path, *, now: float, steady: SteadyClock) -> tuple[IssuerKeys, Verifier]:
    """A process that starts at `now`, in so far as it matters here."""
    source = IssuerKeys(url, cache_file=path, max_stale=1000, clock=lambda: now, steady=steady)
    return source, Verifier(issuer=url, audience=AUDIENCE, keys=source, feed=None, clock=lambda: NOW)


@pytest.mark.requirement("J21")
def test_a_start_while_the_issuer_is_down_uses_the_file(path: Path) -> None:
    """The process before has left the keys; the next verifies by them, knows their age, and lets them end."""
    with running_issuer() as issuer:
        text = token(EC, iss=issuer.url)
        with started(issuer.url, path, now=NOW, steady=SteadyClock())[1] as before:
            assert before.verify(text).sub
            until(path.exists, "the keys are written, once they are in use")
    steady, taker = SteadyClock(), Taker()
    source, after = started(issuer.url, path, now=NOW + 600, steady=steady)
    with watched() as watch, after:
        said = watch.next()
        assert "those of 600 seconds ago stay in use" in said
        assert "ConnectionRefusedError" in said
        assert after.verify(text).sub
        assert after.key_status.state == "stale"
        assert after.key_status.age == 600
        source.provide(taker.take)
        assert taker.next() == (EC.kid,)
        steady.advance(400)
        assert taker.next() == ()
        # The file has not grown older by its own clock, and does not bring back what has had its time.
        assert "there are none to verify with" in watch.next()
        with pytest.raises(KeySetUnavailable, match="ConnectionRefusedError"):
            after.verify(text)
    source.withdraw(taker.take)


@pytest.mark.requirement("J21")
def test_a_start_with_a_file_that_is_too_old_has_no_keys(path: Path) -> None:
    """In the very second of `max_stale` the file is of no use any more, and is said to be."""
    KeyCache(path, issuer="http://127.0.0.1:9").write(KEYS, now=NOW)
    with watched() as watch:
        _, using = started("http://127.0.0.1:9", path, now=NOW + 1000, steady=SteadyClock())
        with using, pytest.raises(KeySetUnavailable):
            using.verify(token(EC, iss="http://127.0.0.1:9"))
        assert "not of the last 1000 seconds" in watch.next()
