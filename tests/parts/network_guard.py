"""No test leaves this machine: an audit hook that refuses, and remembers, every step off loopback.

An audit hook sees what a patched `socket.connect` would miss: other references to the method, datagrams,
name look-ups. It cannot be removed again, so it is installed once a process. Not seen: C code with sockets of
its own (libpq, uvloop) and processes that a test starts.
"""

from __future__ import annotations

import ipaddress
import sys

_attempts: list[str] = []

# Audit event: which of its arguments is the address or the host.
_EVENTS = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}
_LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname"}


class NetworkForbiddenError(BaseException):
    """A test reached for the network; not an Exception, so that no code under test takes it for a bad day."""


def install() -> None:
    """Refuse, in this process and for good, every connection, datagram and name look-up off loopback."""
    sys.addaudithook(_audit)


def take_attempts() -> list[str]:
    """Return what was refused since the last call, for code that swallows whatever is raised."""
    taken = _attempts.copy()
    _attempts.clear()
    return taken


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    position = _EVENTS.get(event)
    if position is None:
        return
    target = arguments[position]
    if not (_is_harmless_lookup(target) if event in _LOOKUPS else _is_local(target)):
        attempt = f"{event} {target!r}"
        _attempts.append(attempt)
        raise NetworkForbiddenError(attempt)


def _is_local(address: object) -> bool:
    """Only internet addresses are tuples: a unix socket's is text or bytes, a connected datagram's None."""
    if not isinstance(address, tuple):
        return True
    literal = _literal(address[0])
    return address[0] == "localhost" or (literal is not None and literal.is_loopback)


def _is_harmless_lookup(host: object) -> bool:
    """No host means a look-up in order to listen; a literal address is taken apart without asking anybody."""
    return host in {None, "", b"", "localhost", b"localhost"} or _literal(host) is not None


def _literal(host: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
