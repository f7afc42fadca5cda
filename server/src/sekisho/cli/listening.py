"""The sockets that a server listens on, bound before anything else: a busy port leaves no file behind."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

from sekisho.cli.fault import Fault
from sekisho.words.catalogue import Say

_BACKLOG = 2048
#: How often another port is picked because its IPv6 half was taken.
_PICKS = 16


def listen(host: str, port: int, say: Say) -> list[socket.socket]:
    """Listening sockets on every address of `host`, all on one port; 0 picks a free one.

    `localhost` is both loopback addresses, whatever the hosts file says: browsers try ::1 first.

    Raises:
        Fault: `port_busy`, `port_not_allowed` or `host_unusable`.
    """
    addresses = _addresses(host, say)
    for _ in range(_PICKS if port == 0 else 1):
        try:
            return _bind(addresses, port)
        except OSError as fault:
            if fault.errno == errno.EADDRINUSE:
                continue
            if fault.errno == errno.EACCES:
                raise Fault(
                    "port_not_allowed", say("fault.port_not_allowed", port=port), say("fix.port_not_allowed")
                ) from None
            raise Fault(
                "host_unusable", say("fault.host_unusable", host=host, reason=fault.strerror), say("fix.host")
            ) from None
    raise Fault("port_busy", say("fault.port_busy", port=port), say("fix.port_busy"))


def _addresses(host: str, say: Say) -> Sequence[tuple[socket.AddressFamily, str]]:
    if host == "localhost":
        return [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as fault:
        raise Fault(
            "host_unusable", say("fault.host_unusable", host=host, reason=fault.strerror), say("fix.host")
        ) from None
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bind(addresses: Sequence[tuple[socket.AddressFamily, str]], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for family, address in addresses:
            try:
                sockets.append(_listening(family, address, port))
            except OSError as fault:
                # A machine without IPv6 still has a loopback.
                absent = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
                if not sockets or fault.errno not in absent:
                    raise
            port = sockets[0].getsockname()[1]
    except OSError:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((address, port))
        # At once, and not when the server is ready: until somebody listens, a second program may bind it too.
        opened.listen(_BACKLOG)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened
