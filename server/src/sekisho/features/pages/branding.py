"""The name, the picture and the colour of whoever runs the server, on every page.

The colour becomes a style sheet of a few lines behind the one of all pages: nothing inline, and nothing that
the policy would have to allow.
"""

from __future__ import annotations

import re
from typing import Final

from sekisho.adapters.logo_file import read_logo
from sekisho.features.pages.assets import ICON, STYLE, made_asset
from sekisho.features.pages.colours import BLACK, WHITE, Colour, mixed, parse, readable, spell
from sekisho.frozen import Frozen
from sekisho.settings import Settings
from sekisho.web.logs import LOG, Line
from sekisho.web.pages import Asset

#: What text stands on, in light and in dark: of the one place where they are chosen.
_GROUNDS: Final = [
    (parse(light), parse(dark))
    for light, dark in re.findall(
        r"--(?:paper|(?:[a-z]+-)?ground): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", STYLE.body.decode()
    )
]
#: Of what a button becomes under the pointer.
_STRONGER: Final = 0.2


class Brand(Frozen):
    """What a page shows above its form: a name (none: ours), a picture, and a style sheet of its own."""

    name: str | None
    logo: Asset
    style: Asset | None

    @property
    def assets(self) -> tuple[Asset, ...]:
        """The files that it adds to ours."""
        return tuple(each for each in (self.logo, self.style) if each is not None and each is not ICON)


def brand(settings: Settings) -> Brand:
    """The brand of a server. A colour that cannot be read on light pages is told in the log.

    Raises:
        SettingsRefused: the picture cannot be used.
    """
    logo, style = ICON, None
    if settings.brand_logo is not None:
        content, kind = read_logo(settings.brand_logo)
        logo = made_asset("logo", kind, content)
    if settings.brand_accent is not None:
        asked = parse(settings.brand_accent)
        light, dark = accents(asked)
        if light != asked:
            LOG.warning(Line("brand_accent_changed", {"asked": spell(asked), "shown": spell(light)}))
        style = made_asset("brand", "css", _style(light, dark).encode())
    return Brand(settings.brand_name, logo, style)


def accents(asked: Colour) -> tuple[Colour, Colour]:
    """The colour as it can be read on light pages, and on dark ones."""
    lights, darks = zip(*_GROUNDS, strict=True)
    return readable(asked, lights, towards=BLACK), readable(asked, darks, towards=WHITE)


def _style(light: Colour, dark: Colour) -> str:
    strong = spell(mixed(light, BLACK, _STRONGER)), spell(mixed(dark, WHITE, _STRONGER))
    # Outside every layer, and so above those of `pages.css`. White is brighter than every light ground and
    # black darker than every dark one, so what can be read on those can be read on a button.
    return (
        ":root {\n"
        f"  --accent: light-dark({spell(light)}, {spell(dark)});\n"
        f"  --accent-strong: light-dark({strong[0]}, {strong[1]});\n"
        "  --on-accent: light-dark(#ffffff, #000000);\n"
        "}\n"
    )
