"""The templates of a package that has pages, read once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def templates(package: str) -> Environment:
    """Those in its folder `templates`.

    Every value is escaped, and a name that nobody set is an error instead of an empty place. A file that
    changes under a running server changes nothing: half of a release would be worse than the one before.
    """
    # The first page waits for it; a server of an API alone, and every start, do without.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - see above

    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
