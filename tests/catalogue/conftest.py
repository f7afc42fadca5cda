"""A server with pages for each test, and one way to make others."""

from __future__ import annotations

from tests.features.pages.conftest import served, visitor
from tests.web.conftest import prepared, server

__all__ = ["prepared", "served", "server", "visitor"]
