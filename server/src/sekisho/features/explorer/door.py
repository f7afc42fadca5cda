"""The way from an auth server to the explorer: `/explore` answers with the address of the explorer's page.

Whoever asks must be a person on this machine. To a page of another site, or under a name that such a page
has had resolved to this machine, the way is closed: it may start processes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from ipaddress import ip_address
from urllib.parse import urlsplit

from sekisho.feature import Feature
from sekisho.rules.refusals import Refusal
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form
from sekisho.web.pages import Page, Refused, SeeOther

PATH = "/explore"
_OWN = frozenset({b"same-origin", b"none"})


def door(
    issuer: str,
    find: Callable[[], Awaitable[str]],
    *,
    running: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> Feature:
    """The feature of the server at `issuer`; `find` gives the page's address, and may take seconds."""

    async def go(site: Site, call: Call[Form], refused: Refused | None) -> SeeOther:  # noqa: ARG001 - as pages have it
        _admit(call, issuer)
        return SeeOther(await find())

    return Feature(name="explorer-door", pages=(Page(path=PATH, show=go),), running=running)


def _admit(call: Call[Form], issuer: str) -> None:
    """Return if a person on this machine asks.

    Raises:
        Refusal: `not_found` from elsewhere; `origin_not_allowed`.
    """
    if not call.client.ip or not ip_address(call.client.ip).is_loopback:
        raise Refusal("not_found", "the explorer is for this machine alone")
    # A link on a page of ours, or an address that was typed. Browsers from before 2020 say nothing.
    if call.headers.get(b"sec-fetch-site", b"none") not in _OWN:
        raise Refusal("origin_not_allowed", "another site opened the explorer")
    if call.headers.get(b"host") != urlsplit(issuer).netloc.encode():
        raise Refusal("origin_not_allowed", "another Host")
