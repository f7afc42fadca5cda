"""The templates of a package that has pages, read once."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def templates(package: str) -> Environment:
    """Those in its folder `templates`.

    Every value is escaped, and a name that nobody set is an error instead of an empty place. A file that
    changes under a running server changes nothing: half of a release would be worse than the one before.
    """
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
