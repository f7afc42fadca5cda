"""What commands print for a person on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sekisho.cli import output

if TYPE_CHECKING:
    import pytest


def test_a_key_id_is_whole_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On 80 columns a key id stays on one line, to be copied into `key retire`; the rest is folded."""
    kid = "c4p69xvq7bxfUfruFu9fXVIsJ3_MF7x3lCqCV0BFk6M"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")

    output.table(
        ("kid", "alg", "state", "since", "until"),
        [(kid, "ES256", "current", "2026-11-21T09:45:44Z", "2026-11-21T09:52:44Z")],
    )

    assert kid in capsys.readouterr().out
