"""What each auth server of the stage is told, as its environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sekisho.adapters import system
from sekisho.adapters.data_directory import write_private
from sekisho.features.explorer.stage import Lifetimes

#: Short, so that an expiry can be waited for; the rest long enough that nobody is signed out behind his back.
LIFETIMES: Final = Lifetimes(access=20, refresh=1800, idle=1800, grace=10)
AUDIENCE: Final = "shop"
_SECRET_BYTES: Final = 32


def environment(
    environ: Mapping[str, str], name: str, *, folder: Path, issuer: str, explorer: str, **signing: str
) -> dict[str, str]:
    """The environment of the demo with the settings of one auth server, and a new root secret for it.

    `folder`: where everything of the stage is. `explorer`: the one other origin that may ask. `signing`: its
    key, and what else is its own.
    """
    root = folder / f"root-secret-{name}"
    root.unlink(missing_ok=True)  # of a summons that failed
    write_private(root, system.entropy(_SECRET_BYTES).hex().encode())
    return {
        **environ,
        "SEKISHO_DATA": str(folder / name),
        "SEKISHO_ISSUER": issuer,
        "SEKISHO_AUDIENCE": AUDIENCE,
        "SEKISHO_ROOT_SECRET": f"file:{root}",
        "SEKISHO_ALLOWED_ORIGINS": explorer,
        "SEKISHO_ACCESS_TTL": f"{LIFETIMES.access:.0f}s",
        "SEKISHO_REFRESH_TTL": f"{LIFETIMES.refresh:.0f}s",
        "SEKISHO_SESSION_IDLE": f"{LIFETIMES.idle:.0f}s",
        "SEKISHO_REFRESH_GRACE": f"{LIFETIMES.grace:.0f}s",
        **signing,
    }
