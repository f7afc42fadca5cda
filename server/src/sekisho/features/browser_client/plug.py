"""What the browser client hands to `compose.py`.

`/static/sekisho.js` is a name to begin with: whatever is newest. Beside it the same bytes have a name that
changes with them, which a browser may keep for ever and a page may pin; the first answer says which.
"""

from __future__ import annotations

import hashlib
import pkgutil
from typing import Final, cast

from sekisho.feature import Feature
from sekisho.web.pages import Asset

_PACKAGE: Final = "sekisho.features.browser_client"
_MEDIA_TYPE: Final = "text/javascript; charset=utf-8"


def browser_client() -> Feature:
    """The feature."""
    # In the source tree a link into client/, in a built distribution the file itself: there is one copy.
    body = cast("bytes", pkgutil.get_data(_PACKAGE, "sekisho.js"))
    pinned = f"sekisho-{hashlib.sha256(body).hexdigest()[:12]}.js"
    return Feature(
        name="browser-client",
        pages=(
            Asset(path="/static/sekisho.js", media_type=_MEDIA_TYPE, body=body, pinned=pinned),
            Asset(path=f"/static/{pinned}", media_type=_MEDIA_TYPE, body=body),
        ),
    )
