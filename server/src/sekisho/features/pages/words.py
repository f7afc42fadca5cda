"""What the pages say, in each language: `words.en.toml` and `words.ja.toml`.

What a refusal means is in the catalogue that every surface shares; here is what only a page says.
"""

from __future__ import annotations

import pkgutil
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Final, cast

from sekisho.words.catalogue import Language

_PACKAGE: Final = "sekisho.features.pages"


@cache
def words(language: Language) -> Mapping[str, str]:
    """Every sentence by `table.key`, read from the package when it is first needed."""
    data = cast("bytes", pkgutil.get_data(_PACKAGE, f"words.{language}.toml"))
    tables = cast("Mapping[str, Mapping[str, str]]", tomllib.loads(data.decode()))
    return {f"{table}.{key}": text for table, texts in tables.items() for key, text in texts.items()}
