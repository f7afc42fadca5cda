"""Whether a secret is one that everybody knows: printed in an RFC, a tutorial, a template (H5).

Such a one may look as random as any; only a list can tell. What is not in the list is not thereby unknown.
"""

from __future__ import annotations

import hashlib
import pkgutil
from typing import Final, cast

#: Bytes of each digest in the list. A random secret is found there once in 10^16.
_SIZE: Final = 8


def is_known(secret: bytes) -> bool:
    """Whether it is in the list, white space around it left aside."""
    listed = cast("bytes", pkgutil.get_data("sekisho.adapters.secrets", "known.txt")).splitlines()
    return any(_digest(each) in listed for each in (secret.strip(), secret))


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()[:_SIZE].hex().encode()
