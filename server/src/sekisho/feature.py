"""What a true option hands to `compose.py`: what it serves, and what it keeps open meanwhile.

Login steps, migrations and settings of its own join these when the first feature brings one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute

from sekisho.web.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One option.

    `endpoints` are JSON by declared types, listed in OpenAPI and served as the core's own. `routes` are any
    routes of Starlette: pages, static files, event streams; they raise `Refusal` like everybody else.
    `running` is entered when the server starts and left when it stops.
    """

    name: str
    endpoints: tuple[Endpoint[Any], ...] = ()
    routes: tuple[BaseRoute, ...] = ()
    running: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
