"""Where a request came from: an address that counts for the throttle, so nobody may choose it freely."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from sekisho.frozen import Frozen
from sekisho.ports import Entropy
from sekisho.rules.session import Client
from sekisho.web.asgi import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Characters of a User-Agent that the device list keeps.
USER_AGENT_MAX: Final = 400
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}\Z")
_REQUEST_ID_BYTES: Final = 12
#: `1.2.3.4:567` and `[::1]:567`, as some proxies write them.
_WITH_PORT: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<v4>[0-9.]+))(?::[0-9]{1,5})?\Z")


class Clients(Frozen):
    """Tells clients apart, given the networks whose forwarding headers are believed."""

    trusted: Sequence[Network]
    entropy: Entropy

    def identify(self, scope: Scope, headers: dict[bytes, bytes]) -> Client:
        """The client of a request.

        `X-Forwarded-For` and `X-Request-Id` count only from a trusted peer. Of the addresses, the right-most
        that is not itself a trusted proxy is the client: what lies left of it, the client may have written.
        """
        peer: str = scope["client"][0] if scope.get("client") else ""
        request_id = None
        if self.trusted and self._trusts(address := _address(peer)):
            peer = self._forwarded(scope, str(address))
            offered = headers.get(b"x-request-id", b"")
            if _REQUEST_ID.match(offered):
                request_id = offered.decode()
        return Client(
            ip=peer,
            user_agent=_printable(headers.get(b"user-agent", b"")),
            request_id=request_id or self.entropy(_REQUEST_ID_BYTES).hex(),
        )

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self.trusted)

    def _forwarded(self, scope: Scope, peer: str) -> str:
        values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        for text in reversed(b",".join(values).decode("latin-1").split(",")):
            address = _address(text.strip())
            if address is None:
                break  # garbage: what lies left of it is no better. The last hop that we know counts
            peer = str(address)
            if not self._trusts(address):
                break
        return peer


def _address(text: str) -> Address | None:
    match = _WITH_PORT.match(text)
    try:
        address = ipaddress.ip_address((match["v6"] or match["v4"]) if match else text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    # A dual-stack socket shows IPv4 peers as ::ffff:1.2.3.4, and networks are written the short way. A zone
    # (RFC 4007 section 11) means something to the machine that wrote it alone, and may be any text at all.
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))


def _printable(value: bytes) -> str:
    text = value[:USER_AGENT_MAX].decode("latin-1")
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
