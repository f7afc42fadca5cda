"""What a true option hands to `compose.py`: what it serves, and what it keeps open meanwhile.

Login steps, migrations and settings of its own join these when the first feature brings one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from sekisho.frozen import Frozen
from sekisho.web.endpoint import Endpoint
from sekisho.web.pages import Asset, ErrorPage, Page

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


class Feature(Frozen, kw_only=True):
    """One option.

    `endpoints` are JSON by declared types, listed in OpenAPI and served as the core's own. `pages` are HTML
    and its forms, and the files that it fetches; `error_page` shows refusals to whoever asked for HTML.
    `routes` are any routes of Starlette, such as event streams; they raise `Refusal` like everybody else, and
    what is unsafe has passed the cross-site gate before it reaches them. `running` is entered when the server
    starts and left when it stops.
    """

    name: str
    endpoints: tuple[Endpoint[Any], ...] = ()
    pages: tuple[Page | Asset, ...] = ()
    error_page: ErrorPage | None = None
    routes: tuple[BaseRoute, ...] = ()
    running: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
