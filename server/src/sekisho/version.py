"""Which release this is.

Here, and not read from the metadata of what is installed: that would load 1.4 MiB more at each start.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
