"""The pytest plugin, found by its entry point wherever `sekisho-verify` is installed: one fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sekisho_verify.testing import Issuer


@pytest.fixture
def sekisho_issuer() -> Issuer:
    """An issuer of access tokens for tests: see `sekisho_verify.testing`."""
    # Here, since every run of pytest loads every plugin that is installed: who does not use the fixture does
    # not pay for cryptography and an HTTP server.
    from sekisho_verify.testing import Issuer  # noqa: PLC0415 -- as said

    return Issuer()
