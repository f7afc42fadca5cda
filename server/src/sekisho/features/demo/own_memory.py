"""The teaching setting: a server that keeps what it stores to itself, as with sessions in its memory.

Nothing stands in for the store. It is the real server on a database that one process makes, alone opens and
takes with it when it ends, which is all that a session in that process's memory amounts to: no other server
finds it. No setting leads here, and nothing but the demo knows of it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from sekisho.settings import Settings


@contextmanager
def own_memory(settings: Settings) -> Generator[Settings]:
    """The same settings, but for a database that is gone at the end.

    Raises:
        ValueError: no root secret is named. The server would make one of its own and refuse every cookie of
            another for its seal, before it had looked for the session: the wrong lesson.
    """
    if settings.root_secret is None:
        raise ValueError("the root secret has to be shared")
    with TemporaryDirectory(prefix="own-memory-", dir=settings.data.parent) as folder:
        yield replace(settings, data=Path(folder), database_url=f"sqlite:///{folder}/sekisho.db")
