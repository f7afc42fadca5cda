"""What looks alike in all features: the style sheet below theirs, with colours and type, and the gate."""

from __future__ import annotations

import pkgutil
from typing import Final, cast

_BASE: Final = cast("bytes", pkgutil.get_data("sekisho.web", "static/base.css"))
#: The picture that we are known by; SVG.
GATE: Final = cast("bytes", pkgutil.get_data("sekisho.web", "static/gate.svg"))


def on_base(own: bytes) -> bytes:
    """A feature's style sheet behind the one that all share, as one file.

    Not a file of its own: a browser draws nothing before it has every style sheet, and the login page has
    five requests to spend. The price: who visits the pages and the explorer has these four kilobytes twice.
    """
    return _BASE + b"\n" + own
