"""Where to go after a login: a path on our own origin, or nowhere (A14)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

#: One slash, and then no second one, nor a backslash anywhere, which browsers read as a slash. Visible ASCII:
#: of `/<tab>/evil.example` a browser drops the tab.
_LOCAL: Final = re.compile(r"/(?!/)[!-\[\]-~]*\Z")
_MAX: Final = 2048


def own_path(text: str | None) -> str | None:
    """`text` if it is a path on the origin where it is looked at, query and fragment included; else none."""
    if text is None or len(text) > _MAX or not _LOCAL.match(text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    # Once more, as a parser of URLs sees it: what is emitted counts, not what was meant (CVE-2026-107369).
    return text if not parts.scheme and not parts.netloc and parts.path.startswith("/") else None
