"""The repository around the data directory, if there is one: no secret may be in it, now or ever before.

The values that are looked for stay in this process: git is asked for what it holds, and no argument, file or
pipe that somebody else could read carries a secret.
"""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from sekisho.adapters.secrets.secret import Secret
from sekisho.cli.checkup.findings import Finding, bad, good, skipped, warning

#: Bytes of history that are read at most: some hundred thousand commits of an ordinary repository.
MOST = 256 * 1024 * 1024
_PIECE = 1024 * 1024
_PATIENCE = 120.0
# It writes nothing, not even a refreshed index, and starts no monitor that a repository names.
_GIT = ("git", "--no-optional-locks", "-c", "diff.autoRefreshIndex=false", "-c", "core.fsmonitor=false")
#: What is secret in a JWK.
_OF_JWK = re.compile(rb'"[dk]"\s*:\s*"([A-Za-z0-9_-]{32,})"')


def look_at_repository(folder: Path, *, data: Path, secrets: Sequence[Secret]) -> Iterator[Finding]:
    """Look whether files of `data` are tracked or not ignored, and for the secrets in everything committed.

    Args:
        folder: where to look for a repository: it, or one above it; around `data` there may be another.
        data: the data directory.
        secrets: the values in use.
    """
    places = [folder.resolve(), *([data.resolve()] if data.is_dir() else [])]
    tops = dict.fromkeys(_ask(place, "rev-parse", "--show-toplevel") for place in places)
    roots = [Path(top.decode(errors="replace").strip()) for top in tops if top is not None]
    for root in roots:
        yield _tracked(root, data)
        yield _history(root, secrets)
    unread = [place for place in places if None in tops and _has_git(place)]
    if unread and not roots:
        yield warning("repository", "repository.unread", path=unread[0])
    elif not roots:
        yield skipped("repository", "repository.none")


def _has_git(place: Path) -> bool:
    """Whether there is a repository here or above, whatever git says: it reads none of somebody else's."""
    return any((above / ".git").exists() for above in (place, *place.parents))


def _tracked(root: Path, data: Path) -> Finding:
    if not data.resolve().is_relative_to(root.resolve()):
        return good("tracked", "tracked.outside")
    place = str(data.resolve().relative_to(root.resolve()))
    tracked = (_ask(root, "ls-files", "-z", "--", place) or b"").split(b"\0")[:-1]
    if tracked:
        return bad("tracked", count=len(tracked), path=place)
    ever = _ask(root, "log", "--all", "--format=%h", "--max-count=1", "--", place)
    if ever and ever.strip():
        return bad("tracked", "tracked.once", commit=ever.decode().strip(), path=place)
    if _ask(root, "check-ignore", "--quiet", "--no-index", "--", place) is None:
        return warning("tracked", path=place)
    return good("tracked", path=place)


def _history(root: Path, secrets: Sequence[Secret]) -> Finding:
    spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
    if not spellings:
        return skipped("history", "history.no_secrets")
    shown = ["--text", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv"]
    # What a merge adds by itself is in no other patch; what a stash holds is such a merge.
    log = ["log", "--all", "--patch", "--cc", "--format=commit %h", *shown]
    for command in (["diff", *shown], ["diff", "--cached", *shown], log):
        with subprocess.Popen(  # noqa: S603 - git, with words of our own
            [*_GIT, "-C", str(root), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        ) as git:
            assert git.stdout is not None  # noqa: S101 - it is a pipe
            try:
                read, commit, found = _scan(iter(partial(git.stdout.read, _PIECE), b""), spellings)
                ended = found or read >= MOST or git.wait() == 0
            finally:
                git.kill()
        if found:
            return bad("history", commit=commit if command is log else "git diff")
        if not ended:
            return warning("history", "history.unread")
        if read >= MOST:
            return warning("history", "history.partly", megabytes=read >> 20)
    return good("history")


def _scan(pieces: Iterator[bytes], spellings: set[bytes]) -> tuple[int, str, bool]:
    """Bytes read, the last commit begun, and whether a secret was seen in it."""
    overlap = max(map(len, spellings))
    read, commit, rest = 0, "?", b""
    for piece in pieces:
        read += len(piece)
        text = rest + piece
        for spelling in spellings:
            at = text.find(spelling)
            if at >= 0:
                return read, _commit_before(text, at) or commit, True
        commit = _commit_before(text, len(text)) or commit
        rest = text[-overlap:]
        if read >= MOST:
            break
    return read, commit, False


def _commit_before(text: bytes, at: int) -> str:
    start = text.rfind(b"\ncommit ", 0, at)
    start = start + 1 if start >= 0 else (0 if text.startswith(b"commit ") else -1)
    return text[start:at].split(None, 2)[1].decode(errors="replace") if start >= 0 else ""


def _spellings(secret: Secret) -> Iterator[bytes]:
    """As it stands in a file, and as people paste it: a patch shows a line whole, and so is one searched."""
    raw = secret.reveal().strip(b"\r\n")
    lines = [line for line in raw.splitlines() if len(line) >= 16]  # a PEM is one line after another
    yield from (lines[len(lines) // 2 :][:1] if b"-----BEGIN" in raw else [raw] if b"\n" not in raw else [])
    yield from _OF_JWK.findall(raw)
    whole = raw[: len(raw) // 3 * 3]  # whatever follows it there, a newline as a rule
    yield base64.b64encode(whole)
    yield base64.urlsafe_b64encode(whole)
    yield raw.hex().encode()


def _ask(folder: Path, *words: str) -> bytes | None:
    """What git answers; none where it refuses, or is not there."""
    try:
        done = subprocess.run(  # noqa: S603 - git, with words of our own
            [*_GIT, "-C", str(folder), *words],
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
