"""Which servers there are on the stage, from the beginning and later, and whom each shop asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from sekisho.cli.stage_servers import StageShop
from sekisho.features.explorer.stage import SetName

#: These take consecutive ports where one was chosen.
FIRST: Final = ("auth", "a", "b", "explorer")
LATER: Final[Mapping[SetName, tuple[str, ...]]] = {
    "alone": ("auth_alone", "b_alone"),
    "deaf": ("b_deaf",),
    "es256": ("auth_es256", "a_es256"),
    "stateless": ("auth_stateless", "a_stateless"),
    "redis": ("auth_redis", "auth_redis_b", "a_redis", "b_redis"),
    "aws": ("aws", "auth_aws"),
}
#: Those that have accounts of their own.
PEOPLED: Final = frozenset({"es256", "stateless", "aws"})
#: What the page does not speak to as to a server: itself, and what only servers ask.
BACKSTAGE: Final = frozenset({"explorer", "aws"})
#: The auth server that a shop asks about a cookie, where that is not the first one.
_ASKED: Final = {
    "b_alone": "auth_alone",
    "a_redis": "auth_redis",
    "b_redis": "auth_redis_b",
    "a_es256": "auth_es256",
    "a_stateless": "auth_stateless",
}
#: Shops that hear the feed from it, as from any server of an issuer that has several.
_NEAR: Final = frozenset({"a_redis", "b_redis"})
#: Shops that take tokens of that one, too.
_APART: Final = frozenset({"a_es256", "a_stateless"})


def shop_of(
    name: str, *, url: Callable[[str], str], database: Path, audience: str, secret: Path
) -> StageShop:
    """What a shop is told; `url` gives that of a server by its name."""
    asked = url(_ASKED.get(name, "auth"))
    shop = StageShop(database, url("auth"), audience, secret, sessions=asked, deaf=name == "b_deaf")
    if name in _NEAR:
        shop = replace(shop, follows=asked)
    if name in _APART:
        shop = replace(shop, issuer=asked)
    return replace(shop, secret=None) if name == "a_es256" else shop
