"""How we connect: what of the URL is ours, what is set on every connection, and the pool.

Ours is one parameter of the URL, `prepared_statements=false`: for a pgbouncer that hands every transaction to
another server connection (tried with 1.18, Debian 12's). Then nothing is prepared, at the price of planning
each statement anew, and nothing is set that pgbouncer refuses at connect: give the role its time-outs instead
(`ALTER ROLE sekisho SET statement_timeout = '10s'`).

Everything else goes to libpq as it is, `sslmode` and several hosts with `target_session_attrs` included, and
wins over what is set here. `synchronous_commit` is never touched: what we acknowledge is durable.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from sekisho.frozen import Frozen, Hidden
from sekisho.setting_words import Words
from sekisho.settings import SettingsRefused, refused

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

#: Seconds to wait for a connection. A client gives up a refresh after four; later, nobody is there to answer.
PATIENCE = 3.0

_PREPARED = {"true": True, "false": False}

# libpq's own names, in seconds but for tcp_user_timeout (milliseconds). A host that vanished without a word
# is noticed in some twenty seconds, in place of the two hours of TCP's defaults.
_DEFAULTS = {
    "application_name": "sekisho",
    "connect_timeout": "3",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
# A hundred times what any statement of ours needs: they end what would hold its locks for ever.
_SESSION = "-c statement_timeout=10s -c idle_in_transaction_session_timeout=10s"


class Target(Frozen):
    """Where to connect."""

    conninfo: Hidden[str]  # with the password
    prepared: bool


def target(url: str) -> Target:
    """Read a database URL.

    Raises:
        SettingsRefused: it is none, or a parameter of ours has a value that it cannot have; never with the
            text.
        ImportError: the driver is not installed; the message says what to install.
    """
    psycopg = driver()
    base, _, query = url.partition("?")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    prepared = _PREPARED.get(parameters.pop("prepared_statements", "true"))
    if prepared is None:
        raise _unusable(
            Words(
                "has prepared_statements neither true nor false",
                "の prepared_statements が true でも false でもありません",
            )
        )
    rest = f"{base}?{urlencode(parameters, quote_via=quote)}" if parameters else base
    try:
        given: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(rest)
    except psycopg.Error:
        # Not chained: libpq quotes the text, and the text holds a password.
        raise _unusable(
            Words("is none that PostgreSQL's client understands", "は PostgreSQL が読めない形です")
        ) from None
    session = {"options": f"{_SESSION} {given.pop('options', '')}".rstrip()} if prepared else {}
    return Target(psycopg.conninfo.make_conninfo(**(_DEFAULTS | session | given)), prepared)


def _unusable(problem: Words) -> SettingsRefused:
    return refused(
        "SEKISHO_DATABASE_URL",
        problem,
        Words(
            "write postgresql://user@host/name, with libpq's parameters behind a question mark",
            "postgresql://user@host/name と書き、libpq のパラメーターは ? の後に続けてください",
        ),
    )


def driver() -> Any:  # noqa: ANN401 - a module, which has no narrower type
    """Load psycopg, which only a server on PostgreSQL needs.

    Raises:
        ImportError: it is not installed; the message says what to install.
    """
    try:
        import psycopg  # noqa: PLC0415 - an optional dependency
    except ImportError as missing:
        raise ImportError("PostgreSQL needs psycopg: pip install 'sekisho[postgres]'") from missing
    return psycopg


def make_pool(target: Target, *, size: int, patience: float) -> AsyncConnectionPool[AsyncConnection[Any]]:
    """A pool of at most `size` connections, not yet open.

    Waiting is bounded twice: to `patience` (seconds), and to 64 callers a connection, whom it serves within a
    fraction of that.
    """
    from psycopg import AsyncConnection, AsyncRawCursor  # noqa: PLC0415 - an optional dependency
    from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415 - same

    return AsyncConnectionPool(
        target.conninfo,
        connection_class=AsyncConnection,
        kwargs={
            "autocommit": True,
            "cursor_factory": AsyncRawCursor,
            # At the second use: of some sixty texts most are used once in the life of a connection.
            "prepare_threshold": 1 if target.prepared else None,
        },
        min_size=min(2, size),
        max_size=size,
        max_waiting=size * 64,
        timeout=patience,
        # The pool doubles its pauses while the server is away. Giving up at once, it lets the next caller try
        # anew, and we are back within a second of the server.
        reconnect_timeout=1.0,
        configure=_configure,
        open=False,
        name="sekisho",
    )


async def _configure(connection: AsyncConnection[Any]) -> None:
    """Ids come as text; integers go as bigint, not by their size, which would prepare a text three times."""
    from psycopg.types.numeric import Int8Dumper  # noqa: PLC0415 - an optional dependency
    from psycopg.types.string import TextLoader  # noqa: PLC0415 - same

    connection.adapters.register_loader("uuid", TextLoader)
    connection.adapters.register_dumper(int, Int8Dumper)


def is_stale(connection: AsyncConnection[Any]) -> bool:
    """Whether the server has ended an idle connection, found out without asking it.

    A server that is stopped or killed leaves its last word in the socket, and an idle connection has nothing
    else to read (but a changed setting, rare enough to connect anew for). One system call in place of a round
    trip, and a restart between two calls is never noticed: not even by a write, which could not be repeated
    once it was sent.
    """
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
