"""A reading that is repeated: the last good value stays, says how old it is, and why it is not newer."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from sekisho.adapters.secrets.kept import Kept
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.adapters.secrets.secret import Secret
from sekisho.adapters.secrets.versions import Versions
from sekisho.settings import SettingsRefused

FIRST, SECOND = b"first-" + b"a1B2" * 8, b"second-" + b"c3D4" * 8


class Watch:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Where it stands."""
        return self.now


def write(path: Path, content: bytes) -> None:
    """Put content behind a path, as an orchestrator does: whole or not at all."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(0o600)
    new.replace(path)


def file_kept(path: Path, watch: Watch) -> Kept[Versions]:
    """What is kept of the file."""
    secrets = Secrets(sources(os.environ))
    return Kept(lambda: secrets.versions(f"file:{path}", setting="SEKISHO_SIGNING_KEY"), steady=watch)


async def test_a_changed_file_is_seen_at_the_next_reading(tmp_path: Path) -> None:
    """The new content counts from the reading on, and the age begins anew."""
    path, watch = tmp_path / "key", Watch()
    write(path, FIRST + b"\n")
    kept = file_kept(path, watch)
    assert kept.value.current.reveal() == FIRST
    write(path, SECOND)
    watch.now += 60
    assert (kept.value.current.reveal(), kept.age()) == (FIRST, 60)
    assert (await kept.reread()).current.reveal() == SECOND
    assert (kept.value.current.reveal(), kept.age(), kept.faults) == (SECOND, 0, ())


async def test_a_reading_that_fails_takes_nothing_away(tmp_path: Path) -> None:
    """The value stays and ages; the fault names the file and not its content, until a reading succeeds."""
    path, watch = tmp_path / "key", Watch()
    write(path, FIRST)
    kept = file_kept(path, watch)
    watch.now += 30
    path.chmod(0o644)
    with pytest.raises(SettingsRefused, match="chmod 600"):
        await kept.reread()
    assert (kept.value.current.reveal(), kept.age()) == (FIRST, 30)
    assert [fault.name for fault in kept.faults] == [f"file:{path}"]
    assert FIRST.decode() not in str(kept.faults)
    path.chmod(0o600)
    await kept.reread()
    assert (kept.faults, kept.age()) == ((), 0)


def test_the_first_reading_is_the_callers(tmp_path: Path) -> None:
    """Nothing is kept of a secret that was never read: the refusal is raised."""
    with pytest.raises(SettingsRefused, match="No such file"):
        file_kept(tmp_path / "missing", Watch())


async def test_readings_leave_the_event_loop_free_and_do_not_overlap() -> None:
    """A slow source blocks a thread, not the loop, and is asked by one reading at a time."""
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    running, most, here = 0, 0, threading.get_ident()
    first = True

    def read() -> int:
        nonlocal running, most, first
        if first:
            first = False
            return here
        running += 1
        most = max(most, running)
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(30)
        running -= 1
        return threading.get_ident()

    kept = Kept(read, steady=Watch())
    both = asyncio.gather(kept.reread(), kept.reread())
    await begun.wait()  # only a loop that is free comes past here while the source hangs
    assert kept.value == here
    go_on.set()
    assert here not in await both
    assert most == 1


def test_a_source_that_hangs_holds_up_no_end() -> None:
    """A loop that ends amid a reading ends at once; the thread that still waits holds up nobody."""
    go_on = threading.Event()

    async def run() -> None:
        loop, begun, first = asyncio.get_running_loop(), asyncio.Event(), [True]

        def read() -> bool:
            if first:
                return first.pop()
            loop.call_soon_threadsafe(begun.set)
            return go_on.wait(30)

        reading = asyncio.create_task(Kept(read, steady=Watch()).reread())
        await begun.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    ended = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    ended.start()
    ended.join(5)
    hung = ended.is_alive()
    go_on.set()
    ended.join(30)
    assert not hung


def test_sources_without_versions_have_only_the_current_one(tmp_path: Path) -> None:
    """A file and a variable hold one version: nothing is pending and nothing was before."""
    write(tmp_path / "key", FIRST + b"\n")
    secrets = Secrets(sources({"KEY": SECOND.decode() + "\n"}))
    for reference, content in ((f"file:{tmp_path / 'key'}", FIRST), ("env:KEY", SECOND)):
        versions = secrets.versions(reference, setting="SEKISHO_ROOT_SECRET")
        assert (versions.current.reveal(), versions.previous, versions.pending) == (content, (), None)


def test_every_version_is_read_alike() -> None:
    """Each version loses its one newline, and an empty one is refused by setting and reference."""
    held = Versions(Secret(b"now\n"), (Secret(b"before\r\n"), Secret(b"long before")), Secret(b"next\n"))
    secrets = Secrets({"kms": lambda _name: held})
    versions = secrets.versions("kms:key", setting="SEKISHO_SIGNING_KEY")
    assert versions.current.reveal() == b"now"
    assert [secret.reveal() for secret in versions.previous] == [b"before", b"long before"]
    assert versions.pending is not None
    assert versions.pending.reveal() == b"next"
    assert secrets.read("kms:key", setting="SEKISHO_SIGNING_KEY").reveal() == b"now"
    empty = Secrets({"kms": lambda _name: Versions(Secret(b"now"), (), Secret(b"\n"))})
    with pytest.raises(SettingsRefused, match=r"SEKISHO_SIGNING_KEY \(kms:key\): is empty"):
        empty.versions("kms:key", setting="SEKISHO_SIGNING_KEY")
