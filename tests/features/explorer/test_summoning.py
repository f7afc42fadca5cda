"""Further servers of the stage, where something is in their way at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.parts.explorer import Exploring


@pytest.mark.long
def test_a_summons_that_failed_can_be_repeated(exploring: Exploring) -> None:
    """A server that cannot start is refused with a code; when nothing hinders it any more, it comes."""
    [folder] = exploring.folder.glob("sekisho-demo-*")
    hindrance = folder / "auth_es256"
    hindrance.write_text("a file where the data directory is to be")
    refused = exploring.act("summon", set="es256")
    assert (refused.status, refused.json["code"]) == (503, "unavailable")
    assert "auth_es256" not in exploring.told("state")["servers"]
    hindrance.unlink()
    assert exploring.act("summon", set="es256").json["sets"] == ["es256"]
    assert exploring.log_in(at="auth_es256")["token_type"] == "Bearer"
    # And one that was stopped comes back on its port.
    before = exploring.url("a_es256")
    for up in (False, True):
        assert exploring.act("server", name="a_es256", up=up).status == 200
    assert (exploring.url("a_es256"), exploring.told("state")["servers"]["a_es256"]["up"]) == (before, True)
