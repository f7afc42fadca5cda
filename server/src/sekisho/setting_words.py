"""What settings say of themselves: in both languages at once, since the reader's is not known yet.

Why these are no catalogues: docs/decisions/0009-words-in-toml.md.
"""

from __future__ import annotations

from sekisho.frozen import Frozen


class Words(Frozen):
    """One sentence in both languages."""

    en: str
    ja: str
