"""Colours that can be read: contrast as WCAG 2.2 counts it, and the nearest colour that has enough of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

#: Red, green and blue, from 0 to 255.
Colour: TypeAlias = tuple[int, int, int]

BLACK: Final[Colour] = (0, 0, 0)
WHITE: Final[Colour] = (255, 255, 255)
#: WCAG 2.2, 1.4.3: of text with what is behind it.
READABLE: Final = 4.5
_STEPS: Final = 100


def parse(text: str) -> Colour:
    """`#rrggbb`."""
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def spell(colour: Colour) -> str:
    """`#rrggbb`."""
    return f"#{bytes(colour).hex()}"


def contrast(one: Colour, other: Colour) -> float:
    """From 1 (the same) to 21 (black and white)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """The colour with that share (0 to 1) of the other in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def readable(colour: Colour, grounds: Sequence[Colour], *, towards: Colour) -> Colour:
    """The first on the way from `colour` to black or white that can be read on every ground.

    Raises:
        ValueError: not even the end of the way can.
    """
    for step in range(_STEPS + 1):
        found = mixed(colour, towards, step / _STEPS)
        if all(contrast(found, ground) >= READABLE for ground in grounds):
            return found
    raise ValueError("no colour of that kind can be read on these grounds")


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
