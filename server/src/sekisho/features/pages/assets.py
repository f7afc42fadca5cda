"""The files that pages fetch, under names that change with their content."""

from __future__ import annotations

import hashlib
import pkgutil
from typing import Final, cast

from sekisho.web.pages import Asset
from sekisho.web.styles import GATE, on_base

_PACKAGE: Final = "sekisho.features.pages"
_MEDIA_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webp": "image/webp",
}


def _read(name: str) -> bytes:
    return cast("bytes", pkgutil.get_data(_PACKAGE, f"static/{name}"))


def made_asset(stem: str, kind: str, body: bytes) -> Asset:
    """A file of that content; `kind` is the ending of its name."""
    digest = hashlib.sha256(body).hexdigest()[:12]
    return Asset(path=f"/static/{stem}-{digest}.{kind}", media_type=_MEDIA_TYPES[kind], body=body)


STYLE: Final = made_asset("pages", "css", on_base(_read("pages.css")))
ICON: Final = made_asset("gate", "svg", GATE)
#: Modules by their names. Whatever they do, a page does without them.
SCRIPTS: Final = {
    name: made_asset(name, "js", _read(f"{name}.js"))
    for name in ("code-from-link", "forms", "local-times", "welcome")
}
