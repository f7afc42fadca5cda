"""Which questions a shop's process sends, whoever in it sends them.

Python's audit events (PEP 578) tell of every HTTP request that leaves. So "it asks nobody" is seen, and not
merely claimed by the code that would ask.
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection
from typing import Any

from sekisho.features.explorer.telling import Tell
from sekisho.ports import Clock


def tell_outgoing(server: str, *, tell: Tell, steady: Clock) -> None:
    """Tell from now on, as long as this process lives: an audit hook cannot be taken away again."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "http.client.send":
            connection: HTTPConnection = arguments[0]
            if connection.sock is not None:
                # By its address the one who is asked knows it again.
                host, port = connection.sock.getsockname()[:2]
                tell({"kind": "outgoing", "server": server, "at": steady(), "client": [host, port]})

    sys.addaudithook(hook)
