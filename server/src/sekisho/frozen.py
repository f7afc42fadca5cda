"""What the values of the house are made of: msgspec's structs, which C makes, both the types and the values.

A dataclass with slots takes some 0.7 ms to define on CPython 3.11, since each of its methods is compiled anew
in every process; a struct takes 0.015. What a start pays for that: docs/decisions/0011.
"""

from __future__ import annotations

from inspect import get_annotations
from typing import Annotated, Any, TypeAlias, TypeVar, dataclass_transform

import msgspec

T = TypeVar("T")

#: A field that nothing prints: a secret, or what a secret can be guessed from.
Hidden: TypeAlias = Annotated[T, "left out of repr"]


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Frozen(msgspec.Struct, frozen=True):
    """The root of them all: equal by its fields, never changed; `msgspec.structs.replace` makes another."""

    def __repr__(self) -> str:
        """The fields that may be seen."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for Rich, which prints the locals of tracebacks and asks msgspec past `repr`."""
        kinds: dict[str, object] = {}
        for each in reversed(type(self).__mro__):
            kinds |= get_annotations(each)
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if _is_shown(kinds[name])]


def _is_shown(annotation: object) -> bool:
    # An annotation is text (PEP 563). Where a module evaluated it, a secret could not be told apart.
    return isinstance(annotation, str) and "Hidden[" not in annotation
