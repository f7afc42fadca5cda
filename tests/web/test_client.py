"""Who is asking, by address: nobody chooses their own."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.rules.session import Client
from sekisho.web.client import Clients, Network

PROXIES = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "fd00::/8")))


def identify(
    peer: str | None,
    *forwarded: bytes,
    trusted: Sequence[Network] = PROXIES,
    **headers: bytes,
) -> Client:
    """The client of a request from `peer` with these X-Forwarded-For headers."""
    raw = [(b"x-forwarded-for", value) for value in forwarded]
    raw += [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    scope = {"client": (peer, 1234) if peer is not None else None, "headers": raw}
    return Clients(trusted, os.urandom).identify(scope, dict(raw))


@pytest.mark.requirement("H3", "X11")
@pytest.mark.parametrize(
    ("peer", "forwarded", "ip"),
    [
        ("203.0.113.7", (b"198.51.100.1",), "203.0.113.7"),  # not a proxy: its word counts for nothing
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", (b"198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", (b"1.1.1.1, 198.51.100.1",), "198.51.100.1"),  # left of it, the client wrote
        ("10.0.0.1", (b"1.1.1.1, 198.51.100.1, 10.0.0.2",), "198.51.100.1"),  # two proxies of ours
        ("10.0.0.1", (b"1.1.1.1", b"198.51.100.1"), "198.51.100.1"),  # two headers are one list
        ("10.0.0.1", (b"10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("10.0.0.1", (b"198.51.100.1, garbage",), "10.0.0.1"),
        ("10.0.0.1", (b"198.51.100.1, garbage, 10.0.0.2",), "10.0.0.2"),
        ("10.0.0.1", (b"198.51.100.1,",), "10.0.0.1"),
        ("10.0.0.1", (b"unknown",), "10.0.0.1"),
        ("10.0.0.1", (b"198.51.100.1:4711",), "198.51.100.1"),
        ("10.0.0.1", (b"[2001:db8::1]:4711",), "2001:db8::1"),
        ("10.0.0.1", (b"2001:db8::1",), "2001:db8::1"),
        ("fd00::1", (b"198.51.100.1",), "198.51.100.1"),
        ("::ffff:10.0.0.1", (b"198.51.100.1",), "198.51.100.1"),  # a dual-stack socket
        ("10.0.0.1", (b"2001:db8::1%" + b"x" * 9_000,), "2001:db8::1"),  # a zone is any text
        ("fd00::1%eth0", (b"::ffff:198.51.100.1%\xe9",), "198.51.100.1"),
        ("10.0.0.1", (b"\xd9\xa1.1.1.1",), "10.0.0.1"),  # an Arabic digit is no address
        ("", (b"198.51.100.1",), ""),
        (None, (b"198.51.100.1",), ""),  # a unix socket has no address
    ],
)
def test_the_address_is_the_rightmost_that_is_not_ours(
    peer: str | None, forwarded: tuple[bytes, ...], ip: str
) -> None:
    """X-Forwarded-For counts from trusted peers only, from the right, up to what cannot be read."""
    assert identify(peer, *forwarded).ip == ip


@pytest.mark.requirement("X11")
def test_without_proxies_nothing_is_believed() -> None:
    """The default: not the address, not the request id."""
    client = identify("10.0.0.1", b"198.51.100.1", trusted=(), x_request_id=b"chosen-by-me")
    assert client.ip == "10.0.0.1"
    assert client.request_id != "chosen-by-me"


def test_a_proxy_may_name_the_request() -> None:
    """So that its log and ours can be read together; but only in letters that no log minds."""
    assert identify("10.0.0.1", x_request_id=b"edge-1234.5_6").request_id == "edge-1234.5_6"
    for unfit in (b"", b"short", b"x" * 65, b"new\nline-here", b"caf\xe9-cafe", b"a b c d e f"):
        request_id = identify("10.0.0.1", x_request_id=unfit).request_id
        assert request_id != unfit.decode("latin-1")
        assert len(request_id) == 24
    assert identify("203.0.113.7", x_request_id=b"edge-1234.5_6").request_id != "edge-1234.5_6"


def test_request_ids_do_not_repeat() -> None:
    """96 random bits each."""
    assert len({identify("203.0.113.7").request_id for _ in range(1000)}) == 1000


@given(st.lists(st.binary(max_size=60), max_size=3), st.binary(max_size=500))
def test_any_header_is_survived(forwarded: list[bytes], agent: bytes) -> None:
    """The address is one, the user agent is printable and short, whatever was sent."""
    client = identify("10.0.0.1", *forwarded, user_agent=agent)
    ipaddress.ip_address(client.ip)
    assert client.user_agent == "" or client.user_agent.isprintable() or "\ufffd" in client.user_agent
    assert len(client.user_agent) <= 400
    assert "\0" not in client.user_agent
    assert "\n" not in client.user_agent
